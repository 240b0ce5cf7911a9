//! Where a broker is.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::address::Address;
use crate::fuzzing::halves;
use crate::settings::Secret;

/// Any URL; and a user and a password, encoded, of any signs: they are decoded as they were. No error shows a password.
pub fn broker_url(data: &[u8]) {
    let Some((user, password)) = halves(data) else { return };
    if let Err(error) = Address::read(&Secret::new(user)) {
        assert!(!format!("{error:?}").contains(user) || user.len() < 8);
    }
    let [name, secret] = [user, password].map(|part| utf8_percent_encode(part, NON_ALPHANUMERIC).to_string());
    let address = Address::read(&Secret::new(format!("amqp://{name}:{secret}@host:77/{name}"))).expect("an address");
    let or = |text: &str, default: &str| if text.is_empty() { default.to_owned() } else { text.to_owned() };
    assert_eq!((address.user, address.virtual_host), (or(user, "guest"), or(user, "/")));
    assert_eq!((address.host.as_str(), address.port, address.is_encrypted), ("host", 77, false));
    assert_eq!(address.password, or(password, "guest"));
}
