//! A webhook of one's own: the letter as JSON, signed with HMAC-SHA256 where there is a secret.

use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Map, Value};
use sha2::Sha256;

use crate::clock;
use crate::context::Context;
use crate::error::Result;
use crate::http::{Body, Call, Request};
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
    /// Makes a call by the method of the settings.
    call: fn(&Request, &str) -> Call,
    /// Fields of the JSON that have another name or none, and what is added to it.
    fields: Vec<(String, String)>,
}

fn open(context: &Context, given: &Given<'_>) -> Result<Box<dyn Notifier>> {
    let headers = given.words("headers")?.into_iter().map(|header| {
        let pair =
            header.split_once(':').ok_or_else(|| given.wrong("headers", "a list of texts such as \"X-Key: value\""))?;
        Ok((pair.0.trim().to_owned(), Secret::new(pair.1.trim())))
    });
    let call: fn(&Request, &str) -> Call = match given.text("method")?.map(|word| word.to_ascii_uppercase()).as_deref()
    {
        None | Some("POST") => Request::post,
        Some("PUT") => Request::put,
        Some("PATCH") => Request::patch,
        Some("DELETE") => Request::delete,
        Some("GET") => Request::get,
        Some(_) => return Err(given.wrong("method", "POST, PUT, PATCH, DELETE or GET")),
    };
    let fields = given.words("fields")?.into_iter().map(|field| {
        let pair = field.split_once('=').ok_or_else(|| given.wrong("fields", "a list of texts such as subject=text"));
        pair.map(|(name, value)| (name.trim().to_owned(), value.trim().to_owned()))
    });
    Ok(Box::new(Webhook {
        call,
        fields: fields.collect::<Result<_>>()?,
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

/// The JSON with its fields as the settings have them: another name for one that there is, none for an empty name, and a new
/// one with its value.
fn renamed(body: Value, fields: &[(String, String)]) -> Value {
    let Value::Object(body) = body else { return body };
    let given = |name: &String| fields.iter().find(|(known, _)| known == name).map(|(_, fresh)| fresh);
    let mut renamed: Map<String, Value> = Map::new();
    for (name, value) in &body {
        match given(name) {
            Some(fresh) if fresh.is_empty() => {}
            fresh => drop(renamed.insert(fresh.unwrap_or(name).clone(), value.clone())),
        }
    }
    let added = fields.iter().filter(|(name, _)| !body.contains_key(name));
    renamed.extend(added.map(|(name, value)| (name.clone(), Value::String(value.clone()))));
    Value::Object(renamed)
}

impl Notifier for Webhook {
    fn send(&mut self, letter: &Letter, _to: &str) -> Result<(), Undelivered> {
        let body = renamed(letter.json(), &self.fields).to_string().into_bytes();
        let timestamp = clock::now().and_utc().timestamp();
        let mut call = (self.call)(&self.request, self.url.reveal()).header("Content-Type", "application/json");
        call = call.header("X-DC-Message-Id", &letter.id).header("Idempotency-Key", &letter.id);
        if let Some(signature) = self.key.as_ref().and_then(|key| signature(key, timestamp, &body)) {
            call = call.header("X-DC-Timestamp", timestamp.to_string()).header("X-DC-Signature", signature);
        }
        for (name, value) in &self.headers {
            call = call.header(name, value.reveal());
        }
        let answer = call.body(Body::bytes(body)).send().map_err(webhook_unreached)?;
        judge(&answer, None, &[])
    }

    fn pace(&self) -> Pace {
        Pace { every: EVERY }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn fields_get_the_names_that_a_service_wants() {
        let fields = [("subject", "text"), ("body", ""), ("room", "ops")].map(|(a, b)| (a.to_owned(), b.to_owned()));
        let found = renamed(json!({"id": 1, "subject": "s", "body": "b"}), &fields);
        assert_eq!(found, json!({"id": 1, "text": "s", "room": "ops"}));
    }

    #[test]
    fn the_signature_is_what_openssl_makes() {
        // printf '1700000000.{"a":1}' | openssl dgst -sha256 -hmac key
        let expected = "v1=a438e398bfafc57e4396bb7fc2304422f0f768e965d073ca313cb52e22e6ad03";
        let found = signature(&Secret::new("key"), 1_700_000_000, b"{\"a\":1}").expect("a signature");
        assert_eq!(found, expected);
        assert_ne!(found, signature(&Secret::new("key"), 1_700_000_001, b"{\"a\":1}").expect("a signature"));
    }
}
