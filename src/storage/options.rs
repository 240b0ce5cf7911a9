//! What `[storage]` says: where files go, how long they stay, and how much of a disk is left alone.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use super::path::Dates;
use crate::error::{Error, ErrorKind, Result};
use crate::settings::{Settings, bytes};

/// The store that is there without any settings: a folder of the project.
pub(super) const LOCAL: &str = "local";
/// The name of its kind.
const FOLDER: &str = "folder";
/// Where that is.
const ROOT: &str = ".dc/files";
/// How long files are kept.
const RETENTION: &str = "standard";
/// How much of a disk is left alone.
const MIN_FREE: MinFree = MinFree::Percent(5.0);
/// How often a manager looks for what is over its time.
const PRUNE_EVERY: Duration = Duration::from_secs(3_600);

/// How much of a disk is left alone.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum MinFree {
    /// A share of it, in percent.
    Percent(f64),
    /// So many bytes.
    Bytes(u64),
}

impl MinFree {
    /// In bytes, of a disk of this size.
    pub fn of(self, total: u64) -> u64 {
        match self {
            Self::Percent(percent) => (total as f64 * percent / 100.0) as u64,
            Self::Bytes(bytes) => bytes,
        }
    }

    fn read(text: &str) -> Option<Self> {
        match text.trim().strip_suffix('%') {
            Some(percent) => {
                let percent: f64 = percent.trim().parse().ok()?;
                (0.0..100.0).contains(&percent).then_some(Self::Percent(percent))
            }
            None => bytes(text).map(Self::Bytes),
        }
    }
}

/// What `[storage]` says.
#[derive(Debug, Clone)]
pub struct StorageOptions {
    /// Where the store `local` is, and what is on its way to others.
    pub root: PathBuf,
    /// The store for new files.
    pub store: String,
    /// How deep the folders of dates are.
    pub dates: Dates,
    /// The retention of files that name none.
    pub retention: String,
    /// How often a manager looks for what is over its time.
    pub prune_every: Duration,
    /// The stores, by name: the kind of each, and what it leaves free.
    pub stores: BTreeMap<String, (String, MinFree)>,
}

impl StorageOptions {
    /// Reads the section.
    ///
    /// # Errors
    /// Settings, for a field that is not what it takes, and a store that is not there.
    pub fn of(settings: &Settings) -> Result<Self> {
        let section = settings.section("storage");
        let dates = [
            ("daily", Dates::Daily),
            ("flat", Dates::Flat),
            ("yearly", Dates::Yearly),
            ("monthly", Dates::Monthly),
            ("hourly", Dates::Hourly),
        ];
        let min_free = min_free(settings, "storage")?.unwrap_or(MIN_FREE);
        let mut stores = BTreeMap::from([(LOCAL.to_owned(), (FOLDER.to_owned(), min_free))]);
        for name in settings.names("storage.stores") {
            let full = format!("storage.stores.{name}");
            let kind = settings.section(&full).text("type")?.unwrap_or_else(|| FOLDER.to_owned());
            let min_free = self::min_free(settings, &full)?.unwrap_or(min_free);
            stores.insert(name, (kind, min_free));
        }
        let store = section.text("store")?.unwrap_or_else(|| LOCAL.to_owned());
        let options = Self {
            root: settings.project.root.join(section.text("root")?.unwrap_or_else(|| ROOT.to_owned())),
            dates: section.choice("dates", &dates)?,
            retention: section.text("retention")?.unwrap_or_else(|| RETENTION.to_owned()),
            prune_every: section.duration("prune_every")?.unwrap_or(PRUNE_EVERY),
            store,
            stores,
        };
        options.check(&options.store)?;
        Ok(options)
    }

    /// Refuses a store that is not there.
    ///
    /// # Errors
    /// Settings, with the names that are known.
    pub(super) fn check(&self, store: &str) -> Result<()> {
        if self.stores.contains_key(store) {
            return Ok(());
        }
        let known: Vec<&str> = self.stores.keys().map(String::as_str).collect();
        Err(Error::new(ErrorKind::Settings, format!("use the store `{store}`: it is not in the settings")).hint(
            format!(
                "known: {}; `[storage.stores.{store}]` in dc.toml adds it, with `type = \"folder\"` or \"s3\"",
                known.join(", ")
            ),
        ))
    }
}

fn min_free(settings: &Settings, section: &str) -> Result<Option<MinFree>> {
    let Some(text) = settings.section(section).text("min_free")? else { return Ok(None) };
    MinFree::read(&text).map(Some).ok_or_else(|| {
        let message = format!("read `{section}.min_free`: it takes a share or a size, and is `{text}`");
        Error::new(ErrorKind::Settings, message).hint("min_free = \"5%\" is the default; \"20GiB\" is a size")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_or_a_size_is_left_free() {
        assert_eq!(MinFree::read(" 5 % "), Some(MinFree::Percent(5.0)));
        assert_eq!(MinFree::read("0"), Some(MinFree::Bytes(0)));
        assert_eq!(MinFree::read("2GiB"), Some(MinFree::Bytes(2 << 30)));
        for wrong in ["", "%", "100%", "-1%", "NaN%", "much"] {
            assert_eq!(MinFree::read(wrong), None, "{wrong}");
        }
        assert_eq!(MinFree::Percent(5.0).of(1_000), 50);
    }
}
