//! What the lines of a page are: headings, paragraphs, lists, tables, labels with their values, in the order in which they
//! are read. It is told by place and size alone, as a reader sees it who does not know the language.

mod flow;
mod list;
mod markdown;
mod pairs;

pub use markdown::markdown;

use flow::block;

use super::block::{Block, Kind};
use super::page::{Page, PageLine, PageSource};
use crate::layout::Area;

/// A line this many times as high as those of the text is a heading; what an engine measured is less sure.
const HEADING: f64 = 1.18;
const HEADING_RECOGNISED: f64 = 1.4;
/// The most letters of a heading, and its lines.
const HEADING_LETTERS_MAX: usize = 160;
const HEADING_LINES_MAX: usize = 3;
/// Lines of one paragraph stand at most this share of their height apart.
const GAP_PARAGRAPH: f64 = 0.75;
/// Lines of one paragraph are alike in height, within this factor.
const ALIKE: f64 = 1.22;
/// Sizes that differ by less are of one level of headings, and there are so many levels.
const LEVEL: f64 = 1.08;
const LEVELS_MAX: usize = 6;

/// Finds the structure of all pages of a file: what is a heading is told by the text of all of them.
pub fn structure(pages: &mut [Page]) {
    let body = body_height(pages);
    for page in pages.iter_mut() {
        page.blocks = blocks(page, body);
        page.blank = page.source != PageSource::Failed && page.text.trim().is_empty() && page.codes.is_empty();
    }
    level(pages);
}

/// The height of most letters.
fn body_height(pages: &[Page]) -> f64 {
    let mut heights: Vec<(f64, usize)> =
        pages.iter().flat_map(|page| &page.lines).map(|line| (height(line), line.text.chars().count())).collect();
    heights.sort_by(|a, b| a.0.total_cmp(&b.0));
    let half = heights.iter().map(|(_, letters)| letters).sum::<usize>() / 2;
    let mut seen = 0;
    let middle = heights.iter().find(|(_, letters)| {
        seen += letters;
        seen >= half
    });
    middle.map_or(0.0, |(height, _)| *height)
}

/// The height of a line's letters: that of most of its words, since one may be raised.
fn height(line: &PageLine) -> f64 {
    let mut heights: Vec<f64> = line.words.iter().map(|word| word.points.height()).collect();
    heights.sort_by(f64::total_cmp);
    heights.get(heights.len() / 2).copied().unwrap_or_else(|| line.points.height())
}

fn blocks(page: &Page, body: f64) -> Vec<Block> {
    let tables: Vec<Area> = page.tables.iter().flatten().map(|table| table.area).collect();
    let mut shown = vec![false; tables.len()];
    let mut blocks: Vec<Block> = Vec::new();
    let mut open: Vec<usize> = Vec::new();
    for (at, line) in page.lines.iter().enumerate() {
        let (x, y) = line.points.middle();
        let table = tables.iter().position(|it| x >= it.x0 && x <= it.x1 && y >= it.top && y <= it.bottom);
        if let Some(table) = table {
            close(&mut open, page, body, &mut blocks);
            if !std::mem::replace(&mut shown[table], true) {
                blocks.push(Block::table(table, tables[table]));
            }
            continue;
        }
        let follows = open.last().is_some_and(|last| goes_on(&page.lines[*last], line));
        if !follows {
            close(&mut open, page, body, &mut blocks);
        }
        open.push(at);
    }
    close(&mut open, page, body, &mut blocks);
    for (table, area) in tables.iter().enumerate().filter(|(table, _)| !shown[*table]) {
        blocks.push(Block::table(table, *area));
    }
    joined(blocks)
}

/// Whether a line goes on with what the one before it says.
fn goes_on(before: &PageLine, line: &PageLine) -> bool {
    let (one, other) = (height(before), height(line));
    let gap = line.points.top - before.points.bottom;
    let shares = before.points.x0 < line.points.x1 && line.points.x0 < before.points.x1;
    let is_alike = one.max(other) <= one.min(other) * ALIKE + 0.5;
    let is_below = gap <= one.max(other) * GAP_PARAGRAPH && gap >= -one.max(other) * 0.6;
    shares && is_alike && is_below && before.paragraph == line.paragraph
}

/// Makes blocks of lines that stand together.
fn close(open: &mut Vec<usize>, page: &Page, body: f64, blocks: &mut Vec<Block>) {
    let numbers = std::mem::take(open);
    let lines: Vec<&PageLine> = numbers.iter().map(|at| &page.lines[*at]).collect();
    let Some(first) = lines.first() else { return };
    let factor = if page.source == PageSource::Recognised { HEADING_RECOGNISED } else { HEADING };
    let letters: usize = lines.iter().map(|line| line.text.chars().filter(|it| it.is_alphabetic()).count()).sum();
    let is_large = body > 0.0 && height(first) >= body * factor;
    if is_large && lines.len() <= HEADING_LINES_MAX && (2..=HEADING_LETTERS_MAX).contains(&letters) {
        blocks.push(block(Kind::Heading { level: 1, size: height(first) }, &lines, numbers[0]));
        return;
    }
    let mut rest: Vec<&PageLine> = Vec::new();
    let mut start = numbers[0];
    let mut at = 0;
    while at < lines.len() {
        let (taken, found) = match list::items(&lines[at..]) {
            Some((taken, items)) => (taken, block(Kind::List { items }, &lines[at..at + taken], numbers[at])),
            None => match pairs::of_lines(&lines[at..]) {
                Some((taken, pairs)) => (taken, block(Kind::KeyValues { pairs }, &lines[at..at + taken], numbers[at])),
                None => {
                    if rest.is_empty() {
                        start = numbers[at];
                    }
                    rest.push(lines[at]);
                    at += 1;
                    continue;
                }
            },
        };
        if !rest.is_empty() {
            blocks.push(block(Kind::Paragraph, &rest, start));
            rest.clear();
        }
        blocks.push(found);
        at += taken;
    }
    if !rest.is_empty() {
        blocks.push(block(Kind::Paragraph, &rest, start));
    }
}

/// Lists and labels that were parted by a little space are one.
fn joined(blocks: Vec<Block>) -> Vec<Block> {
    let mut out: Vec<Block> = Vec::with_capacity(blocks.len());
    for block in blocks {
        match out.last_mut() {
            Some(last) if last.is_near(&block) && last.takes(&block) => last.append(block),
            _ => out.push(block),
        }
    }
    out
}

/// Gives headings their levels: the largest are of the first.
fn level(pages: &mut [Page]) {
    let mut sizes: Vec<f64> =
        pages.iter().flat_map(|page| &page.blocks).filter_map(|block| block.heading_size()).collect();
    sizes.sort_by(|a, b| b.total_cmp(a));
    let mut levels: Vec<f64> = Vec::new();
    for size in sizes {
        if levels.last().is_none_or(|last| *last > size * LEVEL) {
            levels.push(size);
        }
    }
    for block in pages.iter_mut().flat_map(|page| &mut page.blocks) {
        if let Kind::Heading { level, size } = &mut block.kind {
            let found = levels.iter().position(|known| *known <= *size * LEVEL).unwrap_or(levels.len());
            *level = (found + 1).min(LEVELS_MAX) as u8;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::documents::{PageTable, PageWord};

    fn line(text: &str, x0: f64, top: f64, size: f64) -> PageLine {
        let mut words: Vec<PageWord> = Vec::new();
        let mut x = x0;
        for part in text.split(' ') {
            // two spaces are a gap
            if part.is_empty() {
                x += size * 4.0;
                continue;
            }
            let x1 = x + size * 0.5 * part.chars().count() as f64;
            let points = Area { x0: x, top, x1, bottom: top + size };
            words.push(PageWord { text: part.to_owned(), points, pixels: None, confidence: None });
            x = x1 + size * 0.3;
        }
        let points = Area::around(words.iter().map(|word| word.points)).unwrap_or_default();
        let text = words.iter().map(|word| word.text.as_str()).collect::<Vec<_>>().join(" ");
        PageLine { text, points, pixels: None, confidence: None, paragraph: 1, words }
    }

    fn page(lines: Vec<PageLine>) -> Page {
        let mut page = Page::empty(1, (600.0, 800.0), PageSource::Native);
        page.text = "text".to_owned();
        page.lines = lines;
        page
    }

    #[test]
    fn a_page_is_taken_apart() {
        let mut read = page(vec![
            line("Annual report", 50.0, 40.0, 24.0),
            line("Invoice no.: R1-7  Date: 3 May 2026", 50.0, 80.0, 10.0),
            line("Customer:  Ana Horvat", 50.0, 92.0, 10.0),
            line("The year was good, and this para-", 50.0, 130.0, 10.0),
            line("graph goes on over two lines.", 50.0, 142.0, 10.0),
            line("What we did", 50.0, 170.0, 16.0),
            line("• read pages", 50.0, 200.0, 10.0),
            line("and more of them", 60.0, 212.0, 10.0),
            line("• wrote tables", 50.0, 224.0, 10.0),
            line("inside", 60.0, 310.0, 10.0),
            line("A last paragraph stands below the table.", 50.0, 400.0, 10.0),
        ]);
        let area = Area { x0: 50.0, top: 300.0, x1: 300.0, bottom: 360.0 };
        read.tables = Some(vec![PageTable { area, rows: vec![vec![Some("inside".to_owned()), None]] }]);
        let mut pages = vec![read];
        structure(&mut pages);
        let kinds: Vec<&str> = pages[0].blocks.iter().map(Block::word).collect();
        assert_eq!(kinds, ["heading", "key_values", "paragraph", "heading", "list", "table", "paragraph"]);
        let blocks = &pages[0].blocks;
        assert!(matches!(blocks[0].kind, Kind::Heading { level: 1, .. }), "{:?}", blocks[0]);
        assert!(matches!(blocks[3].kind, Kind::Heading { level: 2, .. }), "{:?}", blocks[3]);
        let Kind::KeyValues { pairs } = &blocks[1].kind else { panic!("{:?}", blocks[1]) };
        let said: Vec<(&str, &str)> = pairs.iter().map(|pair| (pair.label.as_str(), pair.value.as_str())).collect();
        assert_eq!(said, [("Invoice no.", "R1-7"), ("Date", "3 May 2026"), ("Customer", "Ana Horvat")]);
        assert_eq!(blocks[2].text, "The year was good, and this paragraph goes on over two lines.");
        let wanted = "# Annual report\n\n- **Invoice no.:** R1-7\n- **Date:** 3 May 2026\n- **Customer:** Ana Horvat\n\n\
                      The year was good, and this paragraph goes on over two lines.\n\n## What we did\n\n\
                      - read pages and more of them\n- wrote tables\n\n| inside |  |\n| --- | --- |\n\n\
                      A last paragraph stands below the table.\n";
        assert_eq!(markdown(&pages), wanted);
        assert!(!pages[0].blank);
    }

    #[test]
    fn values_stand_below_their_labels_and_three_rows_are_a_table() {
        let said = |lines: Vec<PageLine>| {
            let mut pages = vec![page(lines)];
            structure(&mut pages);
            let pairs: Vec<(String, String)> = pages[0]
                .blocks
                .iter()
                .flat_map(Block::key_values)
                .map(|pair| (pair.label.clone(), pair.value.clone()))
                .collect();
            pairs
        };
        let (labels, values) = ("Invoice no.  Date  Terms", "R1-7-2026  3 May  net 30");
        let found = said(vec![
            line(labels, 50.0, 80.0, 10.0),
            line(values, 50.0, 92.0, 10.0),
            line("Bill to:", 50.0, 104.0, 10.0),
            line("Ana Horvat", 50.0, 116.0, 10.0),
        ]);
        let wanted = [("Invoice no.", "R1-7-2026"), ("Date", "3 May"), ("Terms", "net 30"), ("Bill to", "Ana Horvat")];
        assert_eq!(found, wanted.map(|(label, value)| (label.to_owned(), value.to_owned())));
        let table =
            vec![line(labels, 50.0, 80.0, 10.0), line(values, 50.0, 92.0, 10.0), line(values, 50.0, 104.0, 10.0)];
        assert_eq!(said(table), []);
    }

    #[test]
    fn a_page_of_nothing_is_blank_and_prose_with_a_colon_no_label() {
        let mut pages = vec![Page::empty(1, (600.0, 800.0), PageSource::Recognised)];
        structure(&mut pages);
        assert!(pages[0].blank && pages[0].blocks.is_empty());
        let said = "He said that there was one thing that he wanted to know before he went: where the river ends.";
        let mut pages = vec![page(vec![line(said, 50.0, 40.0, 10.0), line("And so on", 50.0, 52.0, 10.0)])];
        structure(&mut pages);
        assert_eq!(pages[0].blocks.iter().map(Block::word).collect::<Vec<_>>(), ["paragraph"]);
    }
}
