//! The dashboard in a real browser: large, small, without JavaScript, and by keys.

use std::net::TcpStream;
use std::path::Path;

use crate::support::browser::{Browser, Shape};
use crate::support::manager::{Manager, wait_for};
use crate::support::needs::need;
use crate::support::page::{Written, operations, pdf, png, scanned_letter};
use crate::support::{Backend, app, dc, stderr};

const LARGE: Shape = Shape { width: 1280, height: 800, script: true };
const SMALL: Shape = Shape { width: 390, height: 844, script: true };
const PLAIN: Shape = Shape { width: 1280, height: 800, script: false };

/// A house with something on each page, and its address.
fn house(backend: &Backend) -> (Manager, String) {
    let project = backend.folder.path();
    app(
        project,
        "a/b/good",
        "seq -f '{\"n\":%g}' 1 9 | \"$DC_BIN\" merge numbers --create",
        "schedule = \"0 0 1 1 *\"",
    );
    app(project, "a/b/bad", "echo '{\"level\":\"error\",\"msg\":\"the source <is> away\"}'; exit 3", "");
    app(project, "a/c/waits", "while ! [ -e ../../../../end ]; do sleep 0.02; done", "");
    for (words, code) in [(&["deploy"][..], 0), (&["run", "good"], 0), (&["run", "bad"], 3)] {
        let output = dc(project).args(words).env("DC_DB_MAIN_URL", &backend.url).output().expect("dc starts");
        assert_eq!(output.status.code(), Some(code), "{words:?}: {}", stderr(&output));
    }
    let place = std::net::TcpListener::bind("127.0.0.1:0").and_then(|it| it.local_addr()).expect("a port").to_string();
    let manager = Manager::start(project, &backend.url, &["--listen", &place]);
    wait_for("an open door", 30, || TcpStream::connect(&place).is_ok());
    (manager, format!("http://{place}"))
}

/// The address of a page that another one links to.
fn link(browser: &Browser, part: &str) -> String {
    let source = browser.source();
    let rest = source.split(&format!("href=\"{part}")).nth(1).unwrap_or_else(|| panic!("no {part} in {source}"));
    format!("{part}{}", rest.split('"').next().expect("an end"))
}

#[test]
fn every_page_fits_and_nothing_is_complained_of() {
    for shape in [LARGE, SMALL] {
        let Some(browser) = Browser::open(shape) else { return };
        let backend = Backend::sqlite();
        let (_manager, address) = house(&backend);
        browser.go(&format!("{address}/apps/a/b/bad"));
        let run = link(&browser, "/runs/");
        let pages = [
            "/",
            "/apps",
            "/apps/a/b/bad",
            &run,
            "/documents",
            "/timeline",
            "/tables",
            "/tables/main/numbers",
            "/search?q=a",
        ];
        for page in pages {
            browser.go(&format!("{address}{page}"));
            let wide =
                browser.script("return document.documentElement.scrollWidth - document.documentElement.clientWidth");
            assert_eq!(wide.as_i64(), Some(0), "{page} is wider than the window of {}", shape.width);
            // each picture says in words what it shows, each field and button what it is for
            let unnamed = browser.script(
                "return [...document.querySelectorAll('svg[role],button,input:not([type=hidden]),select')]\
                 .filter(it => !(it.getAttribute('aria-label') || it.textContent.trim() || it.labels?.length))\
                 .map(it => it.outerHTML.slice(0, 120))",
            );
            assert_eq!(unnamed.as_array().map(Vec::len), Some(0), "{page}: {unnamed}");
            if let Some(folder) = std::env::var_os("DC_TEST_PICTURES") {
                let name = page.split(['?']).next().unwrap_or_default().replace('/', "-");
                browser.picture(&Path::new(&folder).join(format!("page{name}-{}.png", shape.width)));
            }
            let complaints = browser.complaints();
            assert!(complaints.is_empty(), "{page}: {complaints:?}");
        }
    }
}

#[test]
fn buttons_and_filters_work_without_javascript() {
    let Some(browser) = Browser::open(PLAIN) else { return };
    let backend = Backend::sqlite();
    let (_manager, address) = house(&backend);
    browser.go(&format!("{address}/apps"));
    browser.type_into("form.bar input[name=q]", "good");
    browser.click("form.bar:not([method=post]) button");
    assert!(browser.address().contains("q=good"), "{}", browser.address());
    assert!(browser.source().contains("1 of 3"), "{}", browser.source());
    browser.click("input[name=app]");
    browser.click("button[value=disable]");
    assert!(browser.source().contains("disable a/b/good: sent"), "{}", browser.source());
    wait_for("the app out of service", 20, || {
        browser.go(&format!("{address}/apps?state=disabled"));
        browser.source().contains("a/b/good")
    });
    browser.go(&format!("{address}/apps/a/b/bad"));
    browser.click("button[value=reset]");
    assert!(browser.source().contains("reset a/b/bad: sent"), "{}", browser.source());
    browser.go(&format!("{address}{}", link(&browser, "/runs/")));
    browser.type_into("#lines input[name=q]", "SOURCE <IS>");
    browser.click("#lines form button");
    let source = browser.source();
    assert!(
        source.contains("the source &lt;is&gt; away") && source.contains("1</span>") || source.contains("lines here")
    );
    browser.click("button[value=start]");
    assert!(browser.source().contains("start a/b/bad: sent"), "{}", browser.source());
}

#[test]
fn the_page_follows_and_keys_lead_on() {
    let Some(browser) = Browser::open(LARGE) else { return };
    let backend = Backend::sqlite();
    let (_manager, address) = house(&backend);
    let project = backend.folder.path();
    let mut run = dc(project).args(["run", "waits"]).env("DC_DB_MAIN_URL", &backend.url).spawn().expect("dc starts");
    browser.go(&address);
    let text =
        || browser.script("return document.getElementById('now').innerText").as_str().unwrap_or_default().to_owned();
    wait_for("the run in the page, which nobody loads again", 30, || text().contains("Running 1"));
    browser.script("window.isTheSamePage = true");
    std::fs::write(project.join("end"), "").expect("a file");
    assert!(run.wait().expect("its end").success());
    wait_for("its end in the page", 30, || text().contains("Running 0"));
    assert_eq!(browser.script("return window.isTheSamePage"), true);
    wait_for("a live page", 20, || browser.script("return document.getElementById('live').textContent") == "live");
    browser.keys("ga");
    wait_for("Apps", 20, || browser.address().ends_with("/apps"));
    let is_there = "return document.readyState === 'complete' && document.querySelectorAll('[data-row]').length === 3";
    wait_for("its rows", 20, || browser.script(is_there) == true);
    browser.keys("j");
    browser.keys("j");
    let here = "return document.querySelector('.here a')?.textContent ?? ''";
    wait_for("the second row", 20, || browser.script(here) == "b/good");
    // what comes meanwhile moves nobody elsewhere
    browser.script("document.querySelector('[data-row]').dataset.old = 'yes'");
    assert!(
        dc(project).args(["run", "good"]).env("DC_DB_MAIN_URL", &backend.url).status().expect("dc starts").success()
    );
    wait_for("fresh rows", 30, || browser.script("return document.querySelector('[data-old]') === null") == true);
    assert_eq!(browser.script(here), "b/good", "the second row, still");
    browser.keys("/");
    assert_eq!(browser.script("return document.activeElement.id"), "find");
    browser.keys("numbers\u{e007}");
    wait_for("the search", 20, || browser.address().contains("/search?q=numbers"));
    assert!(browser.source().contains("/tables/main/numbers"), "{}", browser.source());
    assert!(browser.complaints().is_empty());
}

/// A house with documents, a recorded run and something that needs a person; its address, and the numbers of an invoice that
/// was rejected and of a scan.
fn full_house(backend: &Backend) -> (Manager, String) {
    let project = backend.folder.path();
    let folder = project.join("apps/a/b/invoices");
    std::fs::create_dir_all(folder.join("inbox")).expect("a folder");
    let stages = r#"
[pipeline]
watch = ["inbox"]
complete = "rename"
[[stage]]
name = "read"
command = ["sh", "-c", '''printf '{"number":"2026-0417","date":"2026-11-12","total":-1284.50,"currency":"EUR","lines":[{"what":"storage boxes","pieces":4},{"what":"delivery","pieces":1}]}' > "$DC_OUTPUT"''']
[[stage]]
name = "look"
command = ["sh", "-c", '''if grep -q '"total": *-' "$DC_INPUT"; then echo "the total is negative: -1284.50" >&2; exit 65; fi''']
"#;
    std::fs::write(folder.join("app.toml"), stages).expect("a definition");
    let lines: Vec<Written<'_>> = crate::support::page::TEXT
        .iter()
        .enumerate()
        .map(|(at, text)| Written { x: 60.0, y: 760.0 - 30.0 * at as f64, size: 14.0, text })
        .collect();
    let pages = [operations(&lines), operations(&lines[4..])];
    std::fs::write(folder.join("inbox/invoice.pdf"), pdf(&pages, 595.0, 842.0)).expect("a file");
    std::fs::write(folder.join("inbox/scan.png"), png(&scanned_letter(120))).expect("a file");
    let loads =
        "seq 1 90 | sed 's/.*/{\"n\":&,\"title\":\"item & of the list\"}/' | \"$DC_BIN\" merge numbers --create";
    app(project, "a/b/good", loads, "schedule = \"*/15 * * * *\"");
    app(project, "a/c/bad", "echo '{\"level\":\"error\",\"msg\":\"the source is away\"}'; exit 3", "");
    for (words, code) in [(&["deploy"][..], 0), (&["run", "good"], 0), (&["run", "bad"], 3), (&["run", "invoices"], 0)]
    {
        let output = dc(project).args(words).env("DC_DB_MAIN_URL", &backend.url).output().expect("dc starts");
        assert_eq!(output.status.code(), Some(code), "{words:?}: {}", stderr(&output));
    }
    let runs = backend.connect().query("SELECT runtime FROM runtime ORDER BY started_at", &[]).expect("the runs");
    let run = match &runs.rows[0][0] {
        data_collector::record::Value::Text(run) => run.to_string(),
        other => panic!("{other:?}"),
    };
    let cassette = project.join(".dc/cassettes").join(run);
    std::fs::create_dir_all(&cassette).expect("a folder");
    std::fs::write(cassette.join("run.json"), "{}").expect("a file");
    let exchange = |number: usize| {
        let status = if number == 3 { 503 } else { 200 };
        format!(
            "{{\"at\":\"2026-01-01T00:00:00Z\",\"request\":{{\"method\":\"GET\",\"url\":\"https://source.example/api/items?page={number}&sort=date\",\
             \"headers\":[]}},\"response\":{{\"status\":{status},\"headers\":[],\"body\":{{\"text\":\"\"}}}},\"ms\":{}}}\n",
            number * 13
        )
    };
    std::fs::write(cassette.join("1.ndjson"), (0..45).map(exchange).collect::<String>()).expect("a file");
    let log = project.join(".dc/log");
    std::fs::create_dir_all(&log).expect("a folder");
    let waits = std::fs::File::create(log.join("someone.splunk.00000000000000000001.ndjson")).expect("a file");
    std::io::Write::write_all(&mut &waits, &[b'x'; 9_000]).expect("lines");
    waits.set_modified(std::time::SystemTime::now() - std::time::Duration::from_secs(7_200)).expect("a time");
    let place = std::net::TcpListener::bind("127.0.0.1:0").and_then(|it| it.local_addr()).expect("a port").to_string();
    let manager = Manager::start(project, &backend.url, &["--listen", &place]);
    wait_for("an open door", 30, || TcpStream::connect(&place).is_ok());
    (manager, format!("http://{place}"))
}

/// The addresses of all kinds of pages of a full house.
fn all_pages(browser: &Browser, address: &str) -> Vec<String> {
    browser.go(&format!("{address}/apps/a/b/good"));
    let run = link(browser, "/runs/");
    browser.go(&format!("{address}{run}"));
    let merge = link(browser, "/merges/");
    browser.go(&format!("{address}/documents?pipeline=a/b/invoices"));
    let source = browser.source();
    let mut documents: Vec<String> = source
        .split("href=\"/documents/")
        .skip(1)
        .filter_map(|rest| Some(format!("/documents/{}", rest.split('"').next()?)))
        .collect();
    documents.sort();
    documents.dedup();
    assert_eq!(documents.len(), 2, "{source}");
    let others =
        ["/", "/apps", "/apps/a/b/good", "/documents", "/timeline", "/tables", "/tables/main/numbers", "/search?q=a"];
    let gone = format!("{merge}?rows=gone");
    others.map(str::to_owned).into_iter().chain([run, merge, gone]).chain(documents).collect()
}

#[test]
fn axe_finds_nothing_that_keeps_people_out() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/axe/axe.min.js");
    let read = || {
        std::fs::read_to_string(&file)
            .map_err(|cause| format!("{}: {cause}; tests/support/get-axe fetches it", file.display()))
    };
    let Some(axe) = need("axe", read) else { return };
    let backend = Backend::sqlite();
    let mut house = None;
    let mut found = Vec::new();
    for (shape, is_dark) in [(LARGE, false), (SMALL, false), (LARGE, true)] {
        let Some(browser) = Browser::open(shape) else { return };
        let (_, address) = house.get_or_insert_with(|| full_house(&backend));
        if is_dark {
            browser.darken();
        }
        for (number, page) in all_pages(&browser, address).iter().enumerate() {
            let is_document = page.starts_with("/documents/");
            wait_for("the page", 60, || {
                browser.go(&format!("{address}{page}"));
                !is_document || browser.source().contains("Page 1 of")
            });
            let pictures =
                "return [...document.images].map(it => { it.loading = 'eager'; return it.complete }).every(it => it)";
            wait_for("its pictures", 30, || browser.script(pictures) == true);
            let broken = browser.script("return [...document.images].filter(it => !it.naturalWidth).map(it => it.src)");
            assert_eq!(broken.as_array().map(Vec::len), Some(0), "{page}: {broken}");
            let wide =
                browser.script("return document.documentElement.scrollWidth - document.documentElement.clientWidth");
            assert_eq!(wide.as_i64(), Some(0), "{page} is wider than the window of {}", shape.width);
            browser.script(&axe);
            let violations = browser.script(
                "return axe.run(document, {resultTypes: ['violations']}).then(it => it.violations.map(\
                 it => it.id + ': ' + it.help + ' at ' + it.nodes.slice(0, 3).map(node => node.html.slice(0, 200)).join(' | ')))",
            );
            for violation in violations.as_array().unwrap_or_else(|| panic!("{page}: {violations}")) {
                found.push(format!("{page} at {}{}: {violation}", shape.width, if is_dark { ", dark" } else { "" }));
            }
            if let Some(folder) = std::env::var_os("DC_TEST_PICTURES") {
                let kind = page.split(['/', '?']).nth(1).filter(|it| !it.is_empty()).unwrap_or("now");
                let dark = if is_dark { "-dark" } else { "" };
                browser.picture(&Path::new(&folder).join(format!("{number:02}-{kind}-{}{dark}.png", shape.width)));
            }
            let complaints = browser.complaints();
            assert!(complaints.is_empty(), "{page}: {complaints:?}");
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn a_document_is_mended_and_told_without_javascript() {
    let Some(browser) = Browser::open(PLAIN) else { return };
    let backend = Backend::sqlite();
    let (_manager, address) = full_house(&backend);
    let documents = all_pages(&browser, &address).into_iter().filter(|page| page.starts_with("/documents/"));
    let invoice = documents.into_iter().find(|page| {
        browser.go(&format!("{address}{page}"));
        browser.source().contains("invoice.pdf")
    });
    let invoice = invoice.expect("the invoice");
    wait_for("its pages", 60, || {
        browser.go(&format!("{address}{invoice}"));
        browser.source().contains("Page 1 of 2")
    });
    assert!(browser.source().contains(">-1284.50</td>"), "the digits as they were written: {}", browser.source());
    browser.click("nav.pages a[rel=next]");
    assert!(browser.source().contains("Page 2 of 2"), "{}", browser.source());
    // a slip of the pen is shown with what was typed
    browser.retype("form.edit textarea", "{\"total\": 1284.50");
    browser.click("form.edit button");
    let source = browser.source();
    assert!(source.contains("nothing was changed") && source.contains("1284.50"), "{source}");
    browser.retype("form.edit textarea", "{\"total\": 1284.50}");
    browser.click("form.edit button");
    assert!(browser.source().contains("look tries it again"), "{}", browser.source());
    wait_for("the mended document", 60, || {
        browser.go(&format!("{address}{invoice}"));
        browser.source().contains("badge ok\">done")
    });
    browser.click("select[name=from] option[value=look]");
    browser.click("button[value=retry]");
    assert!(browser.source().contains("1 task"), "{}", browser.source());
}
