//! A page, and what it links to.

use std::borrow::Cow;

use scraper::Html;
use serde::Serialize;
use url::Url;

use super::address::resolved;
use super::element::{Element, parse};
use crate::error::{Error, ErrorKind, Result};
use crate::formats::{HtmlTable, PAGE_BYTES_MAX, chosen_table, table_rows, tables_of};
use crate::http::Response;
use crate::record::{Record, Value};

/// Texts of links that lead to the next page, in lower case.
const NEXT_WORDS: [&str; 12] =
    ["next", "next page", "next »", "»", "›", "→", ">", "sljedeća", "sljedeće", "dalje", "weiter", "suivant"];

/// The names and values of a record.
pub type Fields = Vec<(Cow<'static, str>, Value<'static>)>;

/// A page, read as browsers do.
#[derive(Debug)]
pub struct Page {
    url: Option<Url>,
    /// What links are relative to.
    base: Option<Url>,
    html: Html,
}

/// A link of a page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Link {
    /// Where it leads, as an absolute address without a fragment.
    pub url: String,
    /// Its text, with single blanks.
    pub text: String,
    /// What it says of itself: `next`, `nofollow`.
    pub rel: Option<String>,
}

impl Page {
    /// A page from its text; `url` is where it came from.
    ///
    /// # Errors
    /// Usage, for what is no address; refused, for a page of more than 64 MiB.
    pub fn parse(text: &str, url: Option<&str>) -> Result<Self> {
        if text.len() as u64 > PAGE_BYTES_MAX {
            let what = format!("read a page: it has more than {} MiB", PAGE_BYTES_MAX >> 20);
            return Err(Error::new(ErrorKind::Refused, what));
        }
        let url = match url {
            Some(url) => Some(Url::parse(url).map_err(|cause| {
                Error::new(ErrorKind::Usage, format!("read the address `{url}`")).because(cause.to_string())
            })?),
            None => None,
        };
        let html = Html::parse_document(text);
        let mut page = Self { base: url.clone(), url, html };
        let told = page.first("base[href]")?.and_then(|base| base.attr("href").map(str::to_owned));
        if let Some(told) = told {
            let base = match &page.url {
                Some(url) => url.join(&told).ok(),
                None => Url::parse(&told).ok(),
            };
            page.base = base.or(page.base);
        }
        Ok(page)
    }

    /// The page of an answer.
    ///
    /// # Errors
    /// As [`Page::parse`].
    pub fn of(response: &Response) -> Result<Self> {
        Self::parse(&response.text(), Some(response.url()))
    }

    /// Where it came from.
    pub fn url(&self) -> Option<&str> {
        self.url.as_ref().map(Url::as_str)
    }

    /// All elements that a selector finds, in the order of the page.
    ///
    /// # Errors
    /// Usage, for what is no selector.
    pub fn select(&self, selector: &str) -> Result<Vec<Element<'_>>> {
        let selector = parse(selector)?;
        Ok(self.html.select(&selector).map(Element).collect())
    }

    /// The first element that a selector finds.
    ///
    /// # Errors
    /// As [`Page::select`].
    pub fn first(&self, selector: &str) -> Result<Option<Element<'_>>> {
        let selector = parse(selector)?;
        Ok(self.html.select(&selector).next().map(Element))
    }

    /// The tables, with cells that span several filled.
    ///
    /// # Errors
    /// Refused, when their spans come to more cells than memory should hold.
    pub fn tables(&self) -> Result<Vec<HtmlTable>> {
        tables_of(&self.html)
    }

    /// The rows of a table as records, each with its number from 1, or why it is none; `wanted` is the table's number from 1,
    /// its caption, or `#id`.
    ///
    /// # Errors
    /// Not found, with the tables that there are; as [`Page::tables`].
    pub fn table_records(&self, wanted: &str) -> Result<Vec<(u64, Result<Fields, String>)>> {
        let tables = self.tables()?;
        let place = chosen_table("the page", &tables, Some(wanted))?;
        let rows = table_rows(&tables[place])
            .map_err(|reason| Error::failed(format!("read the table `{wanted}`: {reason}")))?;
        let owned = |fields: Vec<(Cow<'_, str>, Value<'_>)>| Record { fields }.into_owned().fields;
        Ok(rows.into_iter().map(|(row, record)| (row, record.map(owned))).collect())
    }

    /// An attribute of an element, as an absolute address where it is one.
    pub fn attribute(&self, element: &Element<'_>, name: &str) -> Option<String> {
        let text = element.attr(name)?;
        let is_address = matches!(name, "href" | "src" | "action" | "data-href" | "data-src");
        Some(is_address.then(|| self.resolve(text)).flatten().unwrap_or_else(|| text.to_owned()))
    }

    /// The links to other pages.
    pub fn links(&self) -> Vec<Link> {
        let links = self.select("a[href], area[href]").unwrap_or_default();
        links.iter().filter_map(|link| self.link(link)).collect()
    }

    fn link(&self, link: &Element<'_>) -> Option<Link> {
        let url = self.resolve(link.attr("href")?)?;
        Some(Link { url, text: link.text(), rel: link.attr("rel").map(str::to_lowercase) })
    }

    /// An address in this page as an absolute one.
    pub fn resolve(&self, address: &str) -> Option<String> {
        resolved(self.base.as_ref(), address)
    }

    /// The next page: what says `rel=next`, else the link whose text or class says so.
    pub fn next_page(&self) -> Option<String> {
        let told = self.select("link[rel~=next][href], a[rel~=next][href]").unwrap_or_default();
        let by_rel = told.first().and_then(|link| self.resolve(link.attr("href")?));
        let found = by_rel.or_else(|| {
            let links = self.select("a[href]").unwrap_or_default();
            let is_next = |link: &&Element<'_>| {
                let text = link.text().to_lowercase();
                let label = link.attr("aria-label").unwrap_or_default().to_lowercase();
                let mut classes = link.attr("class").unwrap_or_default().split_whitespace();
                NEXT_WORDS.contains(&text.as_str())
                    || NEXT_WORDS.contains(&label.as_str())
                    || classes.any(|it| it == "next")
            };
            let next = links.iter().find(is_next)?;
            self.resolve(next.attr("href")?)
        });
        // a page is not followed by itself
        found.filter(|next| Some(next.as_str()) != self.url())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(html: &str) -> Page {
        Page::parse(html, Some("https://example.com/a/b.html?x=1")).expect("a page")
    }

    #[test]
    fn links_are_absolute() {
        let page = page(
            "<base href='/c/'><a href='d.html#part'> D <b>d</b></a><a href='mailto:x@y'>m</a><a href='javascript:x()'>j</a>\
             <a href='//other.org/e' rel='NoFollow'>e</a>",
        );
        let links: Vec<(String, String)> = page.links().into_iter().map(|link| (link.url, link.text)).collect();
        let link = |url: &str, text: &str| (url.to_owned(), text.to_owned());
        assert_eq!(links, [link("https://example.com/c/d.html", "D d"), link("https://other.org/e", "e")]);
        assert_eq!(page.links()[1].rel.as_deref(), Some("nofollow"));
    }

    #[test]
    fn the_next_page_is_found_by_what_it_is_called() {
        for (html, expected) in [
            ("<link rel='next' href='?page=2'>", Some("https://example.com/a/b.html?page=2")),
            ("<a href='?page=2'>Next »</a>", Some("https://example.com/a/b.html?page=2")),
            ("<a class='btn next' href='?page=2'>2</a>", Some("https://example.com/a/b.html?page=2")),
            ("<a aria-label='Next' href='?page=2'>2</a>", Some("https://example.com/a/b.html?page=2")),
            ("<a href='?x=1'>next</a>", None),
            ("<a href='?page=2'>2</a>", None),
        ] {
            assert_eq!(page(html).next_page().as_deref(), expected, "{html}");
        }
    }

    #[test]
    fn what_is_no_selector_is_named() {
        assert!(page("").select("a[").expect_err("no selector").to_string().contains("a["));
    }
}
