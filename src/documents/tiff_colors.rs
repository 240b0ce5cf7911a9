//! Colours of TIFFs that are no shades of light: numbers of a palette, and Lab.

use super::tiff_directory::{Directory, tag};

/// How a file says what its values mean.
pub(super) const PALETTE: u64 = 3;
pub(super) const CIE_LAB: u64 = 8;
pub(super) const ICC_LAB: u64 = 9;

/// The light of the white of Lab, D50.
const WHITE: [f64; 3] = [0.9642, 1.0, 0.8249];
/// From XYZ of D50 to red, green and blue of sRGB.
const TO_RGB: [[f64; 3]; 3] = [[3.1339, -1.6169, -0.4906], [-0.9788, 1.9161, 0.0335], [0.0719, -0.2290, 1.4052]];

/// The colours of a palette, three bytes each.
pub(super) fn palette(directory: &Directory<'_>) -> Vec<[u8; 3]> {
    let values = directory.numbers(tag::COLOR_MAP);
    let count = values.len() / 3;
    // they have 16 bits; some writers leave the upper ones out
    let shift = if values.iter().any(|value| *value > 255) { 8 } else { 0 };
    (0..count).map(|at| [0, 1, 2].map(|part| (values[part * count + at] >> shift).min(255) as u8)).collect()
}

/// Red, green and blue of a value of Lab; `signed` where a and b are counted from zero.
pub(super) fn of_lab(light: u8, a: u8, b: u8, signed: bool) -> [u8; 3] {
    let side = |value: u8| if signed { f64::from(value as i8) } else { f64::from(value) - 128.0 };
    let y = (f64::from(light) * 100.0 / 255.0 + 16.0) / 116.0;
    let linear = |value: f64| if value > 6.0 / 29.0 { value.powi(3) } else { (value - 16.0 / 116.0) * 108.0 / 841.0 };
    let parts = [y + side(a) / 500.0, y, y - side(b) / 200.0];
    let xyz = [0, 1, 2].map(|at| linear(parts[at]) * WHITE[at]);
    TO_RGB.map(|row| {
        let light = row.iter().zip(xyz).map(|(factor, part)| factor * part).sum::<f64>().clamp(0.0, 1.0);
        let seen = if light <= 0.003_130_8 { light * 12.92 } else { 1.055 * light.powf(1.0 / 2.4) - 0.055 };
        (seen * 255.0).round() as u8
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lab_is_light_and_two_sides() {
        assert_eq!(of_lab(0, 0, 0, true), [0, 0, 0]);
        assert!(of_lab(255, 0, 0, true).iter().all(|shade| *shade >= 253));
        let red = of_lab(139, 208, 195, false);
        assert!(red[0] > 245 && red[1] < 25 && red[2] < 30, "{red:?}");
    }
}
