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
/// The same by enhanced codes (RFC 3463), which are more exact.
const OF_THE_LETTER_EXACTLY: [&str; 4] = ["5.2.3", "5.3.4", "5.6.", "5.7.1"];

struct Email {
    transport: SmtpTransport,
    place: String,
    from: Mailbox,
    to: Vec<Mailbox>,
    reply_to: Option<Mailbox>,
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
    let mut to = Vec::new();
    for field in ["to", "cc", "bcc"] {
        for text in given.words(field)? {
            to.push(mailbox(field, &text)?);
        }
    }
    let reply_to = given.text("reply_to")?.map(|text| mailbox("reply_to", &text)).transpose()?;
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
    Ok(Box::new(Email { transport: builder.build(), place: format!("{host}:{port}"), from, to, reply_to, domain }))
}

/// Whether a refusal lies in what was sent, and not in whom it was for, or who sent it.
fn is_of_the_letter(status: u16, said: &str) -> bool {
    let said = said.to_lowercase();
    let words = said.split(|letter: char| !letter.is_ascii_digit() && letter != '.');
    let exact = words
        .map(|word| word.trim_end_matches('.'))
        .find(|word| word.strip_prefix("5.").is_some_and(|rest| rest.split('.').count() == 2 && !rest.ends_with('.')));
    match exact {
        // also said of a sender or a recipient that is not wanted
        Some("5.7.1") => {
            status == 554 && !["relay", "sender", "recipient", "authent"].iter().any(|it| said.contains(it))
        }
        Some(code) => OF_THE_LETTER_EXACTLY.iter().any(|known| code.starts_with(known)),
        None => OF_THE_LETTER.contains(&status),
    }
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
    fn message(&self, letter: &Letter, to: &Mailbox) -> Result<Message> {
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
            .subject(format!("[dc] {}", letter.subject))
            .to(to.clone());
        if let Some(reply_to) = &self.reply_to {
            message = message.reply_to(reply_to.clone());
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
    fn recipients(&self) -> Vec<String> {
        self.to.iter().map(|to| to.email.to_string()).collect()
    }

    fn send(&mut self, letter: &Letter, to: &str) -> Result<(), Undelivered> {
        let Some(to) = self.to.iter().find(|known| known.email.to_string() == to) else {
            return Err(Undelivered::Broken { reason: format!("{to} is not in the settings") });
        };
        let message = self.message(letter, to).map_err(|error| Undelivered::Refused { reason: error.to_string() })?;
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
            match status {
                Some(status) if is_of_the_letter(status, &reason) => Undelivered::Refused { reason },
                // an address, a login, a right: somebody can mend that
                Some(500..) => Undelivered::Broken { reason },
                _ => Undelivered::Away { reason, after: None },
            }
        })
    }

    fn pace(&self) -> Pace {
        Pace { every: EVERY }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lies_in_a_letter_is_told_from_what_lies_in_an_address() {
        for (status, said, expected) in [
            (550, "permanent error (550): 5.1.1 <gone@example.com>: no such user", false),
            (550, "permanent error (550): user unknown", false),
            (535, "permanent error (535): 5.7.8 authentication failed", false),
            (554, "permanent error (554): 5.7.1 relay access denied", false),
            (554, "permanent error (554): 5.7.1 message contains spam", true),
            (554, "permanent error (554): no", true),
            (552, "permanent error (552): 5.3.4 message too big", true),
            (552, "permanent error (552): 5.2.2 mailbox full", false),
            (550, "permanent error (550): 5.6.0 bad content", true),
            (550, "the mail server 10.5.1.1:25 says: no such user", false),
        ] {
            assert_eq!(is_of_the_letter(status, said), expected, "{said}");
        }
    }
}
