//! Pictures as scanners and phones write them: PNG, JPEG, JPEG 2000, WebP, BMP, GIF, and TIFF with any number of pages.

use std::io::Cursor;

use image::metadata::Orientation;
use image::{AnimationDecoder, DynamicImage, ImageDecoder, ImageReader};
use tiff::decoder::Decoder;

use super::faults::{check, damaged};
use super::raster::Raster;
use super::tiff_page::tiff_page;
use super::{heif, jpeg2000, png_data, resolution};
use crate::error::{Error, Result};
use crate::layout::Picture;
use crate::pdf::{EmbeddedPicture, Filter};

/// Bytes that a decoder may use for a pixel of the picture that comes out.
const BYTES_A_PIXEL: u64 = 16;
/// Pages of a TIFF that are counted.
const PAGES_MAX: usize = 100_000;

/// The kinds of picture that are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Png,
    Jpeg,
    Jpeg2000,
    Webp,
    Bmp,
    Gif,
    Heif,
    Tiff,
}

impl Kind {
    /// What the first bytes of a file say.
    pub(super) fn of(bytes: &[u8]) -> Option<Self> {
        match bytes {
            _ if bytes.starts_with(b"\x89PNG\r\n\x1a\n") => Some(Self::Png),
            _ if bytes.starts_with(b"\xff\xd8\xff") => Some(Self::Jpeg),
            _ if bytes.starts_with(b"RIFF") && bytes.get(8..12) == Some(b"WEBP") => Some(Self::Webp),
            _ if bytes.starts_with(b"\0\0\0\x0cjP  ") || bytes.starts_with(b"\xff\x4f\xff\x51") => Some(Self::Jpeg2000),
            _ if bytes.starts_with(b"BM") && bytes.get(6..10) == Some(&[0; 4]) => Some(Self::Bmp),
            _ if bytes.starts_with(b"GIF87a") || bytes.starts_with(b"GIF89a") => Some(Self::Gif),
            _ if is_heif(bytes) && heif::is_there() => Some(Self::Heif),
            _ if bytes.starts_with(b"II*\0") || bytes.starts_with(b"MM\0*") => Some(Self::Tiff),
            _ if bytes.starts_with(b"II+\0") || bytes.starts_with(b"MM\0+") => Some(Self::Tiff),
            _ => None,
        }
    }
}

/// How many pages a picture has.
///
/// # Errors
/// Failed, for a TIFF that is damaged at its beginning.
pub(super) fn pages(bytes: &[u8], kind: Kind) -> Result<usize> {
    if kind != Kind::Tiff {
        return Ok(1);
    }
    let mut decoder = Decoder::new(Cursor::new(bytes)).map_err(damaged)?;
    let mut pages = 1;
    while decoder.more_images() && pages < PAGES_MAX && decoder.next_image().is_ok() {
        pages += 1;
    }
    Ok(pages)
}

/// A page of a picture, in shades of grey.
///
/// # Errors
/// Refused, for one with more pixels than `pixels_max`; Failed, for one that is damaged.
pub(super) fn page(bytes: &[u8], kind: Kind, page: usize, pixels_max: usize) -> Result<Picture> {
    if kind == Kind::Tiff {
        return tiff_page(bytes, page, pixels_max).map(|(raster, dots)| raster.grey(dots));
    }
    if let Some(raster) = by_others(bytes, kind, pixels_max)? {
        let dots = resolution::dots(None, raster.width, raster.height);
        return Ok(raster.grey(dots));
    }
    let (decoded, _) = decoded(bytes, pixels_max)?;
    Ok(grey(&decoded, resolution::told(bytes)))
}

/// What is wrong with a picture that can be decoded all the same, in part.
pub(super) fn flaw(bytes: &[u8], kind: Kind) -> Option<Error> {
    let is_cut = kind == Kind::Jpeg && !ends_as_jpeg(bytes);
    is_cut.then(|| {
        let message = "read the whole picture: it is cut off, its end is missing; what is there was read";
        Error::failed(message).hint("fetch it again")
    })
}

/// What of a picture is left out.
pub(super) fn left_out(bytes: &[u8], kind: Kind) -> Option<&'static str> {
    let more = match kind {
        Kind::Gif => image::codecs::gif::GifDecoder::new(Cursor::new(bytes))
            .is_ok_and(|decoder| decoder.into_frames().take(2).filter(Result::is_ok).count() > 1),
        Kind::Webp => bytes.get(..64).is_some_and(|head| head.windows(4).any(|name| name == b"ANIM")),
        _ => false,
    };
    more.then_some("the picture moves: only its first frame was read")
}

/// A page as a PDF holds it.
///
/// # Errors
/// As [`page`].
pub(super) fn embedded(bytes: &[u8], kind: Kind, page: usize, pixels_max: usize) -> Result<EmbeddedPicture> {
    if kind == Kind::Tiff {
        return tiff_page(bytes, page, pixels_max).map(|(raster, dots)| raster.embedded(dots));
    }
    if let Some(raster) = by_others(bytes, kind, pixels_max)? {
        let dots = resolution::dots(None, raster.width, raster.height);
        return Ok(raster.embedded(dots));
    }
    let (decoded, stands) = decoded(bytes, pixels_max)?;
    let (width, height) = (decoded.width() as usize, decoded.height() as usize);
    let dpi = resolution::dots(resolution::told(bytes), width, height);
    if let (Kind::Jpeg, true, Some(components)) = (kind, stands, jpeg_components(bytes)) {
        let filter = Filter::Jpeg;
        let (palette, data) = (None, bytes.to_vec());
        return Ok(EmbeddedPicture { width, height, dpi, components, bits: 8, palette, filter, data });
    }
    let shades = (!decoded.color().has_color()).then(|| grey(&decoded, None).pixels);
    // black and white alone are smaller as a fax
    let is_fax = shades.as_ref().is_some_and(|shades| shades.iter().all(|shade| matches!(shade, 0 | 255)));
    if let (Kind::Png, true, false, Some(picture)) = (kind, stands, is_fax, png_data::embedded(bytes, dpi)) {
        return Ok(picture);
    }
    Ok(match shades {
        Some(shades) => EmbeddedPicture::of(width, height, dpi, 1, &shades),
        None => EmbeddedPicture::of(width, height, dpi, 3, &on_white(&decoded)),
    })
}

/// A picture of a kind that has a decoder of its own.
fn by_others(bytes: &[u8], kind: Kind, pixels_max: usize) -> Result<Option<Raster>> {
    match kind {
        Kind::Jpeg2000 => jpeg2000::raster(bytes, pixels_max).map(Some),
        Kind::Heif => heif::raster(bytes, pixels_max).map(Some),
        _ => Ok(None),
    }
}

/// Whether a file is a HEIC or AVIF picture.
fn is_heif(bytes: &[u8]) -> bool {
    let brand = bytes.get(8..12).unwrap_or_default();
    bytes.get(4..8) == Some(b"ftyp")
        && [&b"heic"[..], b"heix", b"heim", b"heis", b"hevc", b"mif1", b"msf1", b"avif", b"avis"].contains(&brand)
}

/// The picture set upright, and whether it stood so already.
fn decoded(bytes: &[u8], pixels_max: usize) -> Result<(DynamicImage, bool)> {
    let mut reader = ImageReader::new(Cursor::new(bytes)).with_guessed_format().map_err(damaged)?;
    let mut limits = image::Limits::default();
    limits.max_alloc = Some(pixels_max as u64 * BYTES_A_PIXEL);
    reader.limits(limits);
    let mut decoder = reader.into_decoder().map_err(damaged)?;
    let (width, height) = decoder.dimensions();
    check(u64::from(width), u64::from(height), pixels_max)?;
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let mut decoded = DynamicImage::from_decoder(decoder).map_err(damaged)?;
    decoded.apply_orientation(orientation);
    Ok((decoded, orientation == Orientation::NoTransforms))
}

/// Whether the end of a JPEG is there, behind its pixels: programs show what came before it as if it were all.
fn ends_as_jpeg(bytes: &[u8]) -> bool {
    let mut at = 2;
    while let Some(&[0xff, marker, high, low]) = bytes.get(at..at + 4) {
        if marker == 0xff {
            at += 1;
            continue;
        }
        at += 2 + usize::from(u16::from_be_bytes([high, low]));
        if marker == 0xda {
            return bytes.get(at..).is_some_and(|rest| rest.windows(2).any(|pair| pair == [0xff, 0xd9]));
        }
    }
    // what is built otherwise is judged by its decoder
    true
}

/// How many colours a JPEG has for a pixel.
fn jpeg_components(bytes: &[u8]) -> Option<u8> {
    let mut at = 2;
    while bytes.get(at) == Some(&0xff) {
        let marker = *bytes.get(at + 1)?;
        let length = usize::from(u16::from_be_bytes(bytes.get(at + 2..at + 4)?.try_into().ok()?));
        // the start of a frame, of whichever kind
        if matches!(marker, 0xc0..=0xcf) && !matches!(marker, 0xc4 | 0xc8 | 0xcc) {
            return bytes.get(at + 9).copied().filter(|count| matches!(count, 1 | 3 | 4));
        }
        at += 2 + length;
    }
    None
}

fn on_white(decoded: &DynamicImage) -> Vec<u8> {
    if !decoded.color().has_alpha() {
        return decoded.to_rgb8().into_raw();
    }
    let over = |pixel: &[u8]| {
        let alpha = u32::from(pixel[3]);
        [pixel[0], pixel[1], pixel[2]].map(|shade| ((u32::from(shade) * alpha + 255 * (255 - alpha)) / 255) as u8)
    };
    decoded.to_rgba8().into_raw().chunks_exact(4).flat_map(over).collect()
}

/// What lies under transparent pixels is paper.
fn grey(decoded: &DynamicImage, told: Option<f64>) -> Picture {
    let (width, height) = (decoded.width() as usize, decoded.height() as usize);
    let dpi = resolution::dots(told, width, height);
    let pixels = match decoded.color().has_alpha() {
        false => decoded.to_luma8().into_raw(),
        true => {
            let over = |pixel: &[u8]| {
                let (shade, alpha) = (u32::from(pixel[0]), u32::from(pixel[1]));
                ((shade * alpha + 255 * (255 - alpha)) / 255) as u8
            };
            decoded.to_luma_alpha8().into_raw().chunks_exact(2).map(over).collect()
        }
    };
    Picture { width, height, dpi, pixels }
}
