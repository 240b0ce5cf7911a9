//! Tesseract's shared library, opened where it is needed: dc itself is built without it.

#![expect(unsafe_code, reason = "a C library is called; every call keeps to its published header, capi.h")]

use std::ffi::{CStr, CString, c_char, c_int, c_uchar, c_void};
use std::path::Path;
use std::ptr;
use std::time::Instant;

use libloading::{Library, Symbol};

use super::super::engine::Engine;
use super::super::found::{FoundLine, FoundWord};
use super::super::options::EngineOptions;
use super::{NAME, rows, unknown_language};
use crate::error::{Error, ErrorKind, Result};
use crate::layout::{Area, Picture};

/// The names under which systems keep the library; the C interface is the same since version 4.
const NAMES: [&str; 4] = ["libtesseract.so.5", "libtesseract.so.4", "libtesseract.5.dylib", "libtesseract.so"];

/// What was found.
pub(super) struct Found {
    pub(super) place: String,
    pub(super) version: String,
    pub(super) languages: Vec<String>,
}

/// The functions of capi.h that are used, and the library they live in.
struct Functions {
    version: unsafe extern "C" fn() -> *const c_char,
    create: unsafe extern "C" fn() -> *mut c_void,
    delete: unsafe extern "C" fn(*mut c_void),
    init: unsafe extern "C" fn(*mut c_void, *const c_char, *const c_char) -> c_int,
    set_variable: unsafe extern "C" fn(*mut c_void, *const c_char, *const c_char) -> c_int,
    set_image: unsafe extern "C" fn(*mut c_void, *const c_uchar, c_int, c_int, c_int, c_int),
    set_resolution: unsafe extern "C" fn(*mut c_void, c_int),
    set_mode: unsafe extern "C" fn(*mut c_void, c_int),
    recognise: unsafe extern "C" fn(*mut c_void, *mut c_void) -> c_int,
    words: unsafe extern "C" fn(*mut c_void) -> *mut c_void,
    next: unsafe extern "C" fn(*mut c_void, c_int) -> c_int,
    begins: unsafe extern "C" fn(*const c_void, c_int) -> c_int,
    area: unsafe extern "C" fn(*const c_void, c_int, *mut c_int, *mut c_int, *mut c_int, *mut c_int) -> c_int,
    confidence: unsafe extern "C" fn(*const c_void, c_int) -> f32,
    text: unsafe extern "C" fn(*const c_void, c_int) -> *mut c_char,
    delete_words: unsafe extern "C" fn(*mut c_void),
    clear: unsafe extern "C" fn(*mut c_void),
    delete_text: unsafe extern "C" fn(*const c_char),
    languages: unsafe extern "C" fn(*const c_void) -> *mut *mut c_char,
    delete_list: unsafe extern "C" fn(*mut *mut c_char),
    monitor: unsafe extern "C" fn() -> *mut c_void,
    monitor_delete: unsafe extern "C" fn(*mut c_void),
    monitor_deadline: unsafe extern "C" fn(*mut c_void, c_int),
    /// Kept open as long as its functions are.
    _library: Library,
    place: String,
}

/// A page is looked at as a whole, in blocks, columns and lines.
const MODE_AUTO: c_int = 3;
/// What of a page a result is asked for.
const PARAGRAPH: c_int = 1;
const LINE: c_int = 2;
const WORD: c_int = 3;

impl Functions {
    fn load(options: &EngineOptions) -> std::result::Result<Self, String> {
        let given = options.library.as_ref().map(|path| path.display().to_string());
        let names: Vec<String> = match given {
            Some(path) => vec![path],
            None => NAMES.iter().map(|name| (*name).to_owned()).collect(),
        };
        let mut why = String::new();
        for name in names {
            // SAFETY: loading runs the library's own initialisers, as starting a program linked to it would
            match unsafe { Library::new(&name) } {
                Ok(library) => return Self::of(library, name),
                Err(error) if why.is_empty() => why = error.to_string(),
                Err(_) => {}
            }
        }
        Err(format!("its library is not there ({why})"))
    }

    fn of(library: Library, name: String) -> std::result::Result<Self, String> {
        /// # Safety
        /// `T` must be the type that the header gives the function.
        unsafe fn get<T: Copy>(library: &Library, name: &CStr) -> std::result::Result<T, String> {
            // SAFETY: the caller names a function with the type that the header has
            let symbol: std::result::Result<Symbol<'_, T>, _> = unsafe { library.get(name.to_bytes_with_nul()) };
            symbol.map(|symbol| *symbol).map_err(|error| format!("its library lacks a function ({error})"))
        }
        single_threaded(&library);
        // SAFETY: the types are those of capi.h
        unsafe {
            Ok(Self {
                version: get(&library, c"TessVersion")?,
                create: get(&library, c"TessBaseAPICreate")?,
                delete: get(&library, c"TessBaseAPIDelete")?,
                init: get(&library, c"TessBaseAPIInit3")?,
                set_variable: get(&library, c"TessBaseAPISetVariable")?,
                set_image: get(&library, c"TessBaseAPISetImage")?,
                set_resolution: get(&library, c"TessBaseAPISetSourceResolution")?,
                set_mode: get(&library, c"TessBaseAPISetPageSegMode")?,
                recognise: get(&library, c"TessBaseAPIRecognize")?,
                words: get(&library, c"TessBaseAPIGetIterator")?,
                next: get(&library, c"TessResultIteratorNext")?,
                begins: get(&library, c"TessPageIteratorIsAtBeginningOf")?,
                area: get(&library, c"TessPageIteratorBoundingBox")?,
                confidence: get(&library, c"TessResultIteratorConfidence")?,
                text: get(&library, c"TessResultIteratorGetUTF8Text")?,
                delete_words: get(&library, c"TessResultIteratorDelete")?,
                clear: get(&library, c"TessBaseAPIClear")?,
                delete_text: get(&library, c"TessDeleteText")?,
                languages: get(&library, c"TessBaseAPIGetAvailableLanguagesAsVector")?,
                delete_list: get(&library, c"TessDeleteTextArray")?,
                monitor: get(&library, c"TessMonitorCreate")?,
                monitor_delete: get(&library, c"TessMonitorDelete")?,
                monitor_deadline: get(&library, c"TessMonitorSetDeadlineMSecs")?,
                place: name,
                _library: library,
            })
        }
    }

    fn version(&self) -> String {
        // SAFETY: a constant string of the library
        unsafe { text((self.version)()) }
    }

    /// The lines of what was read. Tesseract's own table of them costs a twentieth of the time of the page.
    ///
    /// # Safety
    /// `words` is null or stands at the first result of a page that was recognised.
    unsafe fn lines(&self, words: *mut c_void) -> Vec<FoundLine> {
        let mut lines: Vec<FoundLine> = Vec::new();
        let (mut paragraphs, mut is_new_paragraph, mut is_new_line) = (0, true, true);
        // SAFETY: as the caller promises; what is told about a page is asked of the same object as what is read on it
        unsafe {
            let mut more = !words.is_null();
            while more {
                is_new_paragraph |= (self.begins)(words, PARAGRAPH) != 0;
                is_new_line |= (self.begins)(words, LINE) != 0;
                if let Some(word) = self.word(words) {
                    paragraphs += usize::from(is_new_paragraph);
                    if is_new_line || is_new_paragraph {
                        lines.push(FoundLine { words: Vec::new(), paragraph: paragraphs });
                    }
                    (is_new_paragraph, is_new_line) = (false, false);
                    if let Some(line) = lines.last_mut() {
                        line.words.push(word);
                    }
                }
                more = (self.next)(words, WORD) != 0;
            }
        }
        lines
    }

    /// The word where `words` stands; `None` where nothing was read.
    ///
    /// # Safety
    /// `words` stands at a result of a page that was recognised.
    unsafe fn word(&self, words: *mut c_void) -> Option<FoundWord> {
        let (mut left, mut top, mut right, mut bottom) = (0, 0, 0, 0);
        // SAFETY: as the caller promises; the text is given back to the library
        unsafe {
            let found = (self.text)(words, WORD);
            let letters = text(found);
            if !found.is_null() {
                (self.delete_text)(found);
            }
            let letters = letters.trim();
            if letters.is_empty() || (self.area)(words, WORD, &mut left, &mut top, &mut right, &mut bottom) == 0 {
                return None;
            }
            let area = Area { x0: left.into(), top: top.into(), x1: right.into(), bottom: bottom.into() };
            let confidence = (self.confidence)(words, WORD).clamp(0.0, 100.0);
            Some(FoundWord { text: letters.to_owned(), area, confidence })
        }
    }
}

/// Tesseract shares the work on a line among threads, which costs many times more than it gains.
fn single_threaded(library: &Library) {
    // SAFETY: OpenMP's function, found among what the library itself depends on, with the type that OpenMP gives it
    unsafe {
        let set: std::result::Result<Symbol<'_, unsafe extern "C" fn(c_int)>, _> =
            library.get(b"omp_set_num_threads\0");
        if let Ok(set) = set {
            set(1);
        }
    }
}

/// # Safety
/// `text` is null or points to a text that ends with a zero byte.
unsafe fn text(text: *const c_char) -> String {
    if text.is_null() {
        return String::new();
    }
    // SAFETY: as the caller promises
    unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned()
}

/// Looks for the library and asks it for its languages.
pub(super) fn find(options: &EngineOptions) -> std::result::Result<Found, String> {
    let functions = Functions::load(options)?;
    let place = functions.place.clone();
    let version = functions.version();
    let languages = Tesseract::languages(functions, options.tessdata.as_deref());
    Ok(Found { place, version, languages })
}

/// An open handle.
pub(super) struct Tesseract {
    functions: Functions,
    handle: *mut c_void,
    time_ms: c_int,
}

impl Tesseract {
    /// `None` where there is no library.
    pub(super) fn open(options: &EngineOptions) -> Result<Option<Self>> {
        let Ok(functions) = Functions::load(options) else { return Ok(None) };
        // SAFETY: makes a handle; null is looked for
        let handle = unsafe { (functions.create)() };
        if handle.is_null() {
            return Err(Error::failed("open Tesseract: its library gave no handle"));
        }
        let time_ms = c_int::try_from(options.time_max.as_millis()).unwrap_or(c_int::MAX);
        let engine = Self { functions, handle, time_ms };
        // what it says goes to standard error, which is ours
        engine.set(c"debug_file", c"/dev/null");
        if !engine.init(options.tessdata.as_deref(), &options.languages.join("+"))? {
            let functions = Functions::load(options).map_err(Error::failed)?;
            let known = Self::languages(functions, options.tessdata.as_deref());
            let error = unknown_language(&options.languages, &known);
            return Err(error.unwrap_or_else(|| {
                Error::failed(format!("open Tesseract: it does not take the languages {}", options.languages.join("+")))
            }));
        }
        // SAFETY: a handle that was initialised, and a mode of the header
        unsafe { (engine.functions.set_mode)(engine.handle, MODE_AUTO) };
        Ok(Some(engine))
    }

    fn languages(functions: Functions, tessdata: Option<&Path>) -> Vec<String> {
        // SAFETY: as in `open`
        let handle = unsafe { (functions.create)() };
        let engine = Self { functions, handle, time_ms: 0 };
        engine.set(c"debug_file", c"/dev/null");
        let mut languages = Vec::new();
        // one that does not exist makes it look through its folder without loading anything large
        if handle.is_null() || engine.init(tessdata, "osd").is_err() {
            return languages;
        }
        // SAFETY: the list ends with null and is given back to the library
        unsafe {
            let list = (engine.functions.languages)(handle);
            if !list.is_null() {
                let mut at = list;
                while !(*at).is_null() {
                    languages.push(text(*at));
                    at = at.add(1);
                }
                (engine.functions.delete_list)(list);
            }
        }
        languages.retain(|language| language != "osd");
        languages.sort();
        languages
    }

    fn set(&self, name: &CStr, value: &CStr) {
        // SAFETY: two texts that end with a zero byte
        unsafe { (self.functions.set_variable)(self.handle, name.as_ptr(), value.as_ptr()) };
    }

    fn init(&self, tessdata: Option<&Path>, languages: &str) -> Result<bool> {
        let zero = |_| Error::new(ErrorKind::Usage, format!("use the languages {languages:?}: they hold a zero byte"));
        let languages = CString::new(languages).map_err(zero)?;
        let folder = tessdata.map(|path| CString::new(path.to_string_lossy().as_bytes())).transpose().map_err(zero)?;
        let folder = folder.as_ref().map_or(ptr::null(), |folder| folder.as_ptr());
        // SAFETY: a handle, and texts that live as long as the call
        Ok(unsafe { (self.functions.init)(self.handle, folder, languages.as_ptr()) } == 0)
    }
}

impl Engine for Tesseract {
    fn name(&self) -> &'static str {
        NAME
    }

    fn read(&mut self, picture: &Picture) -> Result<Vec<FoundLine>> {
        let side = |side: usize| {
            c_int::try_from(side).map_err(|_| Error::new(ErrorKind::Refused, "read a picture with so many pixels"))
        };
        let (width, height) = (side(picture.width)?, side(picture.height)?);
        if picture.pixels.len() != picture.width * picture.height || picture.is_empty() {
            return Err(Error::failed("read a picture whose pixels do not fill it"));
        }
        let functions = &self.functions;
        // SAFETY: the picture lives longer than the calls, has a byte a pixel and a row a width; what the library
        // allocates is given back to it
        unsafe {
            (functions.set_image)(self.handle, picture.pixels.as_ptr(), width, height, 1, width);
            (functions.set_resolution)(self.handle, c_int::try_from(picture.dpi.clamp(70, 2400)).unwrap_or(300));
            let started = Instant::now();
            let monitor = (functions.monitor)();
            if !monitor.is_null() {
                (functions.monitor_deadline)(monitor, self.time_ms);
            }
            let failed = (functions.recognise)(self.handle, monitor) != 0;
            if !monitor.is_null() {
                (functions.monitor_delete)(monitor);
            }
            if failed {
                (functions.clear)(self.handle);
                if started.elapsed().as_millis() >= self.time_ms as u128 {
                    let message = format!("read the page within {} s", self.time_ms / 1000);
                    return Err(
                        Error::new(ErrorKind::Timeout, message).hint("`DC_OCR_TIMEOUT=10m` gives a page more time")
                    );
                }
                return Err(Error::failed("read the page: Tesseract gave up on it"));
            }
            let words = (functions.words)(self.handle);
            let lines = functions.lines(words);
            if !words.is_null() {
                (functions.delete_words)(words);
            }
            (functions.clear)(self.handle);
            Ok(rows::joined(lines))
        }
    }
}

impl Drop for Tesseract {
    fn drop(&mut self) {
        if !self.handle.is_null() {
            // SAFETY: the handle is used by nobody after this
            unsafe { (self.functions.delete)(self.handle) };
        }
    }
}
