//! The dashboard in a real browser: large, small, without JavaScript, and by keys.

use std::net::TcpStream;
use std::path::Path;

use crate::support::browser::{Browser, Shape};
use crate::support::manager::{Manager, wait_for};
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
