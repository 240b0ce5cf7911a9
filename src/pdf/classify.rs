//! Whether a PDF is text or pictures of text.

use std::fmt;

use serde::Serialize;

use super::Document;
use super::face::Faces;
use crate::error::Result;

/// What a page or a document is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Verdict {
    /// It holds its text.
    Text,
    /// It shows its text in pictures.
    Image,
}

impl fmt::Display for Verdict {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Text => "TEXT",
            Self::Image => "IMAGE",
        })
    }
}

/// When a document counts as text.
#[derive(Debug, Clone, Copy)]
pub struct ClassifyOptions {
    /// The percentage of pages that must be text.
    pub pages_percent: f64,
    /// A page with more letters than this is text.
    pub letters_min: usize,
}

impl Default for ClassifyOptions {
    fn default() -> Self {
        Self { pages_percent: 90.0, letters_min: 50 }
    }
}

/// What was found on a page.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PageEvidence {
    /// The page, from 1 on.
    pub page: usize,
    /// Letters that are no white space.
    pub letters: usize,
    /// Glyphs of which the PDF does not say what they stand for; they do not count as letters.
    pub unknown: usize,
    /// The share of the page that its largest picture covers, 0 to 1.
    pub picture_share: f64,
    /// What the page is.
    pub verdict: Verdict,
    /// Why it could not be read; such a page counts as a picture.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// What a document is, and why.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Classification {
    /// The verdict on the whole document.
    pub verdict: Verdict,
    /// The percentage of pages that are text.
    pub text_percent: f64,
    /// The evidence, page by page.
    pub pages: Vec<PageEvidence>,
}

/// Decides whether a document is text or pictures of text.
///
/// # Errors
/// None for single pages: what cannot be read counts as a picture, with its reason.
pub fn classify(document: &Document, options: &ClassifyOptions) -> Result<Classification> {
    let faces = Faces::default();
    let pages: Vec<PageEvidence> =
        (1..=document.pages()).map(|page| evidence(document, page, &faces, options)).collect();
    let text = pages.iter().filter(|page| page.verdict == Verdict::Text).count();
    let text_percent = 100.0 * text as f64 / pages.len().max(1) as f64;
    let verdict = if text_percent >= options.pages_percent { Verdict::Text } else { Verdict::Image };
    Ok(Classification { verdict, text_percent, pages })
}

fn evidence<'a>(document: &'a Document, page: usize, faces: &Faces<'a>, options: &ClassifyOptions) -> PageEvidence {
    match document.content_with(page, faces) {
        Ok(content) => {
            let unknown = content.unknown_count();
            let letters = content.letter_count().saturating_sub(unknown);
            let verdict = if letters > options.letters_min { Verdict::Text } else { Verdict::Image };
            PageEvidence { page, letters, unknown, picture_share: content.picture_share(), verdict, error: None }
        }
        Err(error) => PageEvidence {
            page,
            letters: 0,
            unknown: 0,
            picture_share: 0.0,
            verdict: Verdict::Image,
            error: Some(error.to_string()),
        },
    }
}
