//! Connection strings as .NET and ODBC have them, `Server=..;Database=..`: read as the URL that says the same.

use super::percent::encode;

/// What a word of a connection string says.
enum Says {
    Server,
    Database,
    User,
    Password,
    /// An option of the URL.
    Option(&'static str),
    /// Nothing to us: how a program of another kind keeps its connections.
    Nothing,
}

/// The words of connection strings, in small letters and without blanks.
const WORDS: &[(&[&str], Says)] = &[
    (&["server", "datasource", "address", "addr", "networkaddress"], Says::Server),
    (&["database", "initialcatalog"], Says::Database),
    (&["userid", "uid", "user", "username"], Says::User),
    (&["password", "pwd"], Says::Password),
    (&["encrypt"], Says::Option("encrypt")),
    (&["trustservercertificate"], Says::Option("trust")),
    (&["integratedsecurity", "trusted_connection"], Says::Option("integrated")),
    (&["connecttimeout", "connectiontimeout", "timeout"], Says::Option("connect_timeout")),
    (
        &[
            "applicationname",
            "app",
            "driver",
            "multipleactiveresultsets",
            "mars_connection",
            "persistsecurityinfo",
            "pooling",
            "minpoolsize",
            "maxpoolsize",
            "provider",
            "workstationid",
        ],
        Says::Nothing,
    ),
];

/// The URL that a connection string stands for; `None` for a text that is none.
///
/// # Errors
/// Why it cannot be read, without any of its login.
pub(super) fn as_url(text: &str) -> Result<Option<String>, String> {
    let start = text.split(['=', ';']).next().unwrap_or_default();
    if !text.contains('=') || start.contains("://") || says(start).is_none() {
        return Ok(None);
    }
    let (mut host, mut database, mut user, mut password, mut options) =
        (String::new(), String::new(), String::new(), None, Vec::new());
    for (word, value) in pairs(text)? {
        match says(&word) {
            Some(Says::Server) => host = place(&value),
            Some(Says::Database) => database = encode(&value),
            Some(Says::User) => user = encode(&value),
            Some(Says::Password) => password = Some(encode(&value)),
            Some(Says::Option("integrated")) => {
                let value = if value.eq_ignore_ascii_case("sspi") { "true" } else { &value };
                options.push(format!("integrated={}", encode(value)));
            }
            Some(Says::Option(name)) => options.push(format!("{name}={}", encode(&value))),
            Some(Says::Nothing) => {}
            None => return Err(format!("the word `{}` of the connection string is not known", word.trim())),
        }
    }
    // what is not encrypted has no certificate that could be trusted
    if !options.iter().any(|option| option.starts_with("encrypt="))
        && options.iter().any(|option| option == "trust=true")
    {
        options.push("encrypt=true".to_owned());
    }
    let password = password.map(|password| format!(":{password}")).unwrap_or_default();
    let login = if user.is_empty() { String::new() } else { format!("{user}{password}@") };
    let options = if options.is_empty() { String::new() } else { format!("?{}", options.join("&")) };
    Ok(Some(format!("mssql://{login}{host}/{database}{options}")))
}

fn says(word: &str) -> Option<&'static Says> {
    let word: String = word.chars().filter(|letter| *letter != ' ').collect::<String>().to_lowercase();
    WORDS.iter().find(|(words, _)| words.contains(&word.as_str())).map(|(_, says)| says)
}

/// The words and their values. A value may stand in quotes, which are doubled inside, or in braces.
fn pairs(text: &str) -> Result<Vec<(String, String)>, String> {
    let (mut all, mut rest) = (Vec::new(), text);
    loop {
        rest = rest.trim_start_matches([';', ' ']);
        if rest.is_empty() {
            return Ok(all);
        }
        let (word, behind) = rest.split_once('=').ok_or("one of the words of the connection string has no value")?;
        let behind = behind.trim_start();
        let closing = match behind.chars().next() {
            Some(sign @ ('"' | '\'')) => Some(sign),
            Some('{') => Some('}'),
            _ => None,
        };
        let (value, left) = match closing {
            Some(sign) => quoted(&behind[1..], sign).ok_or("a quote of the connection string has no end")?,
            None => {
                let (value, left) = behind.split_once(';').unwrap_or((behind, ""));
                (value.trim_end().to_owned(), left)
            }
        };
        all.push((word.to_owned(), value));
        rest = left;
    }
}

/// A value up to its closing sign, and what stands behind.
fn quoted(text: &str, sign: char) -> Option<(String, &str)> {
    let (mut value, mut letters) = (String::new(), text.char_indices().peekable());
    while let Some((at, letter)) = letters.next() {
        if letter != sign {
            value.push(letter);
        } else if letters.next_if(|(_, next)| *next == sign).is_some() {
            value.push(sign);
        } else {
            return Some((value, &text[at + 1..]));
        }
    }
    None
}

/// `tcp:HOST\INSTANCE,PORT` as a URL has it.
fn place(server: &str) -> String {
    let server = server.trim();
    let server = server.get(..4).filter(|start| start.eq_ignore_ascii_case("tcp:")).map_or(server, |_| &server[4..]);
    let (host, port) = match server.rsplit_once(',') {
        Some((host, port)) => (host, format!(":{}", port.trim())),
        None => (server, String::new()),
    };
    let (host, instance) = match host.split_once('\\') {
        Some((host, instance)) => (host, format!("%5C{}", encode(instance.trim()))),
        None => (host, String::new()),
    };
    let host = if host.contains(':') { format!("[{}]", host.trim()) } else { encode(host.trim()) };
    // a port says which instance
    if port.is_empty() { format!("{host}{instance}") } else { format!("{host}{port}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_string_is_read_as_a_url() {
        for (text, url) in [
            (
                "Server=tcp:h.example,1444;Database=d;User ID=me@d;Password=p@s:s;Encrypt=True;TrustServerCertificate=true;",
                "mssql://me%40d:p%40s%3As@h.example:1444/d?encrypt=True&trust=true",
            ),
            (
                "data source=.\\SQLEXPRESS; initial catalog = d ;Integrated Security=SSPI;Pooling=no",
                "mssql://.%5CSQLEXPRESS/d?integrated=true",
            ),
            (
                "Server=h;Database=d;UID=sa;PWD=\"a;\"\"b\";TrustServerCertificate=true",
                "mssql://sa:a%3B%22b@h/d?trust=true&encrypt=true",
            ),
            (
                "Driver={ODBC Driver 18};Server=::1,9;Database={d;x};Uid=u;Connect Timeout=5",
                "mssql://u@[::1]:9/d%3Bx?connect_timeout=5",
            ),
        ] {
            assert_eq!(as_url(text), Ok(Some(url.to_owned())), "{text}");
        }
        for text in ["postgres://u:Server=x;@h/d", "sqlite:a=b;c", "mssql://sa:a=b;c@h/d"] {
            assert_eq!(as_url(text), Ok(None), "{text}");
        }
    }

    #[test]
    fn what_is_wrong_is_named_without_a_part_of_the_login() {
        for (text, reason) in [
            ("Server=h;Password=s3cret;Failover Partner=x", "`Failover Partner`"),
            ("Server=h;Password=\"s3cret", "no end"),
            ("Server=h;s3cret", "has no value"),
        ] {
            let error = as_url(text).expect_err("it was read");
            assert!(error.contains(reason) && !error.contains("s3cret"), "{error}");
        }
    }
}
