//! WS-Addressing: what is asked for, a number of the message, and for whom it is, in the header. It is written where the
//! WSDL names the action of a message.

use super::xml::{Name, Writer};
use crate::ident::new_identity;

const WSA: &str = "http://www.w3.org/2005/08/addressing";

/// Writes the headers, but for those that `is_given`.
pub(super) fn write(writer: &mut Writer, action: &str, address: &str, is_given: impl Fn(&str) -> bool) {
    let id = format!("urn:uuid:{}", new_identity());
    for (local, text) in [("Action", action), ("MessageID", &id), ("To", address)] {
        if !is_given(local) {
            writer.start(&Name::new(WSA, local));
            writer.text(text);
            writer.end();
        }
    }
}
