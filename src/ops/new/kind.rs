//! The kinds of apps, and the files that each is made of.

use super::sample::{Sample, Shape, renamed};
use super::words::{Words, fields, flags, quoted, way};
use crate::context::Context;
use crate::error::Result;
use crate::ident::AppName;

/// In which language an app is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AppKind {
    /// With the package dcollect.
    Python,
    /// A package of its own.
    Rust,
    /// Two shell scripts.
    Shell,
    /// JavaScript.
    Node,
    /// Documents in a folder, read by Python.
    Pipeline,
}

/// A file of an app.
pub(super) struct NewFile {
    pub(super) name: String,
    pub(super) content: Vec<u8>,
    pub(super) is_program: bool,
}

/// What an app is made of.
pub(super) struct Made {
    pub(super) files: Vec<NewFile>,
    pub(super) notes: Vec<String>,
    /// The command that tests it, in its folder.
    pub(super) test: &'static str,
}

/// The package dcollect, for a machine that does not have it.
const DCOLLECT: &[(&str, &str)] = &[
    ("__init__.py", include_str!("../../../python/dcollect/__init__.py")),
    ("_adapters.py", include_str!("../../../python/dcollect/_adapters.py")),
    ("_app.py", include_str!("../../../python/dcollect/_app.py")),
    ("_around.py", include_str!("../../../python/dcollect/_around.py")),
    ("_cassette.py", include_str!("../../../python/dcollect/_cassette.py")),
    ("_context.py", include_str!("../../../python/dcollect/_context.py")),
    ("_csv.py", include_str!("../../../python/dcollect/_csv.py")),
    ("_errors.py", include_str!("../../../python/dcollect/_errors.py")),
    ("_files.py", include_str!("../../../python/dcollect/_files.py")),
    ("_hide.py", include_str!("../../../python/dcollect/_hide.py")),
    ("_http.py", include_str!("../../../python/dcollect/_http.py")),
    ("_items.py", include_str!("../../../python/dcollect/_items.py")),
    ("_log.py", include_str!("../../../python/dcollect/_log.py")),
    ("_merge.py", include_str!("../../../python/dcollect/_merge.py")),
    ("_machine.py", include_str!("../../../python/dcollect/_machine.py")),
    ("_pace.py", include_str!("../../../python/dcollect/_pace.py")),
    ("_pages.py", include_str!("../../../python/dcollect/_pages.py")),
    ("_query.py", include_str!("../../../python/dcollect/_query.py")),
    ("_records.py", include_str!("../../../python/dcollect/_records.py")),
    ("_show.py", include_str!("../../../python/dcollect/_show.py")),
    ("_source.py", include_str!("../../../python/dcollect/_source.py")),
    ("_state.py", include_str!("../../../python/dcollect/_state.py")),
    ("_times.py", include_str!("../../../python/dcollect/_times.py")),
    ("_watch.py", include_str!("../../../python/dcollect/_watch.py")),
    ("py.typed", ""),
    ("testing.py", include_str!("../../../python/dcollect/testing.py")),
];

/// The files of an app of this kind.
///
/// # Errors
/// Never today; a kind may come that needs what is not there.
pub(super) fn make(context: &Context, kind: AppKind, name: &AppName, sample: &Sample) -> Result<Made> {
    let words = Words::of(name, sample);
    let mut made = match kind {
        AppKind::Python => python(words, sample),
        AppKind::Shell => shell(words, sample),
        AppKind::Node => node(words, sample),
        AppKind::Rust => rust(words, sample),
        AppKind::Pipeline => pipeline(words, sample),
    };
    let programs: &[&str] = match kind {
        AppKind::Python | AppKind::Pipeline => &["python3"],
        AppKind::Node => &["node"],
        AppKind::Rust if sample.url.is_some() => &["cargo", "curl"],
        AppKind::Rust => &["cargo"],
        AppKind::Shell if is_nested(&sample.shape) => &["curl", "jq"],
        AppKind::Shell => &["curl"],
    };
    for program in programs.iter().filter(|program| !is_on_path(context, program)) {
        made.notes.push(format!("`{program}` is not on PATH here, and the app needs it"));
    }
    made.files.push(file(&sample.name, sample.bytes.clone()));
    Ok(made)
}

fn is_nested(shape: &Shape) -> bool {
    matches!(shape, Shape::Object) || !way(shape).is_empty()
}

fn is_on_path(context: &Context, program: &str) -> bool {
    let path = context.settings().path_variable("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}

fn file(name: &str, content: Vec<u8>) -> NewFile {
    NewFile { name: name.to_owned(), content, is_program: false }
}

fn program(name: &str, content: Vec<u8>) -> NewFile {
    NewFile { name: name.to_owned(), content, is_program: true }
}

fn python(mut words: Words, sample: &Sample) -> Made {
    let (text, page, size) = match sample.url {
        Some(_) => ("ctx.get(URL).text", "ctx.get(URL).json()", "len(ctx.get(URL).content)"),
        None => ("SOURCE.read_text(encoding=\"utf-8-sig\")", "loads(SOURCE.read_bytes())", "len(SOURCE.read_bytes())"),
    };
    let records = match &sample.shape {
        Shape::Json { .. } => format!("yield from {page}{}", way(&sample.shape)),
        Shape::Object => format!("yield {page}"),
        Shape::Ndjson => {
            format!("for line in {text}.splitlines():\n        if line.strip():\n            yield loads(line)")
        }
        Shape::Csv { delimiter: ',' } => format!("yield from csv_rows({text})"),
        Shape::Csv { delimiter } => {
            format!("yield from csv_rows({text}, delimiter={})", quoted(&delimiter.to_string()))
        }
        Shape::Other(what) => format!("# {what}: say here what its records are\n    yield {{\"bytes\": {size}}}"),
    };
    let used = ["csv_rows", "loads"].into_iter().filter(|name| records.contains(&format!("{name}(")));
    let used = ["app"].into_iter().chain(used).collect::<Vec<_>>().join(", ");
    let keys: Vec<String> = sample.key.iter().map(|key| quoted(key)).collect();
    let mut options = match keys.as_slice() {
        [] => String::new(),
        [key] => format!(", key={key}"),
        keys => format!(", key=[{}]", keys.join(", ")),
    };
    if !sample.reserved.is_empty() {
        let pairs = sample.reserved.iter().map(|name| format!("{}: {}", quoted(name), quoted(&renamed(name))));
        options.push_str(&format!(", rename={{{}}}", pairs.collect::<Vec<_>>().join(", ")));
    }
    let names = match &sample.shape {
        Shape::Other(_) => vec!["bytes".to_owned()],
        _ => fields(sample),
    };
    let names: Vec<String> = names.iter().map(|name| quoted(name)).collect();
    words
        .set("DCOLLECT", used)
        .set("OPTIONS", options)
        .set("RECORDS", records)
        .set("FIELDS", format!("{{{}}}", names.join(", ")))
        .set("ANSWERS", sample.url.as_ref().map_or("", |_| ", answers={main.URL: SAMPLE.read_bytes()}"))
        .set("URL", sample.url.clone().unwrap_or_default())
        .set("URL_TEXT", quoted(sample.url.as_deref().unwrap_or_default()));
    let main = match sample.url {
        Some(_) => include_str!("templates/python_url.py"),
        None => include_str!("templates/python_file.py"),
    };
    let mut files = vec![
        file("app.toml", words.fill(include_str!("templates/python.toml"))),
        program("main.py", words.fill(main)),
        file("test_main.py", words.fill(include_str!("templates/python_test.py"))),
    ];
    files.extend(DCOLLECT.iter().map(|(name, text)| file(&format!("dcollect/{name}"), text.as_bytes().to_vec())));
    let notes = vec!["`dcollect/` is the package itself, so that the app runs wherever Python is; where it is installed, remove the folder".to_owned()];
    Made { files, notes, test: "python3 -m unittest" }
}

/// The records of a text in Python without dcollect.
fn plain_python(sample: &Sample) -> (&'static str, String) {
    match &sample.shape {
        Shape::Json { .. } => ("", format!("return json.loads(text){}", way(&sample.shape))),
        Shape::Object => ("", "return [json.loads(text)]".to_owned()),
        Shape::Ndjson => ("", "return [json.loads(line) for line in text.splitlines() if line.strip()]".to_owned()),
        Shape::Csv { delimiter } => (
            "import csv\nimport io\n",
            format!(
                "rows = csv.DictReader(io.StringIO(text), delimiter={})\n    \
                 return [{{name: value or None for name, value in row.items()}} for row in rows]",
                quoted(&delimiter.to_string())
            ),
        ),
        Shape::Other(what) => {
            ("", format!("# {what}: say here what its records are\n    return [{{\"length\": len(text)}}]"))
        }
    }
}

fn pipeline(mut words: Words, sample: &Sample) -> Made {
    let (imports, records) = plain_python(sample);
    words.set("IMPORTS", imports).set("RECORDS", records);
    let files = vec![
        file("app.toml", words.fill(include_str!("templates/pipeline.toml"))),
        program("parse.py", words.fill(include_str!("templates/pipeline_parse.py"))),
        file("test_parse.py", words.fill(include_str!("templates/pipeline_test.py"))),
        file(&format!("inbox/{}", sample.name), sample.bytes.clone()),
    ];
    let notes = vec!["put a document into inbox/, or run it once with the sample that is there".to_owned()];
    Made { files, notes, test: "python3 -m unittest" }
}

fn shell(mut words: Words, sample: &Sample) -> Made {
    let text = sample.text();
    let whole = text.trim_end_matches('\n').split('\n').count().to_string();
    let way_of_jq = match &sample.shape {
        Shape::Json { path } => path.iter().map(|name| format!("[{}]", quoted(name))).collect::<String>(),
        _ => String::new(),
    };
    let (filter, lines) = match &sample.shape {
        Shape::Object => (" | jq -c .".to_owned(), "1".to_owned()),
        Shape::Json { path } if !path.is_empty() => (format!(" | jq -c '.{way_of_jq}[]'"), sample.count.to_string()),
        Shape::Other(_) => (" | wc -c | sed 's/[^0-9]*\\([0-9]*\\).*/{\"bytes\":\\1}/'".to_owned(), "1".to_owned()),
        _ => (String::new(), whole),
    };
    let flags: String = flags(sample).iter().map(|word| format!(" {}", shell_word(word))).collect();
    words
        .set(
            "SOURCE",
            sample.url.clone().unwrap_or_else(|| sample.name.clone()).replace(['"', '$', '`', '\\', '}'], ""),
        )
        .set("FILTER", filter)
        .set("LINES", lines)
        .set("FLAGS", flags);
    let files = vec![
        program("main", words.fill(include_str!("templates/sh_main.sh"))),
        program("collect", words.fill(include_str!("templates/sh_collect.sh"))),
        program("test", words.fill(include_str!("templates/sh_test.sh"))),
        file("app.toml", words.fill("# {{TITLE}}\ntimeout = \"30m\"\n# schedule = \"30 6 * * *\"        # every day at half past six; timezone = \"Europe/Zagreb\"\n")),
    ];
    Made { files, notes: Vec::new(), test: "./test" }
}

fn shell_word(word: &str) -> String {
    let is_plain = word.chars().all(|sign| sign.is_ascii_alphanumeric() || "_-=.".contains(sign));
    if is_plain { word.to_owned() } else { format!("'{}'", word.replace('\'', "'\\''")) }
}

/// A reader of CSV, whose fields may hold line ends.
const CSV_IN_JAVASCRIPT: &str = r#"const rows = [[]];
    let [field, quoted] = ["", false];
    const source = text.replace(/^\ufeff/, "").replace(/\r\n/g, "\n").trimEnd() + "\n";
    for (let at = 0; at < source.length; at++) {
        const sign = source[at];
        if (quoted && sign === '"' && source[at + 1] === '"') field += source[at++];
        else if (sign === '"') quoted = !quoted;
        else if (!quoted && (sign === DELIMITER || sign === "\n")) {
            rows.at(-1).push(field);
            field = "";
            if (sign === "\n") rows.push([]);
        } else field += sign;
    }
    const [names, ...found] = rows.slice(0, -1);
    return found.map((row) => Object.fromEntries(names.map((name, place) => [name, row[place] || null])));"#;

fn node(mut words: Words, sample: &Sample) -> Made {
    let records = match &sample.shape {
        Shape::Json { .. } => format!("return JSON.parse(text){};", way(&sample.shape)),
        Shape::Object => "return [JSON.parse(text)];".to_owned(),
        Shape::Ndjson => {
            "return text.split(\"\\n\").filter((line) => line.trim()).map((line) => JSON.parse(line));".to_owned()
        }
        Shape::Csv { delimiter } => CSV_IN_JAVASCRIPT.replace("DELIMITER", &quoted(&delimiter.to_string())),
        Shape::Other(what) => {
            format!("// {what}: say here what its records are\n    return [{{ length: text.length }}];")
        }
    };
    let flags: String = flags(sample).iter().map(|word| format!(", {}", quoted(word))).collect();
    words
        .set("SOURCE_TEXT", quoted(sample.url.as_deref().unwrap_or(&sample.name)))
        .set("RECORDS", records)
        .set("FLAG_WORDS", flags);
    let files = vec![
        file("app.toml", words.fill(include_str!("templates/node.toml"))),
        program("main.mjs", words.fill(include_str!("templates/node_main.mjs"))),
        file("main.test.mjs", words.fill(include_str!("templates/node_test.mjs"))),
    ];
    Made { files, notes: Vec::new(), test: "node --test" }
}

fn rust(mut words: Words, sample: &Sample) -> Made {
    let text = sample.text();
    let whole = text.trim().lines().count().to_string();
    let (records, lines, needs_json) = match &sample.shape {
        Shape::Object => (
            "let page: serde_json::Value = serde_json::from_str(text)?;\n    Ok(format!(\"{page}\\n\"))".to_owned(),
            "1".to_owned(),
            true,
        ),
        Shape::Json { path } if !path.is_empty() => (
            format!(
                "let page: serde_json::Value = serde_json::from_str(text)?;\n    \
                 let items = page{}.as_array().ok_or(\"there is no list of records\")?;\n    \
                 Ok(items.iter().map(|item| format!(\"{{item}}\\n\")).collect())",
                way(&sample.shape)
            ),
            sample.count.to_string(),
            true,
        ),
        Shape::Other(what) => (
            format!(
                "// {what}: say here what its records are\n    Ok(format!(\"{{{{\\\"bytes\\\":{{}}}}}}\\n\", text.len()))"
            ),
            "1".to_owned(),
            false,
        ),
        _ => ("Ok(text.to_owned())".to_owned(), whole, false),
    };
    let json = "\nserde_json = { version = \"1\", features = [\"arbitrary_precision\", \"preserve_order\"] }";
    let flags: String = flags(sample).iter().map(|word| format!(", {}", quoted(word))).collect();
    words
        .set("SOURCE_TEXT", quoted(sample.url.as_deref().unwrap_or(&sample.name)))
        .set("RECORDS", records)
        .set("LINES", lines)
        .set("FLAG_WORDS", flags)
        .set("DEPENDENCIES", if needs_json { json } else { "" });
    let files = vec![
        file("app.toml", words.fill(include_str!("templates/rust.toml"))),
        file("Cargo.toml", words.fill(include_str!("templates/rust_cargo.toml"))),
        file("src/main.rs", words.fill(include_str!("templates/rust_main.txt"))),
    ];
    let notes = vec![
        "it needs no crate of dc; `data_collector` (App, Request, Merge) is there for programs that want more"
            .to_owned(),
    ];
    Made { files, notes, test: "cargo test" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_package_is_here_as_a_whole() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/python/dcollect");
        let entries = std::fs::read_dir(folder).expect("a folder").flatten();
        let mut there: Vec<String> = entries
            .filter(|entry| entry.path().is_file())
            .filter_map(|entry| entry.file_name().into_string().ok())
            .collect();
        there.sort();
        let mut here: Vec<&str> = DCOLLECT.iter().map(|(name, _)| *name).collect();
        here.sort_unstable();
        assert_eq!(here, there);
    }
}
