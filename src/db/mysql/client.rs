//! The connection of the data plane: the asynchronous driver on a small runtime of its own, driven by whoever calls.

use bytes::Bytes;
use futures_util::future::{Either, select};
use futures_util::{StreamExt, stream};
use mysql_async::prelude::{FromRow, Protocol, Queryable};
use mysql_async::{Column, Conn, DriverError, Error as Failure, Params, Row};
use tokio::sync::mpsc::channel;

use super::line::Line;
use super::server::{Flavor, ServerTarget, server_error};
use crate::error::Result;

/// The number of "this statement cannot be prepared".
const NOT_PREPARED: u16 = 1295;
/// These say that LOAD DATA LOCAL is off.
const NO_LOCAL: [u16; 3] = [1148, 3948, 4166];

/// A connection, used by one thread at a time and never inside another runtime.
pub(super) struct Client {
    // taken out when it ends
    conn: Option<Conn>,
    line: Line,
    target: ServerTarget,
    pub(super) flavor: Flavor,
    /// The bytes of a statement that the server takes.
    pub(super) packet_max: usize,
    /// Whether the server takes LOAD DATA LOCAL, as far as is known.
    pub(super) may_load: bool,
    /// How the names of tables are kept: 0 as written, 1 in small letters, 2 as written and compared in small letters.
    pub(super) lower_case: u8,
}

/// What a statement did.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Done {
    pub(super) rows: u64,
    pub(super) warnings: u16,
}

/// What the server made of a stream of rows.
pub(super) enum Loaded {
    /// It took them, with so many warnings.
    Done(Done),
    /// It does not take LOAD DATA LOCAL.
    Off,
    /// It refused.
    Failed(Failure),
}

impl Client {
    /// Connects, and sets the session up.
    ///
    /// # Errors
    /// As [`ServerTarget::connect`].
    pub(super) fn connect(target: &ServerTarget) -> Result<Self> {
        let ((conn, flavor, facts), line) = target.connect(async |mut conn, flavor| {
            let ask = "SELECT @@max_allowed_packet, @@local_infile, @@lower_case_table_names";
            let facts = conn.query_first::<(usize, u8, u8), _>(ask).await;
            let facts = facts.map_err(|cause| server_error("ask the server what it takes", cause))?;
            Ok((conn, flavor, facts.unwrap_or((1 << 20, 0, 0))))
        })?;
        let (packet_max, may_load, lower_case) = (facts.0, facts.1 == 1, facts.2);
        Ok(Self { conn: Some(conn), line, target: target.clone(), flavor, packet_max, may_load, lower_case })
    }

    /// The database of the URL.
    pub(super) fn database(&self) -> &str {
        self.target.database()
    }

    /// The runtime and the connection on it.
    fn both(&mut self) -> Result<(&Line, &mut Conn), Failure> {
        let conn = self.conn.as_mut().ok_or(Failure::Driver(DriverError::ConnectionClosed))?;
        Ok((&self.line, conn))
    }

    /// Runs statements as they are.
    pub(super) fn run(&mut self, sql: impl AsRef<[u8]>) -> Result<Done, Failure> {
        let (line, conn) = self.both()?;
        line.block_on(async {
            let done = conn.query_iter(sql.as_ref()).await?;
            let found = Done { rows: done.affected_rows(), warnings: done.warnings() };
            done.drop_result().await?;
            Ok(found)
        })
    }

    /// Collects the rows of a query in the text protocol.
    pub(super) fn rows<T: FromRow + Send + 'static>(&mut self, sql: impl AsRef<[u8]>) -> Result<Vec<T>, Failure> {
        let (line, conn) = self.both()?;
        line.block_on(conn.query(sql.as_ref()))
    }

    /// Gives the rows of a query in the text protocol as they come; `what` completes "could not ..." when the server fails.
    pub(super) fn each_text(
        &mut self,
        what: &str,
        sql: &str,
        mut each: impl FnMut(&mut Row) -> Result<()>,
    ) -> Result<()> {
        let fail = |cause| server_error(what, cause);
        let (line, conn) = self.both().map_err(fail)?;
        line.block_on(async {
            let mut found = conn.query_iter(sql).await.map_err(fail)?;
            while let Some(mut row) = found.next().await.map_err(fail)? {
                each(&mut row)?;
            }
            Ok(())
        })
    }

    /// Runs one statement with values, in the protocol that has types; where it cannot be prepared and has no values, as it
    /// is. Gives its rows to `each`, and the columns to `columns` before the first; tells what it did.
    pub(super) fn each_row(
        &mut self,
        what: &str,
        (sql, values): (&str, Params),
        columns: &mut dyn FnMut(&[Column]),
        each: &mut dyn FnMut(Row) -> Result<()>,
    ) -> Result<Done> {
        let fail = |cause| server_error(what, cause);
        let (line, conn) = self.both().map_err(fail)?;
        let is_plain = values == Params::Empty;
        line.block_on(async {
            let done = match conn.exec_iter(sql, values).await {
                Err(Failure::Server(answer)) if answer.code == NOT_PREPARED && is_plain => None,
                other => Some(other.map_err(fail)?),
            };
            match done {
                Some(done) => told(done, fail, columns, each).await,
                None => told(conn.query_iter(sql).await.map_err(fail)?, fail, columns, each).await,
            }
        })
    }

    /// Streams what `next` gives to a LOAD DATA LOCAL.
    ///
    /// # Errors
    /// What `next` says; the server has then taken what came before.
    pub(super) fn load(&mut self, sql: &str, next: &mut dyn FnMut() -> Result<Option<Vec<u8>>>) -> Result<Loaded> {
        let fail = |cause| server_error("insert the rows", cause);
        let (line, conn) = self.both().map_err(fail)?;
        let (sender, mut receiver) = channel::<Bytes>(1);
        conn.set_infile_handler(async move {
            let pieces = stream::poll_fn(move |context| receiver.poll_recv(context).map(|piece| piece.map(Ok)));
            Ok(pieces.boxed())
        });
        let mut failed = None;
        let outcome = line.block_on(async {
            let feed = std::pin::pin!(async {
                loop {
                    match next() {
                        Ok(Some(bytes)) => {
                            // where nobody takes it any more, the server has said why
                            if sender.send(Bytes::from(bytes)).await.is_err() {
                                break;
                            }
                        }
                        Ok(None) => break,
                        Err(error) => {
                            failed = Some(error);
                            break;
                        }
                    }
                }
                // the end of the data
                drop(sender);
            });
            let load = std::pin::pin!(async {
                let done = conn.query_iter(sql).await?;
                let found = Done { rows: done.affected_rows(), warnings: done.warnings() };
                done.drop_result().await?;
                Ok::<Done, Failure>(found)
            });
            // where the server has said no before it asked for the data, nobody takes it
            match select(load, feed).await {
                Either::Left((loaded, _)) => loaded,
                Either::Right(((), load)) => load.await,
            }
        });
        if let Some(error) = failed {
            return Err(error);
        }
        Ok(match outcome {
            Ok(done) => Loaded::Done(done),
            Err(Failure::Server(answer)) if NO_LOCAL.contains(&answer.code) => Loaded::Off,
            Err(cause) => Loaded::Failed(cause),
        })
    }
}

/// Tells the rows of a statement, whether it was prepared or not.
async fn told<P: Protocol>(
    mut done: mysql_async::QueryResult<'_, '_, P>,
    fail: impl Fn(Failure) -> crate::error::Error,
    columns: &mut dyn FnMut(&[Column]),
    each: &mut dyn FnMut(Row) -> Result<()>,
) -> Result<Done> {
    let found = Done { rows: done.affected_rows(), warnings: done.warnings() };
    columns(&done.columns().unwrap_or_default());
    while let Some(row) = done.next().await.map_err(&fail)? {
        each(row)?;
    }
    done.drop_result().await.map_err(fail)?;
    Ok(found)
}

impl Drop for Client {
    fn drop(&mut self) {
        if let Some(conn) = self.conn.take() {
            self.line.goodbye(conn);
        }
    }
}
