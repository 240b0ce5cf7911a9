//! A file with secrets as it stands on disk, recognised and not yet opened.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use super::archive::{self, ARCHIVE_BYTES_MAX};
use super::flaw::Flaw;
use super::header::{self, Header};
use super::key::Key;
use super::older;
use super::password::Password;
use super::seal::{self, Plain};
use crate::dotenv::Document;
use crate::error::{Error, ErrorKind, Result, file_error};

/// How a file is sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Today's: Argon2id and AES-256-GCM.
    Today(Header),
    /// The older one: PBKDF2 and AES-256-CBC, not authenticated.
    Older,
}

/// A file with secrets.
#[derive(Debug, Clone)]
pub struct Sealed {
    form: Form,
    member: Vec<u8>,
    /// Whether a checksum has told that its bytes are those that were written.
    is_checked: bool,
}

impl Sealed {
    /// Recognises a file; `None` where there is none.
    ///
    /// # Errors
    /// Permission (exit 4) for what is no store, damaged, or not ours to read.
    pub fn read(path: &Path) -> Result<Option<Self>> {
        let failed = |cause| file_error(format!("read the secrets in {}", path.display()), cause);
        let file = match File::open(path) {
            Ok(file) => file,
            Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => return check_link(path).map(|()| None),
            Err(cause) => return Err(failed(cause)),
        };
        let mut bytes = Vec::new();
        file.take(ARCHIVE_BYTES_MAX as u64 + 1).read_to_end(&mut bytes).map_err(failed)?;
        Self::from_bytes(&bytes).map(Some).map_err(|flaw| flaw.at(path))
    }

    /// Recognises the bytes of a file: an archive, or its member by itself.
    ///
    /// # Errors
    /// `Foreign`, `Damaged`, `Repacked`, `Newer`, `Greedy`, `TooLarge`.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Flaw> {
        if bytes.len() > ARCHIVE_BYTES_MAX {
            return Err(Flaw::TooLarge);
        }
        if bytes.is_empty() {
            return Err(Flaw::Damaged("it is empty"));
        }
        if !archive::is_archive(bytes) {
            return Self::of_member(bytes.to_vec(), false);
        }
        let found = archive::unpack(bytes)?;
        let sealed = Self::of_member(found.bytes, true)?;
        match sealed.form {
            Form::Today(_) if !found.is_ours => Err(Flaw::Repacked),
            _ => Ok(sealed),
        }
    }

    fn of_member(member: Vec<u8>, is_checked: bool) -> Result<Self, Flaw> {
        let form = match member.starts_with(older::MAGIC) {
            true => Form::Older,
            false => Form::Today(Header::read(&member)?),
        };
        Ok(Self { form, member, is_checked })
    }

    /// How it is sealed.
    pub fn form(&self) -> Form {
        self.form
    }

    /// Whether it stands in an archive, as a store does.
    pub fn is_packed(&self) -> bool {
        self.is_checked
    }

    /// The key that a password gives; `None` for the older form, which keeps none.
    ///
    /// # Errors
    /// `WrongPassword`, or `WrongOrDamaged` where no checksum has told them apart; what the derivation says.
    pub fn key(&self, password: &Password) -> Result<Option<(Header, Key)>, Flaw> {
        let Form::Today(header) = self.form else { return Ok(None) };
        let key = header.parameters.derive(password.reveal(), &header.salt)?;
        match (header.fits(&key), self.is_checked) {
            (true, _) => Ok(Some((header, key))),
            (false, true) => Err(Flaw::WrongPassword),
            (false, false) => Err(Flaw::WrongOrDamaged),
        }
    }

    /// The text, for a key that fits.
    ///
    /// # Errors
    /// `WrongPassword`, `Tampered`, `Damaged`.
    pub fn open(&self, key: &Key) -> Result<Plain, Flaw> {
        match &self.form {
            Form::Today(header) => seal::open(key, header, &self.member),
            Form::Older => Err(Flaw::WrongPassword),
        }
    }

    /// The text of a file in the older form.
    ///
    /// # Errors
    /// `WrongOrDamaged`, `Damaged`.
    pub fn open_older(&self, password: &Password) -> Result<Plain, Flaw> {
        older::open(password.reveal(), &self.member)
    }
}

/// A link whose store is not there is no missing store: it may be on a disk that is not mounted.
///
/// # Errors
/// Not found (exit 5), for such a link.
pub(super) fn check_link(path: &Path) -> Result<()> {
    let Ok(target) = std::fs::read_link(path) else { return Ok(()) };
    if path.exists() {
        return Ok(());
    }
    let (link, target) = (path.display(), target.display());
    Err(Error::new(
        ErrorKind::NotFound,
        format!("find the secrets in {link}: it is a link to {target}, which is not there"),
    )
    .hint(format!("mount or restore it; `dc secrets --store {target} set NAME` makes a new store there")))
}

/// The document that a text is.
///
/// # Errors
/// Permission (exit 4), with the line and without its content.
pub fn document_of(text: &Plain, place: &str) -> Result<Document> {
    let refused = |reason: String| {
        Error::new(ErrorKind::Permission, format!("read the secrets in {place} as a dotenv file: {reason}"))
            .hint("a line is NAME=value, or begins with #")
    };
    let text = std::str::from_utf8(text).map_err(|cause| {
        let line = text[..cause.valid_up_to()].iter().filter(|byte| **byte == b'\n').count() + 1;
        refused(format!("line {line} is no UTF-8"))
    })?;
    Document::parse(text).map_err(|bad| refused(bad.to_string()))
}

/// What a member begins with, for who wants to recognise one.
pub const MAGICS: [&[u8; 8]; 2] = [header::MAGIC, older::MAGIC];

#[cfg(test)]
mod tests {
    use super::super::parameters::Parameters;
    use super::super::seal::{new_key, seal};
    use super::*;

    const TEXT: &[u8] = b"# keys\nAPI_KEY=value-one\nOTHER='two'\n";
    /// Hardly any work: these tests derive thousands of keys.
    const CHEAP: Parameters = Parameters { memory_kib: 8, passes: 1, lanes: 1 };

    fn password(text: &str) -> Password {
        Password::new(text.as_bytes().to_vec().into(), "of a test").expect("a password")
    }

    fn member() -> Vec<u8> {
        let (key, mut header) = new_key(b"right", CHEAP, 1_790_000_000).expect("a key");
        seal(&key, &mut header, TEXT).expect("a member")
    }

    /// Opens the bytes of a file as dc does.
    fn open(bytes: &[u8]) -> Result<Plain, Flaw> {
        let sealed = Sealed::from_bytes(bytes)?;
        match sealed.key(&password("right"))? {
            Some((_, key)) => sealed.open(&key),
            None => sealed.open_older(&password("right")),
        }
    }

    #[test]
    fn what_was_sealed_opens_bare_and_in_its_archive() {
        let member = member();
        assert_eq!(open(&member).expect("the text").as_slice(), TEXT);
        let archive = archive::pack(&member);
        assert_eq!(open(&archive).expect("the text").as_slice(), TEXT);
        let wrong = |bytes: &[u8]| Sealed::from_bytes(bytes).and_then(|sealed| sealed.key(&password("wrong"))).err();
        assert_eq!(wrong(&archive), Some(Flaw::WrongPassword));
        assert_eq!(wrong(&member), Some(Flaw::WrongOrDamaged), "no checksum tells them apart");
    }

    #[test]
    fn every_bit_counts() {
        let member = member();
        for bytes in [archive::pack(&member), member] {
            for bit in 0..bytes.len() * 8 {
                let mut changed = bytes.clone();
                changed[bit / 8] ^= 1 << (bit % 8);
                // a flip in the parameters may ask for a gigabyte: that it is another header is tested without the work
                let is_parameter = !archive::is_archive(&bytes) && (96..192).contains(&bit);
                match is_parameter {
                    true => assert_ne!(changed[..76], bytes[..76]),
                    false => assert!(open(&changed).is_err(), "bit {bit} of {}", bytes.len()),
                }
            }
        }
    }

    #[test]
    fn every_length_but_the_whole_is_refused() {
        let member = member();
        for bytes in [archive::pack(&member), member] {
            for length in 0..bytes.len() {
                assert!(open(&bytes[..length]).is_err(), "length {length} of {}", bytes.len());
            }
            assert!(open(&[&bytes[..], b"\0"].concat()).is_err(), "a byte too many");
        }
    }

    #[test]
    fn a_right_checksum_does_not_hide_a_change() {
        // whoever changes the ciphertext can mend the checksum of the archive
        let mut member = member();
        let last = member.len() - 20;
        member[last] ^= 1;
        assert_eq!(open(&archive::pack(&member)).err(), Some(Flaw::Tampered));
        // nor can a flag of the header be changed
        let mut flagged = self::member();
        flagged[9] ^= 1;
        assert_eq!(open(&archive::pack(&flagged)).err(), Some(Flaw::Tampered));
    }

    proptest::proptest! {
        #![proptest_config(proptest::prelude::ProptestConfig::with_cases(20_000))]

        #[test]
        fn bytes_of_anybody_are_refused(
            edits in proptest::collection::vec((0_usize..400, proptest::prelude::any::<u8>(), 0_u8..4), 1..6),
            junk in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..120),
        ) {
            let mut bytes = archive::pack(&[&header::MAGIC[..], &junk].concat());
            for (at, byte, how) in edits {
                let at = at.min(bytes.len());
                match how {
                    0 => bytes.insert(at, byte),
                    1 => bytes.truncate(at),
                    2 => bytes.extend_from_slice(&junk),
                    _ => bytes.iter_mut().skip(at).take(4).for_each(|old| *old = byte),
                }
            }
            // nobody has sealed it: whatever it looks like, it is no panic, and no text comes of it
            for bytes in [&bytes, &junk, &archive::pack(&junk)] {
                if let Ok(sealed) = Sealed::from_bytes(bytes) {
                    let is_cheap = matches!(sealed.form(), Form::Today(header) if header.parameters.memory_kib <= 64);
                    assert!(!is_cheap || open(bytes).is_err());
                }
            }
        }
    }
}
