//! The store of secrets, and the text in it.

use super::halves;
use crate::secrets::header::HEADER_BYTES;
use crate::secrets::{Document, Form, Header, Password, Sealed, archive};

/// A dotenv file, and behind the mark a value: whatever is set reads the same, beside everything else as it was.
pub fn dotenv(data: &[u8]) {
    let Some((text, value)) = halves(data) else { return };
    let Ok(mut document) = Document::parse(text) else { return };
    let before: Vec<_> = document.entries().iter().map(|entry| (entry.name.clone(), entry.value.clone())).collect();
    for name in ["ADDED".to_owned(), before.first().map_or("A".to_owned(), |(name, _)| name.clone())] {
        if document.set(&name, value).is_err() {
            assert!(value.contains('\0'));
            return;
        }
        assert_eq!(document.get(&name).map(|value| value.reveal()), Some(value));
    }
    let again = Document::parse(document.text()).expect("what was written is read");
    assert_eq!(again.entries().len(), document.entries().len());
    let _ = document.unset("ADDED");
    for (name, value) in &before {
        let is_changed = Some(name) == before.first().map(|(name, _)| name) || name == "ADDED";
        assert!(is_changed || document.entries().iter().any(|entry| entry.name == *name && entry.value == *value));
    }
}

/// Any bytes as the file of a store: archive, header, older form. Never more memory than a file may ask for, and never a
/// text out of bytes that nobody has sealed.
pub fn store(data: &[u8]) {
    unseal(data);
    // the same bytes as a member whose archive is whole, which random bytes rarely are
    unseal(&archive::pack(data));
    if let Ok(header) = Header::read(data) {
        assert_eq!(header.to_bytes()[..], data[..HEADER_BYTES]);
    }
}

fn unseal(bytes: &[u8]) {
    if let Ok(member) = archive::unpack(bytes) {
        assert!(!member.is_ours || archive::pack(&member.bytes) == bytes);
    }
    let Ok(sealed) = Sealed::from_bytes(bytes) else { return };
    // the work that a header may ask for is tested elsewhere; here only what costs nothing
    let is_cheap = matches!(sealed.form(), Form::Today(header) if header.parameters.memory_kib <= 64 && header.parameters.passes <= 2);
    if is_cheap {
        let Ok(password) = Password::new(b"fuzz".to_vec().into(), "of the fuzzer") else { return };
        assert!(sealed.key(&password).is_err(), "a key for a password that nobody has set");
    }
}
