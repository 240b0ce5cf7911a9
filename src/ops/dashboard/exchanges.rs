//! The requests of a run that was recorded: its cassette, in pages.

use crate::context::Context;
use crate::error::Result;
use crate::http::{Cassette, Exchange};
use crate::ops::run::cassettes;
use crate::redact::Redactor;

/// So many exchanges are on a page.
const EXCHANGES: usize = 40;

/// The cassette of a run.
#[derive(Debug)]
pub struct RunCassette {
    /// How many exchanges it has.
    pub count: u64,
    /// Whether that is all of them.
    pub is_whole: bool,
    /// A page of them, without secrets.
    pub exchanges: Vec<Exchange>,
    /// Where the next page begins.
    pub next: Option<String>,
}

impl RunCassette {
    /// Reads it; `None` where the run was not recorded, or on another machine.
    ///
    /// # Errors
    /// Usage for a place that is none; what the file system says.
    pub fn read(context: &Context, run: &str, from: Option<&str>) -> Result<Option<Self>> {
        let Some(cassette) = Cassette::of_run(&cassettes(context), run) else { return Ok(None) };
        let (count, is_whole) = cassette.count()?;
        let page = cassette.page(from, EXCHANGES)?;
        let redactor = Redactor::of(context.settings());
        let hidden = |exchange: Exchange| Exchange {
            url: redactor.text(&exchange.url).into_owned(),
            failure: exchange.failure.map(|text| redactor.text(&text).into_owned()),
            ..exchange
        };
        Ok(Some(Self { count, is_whole, exchanges: page.exchanges.into_iter().map(hidden).collect(), next: page.next }))
    }
}
