//! Parts of URLs.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// What is not plainly part of a name in a URL.
const NOT_PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Percent-encodes what is not plainly part of a name.
pub(super) fn encode(text: &str) -> String {
    utf8_percent_encode(text, NOT_PLAIN).to_string()
}
