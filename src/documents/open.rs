//! A file that was opened: what it is by its first bytes, not by its name.

use std::path::Path;

use super::picture_file::{self, Kind};
use crate::error::{Error, ErrorKind, Result, file_error};
use crate::layout::Picture;
use crate::pdf::{Document, EmbeddedPicture, FileBytes, Limits};

/// An opened file.
pub enum Opened {
    /// A PDF.
    Pdf(Box<Document>),
    /// A picture.
    Picture(PictureFile),
}

/// A picture with its pages still packed.
pub struct PictureFile {
    bytes: FileBytes,
    kind: Kind,
    pages: usize,
    pixels_max: usize,
}

impl Opened {
    /// Opens a file.
    ///
    /// # Errors
    /// Not found; Permission; Refused, for one that is too large; Failed, for what is no PDF and no picture, or damaged.
    pub fn open(path: &Path, password: &str, limits: Limits) -> Result<Self> {
        let what = || format!("open {}", path.display());
        let about = std::fs::metadata(path).map_err(|cause| file_error(what(), cause))?;
        if !about.is_file() {
            return Err(Error::new(ErrorKind::Usage, format!("{}: it is no file", what())));
        }
        if about.len() > limits.bytes_max as u64 {
            let message =
                format!("{}: it has {} bytes, and at most {} are read", what(), about.len(), limits.bytes_max);
            return Err(Error::new(ErrorKind::Refused, message));
        }
        let file = FileBytes::of(path, limits.shares_files)?;
        Self::of_file(file, password, limits).map_err(|error| error.within(what()))
    }

    /// Opens what is in memory already.
    ///
    /// # Errors
    /// As [`Opened::open`].
    pub fn of(bytes: Vec<u8>, password: &str, limits: Limits) -> Result<Self> {
        Self::of_file(FileBytes::Read(bytes), password, limits)
    }

    fn of_file(file: FileBytes, password: &str, limits: Limits) -> Result<Self> {
        let bytes = file.as_ref();
        if bytes.is_empty() {
            return Err(Error::failed("read it: it is empty").hint("fetch it again: nothing arrived"));
        }
        match Kind::of(bytes) {
            Some(kind) => {
                let pages = picture_file::pages(bytes, kind)?;
                Ok(Self::Picture(PictureFile { bytes: file, kind, pages, pixels_max: limits.pixels_max }))
            }
            None if is_pdf(bytes) => Ok(Self::Pdf(Box::new(Document::of_file(file, password, limits)?))),
            None => Err(foreign(bytes)),
        }
    }

    /// How many pages it has.
    pub fn pages(&self) -> usize {
        match self {
            Self::Pdf(document) => document.pages(),
            Self::Picture(file) => file.pages,
        }
    }
}

impl PictureFile {
    /// A page in shades of grey; `page` counts from 1.
    ///
    /// # Errors
    /// Not found; Refused, for one with too many pixels; Failed, for one that is damaged.
    pub fn page(&self, page: usize) -> Result<Picture> {
        if page == 0 || page > self.pages {
            return Err(Error::new(ErrorKind::NotFound, format!("find page {page}: the picture has {}", self.pages)));
        }
        // a decoder of foreign bytes may panic: that is a damaged picture, and no end of the program
        let decode = || picture_file::page(self.bytes.as_ref(), self.kind, page, self.pixels_max);
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(decode))
            .unwrap_or_else(|_| Err(Error::failed("read the picture: its decoder gave up on damaged data")))
    }
}

impl PictureFile {
    /// What is wrong with the picture, though it can be shown in part.
    pub fn flaw(&self) -> Option<Error> {
        picture_file::flaw(self.bytes.as_ref(), self.kind)
    }

    /// What of it is not read.
    pub fn left_out(&self) -> Option<&'static str> {
        picture_file::left_out(self.bytes.as_ref(), self.kind)
    }

    /// A page as a PDF holds it: a JPEG as it is, everything else packed anew without loss.
    ///
    /// # Errors
    /// As [`PictureFile::page`].
    pub fn embedded(&self, page: usize) -> Result<EmbeddedPicture> {
        let decode = || picture_file::embedded(self.bytes.as_ref(), self.kind, page, self.pixels_max);
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(decode))
            .unwrap_or_else(|_| Err(Error::failed("read the picture: its decoder gave up on damaged data")))
    }
}

/// What reads pictures of phones.
const LIBHEIF: &str = "`sudo apt-get install libheif1`, or convert it: `heif-convert IN OUT.png`";

/// Why what is neither a PDF nor a picture is not read; what it is instead is named with what makes a PDF of it.
fn foreign(bytes: &[u8]) -> Error {
    let brand = bytes.get(4..12).unwrap_or_default();
    let is_of = |marks: &[&[u8]]| marks.iter().any(|mark| bytes.starts_with(mark));
    let (what, hint) = match () {
        () if brand.starts_with(b"ftyp") && brand.ends_with(b"avif") => ("an AVIF picture", LIBHEIF),
        () if brand.starts_with(b"ftyp") && [&b"he"[..], b"mi", b"ms"].iter().any(|it| brand[4..].starts_with(it)) => {
            ("a HEIC picture", LIBHEIF)
        }
        () if is_of(&[b"AT&TFORM"]) => ("a DjVu", "convert it: `ddjvu -format=pdf IN OUT.pdf`"),
        () if is_of(&[b"8BPS"]) => ("a picture of Photoshop", "convert it: export it as PNG"),
        () if is_of(&[b"PK\x03\x04", b"\xd0\xcf\x11\xe0", b"{\\rtf"]) => (
            "an archive, or a document of an office program",
            "convert it: `soffice --convert-to pdf IN`, or unpack it",
        ),
        () if is_of(&[b"%!PS"]) => ("PostScript", "convert it: `ps2pdf IN OUT.pdf`"),
        () => {
            let known = "PDF, PNG, JPEG, JPEG 2000, TIFF, WebP, BMP or GIF";
            return Error::failed(format!("read it: it is no {known}"));
        }
    };
    Error::failed(format!("read it: it is {what}, which dc does not read here")).hint(hint)
}

fn is_pdf(bytes: &[u8]) -> bool {
    bytes[..bytes.len().min(1024)].windows(5).any(|found| found == b"%PDF-")
}
