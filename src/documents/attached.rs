//! Files that a PDF carries, written into a folder under names that do no harm.

use std::fs::{self, OpenOptions};
use std::io::{ErrorKind as Io, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::open::Opened;
use crate::error::{Error, Result, file_error};

/// Bytes of a name: a file system takes 255, and a number may follow.
const NAME_MAX: usize = 200;
/// Files of one name.
const SAME_MAX: usize = 10_000;

/// An attachment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attached {
    /// The name that the PDF gives it.
    pub name: String,
    /// The file that it was written to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<PathBuf>,
    /// How many bytes it has.
    pub bytes: u64,
    /// Why it was not written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// Writes the attachments of a file into a folder, which is made for the first one. No file that is there is changed.
///
/// # Errors
/// Permission and Failed, where the folder cannot be written into.
pub fn unpack(file: &Opened, folder: &Path) -> Result<Vec<Attached>> {
    let Opened::Pdf(document) = file else { return Ok(Vec::new()) };
    let mut all = Vec::new();
    document.attachments(&mut |attachment| {
        all.push(match attachment.data {
            Ok(data) => {
                let file = written(folder, &safe(&attachment.name), &data)?;
                Attached { name: attachment.name, file: Some(file), bytes: data.len() as u64, error: None }
            }
            Err(error) => Attached { name: attachment.name, file: None, bytes: 0, error: Some(error.to_string()) },
        });
        Ok(())
    })?;
    Ok(all)
}

fn written(folder: &Path, name: &str, data: &[u8]) -> Result<PathBuf> {
    fs::create_dir_all(folder).map_err(|cause| file_error(format!("make the folder {}", folder.display()), cause))?;
    let (stem, ending) = match name.rfind('.').filter(|at| *at > 0) {
        Some(at) => name.split_at(at),
        None => (name, ""),
    };
    for number in 1..SAME_MAX {
        let more = if number == 1 { String::new() } else { format!("-{number}") };
        let path = folder.join(format!("{stem}{more}{ending}"));
        let what = || format!("write {}", path.display());
        match OpenOptions::new().write(true).create_new(true).open(&path) {
            Ok(mut file) => {
                file.write_all(data).map_err(|cause| file_error(what(), cause))?;
                return Ok(path);
            }
            // what was unpacked by an earlier run is there already
            Err(cause) if cause.kind() == Io::AlreadyExists => {
                if fs::symlink_metadata(&path).is_ok_and(|it| it.is_file() && it.len() == data.len() as u64)
                    && fs::read(&path).is_ok_and(|known| known == data)
                {
                    return Ok(path);
                }
            }
            Err(cause) => return Err(file_error(what(), cause)),
        }
    }
    Err(Error::failed(format!("write {name}: too many files in {} have this name", folder.display())))
}

/// A name that stays in its folder, that is seen, and that no shell and no terminal trips over.
fn safe(name: &str) -> String {
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let plain = |letter: char| match letter {
        _ if letter.is_control() => '_',
        // marks that turn the direction of letters make one ending look like another
        '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' => '_',
        '<' | '>' | ':' | '"' | '|' | '?' | '*' => '_',
        _ => letter,
    };
    let mut clean: String = last.chars().map(plain).collect();
    clean = clean.trim().trim_start_matches(['.', '-']).trim_end_matches(['.', ' ']).to_owned();
    while clean.len() > NAME_MAX {
        // the ending stays
        let at = clean.rfind('.').filter(|at| clean.len() - at < 20 && *at > 0).unwrap_or(clean.len());
        let before = clean[..at].char_indices().next_back().map_or(0, |(at, _)| at);
        clean.replace_range(before..at, "");
    }
    if clean.is_empty() { "attachment".to_owned() } else { clean }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stay_in_their_folder() {
        for (name, wanted) in [
            ("../../etc/passwd", "passwd"),
            ("C:\\Windows\\evil.exe", "evil.exe"),
            ("..", "attachment"),
            (".bashrc", "bashrc"),
            ("-rf", "rf"),
            ("invoice.xml", "invoice.xml"),
            ("ra\u{202e}fdp.exe", "ra_fdp.exe"),
            ("a\nb\0c", "a_b_c"),
            ("račun 5.pdf", "račun 5.pdf"),
            ("", "attachment"),
        ] {
            assert_eq!(safe(name), wanted, "{name}");
        }
        let long = safe(&format!("{}.xml", "ž".repeat(300)));
        assert!(long.len() <= NAME_MAX && long.ends_with("ž.xml"), "{long}");
    }
}
