//! `dc deploy --copy-from`: what stands in another database comes into this one.

use crate::context::Context;
use crate::error::{Error, ErrorKind, Result};
use crate::manager::living;
use crate::settings::DatabaseSettings;
use crate::tables::Store;
use crate::transfer::{self, CopiedTable};

/// Copies everything from `old`; in a dry run it is only counted.
///
/// # Errors
/// Refused while something runs on the old database, or where the new one holds rows already; see [`transfer::transfer`].
pub(super) fn copy(context: &Context, old: &str, dry_run: bool) -> Result<Vec<CopiedTable>> {
    let from = context.settings().database_at(old)?;
    let to = context.settings().framework()?;
    if from.target.label() == to.target.label() {
        let what = format!("copy from {}: it is the database `main` itself", from.target.label());
        return Err(Error::new(ErrorKind::Usage, what)
            .hint("set `main` to the new database: DC_DB_MAIN_URL, or `[db.main]` in dc.toml"));
    }
    let within = |error: Error| error.within(format!("copy from {}", from.target.label()));
    check_still(&from).map_err(within)?;
    let copied = match dry_run {
        true => transfer::count(context, &from),
        false => transfer::transfer(context, &from, &to),
    };
    copied.map_err(within)
}

/// Refuses while a manager works on a database, or a run goes on: what they write then would be left behind.
fn check_still(from: &DatabaseSettings) -> Result<()> {
    let mut store = Store::open_other(from)?;
    let managers = living(&mut store)?;
    if let Some(manager) = managers.first() {
        let what = match managers.len() {
            1 => format!("1 manager works on it, on {}", manager.host),
            count => format!("{count} managers work on it, one of them on {}", manager.host),
        };
        return Err(Error::new(ErrorKind::Refused, what).hint("`dc manager stop` while it is still `main`"));
    }
    if let Some(run) = store.runs().open()?.first() {
        let what = format!("a run of {} goes on there", run.app);
        return Err(Error::new(ErrorKind::Refused, what)
            .hint("wait for its end, or end it: `dc manager send stop APP` while it is still `main`"));
    }
    Ok(())
}
