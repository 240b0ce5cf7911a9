//! A picture in JPEG 2000, as archives and cameras of documents write it.

use hayro_jpeg2000::{DecodeSettings, DecoderContext, Image};

use super::faults::{check, damaged};
use super::raster::{Alpha, Raster};
use crate::error::{Error, Result};

/// The picture.
///
/// # Errors
/// Refused, for one with more pixels than `pixels_max`; Failed, for one that is damaged.
pub(super) fn raster(bytes: &[u8], pixels_max: usize) -> Result<Raster> {
    let image = Image::new(bytes, &DecodeSettings::default()).map_err(damaged)?;
    let (width, height) = (image.width(), image.height());
    check(u64::from(width), u64::from(height), pixels_max)?;
    let mut context = DecoderContext::default();
    let decoded = image.decode(&mut context).map_err(damaged)?;
    let (width, height, samples) = (width as usize, height as usize, decoded.components().len());
    let values = decoded.data_u8();
    if samples == 0 || values.len() < width * height * samples {
        return Err(Error::failed("read the picture: it is cut off"));
    }
    let values = &values[..width * height * samples];
    let components = usize::from(image.color_space().num_channels()).min(samples);
    if image.has_alpha() && samples == components + 1 && matches!(components, 1 | 3 | 4) {
        return Ok(Raster::on_paper(width, height, components, Alpha::Apart, values));
    }
    let components = if matches!(components, 1 | 3 | 4) { components } else { 1 };
    let pixels = values.chunks_exact(samples).flat_map(|pixel| &pixel[..components]).copied().collect();
    Ok(Raster { width, height, components, pixels })
}
