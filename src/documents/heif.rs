//! A HEIC or AVIF picture, as phones write them: by the system's libheif, where there is one.

use std::ffi::{c_char, c_int, c_void};
use std::ptr::{null, null_mut};

use libloading::Library;

use super::faults::check;
use super::raster::Raster;
use crate::error::{Error, ErrorKind, Result};

/// Where the library is looked for.
const NAMES: [&str; 2] = ["libheif.so.1", "libheif.so"];
/// What it calls colours of red, green and blue, one after the other, and their only plane.
const RGB: c_int = 1;
const INTERLEAVED: c_int = 10;

/// What its calls answer; a code other than zero is an error.
#[repr(C)]
struct Answer {
    code: c_int,
    detail: c_int,
    message: *const c_char,
}

type Alloc = unsafe extern "C" fn() -> *mut c_void;
type Free = unsafe extern "C" fn(*mut c_void);
type Read = unsafe extern "C" fn(*mut c_void, *const c_void, usize, *const c_void) -> Answer;
type Primary = unsafe extern "C" fn(*mut c_void, *mut *mut c_void) -> Answer;
type Side = unsafe extern "C" fn(*const c_void) -> c_int;
type Decode = unsafe extern "C" fn(*const c_void, *mut *mut c_void, c_int, c_int, *const c_void) -> Answer;
type Plane = unsafe extern "C" fn(*const c_void, c_int, *mut c_int) -> *const u8;
type PlaneSide = unsafe extern "C" fn(*const c_void, c_int) -> c_int;

/// What must be given back in the end, in the order in which it was taken.
struct Held<'l> {
    library: &'l Library,
    taken: Vec<(&'static [u8], *mut c_void)>,
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        for (name, thing) in self.taken.drain(..).rev() {
            give_back(self.library, name, thing);
        }
    }
}

#[expect(unsafe_code, reason = "a function of libheif that takes back what it gave")]
fn give_back(library: &Library, name: &[u8], thing: *mut c_void) {
    if let Ok(free) = unsafe { library.get::<Free>(name) } {
        unsafe { free(thing) };
    }
}

/// Whether there is a library.
pub(super) fn is_there() -> bool {
    library().is_some()
}

#[expect(unsafe_code, reason = "the system's library is opened at run time")]
fn library() -> Option<Library> {
    NAMES.into_iter().find_map(|name| unsafe { Library::new(name) }.ok())
}

/// The picture, upright.
///
/// # Errors
/// Not found, without a library; Refused, for one with more pixels than `pixels_max`; Failed, for one that is damaged, or
/// whose kind the library does not know.
#[expect(
    unsafe_code,
    reason = "functions of libheif, called as its header has them; what they give is checked for null"
)]
pub(super) fn raster(bytes: &[u8], pixels_max: usize) -> Result<Raster> {
    let Some(library) = library() else {
        return Err(Error::new(ErrorKind::NotFound, "read the picture: libheif is not on this machine"));
    };
    let library = &library;
    let unknown =
        |cause: libloading::Error| Error::failed("read the picture: its library is of an unknown kind").because(cause);
    let mut held = Held { library, taken: Vec::new() };
    unsafe {
        let context = library.get::<Alloc>(b"heif_context_alloc").map_err(unknown)?();
        held.taken.push((b"heif_context_free", context));
        let read = library.get::<Read>(b"heif_context_read_from_memory_without_copy").map_err(unknown)?;
        told(&read(context, bytes.as_ptr().cast(), bytes.len(), null()))?;
        let mut handle = null_mut();
        told(&library.get::<Primary>(b"heif_context_get_primary_image_handle").map_err(unknown)?(
            context,
            &raw mut handle,
        ))?;
        held.taken.push((b"heif_image_handle_release", handle));
        let side = |name: &[u8]| library.get::<Side>(name).map_err(unknown).map(|side| side(handle).max(0) as u64);
        check(side(b"heif_image_handle_get_width")?, side(b"heif_image_handle_get_height")?, pixels_max)?;
        let mut image = null_mut();
        let decode = library.get::<Decode>(b"heif_decode_image").map_err(unknown)?;
        told(&decode(handle, &raw mut image, RGB, INTERLEAVED, null()))?;
        held.taken.push((b"heif_image_release", image));
        let side = |name: &[u8]| {
            library.get::<PlaneSide>(name).map_err(unknown).map(|side| side(image, INTERLEAVED).max(0) as usize)
        };
        let (width, height) = (side(b"heif_image_get_width")?, side(b"heif_image_get_height")?);
        check(width as u64, height as u64, pixels_max)?;
        let mut stride: c_int = 0;
        let plane = library.get::<Plane>(b"heif_image_get_plane_readonly").map_err(unknown)?;
        let start = plane(image, INTERLEAVED, &raw mut stride);
        let stride = stride.max(0) as usize;
        if start.is_null() || stride < width * 3 {
            return Err(Error::failed("read the picture: its library gives no pixels"));
        }
        let mut pixels = Vec::with_capacity(width * height * 3);
        for y in 0..height {
            pixels.extend_from_slice(std::slice::from_raw_parts(start.add(y * stride), width * 3));
        }
        Ok(Raster { width, height, components: 3, pixels })
    }
}

#[expect(unsafe_code, reason = "a text of libheif, which ends with a zero and lives as long as its library")]
fn told(answer: &Answer) -> Result<()> {
    if answer.code == 0 {
        return Ok(());
    }
    let _ = answer.detail;
    let said = match answer.message.is_null() {
        true => "damaged".into(),
        false => unsafe { std::ffi::CStr::from_ptr(answer.message) }.to_string_lossy(),
    };
    let error = Error::failed(format!("read the picture: {said}"));
    Err(error.hint("`sudo apt-get install libheif-plugin-libde265` where its plugin is missing"))
}
