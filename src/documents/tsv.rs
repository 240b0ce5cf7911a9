//! Words as rows with tabs between their columns, as Tesseract writes them, so that what reads its tables reads ours.

use super::page::{Page, PageLine, PageWord};

/// The names of the columns.
pub const TSV_HEADER: &str =
    "level\tpage_num\tblock_num\tpar_num\tline_num\tword_num\tleft\ttop\twidth\theight\tconf\ttext\n";

/// The rows of a page: itself, its lines (level 4) and its words (level 5). Places are pixels of the picture that was
/// read, and points where the page holds its text; such words have the confidence 100.
pub fn tsv(page: &Page) -> String {
    let scale = page.reading.as_ref().map_or(1.0, |reading| f64::from(reading.dpi) / 72.0);
    let (width, height) = (page.width * scale, page.height * scale);
    let mut text = format!("1\t{}\t0\t0\t0\t0\t0\t0\t{width:.0}\t{height:.0}\t-1\t\n", page.page);
    let (mut paragraph, mut number) = (0, 0);
    for line in &page.lines {
        number = if line.paragraph == paragraph { number + 1 } else { 1 };
        paragraph = line.paragraph;
        text.push_str(&format!("4\t{}\t1\t{paragraph}\t{number}\t0\t{}\t-1\t\n", page.page, place(line)));
        for (at, word) in line.words.iter().enumerate() {
            text.push_str(&row(page.page, paragraph, number, at + 1, word));
        }
    }
    text
}

fn row(page: usize, paragraph: usize, line: usize, number: usize, word: &PageWord) -> String {
    let area = word.pixels.unwrap_or(word.points);
    let confidence = word.confidence.unwrap_or(100.0);
    let clean: String = word.text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect();
    let place = format!("{:.0}\t{:.0}\t{:.0}\t{:.0}", area.x0, area.top, area.width(), area.height());
    format!("5\t{page}\t1\t{paragraph}\t{line}\t{number}\t{place}\t{confidence:.2}\t{clean}\n")
}

fn place(line: &PageLine) -> String {
    let area = line.pixels.unwrap_or(line.points);
    format!("{:.0}\t{:.0}\t{:.0}\t{:.0}", area.x0, area.top, area.width(), area.height())
}
