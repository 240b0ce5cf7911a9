//! Addresses that stand in a page, resolved.

use url::Url;

/// An address in a page as an absolute one, without its fragment; `None` for what is none of the web.
pub(super) fn resolved(base: Option<&Url>, text: &str) -> Option<String> {
    let text = text.trim();
    let url = match base {
        Some(base) => base.join(text).ok()?,
        None => Url::parse(text).ok()?,
    };
    if !matches!(url.scheme(), "http" | "https" | "file") {
        return None;
    }
    let mut url = url;
    url.set_fragment(None);
    Some(url.into())
}
