//! The key of a cassette: what was asked is told from what looks alike by a digest that only whoever has the key can make.

use std::io::{ErrorKind as IoKind, Write};
use std::path::Path;
use std::sync::LazyLock;

use regex::bytes::Regex;

use super::super::asked::Asked;
use super::super::hide::Hider;
use crate::die;
use crate::error::{OrFail, Result, file_error};
use crate::hash::hash_bytes;

/// The file in the folder.
const FILE: &str = "key";
const KEY_BYTES: usize = 32;

/// What is different in each request of a program that does the same again: what WS-Security and WS-Addressing make by dice or
/// by the clock.
#[expect(clippy::unwrap_used, reason = "the pattern is a constant, and a test reads it")]
static MADE_ANEW: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"<((?:[\w.-]+:)?(?:Nonce|Created|Expires|MessageID|Password|Timestamp))\b([^>]*)>[^<]*<").unwrap()
});
/// Identities of elements, which are made by dice as well.
#[expect(clippy::unwrap_used, reason = "the pattern is a constant, and a test reads it")]
static IDENTITY: LazyLock<Regex> = LazyLock::new(|| Regex::new(r#"\b(?:wsu:)?Id="[^"]*""#).unwrap());

/// The key of a cassette.
#[derive(Debug, Clone)]
pub(in crate::http) struct Key(Vec<u8>);

impl Key {
    /// The key of a folder that is written; made where there is none.
    ///
    /// # Errors
    /// What the file system says.
    pub(in crate::http) fn of(folder: &Path) -> Result<Self> {
        let path = folder.join(FILE);
        let failed = |cause| file_error(format!("make {}", path.display()), cause);
        let mut random = [0; KEY_BYTES];
        die::fill(&mut random).or_fail(|| "make random bytes".to_owned())?;
        let key = hash_bytes(&random).to_string().into_bytes();
        // several processes may begin at once: it appears whole
        let mut new = tempfile::Builder::new().prefix(".key").tempfile_in(folder).map_err(failed)?;
        new.write_all(&key).map_err(failed)?;
        match new.persist_noclobber(&path) {
            Ok(_) => Ok(Self(key)),
            Err(refused) if refused.error.kind() == IoKind::AlreadyExists => {
                Ok(Self(std::fs::read(&path).map_err(failed)?))
            }
            Err(refused) => Err(failed(refused.error)),
        }
    }

    /// The key of a folder that is read; `None` where whoever recorded knew of none.
    ///
    /// # Errors
    /// What the file system says.
    pub(super) fn find(folder: &Path) -> Result<Option<Self>> {
        match std::fs::read(folder.join(FILE)) {
            Ok(key) => Ok(Some(Self(key))),
            Err(cause) if cause.kind() == IoKind::NotFound => Ok(None),
            Err(cause) => Err(file_error(format!("read {}", folder.join(FILE).display()), cause)),
        }
    }

    /// The digest of something under this key.
    pub(in crate::http) fn sign(&self, bytes: &[u8]) -> String {
        hash_bytes(&[self.0.as_slice(), bytes].concat()).to_string()
    }

    /// The digest of a request, with all that is hidden of it elsewhere: SHA3-256 of the key, the method, the URL and the body.
    pub(super) fn digest(&self, hider: &Hider, asked: &Asked<'_>, content_type: &str, body: &[u8]) -> String {
        let mut text = format!("{}\n{}\n", asked.method, asked.url).into_bytes();
        match content_type.contains("xml") {
            true => {
                let body = MADE_ANEW.replace_all(body, b"<$1$2><".as_slice());
                text.extend_from_slice(&IDENTITY.replace_all(&body, b"".as_slice()));
            }
            false => text.extend_from_slice(body),
        }
        self.sign(&hider.as_replayed(text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_made_anew_each_time_tells_nothing() {
        let body = |nonce: &str, name: &str| {
            format!(
                "<a><w:Nonce T='x'>{nonce}</w:Nonce><u:Created>{nonce}</u:Created><b wsu:Id=\"{nonce}\">{name}</b></a>"
            )
        };
        let plain = |text: String| {
            let once = MADE_ANEW.replace_all(text.as_bytes(), b"<$1$2><".as_slice()).into_owned();
            IDENTITY.replace_all(&once, b"".as_slice()).into_owned()
        };
        assert_eq!(plain(body("1", "x")), plain(body("2", "x")));
        assert_ne!(plain(body("1", "x")), plain(body("1", "y")));
    }

    #[test]
    fn a_folder_has_one_key_whoever_comes_first() {
        let folder = tempfile::tempdir().expect("a folder");
        assert!(Key::find(folder.path()).expect("none").is_none());
        let keys: Vec<Key> = (0..2).map(|_| Key::of(folder.path()).expect("a key")).collect();
        assert_eq!((keys[0].0.len(), &keys[0].0), (2 * KEY_BYTES, &keys[1].0));
        assert_eq!(Key::find(folder.path()).expect("one").expect("one").0, keys[0].0);
    }
}
