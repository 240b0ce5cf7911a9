//! Pages as Markdown.

use super::super::block::{Block, Kind};
use super::super::page::{Page, PageTable};

/// The pages of a file, whose structure was found; a comment says where another page begins.
pub fn markdown(pages: &[Page]) -> String {
    let mut out = String::new();
    for (at, page) in pages.iter().enumerate() {
        if at > 0 {
            out.push_str(&format!("\n<!-- page {} -->\n", page.page));
        }
        for (number, block) in page.blocks.iter().enumerate() {
            if number > 0 || at > 0 {
                out.push('\n');
            }
            append(&mut out, block, page);
        }
    }
    out
}

fn append(out: &mut String, block: &Block, page: &Page) {
    match &block.kind {
        Kind::Heading { level, .. } => {
            out.push_str(&format!("{} {}\n", "#".repeat(usize::from(*level)), escaped(&block.text)));
        }
        Kind::Paragraph => out.push_str(&format!("{}\n", paragraph(&block.text))),
        Kind::List { items } => {
            for item in items {
                let number = item.marker.trim_matches(['(', ')', '.']);
                let is_number = number.bytes().all(|byte| byte.is_ascii_digit()) && !number.is_empty();
                let marker = if is_number { format!("{number}.") } else { "-".to_owned() };
                out.push_str(&format!("{marker} {}\n", escaped(&item.text)));
            }
        }
        Kind::KeyValues { pairs } => {
            for pair in pairs {
                out.push_str(format!("- **{}:** {}", escaped(&pair.label), escaped(&pair.value)).trim_end());
                out.push('\n');
            }
        }
        Kind::Table { table } => {
            if let Some(table) = page.tables.iter().flatten().nth(*table) {
                rows(out, table);
            }
        }
    }
}

fn rows(out: &mut String, table: &PageTable) {
    let columns = table.rows.iter().map(Vec::len).max().unwrap_or(0);
    for (at, row) in table.rows.iter().enumerate() {
        let cells = (0..columns).map(|column| row.get(column).and_then(Option::as_deref).unwrap_or_default());
        let cells: Vec<String> = cells.map(|cell| escaped(cell).replace('|', "\\|").replace('\n', "<br>")).collect();
        out.push_str(&format!("| {} |\n", cells.join(" | ")));
        if at == 0 {
            out.push_str(&format!("| {} |\n", vec!["---"; columns].join(" | ")));
        }
    }
}

/// A text whose first letters make nothing else of it than a paragraph.
fn paragraph(text: &str) -> String {
    let text = escaped(text);
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    match text.chars().next() {
        Some('#' | '+' | '-' | '>') => format!("\\{text}"),
        Some(_) if digits > 0 && text[digits..].starts_with(['.', ')']) => {
            format!("{}\\{}", &text[..digits], &text[digits..])
        }
        _ => text,
    }
}

/// A text without what Markdown takes for its own.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '\\' | '*' | '_' | '`' | '[' | ']' => out.extend(['\\', letter]),
            '<' => out.push_str("&lt;"),
            '&' => out.push_str("&amp;"),
            _ => out.push(letter),
        }
    }
    out
}
