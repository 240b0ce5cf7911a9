//! A session: what its clones and threads share.

use std::sync::Arc;

use super::agents::Agents;
use super::cache::Cache;
use super::cassette::{Record, Replay, Tape};
use super::commons::{self, Commons};
use super::cookies::Jar;
use super::digest::Challenges;
use super::hide::Hider;
use super::host::Hosts;
use super::options::{Auth, RequestOptions, Traffic};
use super::save::Saver;
use super::ways::Ways;
use crate::context::{Cancellation, Context};
use crate::error::Result;

/// A session.
pub(super) struct Session {
    pub(super) options: RequestOptions,
    pub(super) agents: Agents,
    pub(super) hosts: Hosts,
    pub(super) jar: Jar,
    pub(super) ways: Ways,
    pub(super) challenges: Challenges,
    pub(super) cache: Option<Cache>,
    pub(super) hider: Arc<Hider>,
    pub(super) saver: Option<Saver>,
    pub(super) cancellation: Cancellation,
    pub(super) lanes_max: usize,
    /// What all apps and machines know together.
    pub(super) commons: Option<Arc<dyn Commons>>,
    tape: Option<Arc<Tape>>,
}

impl Session {
    /// # Errors
    /// As [`Request::with`](super::Request::with).
    pub(super) fn open(context: &Context, options: RequestOptions) -> Result<Self> {
        let mut secrets: Vec<String> =
            context.settings().secret_values().iter().map(|secret| secret.reveal().to_owned()).collect();
        match &options.auth {
            Some(Auth::Basic(_, secret) | Auth::Digest(_, secret) | Auth::Bearer(secret)) => {
                secrets.push(secret.reveal().to_owned())
            }
            None => {}
        }
        let logins = options.proxying.proxies.iter().filter_map(|url| url::Url::parse(url.reveal()).ok());
        secrets.extend(logins.filter_map(|url| url.password().map(str::to_owned)));
        let hider = Arc::new(Hider::new(secrets));
        let tape = match options.traffic {
            Traffic::Collected => Tape::of(context.settings())?,
            Traffic::Own => None,
        };
        let commons = match options.traffic {
            Traffic::Collected => commons::open(context),
            Traffic::Own => None,
        };
        let lanes_max = context.settings().section("http").number("in_flight_max")?;
        Ok(Self {
            agents: Agents::default(),
            hosts: Hosts::new(context, &options, commons.as_ref())?,
            jar: Jar::open(&options.cookies)?,
            ways: Ways::new(context.settings(), &options.proxying, commons.as_ref())?,
            challenges: Challenges::default(),
            // what is recorded or played back is what was asked
            cache: options.cache.as_deref().filter(|_| tape.is_none()).map(Cache::open).transpose()?,
            saver: options.save.as_ref().map(|save| Saver::new(context, save)).transpose()?,
            hider,
            cancellation: context.cancellation().clone(),
            lanes_max: lanes_max.map_or(super::lanes::LANES_MAX, |max| max.max(1) as usize),
            commons,
            tape,
            options,
        })
    }

    pub(super) fn replay(&self) -> Option<&Replay> {
        match self.tape.as_deref() {
            Some(Tape::Replay(replay)) => Some(replay),
            _ => None,
        }
    }

    pub(super) fn record(&self) -> Option<&Record> {
        match self.tape.as_deref() {
            Some(Tape::Record(record)) => Some(record),
            _ => None,
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        if let Err(error) = self.jar.keep() {
            log::error!("{error}");
        }
    }
}
