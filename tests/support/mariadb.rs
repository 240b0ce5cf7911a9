//! A server of MariaDB, asked by the driver itself.

use mysql_async::Conn;
use mysql_async::prelude::Queryable;

/// Runs statements on a server; what it says is the error.
pub(crate) fn run(server: &str, sql: &str) -> Result<(), String> {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|cause| cause.to_string())?;
    runtime.block_on(async {
        let run = async {
            let mut conn = Conn::from_url(server).await?;
            conn.query_drop(sql).await?;
            conn.disconnect().await
        };
        run.await.map_err(|cause: mysql_async::Error| cause.to_string())
    })
}
