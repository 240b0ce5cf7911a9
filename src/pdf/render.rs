//! A page as a picture.

use hayro::hayro_interpret::InterpreterSettings;
use hayro::hayro_syntax::page::Page;
use hayro::vello_cpu::Pixmap;
use hayro::vello_cpu::color::palette::css::WHITE;
use hayro::{PixmapSettings, RenderCache, RenderSettings};

use super::Document;
use super::document::guarded;
use super::limits::refused;
use crate::error::Result;
use crate::layout::Picture;

/// Pixels across or down that the rasteriser can address.
const SIDE_MAX: f64 = 65_535.0;
/// Below so many dots an inch no letter can be read.
const DPI_MIN: u32 = 20;

/// A page is compared with at most so many pixels, and so many of them a point.
const PIXELS_COMPARED: f64 = 4_000_000.0;
const SCALE_COMPARED: f64 = 2.0;

/// A page in colours has at most so many pixels a point: a stamp is not blown up.
const COLOURS_SCALE_MAX: f64 = 4.0;

/// How a page is drawn.
#[derive(Debug, Clone, Copy)]
pub struct RenderOptions {
    /// Dots an inch.
    pub dpi: u32,
    /// Whether a page too large for the limits is drawn with fewer dots, instead of being refused.
    pub shrink: bool,
}

impl Default for RenderOptions {
    fn default() -> Self {
        Self { dpi: 300, shrink: true }
    }
}

/// Draws what is seen of a page, in shades of grey on white; `page` counts from 1.
///
/// # Errors
/// Not found; Refused, for a page that has more pixels than the limits allow; Failed, where it cannot be drawn.
pub fn render(document: &Document, page: usize, options: &RenderOptions) -> Result<Picture> {
    let found = document.page(page)?;
    let (width, height) = found.render_dimensions();
    let (inches_across, inches_down) = (f64::from(width) / 72.0, f64::from(height) / 72.0);
    let pixels_max = document.limits().pixels_max as f64;
    let dpi_max = (pixels_max / (inches_across * inches_down)).sqrt().min(SIDE_MAX / inches_across.max(inches_down));
    let mut dpi = options.dpi;
    if f64::from(dpi) > dpi_max {
        if !options.shrink || dpi_max < f64::from(DPI_MIN) {
            let message = format!("draw page {page}: {width:.0} x {height:.0} points at {dpi} dpi are too many pixels");
            return Err(refused(message).hint(format!("try `--dpi {}`", (dpi_max as u32).max(1))));
        }
        dpi = dpi_max as u32;
    }
    let pixmap = drawn(found, dpi as f32 / 72.0)?;
    let pixels = pixmap.data().iter().map(|pixel| grey(pixel.r, pixel.g, pixel.b)).collect();
    Ok(Picture { width: usize::from(pixmap.width()), height: usize::from(pixmap.height()), dpi, pixels })
}

/// Draws what is seen of a page in its colours on white, at most `side_max` pixels across and down; `page` counts from 1.
/// Gives the width, the height, and three bytes a pixel.
///
/// # Errors
/// Not found; Failed, where it cannot be drawn.
pub fn render_colours(document: &Document, page: usize, side_max: usize) -> Result<(usize, usize, Vec<u8>)> {
    let found = document.page(page)?;
    let (width, height) = found.render_dimensions();
    let scale = side_max as f64 / f64::from(width.max(height)).max(1.0);
    let pixmap = drawn(found, scale.min(COLOURS_SCALE_MAX) as f32)?;
    let pixels = pixmap.data().iter().flat_map(|pixel| [pixel.r, pixel.g, pixel.b]).collect();
    Ok((usize::from(pixmap.width()), usize::from(pixmap.height()), pixels))
}

fn drawn(page: &Page<'_>, scale: f32) -> Result<Pixmap> {
    let settings = PixmapSettings { x_scale: scale, y_scale: scale, bg_color: WHITE };
    guarded(|| {
        let cache = RenderCache::new();
        hayro::render(page, &cache, &InterpreterSettings::default(), &RenderSettings::default(), &settings)
    })
}

/// Whether a page of two documents looks the same, pixel by pixel.
///
/// # Errors
/// Not found; Failed, where one of them cannot be drawn.
pub(super) fn look_alike(one: &Document, other: &Document, page: usize) -> Result<bool> {
    let (one, other) = (one.page(page)?, other.page(page)?);
    let (width, height) = one.render_dimensions();
    let scale = (PIXELS_COMPARED / (f64::from(width) * f64::from(height)).max(1.0)).sqrt().min(SCALE_COMPARED) as f32;
    let (before, after) = (drawn(one, scale)?, drawn(other, scale)?);
    Ok(before.width() == after.width() && before.height() == after.height() && before.data() == after.data())
}

/// The brightness of a colour, as ITU-R BT.601 weighs it.
fn grey(red: u8, green: u8, blue: u8) -> u8 {
    ((u32::from(red) * 299 + u32::from(green) * 587 + u32::from(blue) * 114 + 500) / 1000) as u8
}
