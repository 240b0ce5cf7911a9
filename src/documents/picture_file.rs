//! Pictures as scanners and phones write them: PNG, JPEG, WebP, and TIFF with any number of pages.

use std::io::Cursor;

use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageReader};
use tiff::decoder::{Decoder, DecodingResult, Limits};
use tiff::tags::Tag;

use super::resolution;
use crate::error::{Error, ErrorKind, Result};
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
    Webp,
    Tiff,
}

impl Kind {
    /// What the first bytes of a file say.
    pub(super) fn of(bytes: &[u8]) -> Option<Self> {
        match bytes {
            _ if bytes.starts_with(b"\x89PNG\r\n\x1a\n") => Some(Self::Png),
            _ if bytes.starts_with(b"\xff\xd8\xff") => Some(Self::Jpeg),
            _ if bytes.starts_with(b"RIFF") && bytes.get(8..12) == Some(b"WEBP") => Some(Self::Webp),
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
        return tiff_page(bytes, page, pixels_max);
    }
    let (decoded, _) = decoded(bytes, pixels_max)?;
    Ok(grey(&decoded, resolution::told(bytes)))
}

/// A page as a PDF holds it.
///
/// # Errors
/// As [`page`].
pub(super) fn embedded(bytes: &[u8], kind: Kind, page: usize, pixels_max: usize) -> Result<EmbeddedPicture> {
    if kind == Kind::Tiff {
        let grey = tiff_page(bytes, page, pixels_max)?;
        return Ok(EmbeddedPicture::of(grey.width, grey.height, grey.dpi, 1, &grey.pixels));
    }
    let (decoded, stands) = decoded(bytes, pixels_max)?;
    let (width, height) = (decoded.width() as usize, decoded.height() as usize);
    let dpi = resolution::dots(resolution::told(bytes), width, height);
    if let (Kind::Jpeg, true, Some(components)) = (kind, stands, jpeg_components(bytes)) {
        let filter = Filter::Jpeg;
        return Ok(EmbeddedPicture { width, height, dpi, components, bits: 8, filter, data: bytes.to_vec() });
    }
    match decoded.color().has_color() {
        false => Ok(EmbeddedPicture::of(width, height, dpi, 1, &grey(&decoded, None).pixels)),
        true => Ok(EmbeddedPicture::of(width, height, dpi, 3, &on_white(&decoded))),
    }
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

fn check(width: u64, height: u64, pixels_max: usize) -> Result<()> {
    if width == 0 || height == 0 {
        return Err(Error::failed("read the picture: it has no pixels"));
    }
    if width.saturating_mul(height) > pixels_max as u64 {
        let message =
            format!("read the picture: {width} x {height} pixels are more than the {pixels_max} that are read");
        return Err(Error::new(ErrorKind::Refused, message));
    }
    Ok(())
}

fn damaged(cause: impl std::error::Error) -> Error {
    Error::failed(format!("read the picture: {cause}"))
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

fn tiff_page(bytes: &[u8], page: usize, pixels_max: usize) -> Result<Picture> {
    let mut limits = Limits::default();
    limits.decoding_buffer_size = pixels_max.saturating_mul(8);
    let mut decoder = Decoder::new(Cursor::new(bytes)).map_err(damaged)?.with_limits(limits);
    for _ in 1..page {
        decoder.next_image().map_err(damaged)?;
    }
    let (width, height) = decoder.dimensions().map_err(damaged)?;
    check(u64::from(width), u64::from(height), pixels_max)?;
    let told = tiff_told(&mut decoder);
    let color = decoder.colortype().map_err(damaged)?;
    let decoded = decoder.read_image().map_err(damaged)?;
    let (width, height) = (width as usize, height as usize);
    let bits = u32::from(color.bit_depth());
    let samples = usize::from(color.num_samples()).max(1);
    let values: Vec<u8> = match decoded {
        DecodingResult::U8(data) if bits < 8 => unpacked(&data, width * samples, height, bits),
        DecodingResult::U8(data) => data,
        DecodingResult::U16(data) => data.into_iter().map(|value| (value >> 8) as u8).collect(),
        DecodingResult::U32(data) => data.into_iter().map(|value| (value >> 24) as u8).collect(),
        DecodingResult::F32(data) => data.into_iter().map(|value| (value.clamp(0.0, 1.0) * 255.0) as u8).collect(),
        _ => return Err(Error::failed("read the picture: its kind of TIFF is unknown").hint("convert it to PNG")),
    };
    if values.len() < width * height * samples {
        return Err(Error::failed("read the picture: it is cut off"));
    }
    let is_cmyk = matches!(color, tiff::ColorType::CMYK(_) | tiff::ColorType::CMYKA(_));
    let shade = |value: &[u8]| match (value, is_cmyk) {
        ([cyan, magenta, yellow, black, ..], true) => {
            let ink = |ink: u8| u32::from(255 - ink) * u32::from(255 - black) / 255;
            luma(ink(*cyan), ink(*magenta), ink(*yellow))
        }
        ([red, green, blue, ..], _) => luma(u32::from(*red), u32::from(*green), u32::from(*blue)),
        ([grey, ..], _) => *grey,
        ([], _) => 255,
    };
    // where zero is white the decoder has turned the values around already
    let pixels: Vec<u8> = values.chunks_exact(samples).take(width * height).map(shade).collect();
    Ok(Picture { width, height, dpi: resolution::dots(told, width, height), pixels })
}

fn luma(red: u32, green: u32, blue: u32) -> u8 {
    ((red * 299 + green * 587 + blue * 114 + 500) / 1000).min(255) as u8
}

fn tiff_told(decoder: &mut Decoder<Cursor<&[u8]>>) -> Option<f64> {
    let across = decoder.get_tag(Tag::XResolution).ok()?;
    let across = match across {
        tiff::decoder::ifd::Value::Rational(above, below) => f64::from(above) / f64::from(below.max(1)),
        other => other.into_f64().ok()?,
    };
    match decoder.find_tag_unsigned::<u16>(Tag::ResolutionUnit) {
        Ok(Some(3)) => Some(across * 2.54),
        Ok(Some(1)) => None,
        _ => Some(across),
    }
}

/// Values of fewer than eight bits, spread over all shades; a row begins with a new byte.
fn unpacked(data: &[u8], across: usize, down: usize, bits: u32) -> Vec<u8> {
    let row_bytes = (across * bits as usize).div_ceil(8);
    let top = (1u32 << bits) - 1;
    let mut values = Vec::with_capacity(across * down);
    for row in data.chunks_exact(row_bytes.max(1)).take(down) {
        for at in 0..across {
            let bit = at * bits as usize;
            let value = u32::from(row[bit / 8]) >> (8 - bits as usize - bit % 8) & top;
            values.push((value * 255 / top) as u8);
        }
    }
    values
}
