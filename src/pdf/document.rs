//! An opened PDF.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::{Arc, OnceLock};

use hayro::hayro_syntax::metadata::Metadata;
use hayro::hayro_syntax::object::Dict;
use hayro::hayro_syntax::page::Page;
use hayro::hayro_syntax::{DecryptionError, LoadPdfError, Pdf};

use super::content::PageContent;
use super::face::Faces;
use super::interpret;
use super::limits::{Budget, Limits, refused};
use super::locked::without_locks;
use super::mapped::FileBytes;
use super::trace::Trace;
use crate::error::{Error, ErrorKind, Result, file_error};
use crate::language::{self, Language};

/// What the beginning of a PDF is searched for, and how far.
const MARK: (&[u8], usize) = (b"%PDF-", 1024);

/// A PDF that could be opened.
pub struct Document {
    pdf: Pdf,
    limits: Limits,
    /// Whether its attachments are encrypted, and nothing else.
    is_locked: bool,
    /// The language of its text, once somebody has asked.
    language: OnceLock<Option<&'static Language>>,
}

/// Pages whose text is looked at for its language, and letters that are enough.
const LANGUAGE_PAGES: usize = 12;
const LANGUAGE_LETTERS: usize = 2_000;

impl Document {
    /// Opens a file. `password` is empty for a file that opens without one.
    ///
    /// # Errors
    /// Not found; Permission for a file with a password; Refused for one that is too large or has too many pages; Failed
    /// for what is no PDF or too damaged to be read.
    pub fn open(path: &Path, password: &str, limits: Limits) -> Result<Self> {
        let what = || format!("open {}", path.display());
        let size = std::fs::metadata(path).map_err(|cause| file_error(what(), cause))?.len();
        if size > limits.bytes_max as u64 {
            return Err(too_large(size, &limits).within(what()));
        }
        let bytes = FileBytes::of(path, limits.shares_files)?;
        Self::of_file(bytes, password, limits).map_err(|error| error.within(what()))
    }

    /// Opens what is in memory already.
    ///
    /// # Errors
    /// As [`Document::open`].
    pub fn of(bytes: Vec<u8>, password: &str, limits: Limits) -> Result<Self> {
        Self::of_file(FileBytes::Read(bytes), password, limits)
    }

    /// Opens the bytes of a file.
    ///
    /// # Errors
    /// As [`Document::open`].
    pub fn of_file(file: FileBytes, password: &str, limits: Limits) -> Result<Self> {
        let file = Arc::new(file);
        let bytes: &[u8] = (*file).as_ref();
        if bytes.is_empty() {
            return Err(Error::failed("read the PDF: it is empty").hint("fetch it again: nothing arrived"));
        }
        if bytes.len() > limits.bytes_max {
            return Err(too_large(bytes.len() as u64, &limits));
        }
        let (mark, depth) = MARK;
        let has_mark = bytes[..bytes.len().min(depth)].windows(mark.len()).any(|found| found == mark);
        let whole = bytes[bytes.len().saturating_sub(depth)..].windows(5).any(|found| found == b"%%EOF");
        let mut opened = guarded(|| Pdf::new_with_password(Arc::clone(&file), password))?;
        let is_closed = matches!(opened, Err(LoadPdfError::Decryption(DecryptionError::PasswordProtected)));
        let open = if is_closed && password.is_empty() { without_locks(bytes) } else { None };
        let is_locked = open.is_some();
        if let Some(open) = open {
            opened = guarded(|| Pdf::new_with_password(open, password))?;
        }
        let pdf = opened.map_err(|cause| load_error(cause, has_mark, whole, password))?;
        let document = Self { pdf, limits, is_locked, language: OnceLock::new() };
        let pages = document.pages();
        if pages > limits.pages_max {
            return Err(refused(format!(
                "read the PDF: it has {pages} pages, and at most {} are read",
                limits.pages_max
            )));
        }
        if pages == 0 {
            return Err(Error::failed("read the PDF: it has no page"));
        }
        Ok(document)
    }

    /// Whether its attachments are encrypted, and nothing else: it was opened without them.
    pub fn is_locked(&self) -> bool {
        self.is_locked
    }

    /// How many pages it has.
    pub fn pages(&self) -> usize {
        self.pdf.pages().len()
    }

    /// Width and height of what is seen of a page, in points; `page` counts from 1.
    ///
    /// # Errors
    /// Not found.
    pub fn size(&self, page: usize) -> Result<(f64, f64)> {
        let (width, height) = self.page(page)?.render_dimensions();
        Ok((f64::from(width), f64::from(height)))
    }

    /// The language of the text that it holds: by the text, and else by what the file says of itself.
    pub fn language(&self) -> Option<&'static Language> {
        *self.language.get_or_init(|| {
            let mut text = String::new();
            for page in 1..=self.pages().min(LANGUAGE_PAGES) {
                if let Ok(content) = self.content(page) {
                    text.extend(content.text().chars().filter(|letter| *letter != char::REPLACEMENT_CHARACTER));
                    text.push('\n');
                }
                if text.len() > LANGUAGE_LETTERS {
                    break;
                }
            }
            let told = || self.root()?.get::<hayro::hayro_syntax::object::String<'_>>("Lang");
            language::detect(&text).or_else(|| language::by_tag(&String::from_utf8_lossy(told()?.as_bytes())))
        })
    }

    /// Letters, lines and pictures of a page, from which words and tables are made; `page` counts from 1.
    ///
    /// # Errors
    /// Not found; Refused or Timeout for a page beyond the limits; Failed for one that cannot be read.
    pub fn content(&self, page: usize) -> Result<PageContent> {
        self.content_with(page, &Faces::default())
    }

    /// As [`Document::content`], with fonts that other pages have loaded.
    pub(super) fn content_with<'a>(&'a self, page: usize, faces: &Faces<'a>) -> Result<PageContent> {
        let found = self.page(page)?;
        guarded(|| interpret::page(found, faces, Budget::new(self.limits)))?
            .map_err(|error| error.within(format!("read page {page}")))
    }

    pub(super) fn page(&self, page: usize) -> Result<&Page<'_>> {
        let found = page.checked_sub(1).and_then(|index| self.pdf.pages().get(index));
        found.ok_or_else(|| {
            let message = format!("find page {page}: the document has {}", self.pages());
            Error::new(ErrorKind::NotFound, message)
        })
    }

    /// The catalog of the file.
    pub(super) fn root(&self) -> Option<Dict<'_>> {
        let xref = self.pdf.xref();
        xref.get::<Dict<'_>>(xref.root_id())
    }

    /// What the file says of itself: title, author, moments.
    pub(super) fn metadata(&self) -> &Metadata {
        self.pdf.metadata()
    }

    /// Where a page's operations show text.
    pub(super) fn trace(&self, page: usize) -> Result<Trace> {
        let found = self.page(page)?;
        guarded(|| interpret::trace(found, &Faces::default(), Budget::new(self.limits)))?
            .map_err(|error| error.within(format!("read page {page}")))
    }

    /// The bytes of the file.
    pub fn bytes(&self) -> &[u8] {
        self.pdf.data().as_ref()
    }

    pub(super) fn limits(&self) -> &Limits {
        &self.limits
    }
}

/// Runs what parses bytes of strangers. A panic in a parser is a file that cannot be read, and no end of the program.
pub(super) fn guarded<T>(work: impl FnOnce() -> T) -> Result<T> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|_| Error::failed("read the PDF: its parser gave up on damaged data"))
}

fn too_large(size: u64, limits: &Limits) -> Error {
    refused(format!("read the PDF: it has {size} bytes, and at most {} are read", limits.bytes_max))
}

fn load_error(cause: LoadPdfError, has_mark: bool, whole: bool, password: &str) -> Error {
    match cause {
        LoadPdfError::Decryption(DecryptionError::PasswordProtected) if password.is_empty() => {
            Error::new(ErrorKind::Permission, "read the PDF: it is encrypted and needs a password")
                .hint("give it with `--password-file FILE`")
        }
        LoadPdfError::Decryption(DecryptionError::PasswordProtected) => {
            Error::new(ErrorKind::Permission, "read the PDF: the password does not open it")
        }
        LoadPdfError::Decryption(_) => Error::failed("read the PDF: its encryption is damaged or of an unknown kind")
            .hint("`qpdf --decrypt IN OUT` may be able to rewrite it"),
        LoadPdfError::Invalid if !has_mark => Error::failed("read the PDF: it does not begin like one (`%PDF-`)"),
        LoadPdfError::Invalid if !whole => {
            Error::failed("read the PDF: it is cut off or damaged (its end is missing)").hint("fetch it again")
        }
        LoadPdfError::Invalid => {
            Error::failed("read the PDF: it is damaged").hint("`qpdf IN OUT` may be able to mend it")
        }
    }
}
