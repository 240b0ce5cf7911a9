//! Goes from page to page, and asks `robots.txt` before.

use std::collections::{HashMap, HashSet, VecDeque};
use std::time::Instant;

use url::Url;

use super::form::Form;
use super::page::Page;
use super::robots::Robots;
use super::sitemap::{SitemapEntry, sitemap_entries};
use crate::context::{Cancellation, Context};
use crate::error::{Error, ErrorKind, Result};
use crate::http::Request;

/// The name that sites know programs of the framework by.
const AGENT: &str = "data-collector";
/// How long a wait lasts before somebody may have asked to stop.
const WAIT_STEP: std::time::Duration = std::time::Duration::from_millis(100);
/// The most sitemaps that are followed from one site.
const SITEMAPS_MAX: usize = 1_000;

/// Fetches pages of sites that allow it.
pub struct Visitor {
    request: Request,
    cancellation: Cancellation,
    respects_robots: bool,
    agent: String,
    /// By scheme, host and port.
    sites: HashMap<String, Site>,
}

struct Site {
    robots: Robots,
    /// When its last page was asked for.
    last: Option<Instant>,
}

impl Visitor {
    /// One that goes by way of `request`.
    pub fn new(context: &Context, request: Request) -> Self {
        let cancellation = context.cancellation().clone();
        Self { request, cancellation, respects_robots: true, agent: AGENT.to_owned(), sites: HashMap::new() }
    }

    /// Fetches whatever it is asked for: for sites that allowed it otherwise.
    #[must_use]
    pub fn ignoring_robots(mut self, ignores: bool) -> Self {
        self.respects_robots = !ignores;
        self
    }

    /// The name by which `robots.txt` is read; that of the framework by default.
    #[must_use]
    pub fn agent(mut self, name: impl Into<String>) -> Self {
        self.agent = name.into();
        self
    }

    /// The way to the network.
    pub fn request(&self) -> &Request {
        &self.request
    }

    /// Fetches a page.
    ///
    /// # Errors
    /// Refused, when `robots.txt` does not allow it; else as any call, and failed for an answer that is no success.
    pub fn open(&mut self, url: &str) -> Result<Page> {
        self.ask_leave(url)?;
        Page::of(&self.request.get(url).send()?.ok()?)
    }

    /// Sends a form, and reads what comes.
    ///
    /// # Errors
    /// As [`Visitor::open`].
    pub fn submit(&mut self, form: &Form) -> Result<Page> {
        self.ask_leave(&form.action)?;
        Page::of(&form.submit(&self.request)?.ok()?)
    }

    /// Gives a page and those that follow it to `each`, at most `pages_max`; a page that was there already ends it.
    ///
    /// # Errors
    /// As [`Visitor::open`], and what `each` says.
    pub fn follow(&mut self, url: &str, pages_max: usize, mut each: impl FnMut(&Page) -> Result<()>) -> Result<()> {
        let mut seen = HashSet::new();
        let mut next = Some(url.to_owned());
        while let Some(url) = next.take().filter(|url| seen.len() < pages_max && seen.insert(url.clone())) {
            let page = self.open(&url)?;
            each(&page)?;
            next = page.next_page();
        }
        Ok(())
    }

    /// The addresses in the sitemaps of a site, those that sitemaps lead to included; from `robots.txt`, or `/sitemap.xml`.
    ///
    /// # Errors
    /// As [`Visitor::open`], and what `each` says.
    pub fn sitemap(&mut self, url: &str, mut each: impl FnMut(SitemapEntry) -> Result<()>) -> Result<()> {
        let parsed = parsed(url)?;
        let is_file =
            parsed.path().contains("sitemap") || parsed.path().ends_with(".xml") || parsed.path().ends_with(".gz");
        let mut rest: VecDeque<String> = VecDeque::new();
        if is_file {
            rest.push_back(url.to_owned());
        } else {
            rest.extend(self.site(&parsed)?.robots.sitemaps().iter().cloned());
        }
        if rest.is_empty() {
            rest.extend(parsed.join("/sitemap.xml").map(String::from));
        }
        let mut seen: HashSet<String> = HashSet::new();
        while let Some(next) = rest.pop_front() {
            if seen.len() >= SITEMAPS_MAX || !seen.insert(next.clone()) {
                continue;
            }
            self.ask_leave(&next)?;
            let answer = self.request.get(&next).send()?.ok()?;
            let entries = sitemap_entries(answer.bytes()).map_err(|error| error.within(format!("read {next}")))?;
            for entry in entries {
                match entry.is_sitemap {
                    true => rest.push_back(entry.url),
                    false => each(entry)?,
                }
            }
        }
        Ok(())
    }

    /// What a site asks of this program.
    ///
    /// # Errors
    /// As any call; a site without `robots.txt` asks for nothing.
    pub fn robots(&mut self, url: &str) -> Result<Robots> {
        let parsed = parsed(url)?;
        Ok(self.site(&parsed)?.robots.clone())
    }

    fn ask_leave(&mut self, url: &str) -> Result<()> {
        if !self.respects_robots {
            return Ok(());
        }
        let parsed = parsed(url)?;
        let cancellation = self.cancellation.clone();
        let site = self.site(&parsed)?;
        let path = match parsed.query() {
            Some(query) => format!("{}?{query}", parsed.path()),
            None => parsed.path().to_owned(),
        };
        if !site.robots.allows(&path) {
            return Err(Error::new(
                ErrorKind::Refused,
                format!("fetch {url}: the site's robots.txt does not allow it"),
            )
            .hint("ask the site's owner; who has leave says so: `--ignore-robots`, `Visitor::ignoring_robots`"));
        }
        if let (Some(delay), Some(last)) = (site.robots.delay(), site.last) {
            while last.elapsed() < delay {
                cancellation.check()?;
                std::thread::sleep(WAIT_STEP.min(delay.saturating_sub(last.elapsed())));
            }
        }
        site.last = Some(Instant::now());
        Ok(())
    }

    fn site(&mut self, url: &Url) -> Result<&mut Site> {
        let origin = url.origin().ascii_serialization();
        if !self.sites.contains_key(&origin) {
            let robots = self.fetch_robots(url)?;
            self.sites.insert(origin.clone(), Site { robots, last: None });
        }
        self.sites.get_mut(&origin).ok_or_else(|| Error::failed("read robots.txt"))
    }

    /// A site that has none asks for nothing; one that fails to answer asks to be left alone.
    fn fetch_robots(&self, url: &Url) -> Result<Robots> {
        let wrong = || Error::new(ErrorKind::Usage, format!("find robots.txt of {url}"));
        let address = url.join("/robots.txt").map_err(|_| wrong())?;
        let answer = self.request.get(address.as_str()).send()?;
        match answer.status() {
            200..=299 => Ok(Robots::parse(&answer.text(), &self.agent)),
            500..=599 | 429 => {
                Err(Error::new(ErrorKind::Refused, format!("read {address}: the site answers {}", answer.status()))
                    .hint("try again later, or go on without it: `--ignore-robots`")
                    .temporary(true))
            }
            _ => Ok(Robots::default()),
        }
    }
}

fn parsed(url: &str) -> Result<Url> {
    Url::parse(url).map_err(|cause| {
        Error::new(ErrorKind::Usage, format!("read the address `{url}`"))
            .because(cause.to_string())
            .hint("write it whole: https://example.com/page")
    })
}
