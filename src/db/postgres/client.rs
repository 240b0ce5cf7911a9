//! The connection of the data plane: the asynchronous driver on a small runtime of its own, driven by whoever calls.
//! A COPY runs in one piece inside it: the driver's own synchronous twin enters its runtime anew for every row.

use std::pin::Pin;

use bytes::Bytes;
use futures_util::{SinkExt, TryStreamExt};
use tokio_postgres::types::{BorrowToSql, ToSql};
use tokio_postgres::{CopyInSink, Error as DriverError, Row, Statement};

use super::line::Line;
use super::server::{ServerTarget, server_error};
use crate::error::Result;

/// Names and numbers in the forms that we read and write, whatever the server's defaults are. Limits on time that a
/// role may have are for people who forget a session: they would end a large merge each time anew, so that it could
/// never be done. Our own take their place, as far as the server knows them.
const SESSION: &str = "SET timezone = 'UTC'; SET datestyle = 'ISO, YMD'; SET intervalstyle = 'postgres'; \
    SET lc_monetary = 'C'; SET extra_float_digits = 1; \
    SET standard_conforming_strings = on; SET client_min_messages = warning; \
    SELECT set_config(name, value, false) FROM (VALUES ('statement_timeout', '24h'), ('lock_timeout', '10min'), \
    ('idle_in_transaction_session_timeout', '24h'), ('transaction_timeout', '0'), ('idle_session_timeout', '0')) \
    AS wanted(name, value) WHERE current_setting(name, true) IS NOT NULL";

/// A connection, used by one thread at a time and never inside another runtime.
pub(super) struct Client {
    // goes before the line that carries its messages
    driver: tokio_postgres::Client,
    line: Line,
}

type Parameters<'a> = &'a [&'a (dyn ToSql + Sync)];

impl Client {
    /// Connects, and sets the session up.
    ///
    /// # Errors
    /// As [`ServerTarget::connect`].
    pub(super) fn connect(target: &ServerTarget) -> Result<Self> {
        let (driver, line) = target.connect(async |driver, _| {
            driver.batch_execute(SESSION).await.map_err(|cause| server_error("set up the session", cause))?;
            Ok(driver)
        })?;
        Ok(Self { driver, line })
    }

    pub(super) fn batch_execute(&mut self, sql: &str) -> Result<(), DriverError> {
        self.line.block_on(self.driver.batch_execute(sql))
    }

    pub(super) fn execute(&mut self, sql: &str, parameters: Parameters<'_>) -> Result<u64, DriverError> {
        self.line.block_on(self.driver.execute(sql, parameters))
    }

    pub(super) fn query(&mut self, sql: &str, parameters: Parameters<'_>) -> Result<Vec<Row>, DriverError> {
        self.line.block_on(self.driver.query(sql, parameters))
    }

    pub(super) fn query_one(&mut self, sql: &str, parameters: Parameters<'_>) -> Result<Row, DriverError> {
        self.line.block_on(self.driver.query_one(sql, parameters))
    }

    pub(super) fn query_opt(&mut self, sql: &str, parameters: Parameters<'_>) -> Result<Option<Row>, DriverError> {
        self.line.block_on(self.driver.query_opt(sql, parameters))
    }

    pub(super) fn prepare(&mut self, sql: &str) -> Result<Statement, DriverError> {
        self.line.block_on(self.driver.prepare(sql))
    }

    /// Gives the rows to `each` as they come; `what` completes "could not ..." when the server fails.
    pub(super) fn each_row<P: BorrowToSql>(
        &mut self,
        what: &str,
        statement: &Statement,
        parameters: impl ExactSizeIterator<Item = P>,
        mut each: impl FnMut(Row) -> Result<()>,
    ) -> Result<()> {
        let fail = |cause| server_error(what, cause);
        self.line.block_on(async {
            let rows = self.driver.query_raw(statement, parameters.collect::<Vec<_>>()).await.map_err(fail)?;
            let mut rows = std::pin::pin!(rows);
            while let Some(row) = rows.try_next().await.map_err(fail)? {
                each(row)?;
            }
            Ok(())
        })
    }

    /// Gives the pieces of a COPY to `each` as they come; `what` completes "could not ..." when the server fails.
    pub(super) fn copy_out(&mut self, what: &str, sql: &str, mut each: impl FnMut(&[u8]) -> Result<()>) -> Result<()> {
        let fail = |cause| server_error(what, cause);
        self.line.block_on(async {
            let pieces = self.driver.copy_out(sql).await.map_err(fail)?;
            let mut pieces = std::pin::pin!(pieces);
            while let Some(piece) = pieces.try_next().await.map_err(fail)? {
                each(&piece)?;
            }
            Ok(())
        })
    }

    /// Begins a COPY to the server.
    pub(super) fn copy_in(&mut self, sql: &str) -> Result<CopyIn<'_>, DriverError> {
        let sink = self.line.block_on(self.driver.copy_in(sql))?;
        Ok(CopyIn { sink: Box::pin(sink), line: &self.line })
    }
}

/// A COPY to the server. Dropped before its end it is taken back.
pub(super) struct CopyIn<'a> {
    sink: Pin<Box<CopyInSink<Bytes>>>,
    line: &'a Line,
}

impl CopyIn<'_> {
    pub(super) fn write(&mut self, bytes: Vec<u8>) -> Result<(), DriverError> {
        self.line.block_on(self.sink.send(Bytes::from(bytes)))
    }

    /// Ends it; the rows that the server counted.
    pub(super) fn finish(mut self) -> Result<u64, DriverError> {
        self.line.block_on(self.sink.as_mut().finish())
    }
}
