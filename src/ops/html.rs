//! `dc html`: what a selector finds in a page, its tables, links and forms, for whoever writes a collector in shell.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use serde::Serialize;

use crate::context::Context;
use crate::error::{Error, ErrorKind, Result, file_error};
use crate::hash::write_json;
use crate::html::{Element, Extract, FieldPath, Form, Page, Visitor};
use crate::http::Request;
use crate::record::{Value, to_value};

/// The most bytes of a page.
const PAGE_BYTES_MAX: u64 = 64 << 20;

/// What `dc html` is asked for.
#[derive(Debug, Clone, Default)]
pub struct HtmlOptions {
    /// A file, an address, or `-` for standard input.
    pub source: String,
    /// What to print of it.
    pub wanted: HtmlWanted,
    /// Where a page of a file came from: links are relative to it.
    pub base: Option<String>,
    /// So many pages are read, by their links to the next; 1 where nothing is said.
    pub pages_max: Option<usize>,
    /// Whether `robots.txt` is left aside.
    pub ignore_robots: bool,
}

/// What is printed of a page.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum HtmlWanted {
    /// The elements that a selector finds, and what of them.
    Elements {
        /// The selector.
        selector: String,
        /// What of each.
        part: ElementPart,
    },
    /// Records: an element each.
    Records {
        /// The elements.
        selector: String,
        /// `name=selector@attribute`
        fields: Vec<String>,
    },
    /// The rows of a table: its number from 1, its caption, or `#id`.
    Table(String),
    /// The links, resolved.
    #[default]
    Links,
    /// The forms with their fields.
    Forms,
    /// The addresses in the sitemaps of a site.
    Sitemap,
}

/// What of an element is printed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum ElementPart {
    /// Its text.
    #[default]
    Text,
    /// What stands inside of it, as HTML.
    Markup,
    /// An attribute; addresses are resolved.
    Attribute(String),
}

/// One thing that was found: a text, or a record as JSON.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HtmlFound {
    /// A text.
    Text(String),
    /// A record.
    Record(String),
}

/// How much was found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct HtmlReport {
    /// Things that were printed.
    pub found: u64,
    /// Pages that were read.
    pub pages: u64,
}

/// Gives what is found to `each`, in the order of the page.
///
/// # Errors
/// Usage, for what is no selector, address or field; not found, for a table that is not there; refused, for an address that
/// `robots.txt` does not allow; else as any file or call.
pub fn html(
    context: &Context,
    options: &HtmlOptions,
    mut each: impl FnMut(HtmlFound) -> Result<()>,
) -> Result<HtmlReport> {
    let mut report = HtmlReport::default();
    let mut told = |found: HtmlFound| {
        report.found += 1;
        each(found)
    };
    let is_address = options.source.contains("://");
    if !is_address && (options.pages_max.is_some() || options.wanted == HtmlWanted::Sitemap) {
        let what = "follow links of a file: only pages of the web are followed";
        return Err(Error::new(ErrorKind::Usage, what).hint("give an address: https://example.com/list"));
    }
    if !is_address {
        let page = Page::parse(&text_of_file(&options.source)?, options.base.as_deref())?;
        show(&page, options, &mut told)?;
        report.pages = 1;
        return Ok(report);
    }
    let mut visitor = Visitor::new(context, Request::new(context)?).ignoring_robots(options.ignore_robots);
    let mut pages = 0;
    if options.wanted == HtmlWanted::Sitemap {
        visitor.sitemap(&options.source, |entry| record(&entry).and_then(&mut told))?;
    } else {
        visitor.follow(&options.source, options.pages_max.unwrap_or(1), |page| {
            pages += 1;
            show(page, options, &mut told)
        })?;
    }
    report.pages = pages;
    Ok(report)
}

fn text_of_file(source: &str) -> Result<String> {
    let mut bytes = Vec::new();
    let fail = |cause| file_error(format!("read {source}"), cause);
    match source {
        "-" => std::io::stdin().take(PAGE_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(fail)?,
        path => {
            let file = File::open(Path::new(path)).map_err(fail)?;
            file.take(PAGE_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(fail)?
        }
    };
    Ok(crate::http::page_text(&bytes))
}

fn show(page: &Page, options: &HtmlOptions, each: &mut impl FnMut(HtmlFound) -> Result<()>) -> Result<()> {
    match &options.wanted {
        HtmlWanted::Elements { selector, part } => {
            for element in page.select(selector)? {
                if let Some(text) = part.of(page, &element) {
                    each(HtmlFound::Text(text))?;
                }
            }
        }
        HtmlWanted::Records { selector, fields } => {
            let fields: Result<Vec<FieldPath>> = fields.iter().map(|field| field.parse()).collect();
            let extract = Extract { selector: selector.clone(), fields: fields? };
            extract.records(page)?.iter().try_for_each(|record| each(json(record)))?;
        }
        HtmlWanted::Table(wanted) => {
            for (row, record) in page.table_records(wanted)? {
                match record {
                    Ok(fields) => each(json(&Value::Object(fields)))?,
                    Err(reason) => {
                        return Err(Error::failed(format!("read row {row} of the table `{wanted}`: {reason}")));
                    }
                }
            }
        }
        HtmlWanted::Links => page.links().iter().try_for_each(|link| record(link).and_then(&mut *each))?,
        HtmlWanted::Forms => page.forms().iter().try_for_each(|form: &Form| record(form).and_then(&mut *each))?,
        HtmlWanted::Sitemap => {}
    }
    Ok(())
}

impl ElementPart {
    fn of(&self, page: &Page, element: &Element<'_>) -> Option<String> {
        match self {
            Self::Text => Some(element.text()),
            Self::Markup => Some(element.html()),
            Self::Attribute(name) => page.attribute(element, name),
        }
    }
}

fn json(value: &Value<'_>) -> HtmlFound {
    let mut out = Vec::new();
    write_json(value, &mut out);
    HtmlFound::Record(String::from_utf8_lossy(&out).into_owned())
}

fn record(value: &impl Serialize) -> Result<HtmlFound> {
    Ok(json(&to_value(value)?))
}
