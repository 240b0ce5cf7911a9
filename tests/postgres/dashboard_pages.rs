//! The pages of a document, a run and a merge, and what is done with documents in the dashboard.

use std::io::Write;
use std::net::TcpStream;
use std::time::Duration;

use crate::dashboard::{TOKEN, VIEWER, form_token, get_with, own, post, status, with_tokens};
use crate::manager::{rows, told};
use crate::support::manager::wait_for;
use crate::support::{Backend, app, page};
use crate::web::{get, listening};

/// A pipeline that reads a number out of each file and rejects what is negative; where its files are put.
fn pipeline(backend: &Backend) -> std::path::PathBuf {
    let folder = backend.folder.path().join("apps/a/b/p");
    std::fs::create_dir_all(folder.join("inbox")).expect("a folder");
    let stages = r#"
[pipeline]
watch = ["inbox"]
complete = "rename"
[[stage]]
name = "read"
command = ["sh", "-c", '''printf '{"number":-15,"from":{"name":"%s","lines":[{"n":1}]}}' "$DC_NAME" > "$DC_OUTPUT"''']
[[stage]]
name = "look"
command = ["sh", "-c", '''if grep -q '"number": *-' "$DC_INPUT"; then echo "a negative number" >&2; exit 65; fi''']
"#;
    std::fs::write(folder.join("app.toml"), stages).expect("a definition");
    told(backend, &["deploy"]);
    folder.join("inbox")
}

/// The bytes of an answer, behind its head, and its head.
fn bytes(place: &str, path: &str, headers: &str) -> (String, Vec<u8>) {
    let mut stream = TcpStream::connect(place).expect("a connection");
    stream.set_read_timeout(Some(Duration::from_secs(60))).expect("a bound");
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {place}\r\nConnection: close\r\n{headers}\r\n").expect("asked");
    let mut all = Vec::new();
    std::io::Read::read_to_end(&mut stream, &mut all).expect("an answer");
    let end = all.windows(4).position(|it| it == b"\r\n\r\n").expect("a head") + 4;
    (String::from_utf8_lossy(&all[..end]).into_owned(), all[end..].to_vec())
}

fn task_of(backend: &Backend, name: &str) -> String {
    rows(&mut backend.connect(), &format!("SELECT id FROM pipeline_tasks WHERE name = '{name}'"))[0][0].clone()
}

#[test]
fn a_document_is_shown_page_by_page_and_mended_in_a_form() {
    for backend in Backend::all() {
        let inbox = pipeline(&backend);
        let letter = page::pdf(&[page::letter(), page::letter()], 340.0, 300.0);
        let png = page::png(&page::scanned_letter(40));
        for (name, content) in [("letter.pdf", &letter), ("scan.png", &png), ("none.txt", &b"no picture".to_vec())] {
            std::fs::write(inbox.join(name), content).expect("a file");
        }
        told(&backend, &["run", "p"]);
        let (letter, scan, none) =
            (task_of(&backend, "letter.pdf"), task_of(&backend, "scan.png"), task_of(&backend, "none.txt"));
        let (_manager, place) = with_tokens(&backend);
        let (operator, viewer) = (bearer(TOKEN), bearer(VIEWER));
        // a slow machine counts the pages in more time than a page waits
        wait_for("its pages", 60, || {
            get_with(&place, &format!("/documents/{letter}"), &operator).contains("Page 1 of 2")
        });
        let shown = get_with(&place, &format!("/documents/{letter}"), &operator);
        for part in ["Page 1 of 2", "from.name", "from.lines[0].n", "-15", "a negative number", "<textarea"] {
            assert!(shown.contains(part), "{part}: {shown}");
        }
        for number in [1, 2] {
            let (head, picture) = bytes(&place, &format!("/documents/{letter}/pages/{number}"), &viewer);
            assert!(head.contains("image/png") && head.contains("default-src 'none'"), "{head}");
            let picture = image::load_from_memory(&picture).expect("a picture");
            assert!(picture.width() == 1_360 || picture.width() == 1_400, "{}", picture.width());
        }
        let (head, _) = bytes(&place, &format!("/documents/{letter}/pages/3"), &viewer);
        assert_eq!(status(&head), "404", "{head}");
        // a picture that every browser shows goes out as it is
        let (head, picture) = bytes(&place, &format!("/documents/{scan}/pages/1"), &viewer);
        assert!(head.contains("image/png") && picture == png, "{head}");
        let text = get_with(&place, &format!("/documents/{none}"), &operator);
        assert!(text.contains("no pages that can be drawn"), "{text}");
        for path in [format!("/documents/{none}/pages/1"), "/documents/999/pages/1".to_owned()] {
            let (head, _) = bytes(&place, &path, &viewer);
            assert_ne!(status(&head), "200", "{head}");
        }
        let (head, _) = bytes(&place, &format!("/documents/{letter}/pages/1"), "");
        assert_eq!(status(&head), "401", "a stranger sees nothing: {head}");
        // who only looks has no form, and cannot send one
        let looked = get_with(&place, &format!("/documents/{letter}"), &viewer);
        assert!(!looked.contains("<textarea") && looked.contains("from.name"), "{looked}");
        let fence = shown.split("name=\"fence\" value=\"").nth(1).and_then(|it| it.split('"').next()).expect("a fence");
        let form = |page: &str, text: &str| {
            format!(
                "form={}&task={letter}&fence={fence}&do=edit&back=/documents/{letter}&text={text}",
                form_token(page)
            )
        };
        let mended = "%7B%22number%22%3A+15%7D%0D%0A";
        let stranger = post(
            &place,
            "/documents/edit",
            &format!("{operator}Origin: http://evil.example\r\n"),
            &form(&shown, mended),
        );
        assert_eq!(status(&stranger), "403", "{stranger}");
        let theirs = post(&place, "/documents/edit", &format!("{viewer}{}", own(&place)), &form(&shown, mended));
        assert_eq!(status(&theirs), "403", "{theirs}");
        let unsigned = post(
            &place,
            "/documents/edit",
            &format!("{operator}{}", own(&place)),
            &form(&shown, mended).replacen("form=", "form=x", 1),
        );
        assert_eq!(status(&unsigned), "403", "{unsigned}");
        // what is no JSON comes back as it was typed
        let wrong = post(
            &place,
            "/documents/edit",
            &format!("{operator}{}", own(&place)),
            &form(&shown, "%7B%22number%22%3A%3Cb%3E"),
        );
        assert_eq!(status(&wrong), "400", "{wrong}");
        assert!(wrong.contains("{&quot;number&quot;:&lt;b&gt;") && wrong.contains("nothing was changed"), "{wrong}");
        let done = post(&place, "/documents/edit", &format!("{operator}{}", own(&place)), &form(&wrong, mended));
        assert_eq!(status(&done), "303", "{done}");
        wait_for("the mended document", 60, || {
            rows(&mut backend.connect(), &format!("SELECT state FROM pipeline_tasks WHERE id = {letter}"))[0][0]
                == "done"
        });
        // the same form once more is of a document that has moved on
        let late = post(&place, "/documents/edit", &format!("{operator}{}", own(&place)), &form(&shown, mended));
        assert!(late.contains("it has moved on meanwhile"), "{late}");
        let page = get_with(&place, &format!("/documents/{letter}"), &operator);
        assert!(page.contains("edited by operator") && !page.contains("<textarea"), "{page}");
        let commands = told(&backend, &["manager", "commands"]);
        for part in ["documents", "operator", "a/b/p", "done", "edit: task", "failed"] {
            assert!(commands.contains(part), "{part}: {commands}");
        }
        let args = rows(&mut backend.connect(), "SELECT args FROM command_log WHERE cmd_flag = 3 ORDER BY id");
        assert_eq!(args, [[format!("{{\"do\":\"edit\",\"documents\":[{letter}]}}")]]);
    }
}

fn bearer(token: &str) -> String {
    format!("Authorization: Bearer {token}\r\n")
}

#[test]
fn a_run_shows_its_requests_and_a_merge_its_rows() {
    for backend in Backend::all() {
        let project = backend.folder.path();
        let loads = "seq $FROM $TO | sed 's/.*/{\"n\":&,\"text\":\"<b>&\"}/' | \"$DC_BIN\" merge numbers --create --key n --max-gone 100%";
        app(project, "a/b/one", &loads.replace("$FROM", "1").replace("$TO", "120"), "");
        app(project, "a/b/two", &loads.replace("$FROM", "100").replace("$TO", "130"), "");
        told(&backend, &["deploy"]);
        told(&backend, &["run", "one"]);
        told(&backend, &["run", "two"]);
        let runs = rows(&mut backend.connect(), "SELECT runtime FROM runtime ORDER BY started_at");
        let (first, second) = (&runs[0][0], &runs[1][0]);
        let folder = project.join(".dc/cassettes").join(first);
        std::fs::create_dir_all(&folder).expect("a folder");
        std::fs::write(folder.join("run.json"), "{}").expect("a file");
        let exchange = |number: usize| {
            format!(
                "{{\"at\":\"2026-01-01T00:00:00Z\",\"request\":{{\"method\":\"GET\",\"url\":\"http://x/<i>{number}\",\"headers\":[]}},\
                 \"response\":{{\"status\":{},\"headers\":[],\"body\":{{\"text\":\"\"}}}},\"ms\":7}}\n",
                if number == 0 { 503 } else { 200 }
            )
        };
        std::fs::write(folder.join("1.ndjson"), (0..45).map(exchange).collect::<String>()).expect("a file");
        let (_manager, place) = listening(&backend);
        let run = get(&place, &format!("/runs/{first}"));
        assert!(run.contains("45 exchanges") && run.contains(&format!("dc run --replay {first}")), "{run}");
        assert!(run.contains("http://x/&lt;i&gt;0<") && run.contains("503") && !run.contains("<i>"), "{run}");
        assert!(!run.contains("http://x/&lt;i&gt;40<"), "{run}");
        let next = run.split("?exchanges=").nth(1).and_then(|it| it.split('#').next()).expect("a next page");
        let more = get(&place, &format!("/runs/{first}?exchanges={next}"));
        assert!(more.contains("http://x/&lt;i&gt;44<") && !more.contains("http://x/&lt;i&gt;39<"), "{more}");
        let page = get(&place, &format!("/runs/{second}"));
        assert!(!page.contains("exchanges</span>"), "{page}");
        let of = |page: &str| {
            let id = page.split("href=\"/merges/").nth(1).and_then(|it| it.split('"').next()).expect("a merge");
            format!("/merges/{id}")
        };
        // the second merge brought 121 to 130, and retired 1 to 99
        let merge = of(&page);
        let new = get(&place, &merge);
        assert!(
            new.contains("&lt;b&gt;130<") && new.contains("&lt;b&gt;121<") && !new.contains("&lt;b&gt;120<"),
            "{new}"
        );
        assert!(!new.contains("<b>") && !new.contains("More rows"), "{new}");
        let (mut path, mut seen) = (format!("{merge}?rows=gone"), Vec::new());
        loop {
            let gone = get(&place, &path);
            assert_eq!(status(&gone), "200", "{gone}");
            let cells = gone.split("<td>&lt;b&gt;").skip(1).filter_map(|it| it.split('<').next()?.parse::<i64>().ok());
            seen.extend(cells);
            let Some(next) = gone.split("?rows=gone&amp;below=").nth(1).and_then(|it| it.split('"').next()) else {
                break;
            };
            path = format!("{merge}?rows=gone&below={next}");
        }
        seen.sort_unstable();
        assert_eq!(seen, (1..100).collect::<Vec<i64>>());
        let first_merge = get(&place, &of(&run));
        assert!(first_merge.contains("&lt;b&gt;120<") && first_merge.contains("More rows"), "{first_merge}");
        for (path, code) in [
            (format!("{merge}?rows=all"), "400"),
            ("/merges/nothing".to_owned(), "404"),
            (format!("/runs/{first}?exchanges=x"), "400"),
        ] {
            assert_eq!(status(&get(&place, &path)), code, "{path}");
        }
    }
}

#[test]
fn a_sink_that_is_away_is_told_on_the_first_page() {
    let backend = Backend::sqlite();
    app(backend.folder.path(), "a/b/c", "true", "");
    told(&backend, &["deploy"]);
    let folder = backend.folder.path().join(".dc/log");
    std::fs::create_dir_all(&folder).expect("a folder");
    let file = std::fs::File::create(folder.join("someone.splunk.00000000000000000001.ndjson")).expect("a file");
    (&file).write_all(b"{}\n").expect("a line");
    let (_manager, place) = listening(&backend);
    assert!(!get(&place, "/").contains("log sink"), "a run at work may just be writing it");
    file.set_modified(std::time::SystemTime::now() - Duration::from_secs(7_200)).expect("a time");
    wait_for("the need", 20, || get(&place, "/").contains("a sink is unreachable"));
    let page = get(&place, "/");
    assert!(page.contains("log sink") && page.contains("2.0 h") && page.contains("dc doctor"), "{page}");
    std::fs::write(folder.join("refused.ndjson"), "{}\n").expect("a file");
    wait_for("the other need", 20, || get(&place, "/").contains("dc logs resend"));
}
