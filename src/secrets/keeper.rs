//! The process's way to the store: opened at most once, when the first value is asked for, and derived at most once.

use std::io::PipeReader;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use zeroize::Zeroizing;

use super::flaw::Flaw;
use super::handover::{self, Handed, KEY_VARIABLE};
use super::header::Header;
use super::key::Key;
use super::memory;
use super::password::{PASSWORD_VARIABLE, Password, PasswordSources};
use super::sealed::{Form, Sealed, document_of};
use super::writer::Writer;
use crate::dotenv::Document;
use crate::error::{Error, ErrorKind, Result};
use crate::settings::{Secret, Settings};
use crate::shell::Shell;

/// How often a person may type the password.
const TRIES_MAX: usize = 3;

/// The secrets of the project. Clones share what was opened.
#[derive(Clone)]
pub struct Secrets(Arc<Inner>);

struct Inner {
    path: PathBuf,
    sources: PasswordSources,
    shell: Shell,
    handed: Option<Handed>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    password: Option<Password>,
    key: Option<(Header, Key)>,
    opened: Option<Arc<Unlocked>>,
}

/// A store that was opened.
#[derive(Debug, Clone)]
pub struct Unlocked {
    /// The names, values and comments.
    pub document: Document,
    /// What it was sealed with; `None` for the older form.
    pub key: Option<(Header, Key)>,
}

impl Secrets {
    /// The secrets of the project that these settings belong to. Nothing is opened yet.
    pub fn of(settings: &Settings, shell: &Shell) -> Self {
        let path = settings.secrets.path.clone();
        let sources = PasswordSources {
            variable: settings.variable(PASSWORD_VARIABLE).map(Secret::new),
            settings_file: settings.secrets.password_file.clone(),
            credentials: settings.path_variable("CREDENTIALS_DIRECTORY"),
            ..PasswordSources::default()
        };
        let handed = handover::handed(settings.variable(KEY_VARIABLE));
        if sources.variable.is_some() {
            memory::guard();
        }
        let state = Mutex::default();
        Self(Arc::new(Inner { path, sources, shell: shell.clone(), handed, state }))
    }

    /// The same with other places for store and password, as flags say.
    #[must_use]
    pub fn with(&self, store: Option<PathBuf>, flags: PasswordSources) -> Self {
        let Inner { path, sources, shell, handed, .. } = &*self.0;
        let sources = PasswordSources { descriptor: flags.descriptor, file: flags.file, ..sources.clone() };
        let path = store.unwrap_or_else(|| path.clone());
        let state = Mutex::default();
        Self(Arc::new(Inner { path, sources, shell: shell.clone(), handed: handed.clone(), state }))
    }

    /// Where the store is, whether it exists or not.
    pub fn path(&self) -> &Path {
        &self.0.path
    }

    /// Whether there is a store.
    pub fn exists(&self) -> bool {
        self.0.path.exists()
    }

    /// Whether a password is to be had: given somewhere, or from a person at the terminal.
    pub fn can_open(&self) -> bool {
        self.has_password() || self.0.shell.can_ask()
    }

    /// Whether it can be opened without asking anybody.
    pub fn has_password(&self) -> bool {
        self.0.sources.is_any() || self.0.handed.is_some() || self.opened().is_some()
    }

    /// The store, where it was opened before.
    pub fn opened(&self) -> Option<Arc<Unlocked>> {
        self.state().opened.clone()
    }

    /// The store, opened; `None` where there is none.
    ///
    /// # Errors
    /// Permission (exit 4): a wrong password, none at all, or a file that is damaged.
    pub fn open(&self) -> Result<Option<Arc<Unlocked>>> {
        if let Some(opened) = self.opened() {
            return Ok(Some(opened));
        }
        let Some(sealed) = Sealed::read(self.path())? else { return Ok(None) };
        let opened = Arc::new(self.unlock(&sealed, self.path())?);
        self.state().opened = Some(Arc::clone(&opened));
        Ok(Some(opened))
    }

    /// Opens a file, which may be another one than the store.
    ///
    /// # Errors
    /// As [`Secrets::open`].
    pub fn unlock(&self, sealed: &Sealed, path: &Path) -> Result<Unlocked> {
        memory::guard();
        let place = path.display().to_string();
        if sealed.form() == Form::Older {
            let text = self.tried(path, |password| sealed.open_older(password))?;
            return Ok(Unlocked { document: document_of(&text, &place)?, key: None });
        }
        let (header, key) = self.key(sealed, path)?;
        let text = sealed.open(&key).map_err(|flaw| flaw.at(path))?;
        Ok(Unlocked { document: document_of(&text, &place)?, key: Some((header, key)) })
    }

    /// The right to change the store at `path`. The key is derived before that right is waited for: it takes a second, and a
    /// person who types the password takes longer; nobody else waits for either.
    ///
    /// # Errors
    /// As [`Secrets::open`] and [`Writer::of`].
    pub fn writer(&self, path: &Path) -> Result<Writer> {
        if let Some(sealed) = Sealed::read(path)?.filter(|sealed| sealed.form() != Form::Older) {
            self.key(&sealed, path)?;
        }
        Writer::of(path)
    }

    /// A pipe with the key for a child process; `None` where there is no store, no password for it, or the older form,
    /// which has no key to hand over. The key is derived when the store was rekeyed, and not again otherwise.
    ///
    /// # Errors
    /// As [`Secrets::open`].
    pub fn hand_over(&self) -> Result<Option<PipeReader>> {
        let Some(sealed) = Sealed::read(self.path())? else { return Ok(None) };
        if sealed.form() == Form::Older || !self.can_open() {
            return Ok(None);
        }
        let (header, key) = self.key(&sealed, self.path())?;
        handover::pipe_with(&header, &key).map(Some)
    }

    /// The password for a store that is still to be made.
    ///
    /// # Errors
    /// Permission (exit 4), where none is given and nobody can be asked.
    pub fn new_password(&self) -> Result<Password> {
        memory::guard();
        let password = match self.0.sources.read()? {
            Some(password) => password,
            None => ask_twice(&self.0.shell, self.path())?,
        };
        self.state().password = Some(password.clone());
        Ok(password)
    }

    /// The password that was used to open, for a store that is written anew with it.
    ///
    /// # Errors
    /// As [`Secrets::open`].
    pub fn password(&self) -> Result<Password> {
        let known = self.state().password.clone();
        known.map_or_else(|| self.ask(1, self.path()), Ok)
    }

    fn key(&self, sealed: &Sealed, path: &Path) -> Result<(Header, Key)> {
        let Form::Today(header) = sealed.form() else { return Err(Flaw::WrongPassword.at(path)) };
        let known =
            self.state().key.clone().or_else(|| self.0.handed.clone().map(|Handed { header, key }| (header, key)));
        if let Some((_, key)) = known.filter(|(other, _)| other.shares_key(&header)) {
            return Ok((header, key));
        }
        let key = self.tried(path, |password| sealed.key(password))?.ok_or_else(|| Flaw::WrongPassword.at(path))?;
        self.state().key = Some(key.clone());
        Ok(key)
    }

    /// Tries the password; a person who types may try again.
    fn tried<T>(&self, path: &Path, open: impl Fn(&Password) -> Result<T, Flaw>) -> Result<T> {
        memory::guard();
        let mut tries = 0;
        loop {
            tries += 1;
            let known = self.state().password.clone();
            let password = known.map_or_else(|| self.ask(tries, path), Ok)?;
            match open(&password) {
                Ok(opened) => {
                    self.state().password = Some(password);
                    return Ok(opened);
                }
                Err(flaw @ (Flaw::WrongPassword | Flaw::WrongOrDamaged)) => {
                    self.state().password = None;
                    if self.0.sources.is_any() || tries >= TRIES_MAX {
                        return Err(flaw.at(path));
                    }
                    self.0.shell.tell(&flaw.to_string());
                }
                Err(flaw) => return Err(flaw.at(path)),
            }
        }
    }

    fn ask(&self, tries: usize, path: &Path) -> Result<Password> {
        if tries == 1
            && let Some(password) = self.0.sources.read()?
        {
            return Ok(password);
        }
        if !self.0.shell.can_ask() {
            return Err(no_password(path));
        }
        let typed = self.0.shell.ask_unseen(&format!("Password of {}: ", path.display()))?;
        Password::new(Zeroizing::new(typed.as_bytes().to_vec()), "that was typed")
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Asks for a new password until it was typed twice alike.
///
/// # Errors
/// Permission (exit 4), where nobody can be asked; interrupted.
pub fn ask_twice(shell: &Shell, path: &Path) -> Result<Password> {
    if !shell.can_ask() {
        return Err(no_password(path));
    }
    for _ in 0..TRIES_MAX {
        let first = shell.ask_unseen(&format!("New password for {}: ", path.display()))?;
        let again = shell.ask_unseen("The same again: ")?;
        if first == again {
            return Password::new(Zeroizing::new(first.as_bytes().to_vec()), "that was typed");
        }
        shell.tell("the two differ");
    }
    Err(Error::new(ErrorKind::Permission, "learn the new password: it was not typed twice alike"))
}

fn no_password(path: &Path) -> Error {
    Error::new(ErrorKind::Permission, format!("open the secrets in {}: no password is given", path.display())).hint(
        "set DC_SECRET_PASSWORD, or `[secrets] password_file` in dc.toml, or give `--password-file FILE` or `--password-fd 3`",
    )
}
