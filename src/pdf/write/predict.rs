//! Rows of a picture told by their difference from their neighbours, as PNG has them: they pack much smaller.

/// Each row with the filter before it under which its differences are smallest; `step` is the size of a pixel.
pub(super) fn predicted(pixels: &[u8], row: usize, step: usize) -> Vec<u8> {
    if row == 0 {
        return Vec::new();
    }
    let mut out = Vec::with_capacity(pixels.len() + pixels.len() / row);
    let mut above = vec![0u8; row];
    let mut tried = vec![0u8; row];
    for line in pixels.chunks_exact(row) {
        let mut best: (u64, u8, Vec<u8>) = (u64::MAX, 0, Vec::new());
        for filter in 0..=4u8 {
            for at in 0..row {
                let left = if at >= step { line[at - step] } else { 0 };
                let corner = if at >= step { above[at - step] } else { 0 };
                tried[at] = line[at].wrapping_sub(guess(filter, left, above[at], corner));
            }
            let cost = tried.iter().map(|byte| u64::from((*byte as i8).unsigned_abs())).sum();
            if cost < best.0 {
                best = (cost, filter, tried.clone());
            }
        }
        out.push(best.1);
        out.extend(best.2);
        above.copy_from_slice(line);
    }
    out
}

fn guess(filter: u8, left: u8, above: u8, corner: u8) -> u8 {
    match filter {
        1 => left,
        2 => above,
        3 => ((u16::from(left) + u16::from(above)) / 2) as u8,
        4 => paeth(left, above, corner),
        _ => 0,
    }
}

/// The neighbour that is nearest to where the three would lead.
fn paeth(left: u8, above: u8, corner: u8) -> u8 {
    let leads = i16::from(left) + i16::from(above) - i16::from(corner);
    let far = |from: u8| (leads - i16::from(from)).abs();
    if far(left) <= far(above) && far(left) <= far(corner) {
        left
    } else if far(above) <= far(corner) {
        above
    } else {
        corner
    }
}
