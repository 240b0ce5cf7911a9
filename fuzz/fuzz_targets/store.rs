//! Any bytes as the file of a store: archive, header, older form. Never a panic, never more memory than a file may ask
//! for, and never a text out of bytes that nobody has sealed.
#![no_main]

use data_collector::secrets::header::HEADER_BYTES;
use data_collector::secrets::{Form, Header, Password, Sealed, archive};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    one(bytes);
    // the same bytes as a member whose archive is whole, which random bytes rarely are
    one(&archive::pack(bytes));
    if let Ok(header) = Header::read(bytes) {
        assert_eq!(header.to_bytes()[..], bytes[..HEADER_BYTES]);
    }
});

fn one(bytes: &[u8]) {
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
