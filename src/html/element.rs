//! One element of a page.

use scraper::{ElementRef, Selector};

use crate::error::{Error, ErrorKind, Result};
use crate::formats::text_of;

/// An element of a page.
#[derive(Debug, Clone, Copy)]
pub struct Element<'a>(pub(super) ElementRef<'a>);

impl<'a> Element<'a> {
    /// The name of its tag.
    pub fn name(&self) -> &'a str {
        self.0.value().name()
    }

    /// Its text, with single blanks.
    pub fn text(&self) -> String {
        text_of(self.0)
    }

    /// An attribute as it stands.
    pub fn attr(&self, name: &str) -> Option<&'a str> {
        self.0.attr(name)
    }

    /// What stands inside of it, as HTML.
    pub fn html(&self) -> String {
        self.0.inner_html()
    }

    /// Elements inside of it.
    ///
    /// # Errors
    /// Usage, for what is no selector.
    pub fn select(&self, selector: &str) -> Result<Vec<Element<'a>>> {
        let selector = parse(selector)?;
        Ok(self.0.select(&selector).map(Element).collect())
    }
}

/// A selector of CSS.
pub(super) fn parse(selector: &str) -> Result<Selector> {
    Selector::parse(selector).map_err(|cause| {
        Error::new(ErrorKind::Usage, format!("read the selector `{selector}`"))
            .because(cause.to_string())
            .hint("write it as CSS does: `a.next`, `table#prices tr`, `meta[name=author]`")
    })
}
