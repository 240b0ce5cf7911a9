//! E-mail over SMTP: STARTTLS or TLS from the first byte, both verified; plain text only where the settings say `none`.

use std::time::Duration;

use lettre::message::Mailbox;
use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, Tls, TlsParameters};
use lettre::{Message, SmtpTransport, Transport};

use crate::context::Context;
use crate::error::{Error, ErrorKind, OrFail, Result, file_error};
use crate::ident::host;
use crate::notify::away::PATIENCE;
use crate::notify::letter::Letter;
use crate::notify::notifier::{Entry, Given, Notifier, Pace, Undelivered};
use crate::settings::Secret;

/// This kind's line in the registry.
pub(in crate::notify) const ENTRY: Entry = Entry { name: "email", open };

/// Servers count: a letter every two seconds.
const EVERY: Duration = Duration::from_secs(2);
/// What a server says of the letter itself: too large, or not wanted for what it says.
const OF_THE_LETTER: [u16; 2] = [552, 554];

struct Email {
    transport: SmtpTransport,
    place: String,
    from: Mailbox,
    to: Vec<Mailbox>,
    /// The part of identities behind the `@`.
    domain: String,
}

fn open(context: &Context, given: &Given<'_>) -> Result<Box<dyn Notifier>> {
    let host = given.required("host")?;
    let security = given.text("security")?.unwrap_or_else(|| "starttls".to_owned());
    let default_port = match security.as_str() {
        "starttls" => 587,
        "tls" => 465,
        "none" => 25,
        _ => return Err(given.wrong("security", "starttls, tls or none")),
    };
    let port = match given.text("port")? {
        Some(text) => text.parse().map_err(|_| given.wrong("port", "a number up to 65535"))?,
        None => default_port,
    };
    let mailbox = |field: &str, text: &str| -> Result<Mailbox> {
        text.parse().map_err(|_| given.wrong(field, "an address such as dc@example.com or DC <dc@example.com>"))
    };
    let from = mailbox("from", &given.required("from")?)?;
    given.required("to")?;
    let to = given.words("to")?.iter().map(|text| mailbox("to", text)).collect::<Result<Vec<_>>>()?;
    let mut builder = SmtpTransport::builder_dangerous(&host).port(port).timeout(Some(PATIENCE));
    builder = match security.as_str() {
        "none" => builder.tls(Tls::None),
        "tls" => builder.tls(Tls::Wrapper(tls(context, given, &host)?)),
        _ => builder.tls(Tls::Required(tls(context, given, &host)?)),
    };
    if let Some(password) = given.text("password")? {
        if security == "none" && !is_near(&host) {
            return Err(
                given.wrong("security", "starttls or tls where there is a password: it would be sent in the open")
            );
        }
        builder = builder
            .credentials(Credentials::new(given.required("username")?, Secret::new(password).reveal().to_owned()));
    }
    let domain = from.email.domain().to_owned();
    Ok(Box::new(Email { transport: builder.build(), place: format!("{host}:{port}"), from, to, domain }))
}

/// This machine.
fn is_near(host: &str) -> bool {
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

fn tls(context: &Context, given: &Given<'_>, host: &str) -> Result<TlsParameters> {
    let mut builder = TlsParameters::builder(host.to_owned());
    if let Some(path) = given.text("certificates")? {
        let path = context.settings().project.root.join(path);
        let what = || format!("read the certificates in {}", path.display());
        let pem = std::fs::read(&path).map_err(|cause| file_error(what(), cause))?;
        let certificate =
            Certificate::from_pem(&pem).map_err(|cause| Error::new(ErrorKind::Settings, what()).because(cause))?;
        builder = builder.add_root_certificate(certificate);
    }
    builder.build().or_fail(|| format!("set up TLS for {host}"))
}

impl Email {
    fn message(&self, letter: &Letter) -> Result<Message> {
        let foot = format!("-- \n{} {} on {}\n{}\n", letter.kind, letter.severity_name(), host(), letter.id);
        let text = match letter.body.is_empty() {
            true => format!("{}\n\n{foot}", letter.subject),
            false => format!("{}\n\n{foot}", letter.body),
        };
        let mut message = Message::builder()
            .from(self.from.clone())
            // the same letter has the same identity, however often it is sent
            .message_id(Some(format!("<{}@{}>", letter.id, self.domain)))
            .date(letter.at.and_utc().into())
            .subject(format!("[dc] {}", letter.subject));
        for to in &self.to {
            message = message.to(to.clone());
        }
        let mut message = message
            .header(ContentType::TEXT_PLAIN)
            .body(text)
            .map_err(|cause| Error::failed("write an e-mail").because(cause))?;
        // no answers of machines on holiday
        let name = HeaderName::new_from_ascii_str("Auto-Submitted");
        message.headers_mut().insert_raw(HeaderValue::new(name, "auto-generated".to_owned()));
        Ok(message)
    }
}

impl Notifier for Email {
    fn send(&mut self, letter: &Letter) -> Result<(), Undelivered> {
        let message = self.message(letter).map_err(|error| Undelivered::Refused { reason: error.to_string() })?;
        self.transport.send(&message).map(drop).map_err(|cause| {
            let status: Option<u16> = cause.status().map(Into::into);
            let mut words = vec![cause.to_string()];
            let mut next = std::error::Error::source(&cause);
            while let Some(source) = next {
                if !words.iter().any(|known| known.contains(&source.to_string())) {
                    words.push(source.to_string());
                }
                next = source.source();
            }
            // what the system calls a time-out of a socket
            let is_late = cause.is_timeout() || words.iter().any(|word| word.contains("temporarily unavailable"));
            if is_late {
                words = vec![format!("nothing within {} s", PATIENCE.as_secs())];
            }
            let reason = format!("the mail server {} says: {}", self.place, words.join(": "));
            match status.is_some_and(|status| OF_THE_LETTER.contains(&status)) {
                true => Undelivered::Refused { reason },
                false => Undelivered::Away { reason, after: None },
            }
        })
    }

    fn pace(&self) -> Pace {
        Pace { every: EVERY }
    }
}
