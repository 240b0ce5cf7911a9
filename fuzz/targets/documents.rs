//! Files of pages.

use crate::documents::Opened;
use crate::pdf::{ClassifyOptions, Document, Limits, RenderOptions, TableOptions, classify, render, tables, text};

/// Pages of a file that are looked at.
const PAGES_MAX: usize = 3;

/// Any file as a PDF: text, tables and a drawing, each with an answer or an error.
pub fn pdf(data: &[u8]) {
    let_decoders_panic();
    let limits = Limits { pixels_max: 400_000, ..Limits::default() };
    let Ok(document) = Document::of(data.to_vec(), "", limits) else { return };
    let _ = classify(&document, &ClassifyOptions::default());
    for page in 1..=document.pages().min(PAGES_MAX) {
        let _ = text(&document, page);
        let _ = tables(&document, page, &TableOptions::default());
        if let Ok(picture) = render(&document, page, &RenderOptions { dpi: 30, shrink: true }) {
            assert_eq!(picture.pixels.len(), picture.width * picture.height);
        }
    }
}

/// Any file as a picture: its pages, or an error.
pub fn picture(data: &[u8]) {
    let_decoders_panic();
    let limits = Limits { pixels_max: 4_000_000, ..Limits::default() };
    let Ok(Opened::Picture(file)) = Opened::of(data.to_vec(), "", limits) else { return };
    for page in 1..=PAGES_MAX {
        if let Ok(picture) = file.page(page) {
            assert_eq!(picture.pixels.len(), picture.width * picture.height);
            assert!(picture.pixels.len() <= limits.pixels_max);
        }
        let _ = file.embedded(page);
    }
}

/// A panic of a decoder of others is caught and becomes an error; libFuzzer's hook would end the program before.
fn let_decoders_panic() {
    #[cfg(fuzzing)]
    {
        static ONCE: std::sync::Once = std::sync::Once::new();
        ONCE.call_once(|| drop(std::panic::take_hook()));
    }
}
