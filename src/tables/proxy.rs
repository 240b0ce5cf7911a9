//! What is known against proxies, and from what they rest, for all apps and machines.

use chrono::{NaiveDateTime, TimeDelta};
use diesel::prelude::*;

use super::Store;
use super::connection::{Link, insert_if_absent, locked};
use super::schema::{proxy_health, proxy_rests};
use super::time::database_now;
use crate::error::Result;

/// No proxy is left alone for longer, but by a clock that was wrong.
const LEFT_ALONE_MAX: TimeDelta = TimeDelta::days(1);

/// What is known against a proxy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProxyRow {
    /// The proxy, without its login.
    pub proxy: String,
    /// The host that refuses it; empty where it fails for all.
    pub host: String,
    /// How often in a row.
    pub strikes: i64,
    /// How long it is until it may be tried again; less than nothing when it may.
    pub left: TimeDelta,
    /// Why.
    pub reason: String,
}

/// The proxies.
pub struct ProxyRows<'a>(pub(super) &'a mut Store);

impl Store {
    /// The proxies that apps use.
    pub fn proxies(&mut self) -> ProxyRows<'_> {
        ProxyRows(self)
    }
}

impl ProxyRows<'_> {
    /// What is known against these proxies.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn health(&mut self, proxies: &[String]) -> Result<Vec<ProxyRow>> {
        self.0.read("read what is known of proxies", |connection| {
            let now = database_now(connection)?;
            let mut found = Vec::new();
            for some in proxies.chunks(1_000) {
                let rows = proxy_health::table.filter(proxy_health::proxy.eq_any(some));
                let rows: Vec<(String, String, i64, NaiveDateTime, String)> = rows.load(connection)?;
                found.extend(rows.into_iter().map(|(proxy, host, strikes, free_at, reason)| {
                    let left = (free_at - now).min(LEFT_ALONE_MAX);
                    ProxyRow { proxy, host, strikes, left, reason }
                }));
            }
            Ok(found)
        })
    }

    /// Notes what a proxy has come to. With no strikes it is forgotten.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn note(&mut self, row: &ProxyRow) -> Result<()> {
        self.0.write("note what a proxy has come to", |connection| {
            let place = proxy_health::table.find((&row.proxy, &row.host));
            if row.strikes == 0 {
                return diesel::delete(place).execute(connection).map(drop);
            }
            let values = (
                proxy_health::strikes.eq(row.strikes),
                proxy_health::free_at.eq(database_now(connection)? + row.left),
                proxy_health::reason.eq(&row.reason),
            );
            if diesel::update(place).set(values).execute(connection)? == 0 {
                let key = (proxy_health::proxy.eq(&row.proxy), proxy_health::host.eq(&row.host));
                insert_if_absent!(&mut *connection, proxy_health::table, (key.0, key.1, values.0, values.1, values.2))?;
            }
            Ok(())
        })
    }

    /// Takes the first of these proxies that may ask a domain, which then rests from it for so long; how long it is until there
    /// is one otherwise.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn take(
        &mut self,
        domain: &str,
        proxies: &[String],
        rest: TimeDelta,
    ) -> Result<std::result::Result<usize, TimeDelta>> {
        self.0.write("take a proxy", |connection| {
            let known = rests(connection, domain)?;
            let now = database_now(connection)?;
            let free_at = |proxy: &String| {
                let row = known.iter().find(|(known, _)| known == proxy);
                row.map(|(_, free_at)| *free_at).filter(|it| *it > now && *it - now <= LEFT_ALONE_MAX)
            };
            let Some(place) = proxies.iter().position(|proxy| free_at(proxy).is_none()) else {
                let soonest = proxies.iter().filter_map(free_at).min().unwrap_or(now);
                return Ok(Err(soonest - now));
            };
            let proxy = &proxies[place];
            let free_at = proxy_rests::free_at.eq(now + rest);
            let row = proxy_rests::table.find((domain, proxy));
            let is_taken = diesel::update(row).set(free_at).execute(connection)? > 0 || {
                let new = (proxy_rests::domain.eq(domain), proxy_rests::proxy.eq(proxy), free_at);
                insert_if_absent!(&mut *connection, proxy_rests::table, new)? > 0
            };
            // another one was the first to take it
            Ok(if is_taken { Ok(place) } else { Err(TimeDelta::zero()) })
        })
    }

    /// Forgets what is over for so long; how many rows.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn forget(&mut self, unused: TimeDelta) -> Result<usize> {
        self.0.write("forget what is over of proxies", |connection| {
            let before = database_now(connection)? - unused;
            let health = proxy_health::table.filter(proxy_health::free_at.lt(before));
            let rests = proxy_rests::table.filter(proxy_rests::free_at.lt(before));
            Ok(diesel::delete(health).execute(connection)? + diesel::delete(rests).execute(connection)?)
        })
    }
}

/// The proxies that rest from a domain, and until when.
fn rests(connection: &mut Link, domain: &str) -> QueryResult<Vec<(String, NaiveDateTime)>> {
    let rows = proxy_rests::table.filter(proxy_rests::domain.eq(domain));
    locked!(connection, rows.select((proxy_rests::proxy, proxy_rests::free_at)))
}
