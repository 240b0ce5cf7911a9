//! Pages as hOCR: HTML in which every line and word carries its place.

use std::fmt::Write;

use super::page::Page;
use crate::layout::Area;

/// A document of these pages, of the file of this name.
pub fn hocr(file: &str, pages: &[Page]) -> String {
    let mut out = String::from(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <!DOCTYPE html PUBLIC \"-//W3C//DTD XHTML 1.0 Transitional//EN\" \
         \"http://www.w3.org/TR/xhtml1/DTD/xhtml1-transitional.dtd\">\n\
         <html xmlns=\"http://www.w3.org/1999/xhtml\" xml:lang=\"en\" lang=\"en\">\n<head>\n",
    );
    let name = escaped(file);
    let _ = write!(
        out,
        "<title>{name}</title>\n\
         <meta http-equiv=\"Content-Type\" content=\"text/html;charset=utf-8\"/>\n\
         <meta name=\"ocr-system\" content=\"dc {}\"/>\n\
         <meta name=\"ocr-capabilities\" content=\"ocr_page ocr_par ocr_line ocrx_word\"/>\n</head>\n<body>\n",
        env!("CARGO_PKG_VERSION")
    );
    pages.iter().for_each(|page| append(&mut out, &name, page));
    out.push_str("</body>\n</html>\n");
    out
}

fn append(out: &mut String, file: &str, page: &Page) {
    let number = page.page;
    let dpi = page.reading.as_ref().map_or(72, |reading| reading.dpi);
    let whole = Area { x0: 0.0, top: 0.0, x1: page.width, bottom: page.height }.scaled(f64::from(dpi) / 72.0);
    let _ = writeln!(
        out,
        "<div class=\"ocr_page\" id=\"page_{number}\" title=\"image &quot;{file}&quot;; {}; ppageno {}; scan_res {dpi} {dpi}\">",
        bbox(&whole),
        number - 1
    );
    for (at, paragraph) in page.lines.chunk_by(|a, b| a.paragraph == b.paragraph).enumerate() {
        let around = Area::around(paragraph.iter().map(|line| line.pixels.unwrap_or(line.points))).unwrap_or_default();
        let _ = writeln!(out, "<p class=\"ocr_par\" id=\"par_{number}_{}\" title=\"{}\">", at + 1, bbox(&around));
        for (line_at, line) in paragraph.iter().enumerate() {
            let id = format!("{number}_{}_{}", at + 1, line_at + 1);
            let _ = write!(
                out,
                "<span class=\"ocr_line\" id=\"line_{id}\" title=\"{}\">",
                bbox(&line.pixels.unwrap_or(line.points))
            );
            for (word_at, word) in line.words.iter().enumerate() {
                let space = if word_at == 0 { "" } else { " " };
                let _ = write!(
                    out,
                    "{space}<span class=\"ocrx_word\" id=\"word_{id}_{}\" title=\"{}; x_wconf {:.0}\">{}</span>",
                    word_at + 1,
                    bbox(&word.pixels.unwrap_or(word.points)),
                    word.confidence.unwrap_or(100.0),
                    escaped(&word.text)
                );
            }
            out.push_str("</span>\n");
        }
        out.push_str("</p>\n");
    }
    out.push_str("</div>\n");
}

fn bbox(area: &Area) -> String {
    format!("bbox {:.0} {:.0} {:.0} {:.0}", area.x0.max(0.0), area.top.max(0.0), area.x1.max(0.0), area.bottom.max(0.0))
}

/// Text as XML takes it: without the control characters that it forbids.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            _ if letter.is_control() || matches!(letter, '\u{fffe}' | '\u{ffff}') => out.push(' '),
            _ => out.push(letter),
        }
    }
    out
}
