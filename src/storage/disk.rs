//! The gate before a disk: a share of it is left alone, so that a database on the same disk goes on.

use std::path::Path;

use super::options::MinFree;
use super::store::Room;
use crate::error::{Error, ErrorKind, Result};

/// The room on the disk of a folder.
///
/// # Errors
/// What the system says.
pub(super) fn room(folder: &Path) -> Result<Room> {
    let data = nix::sys::statvfs::statvfs(folder)
        .map_err(|cause| Error::failed(format!("ask for the room at {}", folder.display())).because(cause))?;
    let unit = data.fragment_size();
    Ok(Room { total: data.blocks() * unit, free: data.blocks_available() * unit })
}

/// Refuses so many bytes where less would be left than must be.
///
/// # Errors
/// Refused and temporary.
pub(super) fn check(room: Room, wanted: u64, (min_free, label): (MinFree, &str)) -> Result<()> {
    let must = min_free.of(room.total);
    if room.free.checked_sub(wanted).is_some_and(|left| left >= must) {
        return Ok(());
    }
    let gib = |bytes: u64| format!("{:.1} GiB", bytes as f64 / (1_u64 << 30) as f64);
    let of = match min_free {
        MinFree::Percent(percent) => format!("{percent} % of {}", gib(room.total)),
        MinFree::Bytes(bytes) => gib(bytes),
    };
    let message = format!(
        "store {} in {label}: {} are free, and `min_free` leaves {of} alone",
        if wanted == 0 { "a file".to_owned() } else { format!("{wanted} bytes") },
        gib(room.free)
    );
    Err(Error::new(ErrorKind::Refused, message).temporary(true).hint(
        "free some space (`dc files prune`, `dc files move --from STORE --to STORE`), or lower `[storage] min_free`",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_must_stay_free_is_refused_and_told() {
        let room = Room { total: 100 << 30, free: 6 << 30 };
        let five = (MinFree::Percent(5.0), "/files");
        assert!(check(room, 1 << 30, five).is_ok());
        let error = check(room, (1 << 30) + 1, five).expect_err("too much");
        assert_eq!((error.kind(), error.is_temporary()), (ErrorKind::Refused, true));
        assert!(
            error.to_string().contains("6.0 GiB are free, and `min_free` leaves 5 % of 100.0 GiB alone"),
            "{error}"
        );
        assert!(check(room, 6 << 30, (MinFree::Bytes(0), "/files")).is_ok());
        assert!(check(room, 7 << 30, (MinFree::Bytes(0), "/files")).is_err());
    }
}
