//! A page as a small PNG for people: of a PDF in its colours, of any other picture in shades of grey.

use std::io::Cursor;

use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::imageops::thumbnail;
use image::{DynamicImage, GrayImage, ImageEncoder, RgbImage};

use super::Opened;
use crate::error::{Error, OrFail, Result};
use crate::pdf::render_colours;

/// Draws a page of a file, at most `side_max` pixels across and down; `page` counts from 1.
///
/// # Errors
/// Not found; Refused, for a picture with too many pixels; Failed, where it is damaged.
pub fn draw(file: &Opened, page: usize, side_max: usize) -> Result<Vec<u8>> {
    let wrong = || Error::failed(format!("draw page {page}: it has no pixels"));
    let side = |side: usize| u32::try_from(side).map_err(|_| wrong());
    let drawn = match file {
        Opened::Pdf(document) => {
            let (width, height, pixels) = render_colours(document, page, side_max)?;
            let image = RgbImage::from_raw(side(width)?, side(height)?, pixels).ok_or_else(wrong)?;
            DynamicImage::ImageRgb8(image)
        }
        Opened::Picture(picture) => {
            let found = picture.page(page)?;
            let image = GrayImage::from_raw(side(found.width)?, side(found.height)?, found.pixels);
            let image = image.filter(|image| image.width() > 0 && image.height() > 0).ok_or_else(wrong)?;
            let scale = (side_max as f64 / f64::from(image.width().max(image.height()))).min(1.0);
            let small = |side: u32| ((f64::from(side) * scale).round() as u32).max(1);
            DynamicImage::ImageLuma8(thumbnail(&image, small(image.width()), small(image.height())))
        }
    };
    let mut out = Cursor::new(Vec::new());
    PngEncoder::new_with_quality(&mut out, CompressionType::Fast, FilterType::Adaptive)
        .write_image(drawn.as_bytes(), drawn.width(), drawn.height(), drawn.color().into())
        .or_fail(|| format!("pack the picture of page {page}"))?;
    Ok(out.into_inner())
}
