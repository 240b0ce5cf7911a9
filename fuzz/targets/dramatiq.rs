//! What comes from a queue of Dramatiq.

use super::json::Json;
use super::message::Message;

/// Any body: a message that comes back byte for byte once it was written by us, or a reason. What Python writes compactly is
/// what we write.
pub fn actor_message(data: &[u8]) {
    if let Ok(text) = std::str::from_utf8(data)
        && let Ok(json) = Json::read(text)
    {
        assert_eq!(json.text(), text.trim_matches([' ', '\t', '\n', '\r']));
        // whatever serde_json takes is JSON here as well, and has as many values
        if let Ok(value) = serde_json::from_str::<serde_json::Value>(text) {
            assert_eq!(json.items().map(|items| items.len()), value.as_array().map(Vec::len));
            assert_eq!(json.fields().is_some(), value.is_object());
        }
        if let Some(fields) = json.fields() {
            assert_eq!(fields.to_json().fields(), Some(fields));
        }
    } else if let Ok(text) = std::str::from_utf8(data) {
        // what we refuse, serde_json refuses, but for depth
        assert!(serde_json::from_str::<serde::de::IgnoredAny>(text).is_err() || text.len() > 900);
    }
    match Message::read(data) {
        Ok(message) => {
            let written = message.to_json();
            let again = Message::read(written.as_bytes()).expect("what we write");
            assert_eq!(again, message);
            assert_eq!(again.to_json(), written);
        }
        Err(reason) => assert!(!reason.to_string().is_empty()),
    }
}
