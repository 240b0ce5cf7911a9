//! Sitemaps: lists of the addresses of a site, as XML or plain lines.

use std::io::Read;

use serde::Serialize;

use crate::error::{Error, ErrorKind, Result};
use crate::formats::{Node, Nodes};

/// The most addresses of one sitemap; the standard allows 50,000.
const ENTRIES_MAX: usize = 200_000;
/// The most bytes of one, unpacked; the standard allows 50 MiB.
const BYTES_MAX: u64 = 100 << 20;

/// One line of a sitemap.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct SitemapEntry {
    /// The address.
    pub url: String,
    /// When it changed last, as the site writes it.
    pub modified: Option<String>,
    /// Whether it leads to another sitemap.
    pub is_sitemap: bool,
}

/// The entries of a sitemap; one that is packed with gzip is unpacked.
///
/// # Errors
/// Failed, for what is no XML; refused, for one of more than 100 MiB.
pub fn sitemap_entries(bytes: &[u8]) -> Result<Vec<SitemapEntry>> {
    let mut unpacked = Vec::new();
    let bytes = if bytes.starts_with(&[0x1f, 0x8b]) {
        let mut reader = flate2::read::MultiGzDecoder::new(bytes).take(BYTES_MAX + 1);
        reader.read_to_end(&mut unpacked).map_err(|cause| Error::failed("unpack a sitemap").because(cause))?;
        &unpacked
    } else {
        bytes
    };
    if bytes.len() as u64 > BYTES_MAX {
        return Err(Error::new(
            ErrorKind::Refused,
            format!("read a sitemap: it has more than {} MiB", BYTES_MAX >> 20),
        ));
    }
    let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes).trim_ascii_start();
    if !text.starts_with(b"<") {
        let lines = String::from_utf8_lossy(text);
        let urls = lines.lines().map(str::trim).filter(|line| line.starts_with("http")).take(ENTRIES_MAX);
        return Ok(urls.map(|url| SitemapEntry { url: url.to_owned(), ..SitemapEntry::default() }).collect());
    }
    let mut nodes = Nodes::new("the sitemap", text);
    let (mut entries, mut entry): (Vec<SitemapEntry>, SitemapEntry) = (Vec::new(), SitemapEntry::default());
    let mut open: Vec<String> = Vec::new();
    while let Some(node) = nodes.next_node()? {
        match node {
            Node::Start(name, _) => {
                if matches!(name.as_str(), "url" | "sitemap") {
                    entry = SitemapEntry { is_sitemap: name == "sitemap", ..SitemapEntry::default() };
                }
                open.push(name);
            }
            Node::Text(text) => {
                let inside = open.len() >= 2 && matches!(open[open.len() - 2].as_str(), "url" | "sitemap");
                match open.last().map(String::as_str).filter(|_| inside) {
                    Some("loc") => entry.url.push_str(text.trim()),
                    Some("lastmod") => entry.modified.get_or_insert_default().push_str(text.trim()),
                    _ => {}
                }
            }
            Node::End => {
                let name = open.pop();
                if matches!(name.as_deref(), Some("url" | "sitemap")) && !entry.url.is_empty() {
                    entries.push(std::mem::take(&mut entry));
                    if entries.len() > ENTRIES_MAX {
                        let what = format!("read a sitemap: it has more than {ENTRIES_MAX} addresses");
                        return Err(Error::new(ErrorKind::Refused, what));
                    }
                }
            }
        }
    }
    Ok(entries)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sitemaps_are_read_whatever_their_form() {
        let xml = "<?xml version='1.0'?><urlset xmlns='http://www.sitemaps.org/schemas/sitemap/0.9'><url><loc>\n\
                   https://example.com/a?x=1&amp;y=2</loc><lastmod>2026-01-31</lastmod></url><url><loc>https://example.com/b</loc></url></urlset>";
        let entries = sitemap_entries(xml.as_bytes()).expect("entries");
        assert_eq!(entries[0].url, "https://example.com/a?x=1&y=2");
        assert_eq!((entries[0].modified.as_deref(), entries.len()), (Some("2026-01-31"), 2));
        let index = "<sitemapindex><sitemap><loc>https://example.com/s1.xml</loc></sitemap></sitemapindex>";
        assert!(sitemap_entries(index.as_bytes()).expect("entries")[0].is_sitemap);
        assert_eq!(sitemap_entries(b"https://example.com/a\nhttps://example.com/b\n").expect("lines").len(), 2);
        assert!(sitemap_entries(b"<urlset><url>").is_err());
    }
}
