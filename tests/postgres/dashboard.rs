//! The dashboard: who is let in, what strangers can do to it, and that it shows and does what it says.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use data_collector::record::Value;

use crate::manager::told;
use crate::support::manager::{Manager, wait_for};
use crate::support::{Backend, app, dc, stderr};
use crate::web::{answer, free_place, get, listening};

pub(crate) const TOKEN: &str = "operators-token-of-the-test";
pub(crate) const VIEWER: &str = "viewers-token-of-the-test";

/// A dashboard that has tokens.
pub(crate) fn with_tokens(backend: &Backend) -> (Manager, String) {
    let place = free_place();
    let manager = Manager::start_with(backend.folder.path(), &backend.url, &["--listen", &place], |command| {
        command.env("DC_WEB_TOKEN", TOKEN).env("DC_WEB_VIEWER_TOKEN", VIEWER)
    });
    wait_for("an open door", 30, || TcpStream::connect(&place).is_ok());
    (manager, place)
}

pub(crate) fn get_with(place: &str, path: &str, headers: &str) -> String {
    answer(place, &format!("GET {path} HTTP/1.1\r\nHost: {place}\r\n{headers}\r\n"))
}

pub(crate) fn post(place: &str, path: &str, headers: &str, form: &str) -> String {
    let length = form.len();
    let head = format!("POST {path} HTTP/1.1\r\nHost: {place}\r\nContent-Length: {length}\r\n{headers}\r\n");
    answer(place, &(head + form))
}

pub(crate) fn status(answer: &str) -> &str {
    answer.split(' ').nth(1).unwrap_or_default()
}

/// The value of a header.
fn header<'a>(answer: &'a str, name: &str) -> &'a str {
    let line = answer.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
    line.unwrap_or_default().trim_end()
}

/// The token of the forms of a page.
pub(crate) fn form_token(page: &str) -> String {
    let behind = page.split("name=\"form\" value=\"").nth(1).unwrap_or_else(|| panic!("no form in {page}"));
    behind.split('"').next().expect("a value").to_owned()
}

pub(crate) fn own(place: &str) -> String {
    format!("Origin: http://{place}\r\n")
}

#[test]
fn another_address_without_a_token_is_refused_with_what_to_set() {
    let backend = Backend::sqlite();
    for (tokens, said) in [
        (&[][..], "DC_WEB_TOKEN"),
        (&[("DC_WEB_TOKEN", "short")][..], "16 characters"),
        (&[("DC_WEB_TOKEN", TOKEN), ("DC_WEB_VIEWER_TOKEN", TOKEN)][..], "the same"),
    ] {
        for words in [&["manager", "web"][..], &["manager", "start"]] {
            let mut command = dc(backend.folder.path());
            command.args(words).args(["--listen", "0.0.0.0:0"]).env("DC_DB_MAIN_URL", &backend.url);
            let output = command.envs(tokens.iter().copied()).output().expect("dc starts");
            assert_eq!(output.status.code(), Some(3), "{}", stderr(&output));
            assert!(stderr(&output).contains(said), "{}", stderr(&output));
        }
    }
}

#[test]
fn every_page_is_there_for_the_own_user_and_no_address_leads_elsewhere() {
    for backend in Backend::all() {
        let project = backend.folder.path();
        let loads = "echo '{\"level\":\"error\",\"msg\":\"<b>bold</b> \\u001b[31mred\"}'; \
                     seq -f '{\"n\":%g}' 1 3 | \"$DC_BIN\" merge numbers --create";
        app(project, "a/b/loads", loads, "schedule = \"0 0 1 1 *\"");
        told(&backend, &["deploy"]);
        told(&backend, &["run", "loads"]);
        let (_manager, place) = listening(&backend);
        let now = get(&place, "/");
        assert!(now.contains("1 of 1 apps are well"), "{now}");
        let app_page = get(&place, "/apps/a/b/loads");
        let run = app_page.split("href=\"/runs/").nth(1).expect("a run").split('"').next().expect("an identity");
        let pages =
            ["/apps", "/apps/a/b/loads", "/documents", "/timeline", "/tables", "/search?q=numbers", "/search?q=bold"];
        for page in pages {
            let said = get(&place, page);
            assert_eq!(status(&said), "200", "{page}: {said}");
            assert!(said.contains("<h1>") && said.ends_with("</html>"), "{page}: {said}");
        }
        // what somebody wrote is text, whatever it looks like
        let run = get(&place, &format!("/runs/{run}"));
        assert!(run.contains("&lt;b&gt;bold&lt;/b&gt; ") && !run.contains("<b>"), "{run}");
        assert!(!run.contains('\u{1b}') && run.contains("numbers"), "{run}");
        for header_of in ["content-security-policy", "x-content-type-options", "x-frame-options", "referrer-policy"] {
            assert!(!header(&run, header_of).is_empty(), "{header_of}: {run}");
        }
        assert!(header(&run, "content-security-policy").contains("default-src 'none'"));
        assert!(
            !run.contains("<script>") && !run.contains("style=") && !run.contains("onclick"),
            "nothing stands inline"
        );
        for path in [
            "/../etc/passwd",
            "/assets/../../etc/passwd",
            "/%2e%2e/%2e%2e/etc/passwd",
            "/apps/..%2f..%2f/x/y",
            "/assets/style.css",
            "/runs/..",
            "/documents/x",
            "/nothing",
            "//evil.example",
        ] {
            let said = get(&place, path);
            assert!(["400", "404"].contains(&status(&said)), "{path}: {said}");
            assert!(!said.contains("root:"), "{path}");
        }
        // a name that no folder can have, but a row
        let mut connection = backend.connect();
        connection.execute("UPDATE apps SET name = $1", &[Value::from("<script>alert(1)</script>")]).expect("a row");
        for page in
            ["/", "/apps", "/tables", "/timeline", "/search?q=script", "/apps/a/b/%3Cscript%3Ealert(1)%3C%2Fscript%3E"]
        {
            let said = get(&place, page);
            assert_eq!(status(&said), "200", "{page}: {said}");
            assert!(!said.contains("<script>"), "{page}: {said}");
        }
    }
}

#[test]
fn another_host_and_another_origin_are_refused() {
    let backend = Backend::sqlite();
    app(backend.folder.path(), "a/b/c", "true", "");
    told(&backend, &["deploy"]);
    let (_manager, place) = listening(&backend);
    for host in ["evil.example", "localhost.evil.example", "", "127.0.0.1.nip.io:80"] {
        let said = answer(&place, &format!("GET /apps HTTP/1.1\r\nHost: {host}\r\n\r\n"));
        assert!(["421", "400"].contains(&status(&said)) && !said.contains("a/b"), "{host}: {said}");
    }
    let twice = answer(&place, &format!("GET /apps HTTP/1.1\r\nHost: {place}\r\nHost: evil.example\r\n\r\n"));
    assert!(status(&twice) != "200", "{twice}");
    assert!(get(&place, "/nothing").contains("find a page"));
    let token = form_token(&get(&place, "/apps/a/b/c"));
    let form = format!("form={token}&app=a/b/c&do=disable&back=/apps");
    for origin in ["Origin: http://evil.example\r\n", "Origin: null\r\n", "", "Referer: http://evil.example/x\r\n"] {
        let said = post(&place, "/do", origin, &form);
        assert_eq!(status(&said), "403", "{origin}: {said}");
    }
    for wrong in ["app=a/b/c&do=disable", "form=x.y&app=a/b/c&do=disable"] {
        let said = post(&place, "/do", &own(&place), wrong);
        assert!(status(&said) == "403" && said.contains("not of this session"), "{said}");
    }
    let proxied = get_with(&place, "/", "X-Forwarded-For: 10.0.0.1\r\n");
    assert!(status(&proxied) == "403" && proxied.contains("DC_WEB_TOKEN"), "{proxied}");
    assert_eq!(status(&post(&place, "/do", &own(&place), &"x".repeat(300 * 1024))), "413");
    // none of them did anything
    let commands = told(&backend, &["manager", "commands"]);
    assert!(commands.contains("no commands yet"), "{commands}");
}

#[test]
fn a_button_does_what_the_command_does_and_who_pressed_it_is_written_down() {
    for backend in Backend::all() {
        app(backend.folder.path(), "a/b/c", "true", "schedule = \"0 0 1 1 *\"");
        app(backend.folder.path(), "a/b/d", "true", "");
        told(&backend, &["deploy"]);
        let (_manager, place) = listening(&backend);
        let token = form_token(&get(&place, "/apps"));
        let form = format!("form={token}&app=a/b/c&app=a/b/d&app=a/b/none&do=disable&back=%2Fapps%3Fgroup%3Da");
        let done = post(&place, "/do", &own(&place), &form);
        assert_eq!(status(&done), "303", "{done}");
        let location = header(&done, "location").to_owned();
        assert!(location.starts_with("/apps?group=a&told="), "{location}");
        let page = get(&place, &location);
        assert!(page.contains("disable a/b/c: sent") && page.contains("could not find the app `a/b/none`"), "{page}");
        assert!(!get(&place, &location).contains("disable a/b/c: sent"), "it is told once");
        wait_for("both to be out of service", 30, || {
            get(&place, "/apps").matches("badge off\">out of service").count() == 2
        });
        let commands = told(&backend, &["manager", "commands"]);
        assert_eq!(commands.matches("(dashboard)").count(), 2, "{commands}");
        // nobody is led away from here
        let away = format!("form={token}&app=a/b/c&do=enable&back=//evil.example/");
        assert!(header(&post(&place, "/do", &own(&place), &away), "location").starts_with("/?told="));
        let odd = post(&place, "/do", &own(&place), &format!("form={token}&app=a/b/c&do=explode&back=/"));
        assert!(get(&place, header(&odd, "location")).contains("no such command"));
    }
}

#[test]
fn tokens_are_asked_for_and_cannot_be_guessed() {
    let backend = Backend::sqlite();
    app(backend.folder.path(), "a/b/c", "true", "");
    told(&backend, &["deploy"]);
    let (_manager, place) = with_tokens(&backend);
    let html = "Accept: text/html\r\n";
    let asked = get_with(&place, "/apps?state=failed", html);
    assert_eq!((status(&asked), header(&asked, "location")), ("303", "/login?next=%2Fapps%3Fstate%3Dfailed"));
    assert_eq!(status(&get(&place, "/apps")), "401");
    assert_eq!(status(&get(&place, "/events")), "401");
    // metrics and health ask nobody
    assert_eq!((status(&get(&place, "/health")), status(&get(&place, "/metrics"))), ("200", "200"));
    let bearer = |token: &str| get_with(&place, "/apps", &format!("Authorization: Bearer {token}\r\n"));
    assert!(bearer(TOKEN).contains("a/b/c") && status(&bearer("guessed-token-000000")) == "401");
    for guess in ["", "o.YQ.9999999999.AAAA.AAAA", "v.YQ.9999999999.AAAA.", "x", "....."] {
        assert_eq!(
            status(&get_with(&place, "/apps", &format!("{html}Cookie: dc_session={guess}\r\n"))),
            "303",
            "{guess}"
        );
    }
    let sign_in = |token: &str, name: &str| {
        post(&place, "/login", &own(&place), &format!("token={token}&name={name}&next=/apps"))
    };
    let viewer = sign_in(VIEWER, "Vera");
    assert_eq!((status(&viewer), header(&viewer, "location")), ("303", "/apps"));
    let cookie = header(&viewer, "set-cookie");
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"), "{cookie}");
    let session =
        |answer: &str| format!("Cookie: {}\r\n", header(answer, "set-cookie").split(';').next().expect("a pair"));
    let viewer = session(&viewer);
    let page = get_with(&place, "/apps", &viewer);
    assert!(page.contains("Vera (viewer)") && !page.contains("value=\"disable\""), "{page}");
    // a viewer has a token for signing out, and can do nothing else with it
    let form = format!("form={}&app=a/b/c&do=disable", form_token(&page));
    let said = post(&place, "/do", &(own(&place) + &viewer), &form);
    assert!(status(&said) == "403" && said.contains("viewer"), "{said}");
    let operator = session(&sign_in(TOKEN, "Olga"));
    let token = form_token(&get_with(&place, "/apps", &operator));
    // the form of one session is not of another one
    assert_eq!(
        status(&post(&place, "/do", &(own(&place) + &viewer), &format!("form={token}&app=a/b/c&do=disable"))),
        "403"
    );
    let done = post(&place, "/do", &(own(&place) + &operator), &format!("form={token}&app=a/b/c&do=disable"));
    assert_eq!(status(&done), "303", "{done}");
    wait_for("the command", 20, || told(&backend, &["manager", "commands"]).contains("Olga"));
    let gone = post(&place, "/logout", &(own(&place) + &operator), &format!("form={token}"));
    assert!(header(&gone, "set-cookie").contains("Max-Age=0"), "{gone}");
    assert_eq!(status(&sign_in("wrong", "")), "401");
    let tried = (0..9).map(|_| status(&sign_in("wrong", "")).to_owned()).collect::<Vec<_>>();
    assert_eq!(tried.last().map(String::as_str), Some("429"), "{tried:?}");
    // not even the right one, for a while
    assert_eq!(status(&sign_in(TOKEN, "")), "429");
    assert_eq!(status(&get_with(&place, "/apps", &viewer)), "200", "who is in stays in");
}

#[test]
fn the_end_of_a_run_is_told_within_a_second() {
    for backend in Backend::all() {
        let project = backend.folder.path();
        app(project, "a/b/c", "echo begun; while ! [ -e ../../../../end ]; do sleep 0.02; done", "");
        told(&backend, &["deploy"]);
        let (_manager, place) = listening(&backend);
        let mut run = dc(project).args(["run", "c"]).env("DC_DB_MAIN_URL", &backend.url).spawn().expect("dc starts");
        wait_for("a run", 30, || get(&place, "/").contains("Running <span class=\"n\">1"));
        let mut events = TcpStream::connect(&place).expect("a connection");
        events.set_read_timeout(Some(Duration::from_secs(20))).expect("a bound");
        write!(events, "GET /events HTTP/1.1\r\nHost: {place}\r\n\r\n").expect("a request");
        let mut events = BufReader::new(events).lines();
        let mut next = |wanted: &str| while !events.next().expect("a line").expect("a line").starts_with(wanted) {};
        next("data: hello");
        // the first look tells of everything
        next("event: runs");
        std::fs::write(project.join("end"), "").expect("a file");
        assert!(run.wait().expect("its end").success());
        let ended = Instant::now();
        wait_for("the picture", 20, || {
            next("event: runs");
            get(&place, &format!("/?{}", uuid::Uuid::now_v7())).contains("Running <span class=\"n\">0")
        });
        // a loaded machine may take longer than the second that it should take
        assert!(ended.elapsed() < Duration::from_secs(5), "{:?}", ended.elapsed());
    }
}

#[test]
fn the_same_stands_in_files() {
    let backend = Backend::sqlite();
    let project = backend.folder.path();
    app(project, "a/b/c", "echo '<i>said</i>'", "");
    told(&backend, &["deploy"]);
    told(&backend, &["run", "c"]);
    let said = told(&backend, &["manager", "web", "--export", "out"]);
    assert!(said.contains("index.html"), "{said}");
    let mut pages = 0;
    let mut folders = vec![project.join("out")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|it| it == "html") {
                pages += 1;
                let text = std::fs::read_to_string(&path).expect("a page");
                assert!(!text.contains("<form") && !text.contains("<script") && !text.contains("<button"), "{text}");
                for link in text.split(" href=\"").skip(1).filter_map(|rest| rest.split('"').next()) {
                    let file = link.split('#').next().unwrap_or_default();
                    let target = path.parent().expect("a folder").join(file);
                    assert!(file.is_empty() || target.is_file(), "{link} in {}", path.display());
                }
            }
        }
    }
    assert!(pages >= 7, "{pages}");
    assert!(std::fs::read_to_string(project.join("out/apps/a/b/c.html")).expect("a page").contains("a/b/c"));
}
