//! People are told once that a store takes no more files, and once that it does again.

use crate::error::{Error, Result};
use crate::ident::host;
use crate::tables::{LogLevel, MessageKind, NewMessage, Store};

/// What the switch is named that says that people know. Disks differ by machine.
fn switch(store: &str) -> String {
    format!("disk_full:{}:{store}", host())
}

/// Tells that a store takes nothing more.
///
/// # Errors
/// When the database cannot be written.
pub(super) fn full(tables: &mut Store, store: &str, error: &Error) -> Result<()> {
    let host = host();
    let message = NewMessage {
        kind: MessageKind::DiskFull,
        severity: LogLevel::Error,
        app_id: None,
        subject: format!("the store `{store}` on {host} takes no more files: its disk is almost full"),
        body: format!("{error}\n{}", error.hint_text().unwrap_or_default()),
    };
    if tables.alarms().raise(&switch(store), &host, &message)? {
        log::error!("{}", message.subject);
    }
    Ok(())
}

/// Tells that it does again, where people know that it did not.
///
/// # Errors
/// When the database cannot be written.
pub(super) fn free(tables: &mut Store, store: &str) -> Result<()> {
    let host = host();
    let message = NewMessage {
        kind: MessageKind::DiskFree,
        severity: LogLevel::Info,
        app_id: None,
        subject: format!("the store `{store}` on {host} takes files again"),
        body: String::new(),
    };
    tables.alarms().lower(&switch(store), &message).map(drop)
}
