//! A webhook of one's own: the letter as JSON, signed with HMAC-SHA256 where there is a secret.

use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use serde_json::json;
use sha2::Sha256;

use crate::clock;
use crate::context::Context;
use crate::error::Result;
use crate::http::{Body, Request};
use crate::ident::host;
use crate::notify::away::{judge, session, webhook_unreached};
use crate::notify::letter::Letter;
use crate::notify::notifier::{Entry, Given, Notifier, Pace, Undelivered};
use crate::settings::Secret;

/// This kind's line in the registry.
pub(in crate::notify) const ENTRY: Entry = Entry { name: "webhook", open };

/// Ten a second.
const EVERY: Duration = Duration::from_millis(100);

struct Webhook {
    request: Request,
    url: Secret,
    key: Option<Secret>,
    headers: Vec<(String, Secret)>,
}

fn open(context: &Context, given: &Given<'_>) -> Result<Box<dyn Notifier>> {
    let headers = given.words("headers")?.into_iter().map(|header| {
        let pair =
            header.split_once(':').ok_or_else(|| given.wrong("headers", "a list of texts such as \"X-Key: value\""))?;
        Ok((pair.0.trim().to_owned(), Secret::new(pair.1.trim())))
    });
    Ok(Box::new(Webhook {
        request: session(context, given)?,
        headers: headers.collect::<Result<_>>()?,
        url: given.secret("webhook")?,
        key: given.text("secret")?.map(Secret::new),
    }))
}

/// `v1=` and the HMAC-SHA256 of `TIMESTAMP.BODY` in hex.
fn signature(key: &Secret, timestamp: i64, body: &[u8]) -> Option<String> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key.reveal().as_bytes()).ok()?;
    mac.update(format!("{timestamp}.").as_bytes());
    mac.update(body);
    let sum = mac.finalize().into_bytes();
    Some(format!("v1={}", sum.iter().map(|byte| format!("{byte:02x}")).collect::<String>()))
}

impl Notifier for Webhook {
    fn send(&mut self, letter: &Letter) -> Result<(), Undelivered> {
        let body = json!({
            "id": letter.id, "at": format!("{}Z", letter.at.format("%Y-%m-%dT%H:%M:%S%.6f")),
            "severity": letter.severity_name().to_lowercase(), "kind": letter.kind, "app": letter.app, "host": host(),
            "count": letter.count, "subject": letter.subject, "body": letter.body,
        });
        let body = body.to_string().into_bytes();
        let timestamp = clock::now().and_utc().timestamp();
        let mut call = self.request.post(self.url.reveal()).header("Content-Type", "application/json");
        call = call.header("X-DC-Message-Id", &letter.id).header("Idempotency-Key", &letter.id);
        if let Some(signature) = self.key.as_ref().and_then(|key| signature(key, timestamp, &body)) {
            call = call.header("X-DC-Timestamp", timestamp.to_string()).header("X-DC-Signature", signature);
        }
        for (name, value) in &self.headers {
            call = call.header(name, value.reveal());
        }
        let answer = call.body(Body::bytes(body)).send().map_err(webhook_unreached)?;
        judge(&answer, None)
    }

    fn pace(&self) -> Pace {
        Pace { every: EVERY }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_is_what_openssl_makes() {
        // printf '1700000000.{"a":1}' | openssl dgst -sha256 -hmac key
        let expected = "v1=a438e398bfafc57e4396bb7fc2304422f0f768e965d073ca313cb52e22e6ad03";
        let found = signature(&Secret::new("key"), 1_700_000_000, b"{\"a\":1}").expect("a signature");
        assert_eq!(found, expected);
        assert_ne!(found, signature(&Secret::new("key"), 1_700_000_001, b"{\"a\":1}").expect("a signature"));
    }
}
