//! WS-Security: a user name with a password, as it is or as a digest.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::{NaiveDateTime, TimeDelta};

use super::xml::{Name, Writer};
use crate::clock;
use crate::die;
use crate::error::{OrFail, Result};
use crate::settings::Secret;

const WSSE: &str = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd";
const WSU: &str = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd";
const PROFILE: &str = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-username-token-profile-1.0";
const BASE64: &str = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-soap-message-security-1.0#Base64Binary";
/// How long a message with a time stamp counts.
const LASTS: TimeDelta = TimeDelta::minutes(5);
/// Random bytes in a digest.
const NONCE_BYTES: usize = 16;

/// A `UsernameToken`.
#[derive(Debug, Clone)]
pub struct Login {
    /// The name.
    pub username: String,
    /// The password.
    pub password: Secret,
    /// Send a digest of it instead of the password itself.
    pub is_digest: bool,
    /// Say when the message was made, and for how long it counts.
    pub has_timestamp: bool,
}

impl Login {
    /// Writes the header.
    pub(super) fn write(&self, writer: &mut Writer, envelope: &str) -> Result<()> {
        let mut nonce = [0; NONCE_BYTES];
        die::fill(&mut nonce).or_fail(|| "make random bytes".to_owned())?;
        self.write_with(writer, envelope, &nonce, clock::now());
        Ok(())
    }

    fn write_with(&self, writer: &mut Writer, envelope: &str, nonce: &[u8], now: NaiveDateTime) {
        let name = |local: &str| Name::new(WSSE, local);
        let stamp = |moment: NaiveDateTime| moment.format("%Y-%m-%dT%H:%M:%S%.3fZ").to_string();
        let element = |writer: &mut Writer, name: &Name, text: &str, attribute: Option<(&str, &str)>| {
            writer.start(name);
            if let Some((local, value)) = attribute {
                writer.attribute(&Name::new("", local), value);
            }
            writer.text(text);
            writer.end();
        };
        writer.start(&name("Security"));
        writer.attribute(&Name::new(envelope, "mustUnderstand"), "1");
        if self.has_timestamp {
            writer.start(&Name::new(WSU, "Timestamp"));
            element(writer, &Name::new(WSU, "Created"), &stamp(now), None);
            element(writer, &Name::new(WSU, "Expires"), &stamp(now + LASTS), None);
            writer.end();
        }
        writer.start(&name("UsernameToken"));
        element(writer, &name("Username"), &self.username, None);
        match self.is_digest {
            false => {
                let kind = format!("{PROFILE}#PasswordText");
                element(writer, &name("Password"), self.password.reveal(), Some(("Type", &kind)));
            }
            true => {
                let (created, kind) = (stamp(now), format!("{PROFILE}#PasswordDigest"));
                let digest = digest(nonce, &created, self.password.reveal());
                element(writer, &name("Password"), &digest, Some(("Type", &kind)));
                element(writer, &name("Nonce"), &STANDARD.encode(nonce), Some(("EncodingType", BASE64)));
                element(writer, &Name::new(WSU, "Created"), &created, None);
            }
        }
        writer.end();
        writer.end();
    }
}

/// Base64 of SHA-1 over nonce, time and password: what the profile asks for.
fn digest(nonce: &[u8], created: &str, password: &str) -> String {
    let text = [nonce, created.as_bytes(), password.as_bytes()].concat();
    STANDARD.encode(ring::digest::digest(&ring::digest::SHA1_FOR_LEGACY_USE_ONLY, &text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digest_is_that_of_the_profile() {
        // printf 'nonce2026-01-01T00:00:00.000Zsecret' | openssl dgst -sha1 -binary | base64
        assert_eq!(digest(b"nonce", "2026-01-01T00:00:00.000Z", "secret"), "nlAWA0XRt135oBLihElpMMCTiPU=");
    }
}
