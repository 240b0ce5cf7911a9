//! Where the time of a merge goes.

use std::time::Instant;

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

/// The phases of a merge in their order, each with its milliseconds. As JSON one object.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Phases(pub Vec<(&'static str, u64)>);

impl Serialize for Phases {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, ms) in &self.0 {
            map.serialize_entry(name, ms)?;
        }
        map.end()
    }
}

/// Measures phases that follow one another.
pub(super) struct Stopwatch {
    since: Instant,
    micros: Vec<(&'static str, u128)>,
}

impl Stopwatch {
    pub(super) fn start() -> Self {
        Self { since: Instant::now(), micros: Vec::new() }
    }

    /// Ends a phase; the next begins. A phase that comes again, in a second try, adds up.
    pub(super) fn lap(&mut self, name: &'static str) {
        let now = Instant::now();
        let micros = now.duration_since(self.since).as_micros();
        self.since = now;
        match self.micros.iter_mut().find(|(known, _)| *known == name) {
            Some((_, sum)) => *sum += micros,
            None => self.micros.push((name, micros)),
        }
    }

    pub(super) fn phases(&self) -> Phases {
        let ms = |micros: u128| u64::try_from(micros / 1000).unwrap_or(u64::MAX);
        Phases(self.micros.iter().map(|(name, micros)| (*name, ms(*micros))).collect())
    }
}
