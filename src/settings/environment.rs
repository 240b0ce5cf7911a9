//! The process environment, read here and nowhere else.

use std::collections::BTreeMap;
use std::path::PathBuf;

use zeroize::Zeroizing;

/// The variables a process was started with, those that are valid text. Some hold passwords: all are wiped at the end.
#[derive(Clone, Default)]
pub struct Environment(BTreeMap<String, Zeroizing<String>>);

impl Environment {
    /// The environment of this process.
    pub fn process() -> Self {
        let text = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
            Some((name.into_string().ok()?, Zeroizing::new(value.into_string().ok()?)))
        };
        let environment = Self(std::env::vars_os().filter_map(text).collect());
        #[cfg(debug_assertions)]
        crate::failpoint::arm(environment.get(crate::failpoint::VARIABLE));
        environment
    }

    /// An environment made by hand, for a program that embeds the library and for tests.
    pub fn of<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        Self(pairs.into_iter().map(|(name, value)| (name.to_owned(), Zeroizing::new(value.to_owned()))).collect())
    }

    /// A variable's text; an empty one counts as not set.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(|text| text.as_str()).filter(|text| !text.is_empty())
    }

    /// The names of all variables that start with `prefix`.
    pub fn names<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = &'a str> {
        self.0
            .range(prefix.to_owned()..)
            .map(|(name, _)| name.as_str())
            .take_while(move |name| name.starts_with(prefix))
    }

    /// The file of the user's own settings, whether it exists or not.
    pub(super) fn user_file(&self) -> Option<PathBuf> {
        let folder = match self.get("XDG_CONFIG_HOME") {
            Some(folder) => PathBuf::from(folder),
            None => PathBuf::from(self.get("HOME")?).join(".config"),
        };
        Some(folder.join("dc").join("dc.toml"))
    }
}
