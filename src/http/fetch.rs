//! Many URLs at once: in their order, or as they come.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::mpsc;

use super::call::Call;
use super::lanes;
use super::request::Request;
use super::response::Response;
use crate::error::{Error, Result};

/// Answers as they come, each with the place of its URL. What was not begun is not asked for when this goes.
pub struct Fetches {
    arriving: mpsc::Receiver<(usize, Result<Response>)>,
}

impl Request {
    /// GETs many URLs, so many at once, and gives the answers in the order of the URLs.
    ///
    /// # Errors
    /// When the system gives no threads. What a single URL comes to is in the list.
    pub fn fetch_all<U: Into<String>>(
        &self,
        urls: impl IntoIterator<Item = U>,
        concurrency: usize,
    ) -> Result<Vec<Result<Response>>> {
        let urls: Vec<String> = urls.into_iter().map(Into::into).collect();
        let count = urls.len();
        Ok(in_order(self.fetch(urls, concurrency)?, count))
    }

    /// As [`Request::fetch_all`], for a tokio program.
    ///
    /// # Errors
    /// As [`Request::fetch_all`].
    pub async fn fetch_all_async<U: Into<String>>(
        &self,
        urls: impl IntoIterator<Item = U>,
        concurrency: usize,
    ) -> Result<Vec<Result<Response>>> {
        let urls: Vec<String> = urls.into_iter().map(Into::into).collect();
        let count = urls.len();
        let mut fetches = self.fetch(urls, concurrency)?;
        let mut found = Vec::with_capacity(count);
        while let Some(one) = fetches.next_async().await {
            found.push(one);
        }
        Ok(in_order(found, count))
    }

    /// GETs many URLs, so many at once, and gives each answer when it comes. Only so many answers are held that nobody
    /// has taken yet.
    ///
    /// # Errors
    /// When the system gives no threads.
    pub fn fetch<U: Into<String>>(&self, urls: impl IntoIterator<Item = U>, concurrency: usize) -> Result<Fetches> {
        let urls: Vec<String> = urls.into_iter().map(Into::into).collect();
        let request = self.clone();
        start(urls, concurrency, self.0.lanes_max, move |url| request.get(&url).send())
    }

    /// As [`Request::fetch`], for calls of any method, with bodies, headers and times of their own.
    ///
    /// # Errors
    /// As [`Request::fetch`].
    pub fn fetch_calls(&self, calls: impl IntoIterator<Item = Call>, concurrency: usize) -> Result<Fetches> {
        start(calls.into_iter().collect(), concurrency, self.0.lanes_max, Call::send)
    }

    /// As [`Request::fetch_all`], for calls of any method.
    ///
    /// # Errors
    /// As [`Request::fetch_all`].
    pub fn fetch_all_calls(
        &self,
        calls: impl IntoIterator<Item = Call>,
        concurrency: usize,
    ) -> Result<Vec<Result<Response>>> {
        let calls: Vec<Call> = calls.into_iter().collect();
        let count = calls.len();
        Ok(in_order(self.fetch_calls(calls, concurrency)?, count))
    }
}

fn start<W: Send + 'static>(
    wanted: Vec<W>,
    concurrency: usize,
    lanes_max: usize,
    send: impl Fn(W) -> Result<Response> + Send + Sync + 'static,
) -> Result<Fetches> {
    let lanes = concurrency.clamp(1, wanted.len().max(1));
    let (told, arriving) = mpsc::channel(lanes);
    let shared = Arc::new((Mutex::new(wanted.into_iter().enumerate()), send));
    for _ in 0..lanes {
        let (shared, told) = (Arc::clone(&shared), told.clone());
        lanes::start(lanes_max, move || {
            loop {
                let next = shared.0.lock().unwrap_or_else(PoisonError::into_inner).next();
                let Some((place, wanted)) = next else { break };
                if told.is_closed() || told.blocking_send((place, (shared.1)(wanted))).is_err() {
                    break;
                }
            }
        })?;
    }
    Ok(Fetches { arriving })
}

/// As many answers as URLs, always.
fn in_order(found: impl IntoIterator<Item = (usize, Result<Response>)>, count: usize) -> Vec<Result<Response>> {
    let mut answers: Vec<Option<Result<Response>>> = (0..count).map(|_| None).collect();
    for (place, answer) in found {
        answers[place] = Some(answer);
    }
    let missing = || Err(Error::failed("finish a request: its thread has ended"));
    answers.into_iter().map(|answer| answer.unwrap_or_else(missing)).collect()
}

impl Fetches {
    /// The next answer, for a tokio program; `None` after the last.
    pub async fn next_async(&mut self) -> Option<(usize, Result<Response>)> {
        self.arriving.recv().await
    }
}

impl Iterator for Fetches {
    type Item = (usize, Result<Response>);

    /// The next answer. On a thread of tokio it is [`Fetches::next_async`] that waits for it.
    fn next(&mut self) -> Option<Self::Item> {
        self.arriving.blocking_recv()
    }
}
