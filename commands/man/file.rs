//! The page of a file that people write, section 5: dc.toml(5), app.toml(5).

use clap_mangen::roff::{Roff, bold, italic, roman};
use data_collector::ops::FileShape;
use data_collector::settings::{Field, Known};

/// The page.
pub(super) fn page(file: &FileShape) -> String {
    let mut page = Roff::new();
    page.control("TH", [file.name, "5", "", super::SOURCE, super::MANUAL]);
    page.control("SH", ["NAME"]).text([roman(format!("{} - {}", file.name, file.about))]);
    page.control("SH", ["DESCRIPTION"]);
    for paragraph in described(file) {
        page.text([roman(paragraph)]).control("PP", []);
    }
    for known in file.sections {
        section(&mut page, file, known);
    }
    page.control("SH", ["SEE ALSO"]).text([bold("dc"), roman("(1), "), bold("dc-schema"), roman("(1)")]);
    page.render()
}

fn described(file: &FileShape) -> Vec<String> {
    let shared =
        format!("A field that is not known is an error. `dc schema {}` prints the JSON Schema for editors.", file.name);
    match file.has_variables {
        true => vec![
            "The project is the nearest folder upwards with dc.toml or apps/. A flag wins over a variable, a variable over .env \
             in the project's folder, that over the store of secrets, that over the project's dc.toml, that over \
             ~/.config/dc/dc.toml."
                .to_owned(),
            "Each field has a variable: DC_, the section and the field, with _ for points, in capitals. Instead of * stands \
             any name: DC_DB_WAREHOUSE_URL is `url` in [db.warehouse]. A variable that begins with DC_ and is none of them is \
             an error."
                .to_owned(),
            shared,
        ],
        false => vec![
            "It stands in the app's folder, apps/<group>/<parent>/<name>/. An app whose folder has an executable `main` needs \
             none. `dc deploy`, or the next `dc run`, registers what changed."
                .to_owned(),
            shared,
        ],
    }
}

fn section(page: &mut Roff, file: &FileShape, known: &Known) {
    let title = match (known.section, known.section.strip_suffix("[]")) {
        ("", _) => "FIELDS".to_owned(),
        (_, Some(name)) => format!("[[{name}]]"),
        (name, None) => format!("[{}]", name.replace('*', "NAME")),
    };
    page.control("SH", [title.as_str()]).text([roman(format!("{}.", known.about))]);
    for field in known.fields {
        field_of(page, field);
    }
    if file.has_variables && known.section == "project" {
        page.control("PP", []).text([roman("Such a section may have any fields; programs read them by the library.")]);
    }
}

fn field_of(page: &mut Roff, field: &Field) {
    page.control("TP", []).text([bold(field.name), roman(" = "), italic(field.kind.words())]);
    let default = match field.default {
        "" => String::new(),
        default => format!(" Default: {default}."),
    };
    page.text([roman(format!("{}.{default}", field.help))]);
}
