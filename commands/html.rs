//! `dc html`

use data_collector::context::Context;
use data_collector::error::{Error, ErrorKind, Result};
use data_collector::ops::{self, ElementPart, HtmlFound, HtmlOptions, HtmlWanted};

const EXAMPLES: &str = "\
Examples:
  dc html h1 https://example.com/                      the texts that a selector finds
  dc html 'a.pdf' page.html --attr href                an attribute of each
  dc merge prices -- dc html --table Prices URL        the rows of a table, merged
  dc html .item URL --fields name=h2,url=a@href        a record for each element
  dc html --links URL                                  where the links lead
  dc html --forms URL                                  forms, with their hidden fields
  dc html .item URL --fields name=h2 --pages 50        and the pages that follow
  dc html --sitemap https://example.com/               the addresses in a site's sitemaps

Texts are printed one a line; with --json, and everything else always, as one JSON object a line. A page is
read as browsers do. Addresses are absolute; those of a file need --base. An address is fetched when
the site's robots.txt allows it.";

/// Print what a CSS selector finds in a page, its tables, links or forms
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES, after_help = "`dc html --help` has examples")]
pub(crate) struct Args {
    /// CSS selector, unless --table, --links, --forms or --sitemap is given
    #[arg(value_name = "SELECTOR")]
    first: Option<String>,
    /// Page: a file, an address, or `-` for standard input [default: -]
    #[arg(value_name = "FILE|URL")]
    second: Option<String>,
    /// Print this attribute of each element
    #[arg(long, value_name = "NAME", conflicts_with_all = ["fields", "markup"])]
    attr: Option<String>,
    /// Print the inner HTML of each element
    #[arg(long, conflicts_with = "fields")]
    markup: bool,
    /// Print a record for each element: name=selector, url=a@href
    #[arg(long, value_name = "NAME=SELECTOR", value_delimiter = ',')]
    fields: Vec<String>,
    /// Print the rows of a table: its number, caption or #id
    #[arg(long, value_name = "TABLE", group = "instead")]
    table: Option<String>,
    /// Print the links
    #[arg(long, group = "instead")]
    links: bool,
    /// Print the forms and their fields
    #[arg(long, group = "instead")]
    forms: bool,
    /// Print the addresses in the site's sitemaps
    #[arg(long, group = "instead")]
    sitemap: bool,
    /// Address that a file came from, to resolve its links
    #[arg(long, value_name = "URL")]
    base: Option<String>,
    /// Follow links to the next page, up to this many pages
    #[arg(long, value_name = "COUNT")]
    pages: Option<usize>,
    /// Fetch what the site's robots.txt does not allow
    #[arg(long)]
    ignore_robots: bool,
}

pub(crate) fn run(context: &Context, args: Args) -> Result<()> {
    let is_json = context.shell().is_json();
    let shell = context.shell();
    ops::html(context, &args.into_options()?, |found| match found {
        HtmlFound::Record(json) => shell.json_line(&json),
        HtmlFound::Text(text) if is_json => shell.json_line(&serde_json::json!({ "text": text }).to_string()),
        HtmlFound::Text(text) => shell.line(&text),
    })
    .map(|_| ())
}

impl Args {
    fn into_options(self) -> Result<HtmlOptions> {
        let instead = match (self.table, self.links, self.forms, self.sitemap) {
            (Some(table), ..) => Some(HtmlWanted::Table(table)),
            (None, true, ..) => Some(HtmlWanted::Links),
            (None, _, true, _) => Some(HtmlWanted::Forms),
            (None, _, _, true) => Some(HtmlWanted::Sitemap),
            (None, false, false, false) => None,
        };
        let has_part = self.attr.is_some() || self.markup || !self.fields.is_empty();
        let usage = |what: &str, hint: &str| Err(Error::new(ErrorKind::Usage, what).hint(hint));
        let (wanted, source) = match (instead, self.first) {
            (Some(_), _) if has_part => {
                return usage(
                    "print parts of elements without a selector",
                    "leave out --table, --links, --forms or --sitemap",
                );
            }
            (Some(_), Some(_)) if self.second.is_some() => {
                return usage("use a selector as well", "give only the page: `dc html --links URL`");
            }
            // where no selector is wanted, the first word is the page
            (Some(wanted), first) => (wanted, first),
            (None, None) => {
                return usage(
                    "tell what to print",
                    "give a selector, `dc html h1 page.html`, or --table, --links, --forms",
                );
            }
            (None, Some(selector)) if !self.fields.is_empty() => {
                (HtmlWanted::Records { selector, fields: self.fields }, self.second)
            }
            (None, Some(selector)) => {
                let part = match (self.attr, self.markup) {
                    (Some(name), _) => ElementPart::Attribute(name),
                    (None, true) => ElementPart::Markup,
                    (None, false) => ElementPart::Text,
                };
                (HtmlWanted::Elements { selector, part }, self.second)
            }
        };
        let source = source.unwrap_or_else(|| "-".to_owned());
        let (base, pages_max, ignore_robots) = (self.base, self.pages, self.ignore_robots);
        Ok(HtmlOptions { source, wanted, base, pages_max, ignore_robots })
    }
}
