//! Where in its store a file stands: by app, by kind, by date, under its own hash.

use chrono::NaiveDateTime;

use crate::die;
use crate::ident::AppName;
use crate::tables::{SHA256_BYTES, hex_text};

/// Stands for the app of what people keep by hand. No part of an app's name begins so.
const PEOPLE: &str = "@people";
/// Stands for an extension.
const NO_EXTENSION: &str = "none";
/// The end of a file that is still being written.
pub(super) const PART: &str = ".part";
/// Hexadecimal digits that tell apart what has the same hash.
const SALT_DIGITS: usize = 8;

/// How deep the folders of dates are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Dates {
    /// None.
    Flat,
    /// `2026`
    Yearly,
    /// `2026/11`
    Monthly,
    /// `2026/11/29`
    #[default]
    Daily,
    /// `2026/11/29/14`
    Hourly,
}

impl Dates {
    fn format(self) -> &'static str {
        match self {
            Self::Flat => "",
            Self::Yearly => "/%Y",
            Self::Monthly => "/%Y/%m",
            Self::Daily => "/%Y/%m/%d",
            Self::Hourly => "/%Y/%m/%d/%H",
        }
    }
}

/// The folder of a file: `<group>/<parent>/<app>/<ext>/<2026/11/29>`.
pub(super) fn folder(app: Option<&AppName>, extension: &str, dates: Dates, now: NaiveDateTime) -> String {
    let app = app.map_or_else(|| PEOPLE.to_owned(), ToString::to_string);
    let extension = if extension.is_empty() { NO_EXTENSION } else { extension };
    format!("{app}/{extension}{}", now.format(dates.format()))
}

/// The path of a file in its folder. What is salted differs each time.
pub(super) fn path(folder: &str, sha256: &[u8], extension: &str, is_salted: bool) -> String {
    let salt = if is_salted { format!("-{}", salt()) } else { String::new() };
    let dot = if extension.is_empty() { "" } else { "." };
    format!("{folder}/{}{salt}{dot}{extension}", hex_text(sha256))
}

fn salt() -> String {
    let number = (die::share() * f64::from(u32::MAX)) as u32;
    format!("{number:0SALT_DIGITS$x}")
}

/// What a path of our own making says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Said {
    /// It is a file with this SHA-256.
    Sha256(Vec<u8>),
    /// It is a file that is still being written, or was when its writer died.
    Part,
    /// It is none of ours.
    Foreign,
}

/// Reads a path.
pub(super) fn said(path: &str) -> Said {
    let name = path.rsplit('/').next().unwrap_or_default();
    if name.starts_with('.') && name.ends_with(PART) {
        return Said::Part;
    }
    let stem = name.split('.').next().unwrap_or_default();
    let (digits, salt) = stem.split_once('-').map_or((stem, None), |(digits, salt)| (digits, Some(salt)));
    let is_salt = |salt: &str| salt.len() == SALT_DIGITS && salt.bytes().all(is_digit);
    match sha256_from(digits).filter(|_| salt.is_none_or(is_salt)) {
        Some(bytes) => Said::Sha256(bytes),
        None => Said::Foreign,
    }
}

fn is_digit(byte: u8) -> bool {
    byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte)
}

/// 64 small hexadecimal digits as the bytes of a SHA-256; `None` for anything else.
pub fn sha256_from(digits: &str) -> Option<Vec<u8>> {
    if digits.len() != 2 * SHA256_BYTES || !digits.bytes().all(is_digit) {
        return None;
    }
    (0..SHA256_BYTES).map(|place| u8::from_str_radix(&digits[2 * place..2 * place + 2], 16).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_says_what_it_is_of() {
        let sha256: Vec<u8> = (0..32).collect();
        let app: AppName = "hr/scans/invoices".parse().expect("a name");
        let now =
            chrono::NaiveDate::from_ymd_opt(2026, 11, 9).and_then(|day| day.and_hms_opt(4, 5, 6)).expect("a time");
        let plain = path(&folder(Some(&app), "pdf", Dates::Daily, now), &sha256, "pdf", false);
        assert_eq!(plain, format!("hr/scans/invoices/pdf/2026/11/09/{}.pdf", hex_text(&sha256)));
        assert_eq!(folder(None, "", Dates::Flat, now), "@people/none");
        assert_eq!(folder(None, "", Dates::Hourly, now), "@people/none/2026/11/09/04");
        let salted = path("a", &sha256, "", true);
        assert_ne!(salted, path("a", &sha256, "", true));
        for path in [plain, salted] {
            assert_eq!(said(&path), Said::Sha256(sha256.clone()), "{path}");
        }
        assert_eq!(said("a/.x1.part"), Said::Part);
        let near = hex_text(&sha256);
        for foreign in ["README", "a/b.pdf", &near[1..], &near.to_uppercase(), &format!("{near}-12.pdf")] {
            assert_eq!(said(foreign), Said::Foreign, "{foreign}");
        }
    }
}
