//! MariaDB and MySQL through one pure-Rust driver: no libmysqlclient, no OpenSSL.

pub(crate) mod line;
pub(crate) mod server;

use super::{Database, Entry};
use crate::context::Context;
use crate::error::{Error, ErrorKind, Result};
use crate::settings::{DatabaseSettings, Target};

/// This backend's line in the registry.
pub(super) const ENTRY: Entry = Entry { name: "mysql", open };

fn open(_: &Context, settings: &DatabaseSettings) -> Result<Box<dyn Database>> {
    let Target::Server { url, .. } = &settings.target else {
        return Err(Error::new(ErrorKind::Settings, "open an SQLite file as a server"));
    };
    let target = server::server_target(url)?;
    let _ = target.connect(async |conn, flavor| Ok((conn, flavor)))?;
    Err(Error::new(ErrorKind::Settings, "merge into a server of MariaDB"))
}
