//! Any text as a dotenv file: no panic, and whatever is set reads the same, beside everything else as it was.
#![no_main]

use data_collector::secrets::Document;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (&str, &str)| {
    let (text, value) = input;
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
});
