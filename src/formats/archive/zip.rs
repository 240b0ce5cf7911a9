//! ZIP archives, and which of them are workbooks.

use std::fs::File;
use std::io::{BufReader, Read, Seek};

use zip::ZipArchive;
use zip::result::ZipError;

use super::bounded::unpack;
use super::member::{MEMBERS_MAX, Member, chosen};
use crate::context::Cancellation;
use crate::error::{Error, ErrorKind, Result, file_error};
use crate::formats::reading::Reading;

/// Whether a file begins as a ZIP does, also an empty one.
pub(crate) fn is_zip(start: &[u8]) -> bool {
    start.starts_with(b"PK\x03\x04") || start.starts_with(b"PK\x05\x06")
}

/// An open archive.
pub(crate) struct Zip {
    name: String,
    archive: ZipArchive<BufReader<File>>,
    names: Vec<String>,
}

impl Zip {
    pub(crate) fn open(name: &str, file: &File) -> Result<Self> {
        let mut file = file.try_clone().map_err(|cause| file_error(format!("read {name}"), cause))?;
        file.rewind().map_err(|cause| file_error(format!("read {name}"), cause))?;
        let mut archive = ZipArchive::new(BufReader::new(file)).map_err(|cause| told(name, cause))?;
        if archive.len() > MEMBERS_MAX {
            let what = format!("read {name}: it has more than {MEMBERS_MAX} members");
            return Err(Error::new(ErrorKind::Refused, what));
        }
        let mut names = Vec::with_capacity(archive.len());
        for place in 0..archive.len() {
            let member = archive.by_index_raw(place).map_err(|cause| told(name, cause))?;
            let own = member.name().map_err(|cause| told(name, cause))?.into_owned();
            names.push(if member.is_dir() && !own.ends_with('/') { format!("{own}/") } else { own });
        }
        Ok(Self { name: name.to_owned(), archive, names })
    }

    /// Whether it holds a member of this name.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.names.iter().any(|known| known == name)
    }

    /// Whether it is an XLSX, XLSB or ODS file.
    pub(crate) fn is_workbook(&self) -> bool {
        let is_office = self.has("[Content_Types].xml") && (self.has("xl/workbook.xml") || self.has("xl/workbook.bin"));
        is_office || self.has("mimetype") && self.has("content.xml")
    }

    /// A member as a stream; `None` when there is none of this name. Names are compared without regard to case, as Office
    /// does.
    pub(crate) fn stream(&mut self, name: &str) -> Result<Option<impl Read + '_>> {
        let Some(place) = self.names.iter().position(|known| known.eq_ignore_ascii_case(name)) else { return Ok(None) };
        match self.archive.by_index(place) {
            Ok(member) => Ok(Some(member)),
            Err(cause) => Err(told(&self.name, cause)),
        }
    }

    pub(super) fn members(mut self, reading: &Reading, cancellation: &Cancellation) -> Result<Vec<Member>> {
        let mut members = Vec::new();
        for place in chosen(&self.name, &self.names, reading)? {
            let name = self.names[place].clone();
            let what = format!("`{name}` of {}", self.name);
            let member = self.archive.by_index(place).map_err(|cause| told(&what, cause))?;
            let sizes = (member.compressed_size(), member.size());
            members.push(Member { file: unpack(&what, member, sizes, cancellation)?, name });
        }
        Ok(members)
    }
}

fn told(name: &str, cause: ZipError) -> Error {
    if matches!(&cause, ZipError::UnsupportedArchive(why) if why.to_lowercase().contains("password")) {
        return Error::new(ErrorKind::Permission, format!("read {name}: it is encrypted"))
            .hint("unpack it with `7z x`, which asks for the password, and merge the file");
    }
    let hint = match &cause {
        ZipError::CompressionMethodNotSupported(_) => "it is packed in a rare way: unpack it with `7z x`",
        _ => "the archive is damaged or cut short: fetch it again; nothing was changed",
    };
    Error::failed(format!("read {name}")).because(cause.to_string()).hint(hint)
}
