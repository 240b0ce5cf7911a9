//! The process environment, read here and nowhere else.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use zeroize::Zeroizing;

use crate::dotenv::Document;
use crate::error::{Error, ErrorKind, Result};
use crate::secret::Secret;

/// What the names of dc's own variables begin with.
const OWN: &str = "DC_";

/// The variables a process was started with. Some hold passwords: all that are text are wiped at the end.
#[derive(Clone, Default)]
pub struct Environment {
    texts: BTreeMap<String, Zeroizing<String>>,
    /// Those whose name or value is no UTF-8: paths may be such, settings may not.
    others: BTreeMap<OsString, OsString>,
    /// What the project's `.env` says of variables that are not set.
    filed: BTreeMap<String, Secret>,
}

impl Environment {
    /// The environment of this process.
    pub fn process() -> Self {
        let environment = Self::of_variables(std::env::vars_os());
        #[cfg(debug_assertions)]
        crate::failpoint::arm(environment.get(crate::failpoint::VARIABLE));
        environment
    }

    fn of_variables(variables: impl IntoIterator<Item = (OsString, OsString)>) -> Self {
        let mut environment = Self::default();
        for (name, value) in variables {
            let text = |text: OsString| text.into_string();
            match (text(name), text(value)) {
                (Ok(name), Ok(value)) => drop(environment.texts.insert(name, Zeroizing::new(value))),
                (name, value) => {
                    let raw = |text: Result<String, OsString>| text.map_or_else(|raw| raw, OsString::from);
                    environment.others.insert(raw(name), raw(value));
                }
            }
        }
        environment
    }

    /// An environment made by hand, for a program that embeds the library and for tests.
    pub fn of<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        Self::of_variables(pairs.into_iter().map(|(name, value)| (name.into(), value.into())))
    }

    /// A variable's text; an empty one counts as not set. One that is no text is none here: see `check`.
    pub fn get(&self, name: &str) -> Option<&str> {
        let filed = || self.filed.get(name).map(Secret::reveal);
        self.texts.get(name).map(|text| text.as_str()).or_else(filed).filter(|text| !text.is_empty())
    }

    /// Whether a variable is set and not empty, whatever it holds.
    pub fn is_set(&self, name: &str) -> bool {
        self.get(name).is_some() || self.others.contains_key(OsStr::new(name))
    }

    /// A variable that is a path: any bytes can be one.
    pub(super) fn path(&self, name: &str) -> Option<PathBuf> {
        let other = || self.others.get(OsStr::new(name)).map(PathBuf::from);
        self.get(name).map(PathBuf::from).or_else(other)
    }

    /// A variable that must not count as not set although nobody can read it.
    pub(super) fn check(&self, name: &str) -> Result<()> {
        if self.others.contains_key(OsStr::new(name)) { Err(unreadable(OsStr::new(name))) } else { Ok(()) }
    }

    /// None of dc's own variables must count as not set although nobody can read it.
    pub(super) fn check_own(&self) -> Result<()> {
        let is_own = |name: &&OsString| name.as_encoded_bytes().starts_with(OWN.as_bytes());
        self.others.keys().find(is_own).map_or(Ok(()), |name| Err(unreadable(name)))
    }

    /// The names of all variables that start with `prefix`.
    pub fn names<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = &'a str> {
        let set = self.texts.range(prefix.to_owned()..).map(|(name, _)| name.as_str());
        let filed = self.filed.range(prefix.to_owned()..).map(|(name, _)| name.as_str());
        let begins = move |name: &&str| name.starts_with(prefix);
        set.take_while(begins).chain(filed.take_while(begins))
    }

    /// Adds the variables of a dotenv file. One that is set, to whatever, stays as it is.
    pub(super) fn add_file(&mut self, document: &Document) {
        for name in document.names() {
            let is_set = self.texts.contains_key(name) || self.others.contains_key(OsStr::new(name));
            if let Some(value) = document.get(name).filter(|_| !is_set) {
                self.filed.insert(name.to_owned(), value.clone());
            }
        }
    }

    /// The variables that are set by the project's `.env` alone: programs that are started do not have them by themselves.
    pub(super) fn filed(&self) -> impl Iterator<Item = (&str, &Secret)> {
        self.filed.iter().map(|(name, value)| (name.as_str(), value))
    }

    /// Gives a variable another name, or drops it.
    pub(super) fn rename(&mut self, names: &[String], newer: &str, value: Zeroizing<String>) {
        for name in names {
            self.texts.remove(name);
            self.filed.remove(name);
        }
        if !self.is_set(newer) {
            self.texts.insert(newer.to_owned(), value);
        }
    }

    /// The file of the user's own settings, whether it exists or not.
    pub(super) fn user_file(&self) -> Option<PathBuf> {
        let folder = self.path("XDG_CONFIG_HOME").or_else(|| Some(self.path("HOME")?.join(".config")))?;
        Some(folder.join("dc").join("dc.toml"))
    }
}

/// The value is not shown: it may be a password.
fn unreadable(name: &OsStr) -> Error {
    let shown = name.to_string_lossy();
    Error::new(ErrorKind::Settings, format!("read the variable {shown}: it is no UTF-8"))
        .hint(format!("set it to valid UTF-8, or `unset {shown}`; `env | LC_ALL=C grep -a {OWN}` shows its bytes"))
}

#[cfg(test)]
mod tests {
    use std::os::unix::ffi::OsStringExt;

    use super::*;

    #[test]
    fn what_is_no_text_counts_as_set_and_is_named() {
        let raw = |bytes: &[u8]| OsString::from_vec(bytes.to_vec());
        let environment = Environment::of_variables([
            (raw(b"HOME"), raw(b"/home/\xe9")),
            (raw(b"EDITOR"), raw(b"vi\xff")),
            (raw(b"DC_RUN_TIMEOUT"), raw(b"3s")),
        ]);
        assert!(environment.check_own().is_ok(), "only our own are looked at");
        assert_eq!(environment.user_file(), Some(PathBuf::from(raw(b"/home/\xe9/.config/dc/dc.toml"))));
        assert_eq!((environment.get("EDITOR"), environment.is_set("EDITOR")), (None, true));
        let error = environment.check("EDITOR").expect_err("no text");
        assert_eq!((error.kind(), error.to_string().contains("EDITOR")), (ErrorKind::Settings, true));
        for (name, value) in [(&b"DC_DB_MAIN_URL"[..], &b"postgres://h\xf6st/db"[..]), (b"DC_DB_M\xe4IN_URL", b"x")] {
            let environment = Environment::of_variables([(raw(name), raw(value))]);
            let error = environment.check_own().expect_err("no text").to_string();
            assert!(error.contains("DC_DB_M") && !error.contains("postgres"), "{error}");
        }
    }
}
