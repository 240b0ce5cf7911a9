//! `dc html`: what people in shell ask of pages, and how it flows into a merge.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::sync::mpsc::{Receiver, channel};

use crate::support::{run, stderr, stdout};

/// Serves pages by their paths on loopback, and tells of each request; what is not there is 404.
fn serve(pages: &'static [(&'static str, &'static str)]) -> (String, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = format!("http://{}", listener.local_addr().expect("an address"));
    let (sender, requests) = channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { continue };
            let mut reader = BufReader::new(stream.try_clone().expect("a stream"));
            let (mut first, mut line) = (String::new(), String::new());
            let _ = reader.read_line(&mut first);
            while reader.read_line(&mut line).is_ok_and(|count| count > 2) {
                line.clear();
            }
            let path = first.split(' ').nth(1).unwrap_or("/").to_owned();
            let page = pages.iter().find(|(known, _)| *known == path).map(|(_, page)| *page);
            let (status, body) = page.map_or(("404 Not Found", "no"), |page| ("200 OK", page));
            let kind = if path.ends_with(".txt") { "text/plain" } else { "text/html; charset=utf-8" };
            let head = format!(
                "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
                body.len()
            );
            let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body.as_bytes()));
            let _ = sender.send(path);
        }
    });
    (address, requests)
}

#[test]
fn a_selector_prints_what_it_finds() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let page = "<h1> Prices <b>today</b></h1><div class=p><h2>Milk</h2><a href='m'>more</a></div><div class=p><h2>Tea</h2></div>\
        <table><caption>T</caption><tr><th>a<th>b<tr><td>1<td>x<tr><td>2<td>y</table><form action=/s><input type=hidden name=v value=7></form>";
    std::fs::write(folder.join("p.html"), page).expect("a page");
    let base = ["--base", "https://example.com/l/"];
    let cases: &[(&[&str], &str)] = &[
        (&["h1"], "Prices today\n"),
        (&["h1", "--json"], "{\"text\":\"Prices today\"}\n"),
        (&["h1", "--markup"], " Prices <b>today</b>\n"),
        (&["a", "--attr", "href"], "https://example.com/l/m\n"),
        (
            &[".p", "--fields", "name=h2,url=a@href"],
            "{\"name\": \"Milk\", \"url\": \"https://example.com/l/m\"}\n{\"name\": \"Tea\", \"url\": null}\n",
        ),
        (&["--table", "T"], "{\"a\": \"1\", \"b\": \"x\"}\n{\"a\": \"2\", \"b\": \"y\"}\n"),
        (&["--links"], "{\"url\": \"https://example.com/l/m\", \"text\": \"more\", \"rel\": null}\n"),
        (&["nothing"], ""),
    ];
    for (arguments, expected) in cases {
        let (flags, words): (Vec<&str>, Vec<&str>) = match arguments.split_first() {
            Some((first, rest)) if !first.starts_with('-') => (rest.to_vec(), vec![first, "p.html"]),
            _ => (arguments.to_vec(), vec!["p.html"]),
        };
        let output = run(folder, &[&["html"][..], &words, &flags, &base].concat());
        assert_eq!(
            (stdout(&output).as_str(), output.status.code()),
            (*expected, Some(0)),
            "{arguments:?}: {}",
            stderr(&output)
        );
    }
    let forms = run(folder, &["html", "--forms", "p.html", "--base", "https://example.com/l/"]);
    let form: serde_json::Value = serde_json::from_str(&stdout(&forms)).expect("a form");
    assert_eq!((&form["action"], &form["fields"][0]["value"]), (&"https://example.com/s".into(), &"7".into()));
    for (arguments, status, told) in [
        (&["html", "a[", "p.html"][..], 2, "a["),
        (&["html"], 2, "tell what to print"),
        (&["html", "--table", "9", "p.html"], 5, "`T`"),
        (&["html", "h1", "none.html"], 5, "none.html"),
        (&["html", "h1", "p.html", "--pages", "3"], 2, "address"),
        (&["html", "h1", "p.html", "--fields", "x"], 2, "`x`"),
    ] {
        let output = run(folder, arguments);
        assert_eq!(output.status.code(), Some(status), "{arguments:?}: {}", stderr(&output));
        assert!(stderr(&output).contains(told), "{arguments:?}: {}", stderr(&output));
    }
}

#[test]
fn pages_that_follow_flow_into_a_table_and_robots_are_respected() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let (address, requests) = serve(&[
        ("/robots.txt", "User-agent: *\nDisallow: /private\n"),
        ("/list", "<p class=i>a</p><a href='/list?page=2'>Next</a>"),
        ("/list?page=2", "<p class=i>b</p><a rel=next href='/list?page=3'>3</a>"),
        ("/list?page=3", "<p class=i>c</p><a rel=next href='/list'>again</a>"),
        ("/private/x", "<p class=i>secret</p>"),
        ("/sitemap.xml", "<urlset><url><loc>http://example.com/a</loc></url></urlset>"),
    ]);
    let output = run(folder, &["html", ".i", &format!("{address}/list"), "--pages", "9", "--fields", "t=@class"]);
    assert_eq!(stdout(&output).lines().count(), 3, "{}", stderr(&output));
    let texts = run(folder, &["html", ".i", &format!("{address}/list"), "--pages", "2"]);
    assert_eq!(stdout(&texts), "a\nb\n", "{}", stderr(&texts));
    let private = format!("{address}/private/x");
    let refused = run(folder, &["html", ".i", &private]);
    assert_eq!(refused.status.code(), Some(6), "{}", stderr(&refused));
    assert!(
        stderr(&refused).contains("robots.txt") && stderr(&refused).contains("--ignore-robots"),
        "{}",
        stderr(&refused)
    );
    let told: Vec<String> = requests.try_iter().collect();
    assert!(!told.iter().any(|path| path.starts_with("/private")), "{told:?}");
    let taken = run(folder, &["html", ".i", &private, "--ignore-robots"]);
    assert_eq!(stdout(&taken), "secret\n", "{}", stderr(&taken));
    let sitemap = run(folder, &["html", "--sitemap", &address]);
    assert!(stdout(&sitemap).contains("http://example.com/a"), "{} {}", stdout(&sitemap), stderr(&sitemap));
}
