//! A page of a TIFF file, as scanners, faxes and programs of pictures write them.

use std::borrow::Cow;
use std::io::Cursor;

use tiff::ColorType;
use tiff::decoder::{Decoder, DecodingResult, Limits, ifd};
use tiff::tags::Tag;

use super::faults::{check, damaged};
use super::fax_page::{fax_page, is_fax};
use super::raster::{Alpha, Raster};
use super::resolution;
use super::tiff_colors::{CIE_LAB, ICC_LAB, PALETTE, of_lab, palette};
use super::tiff_directory::{Directory, tag};
use crate::error::{Error, Result};

/// Pixels that are packed as a JPEG, whose bits are in order in any case.
const JPEG: u64 = 7;

/// A decoder of a file in memory.
type Source<'a> = Decoder<Cursor<&'a [u8]>>;

/// A page, and its dots an inch; `page` counts from 1.
///
/// # Errors
/// Refused, for one with more pixels than `pixels_max`; Failed, for one that is damaged or of an unknown kind.
pub(super) fn tiff_page(bytes: &[u8], page: usize, pixels_max: usize) -> Result<(Raster, u32)> {
    let Some(directory) = Directory::of(bytes, page) else {
        return Err(Error::failed("read the picture: it is damaged at its beginning"));
    };
    let meaning = directory.first(tag::PHOTOMETRIC);
    let mut taken = Cow::Borrowed(bytes);
    if directory.first(tag::FILL_ORDER) == Some(2) && directory.first(tag::COMPRESSION) != Some(JPEG) {
        taken = directory.in_order(taken);
    }
    // values that the decoder does not know are taken as they are, and understood here
    match meaning {
        Some(PALETTE) => taken = directory.with(taken, tag::PHOTOMETRIC, 1),
        Some(CIE_LAB) => taken = directory.with(taken, tag::PHOTOMETRIC, 2),
        _ => {}
    }
    let mut decoder = at_page(&taken, page, pixels_max)?;
    let (width, height) = decoder.dimensions().map_err(damaged)?;
    check(u64::from(width), u64::from(height), pixels_max)?;
    let told = told(&mut decoder);
    let orientation = decoder.find_tag_unsigned::<u16>(Tag::Orientation).ok().flatten().unwrap_or(1);
    let (width, height) = (width as usize, height as usize);
    let raster = match meaning {
        _ if is_fax(&directory) => fax_page(&taken, &directory, width, height)?,
        Some(PALETTE) => of_palette(&mut decoder, &palette(&directory), width, height)?,
        _ => raster(&mut decoder, width, height)?,
    };
    let raster = match meaning {
        Some(CIE_LAB) => in_colors(raster, true),
        Some(ICC_LAB) => in_colors(raster, false),
        _ => raster,
    };
    let raster = raster.upright(orientation);
    let dots = resolution::dots(told, raster.width, raster.height);
    Ok((raster, dots))
}

/// A page whose values are the numbers of colours.
fn of_palette(decoder: &mut Source<'_>, colors: &[[u8; 3]], width: usize, height: usize) -> Result<Raster> {
    let bits = u32::from(decoder.colortype().map_err(damaged)?.bit_depth());
    let numbers: Vec<u8> = match decoder.read_image().map_err(damaged)? {
        DecodingResult::U8(data) if bits < 8 => packed(&data, width, height, bits).collect(),
        DecodingResult::U8(data) => data,
        DecodingResult::U16(data) => data.into_iter().map(|value| value.min(255) as u8).collect(),
        _ => return Err(Error::failed("read the picture: its palette is of an unknown kind").hint("convert it to PNG")),
    };
    if numbers.len() < width * height || colors.is_empty() {
        return Err(Error::failed("read the picture: it is cut off"));
    }
    let color = |number: &u8| colors.get(usize::from(*number)).copied().unwrap_or([255; 3]);
    let pixels = numbers[..width * height].iter().flat_map(color).collect();
    Ok(Raster { width, height, components: 3, pixels })
}

fn in_colors(raster: Raster, signed: bool) -> Raster {
    match raster.components {
        3 => {
            let color = |value: &[u8]| of_lab(value[0], value[1], value[2], signed);
            Raster { pixels: raster.pixels.chunks_exact(3).flat_map(color).collect(), ..raster }
        }
        _ => raster,
    }
}

fn at_page(bytes: &[u8], page: usize, pixels_max: usize) -> Result<Source<'_>> {
    let mut limits = Limits::default();
    limits.decoding_buffer_size = pixels_max.saturating_mul(8);
    let mut decoder = Decoder::new(Cursor::new(bytes)).map_err(damaged)?.with_limits(limits);
    for _ in 1..page {
        decoder.next_image().map_err(damaged)?;
    }
    Ok(decoder)
}

fn raster(decoder: &mut Source<'_>, width: usize, height: usize) -> Result<Raster> {
    let color = decoder.colortype().map_err(damaged)?;
    let extra = decoder.find_tag_unsigned_vec::<u16>(Tag::ExtraSamples).ok().flatten().unwrap_or_default();
    let decoded = decoder.read_image().map_err(damaged)?;
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
    let components = match color {
        ColorType::CMYK(_) | ColorType::CMYKA(_) => 4,
        _ if samples >= 3 => 3,
        _ => 1,
    };
    let values = &values[..width * height * samples];
    // where zero is white the decoder has turned the values around already
    Ok(match alpha(&extra, values, samples, components) {
        Some(alpha) => {
            let told = values.chunks_exact(samples).flat_map(|pixel| &pixel[..=components]).copied();
            Raster::on_paper(width, height, components, alpha, &told.collect::<Vec<u8>>())
        }
        None => {
            let pixels = values.chunks_exact(samples).flat_map(|pixel| &pixel[..components]).copied().collect();
            Raster { width, height, components, pixels }
        }
    })
}

/// What the value behind the colours means; `None` where it is of no concern.
fn alpha(extra: &[u16], values: &[u8], samples: usize, components: usize) -> Option<Alpha> {
    if samples <= components {
        return None;
    }
    match extra.first() {
        Some(1) => Some(Alpha::Multiplied),
        Some(2) => Some(Alpha::Apart),
        Some(_) => None,
        // nobody said what it is: a picture that would be empty is not meant
        None => values.chunks_exact(samples).any(|pixel| pixel[components] != 0).then_some(Alpha::Apart),
    }
}

fn told(decoder: &mut Source<'_>) -> Option<f64> {
    let across = match decoder.get_tag(Tag::XResolution).ok()? {
        ifd::Value::Rational(above, below) => f64::from(above) / f64::from(below.max(1)),
        other => other.into_f64().ok()?,
    };
    match decoder.find_tag_unsigned::<u16>(Tag::ResolutionUnit) {
        Ok(Some(3)) => Some(across * 2.54),
        Ok(Some(1)) => None,
        _ => Some(across),
    }
}

/// Values of fewer than eight bits, spread over all shades.
fn unpacked(data: &[u8], across: usize, down: usize, bits: u32) -> Vec<u8> {
    let top = (1u32 << bits) - 1;
    packed(data, across, down, bits).map(|value| (u32::from(value) * 255 / top) as u8).collect()
}

/// Values of fewer than eight bits, as they are; a row begins with a new byte.
fn packed(data: &[u8], across: usize, down: usize, bits: u32) -> impl Iterator<Item = u8> {
    let row_bytes = (across * bits as usize).div_ceil(8).max(1);
    let top = (1u32 << bits) - 1;
    let value = move |row: &[u8], at: usize| {
        let bit = at * bits as usize;
        (u32::from(row[bit / 8]) >> (8 - bits as usize - bit % 8) & top) as u8
    };
    data.chunks_exact(row_bytes).take(down).flat_map(move |row| (0..across).map(move |at| value(row, at)))
}
