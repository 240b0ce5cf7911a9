//! What every operation is given. It opens nothing by itself.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::error::{Error, ErrorKind, Result};
use crate::secrets::Secrets;
use crate::settings::Settings;
use crate::shell::Shell;

/// Settings, secrets, shell and cancellation, shared by everything that one command does.
#[derive(Clone)]
pub struct Context {
    settings: Arc<Settings>,
    shell: Shell,
    secrets: Secrets,
    cancellation: Cancellation,
}

impl Context {
    /// A context over these settings, with the secrets of their project.
    pub fn new(settings: Settings, shell: Shell) -> Self {
        let secrets = Secrets::of(&settings, &shell);
        Self { settings: Arc::new(settings), shell, secrets, cancellation: Cancellation::default() }
    }

    /// A context over these settings, and over those that the encrypted store of their project holds.
    ///
    /// # Errors
    /// Permission (exit 4), for a wrong password or a damaged store; settings (exit 3), for a value that does not fit.
    pub fn with_store(settings: Settings, shell: Shell) -> Result<Self> {
        let secrets = Secrets::of(&settings, &shell);
        Self::with_store_of(settings, shell, secrets)
    }

    /// The same, over a store that flags have named or found a password for.
    ///
    /// # Errors
    /// As [`Context::with_store`].
    pub fn with_store_of(settings: Settings, shell: Shell, secrets: Secrets) -> Result<Self> {
        let settings = Arc::new(secrets.applied_to(settings)?);
        Ok(Self { settings, shell, secrets, cancellation: Cancellation::default() })
    }

    /// The same with secrets from elsewhere, or opened otherwise.
    #[must_use]
    pub fn with_secrets(mut self, secrets: Secrets) -> Self {
        self.secrets = secrets;
        self
    }

    /// The same on behalf of somebody else: what is written down about who did something names them.
    #[must_use]
    pub fn on_behalf_of(&self, user: &str) -> Self {
        let mut settings = self.settings().clone();
        user.clone_into(&mut settings.user);
        Self { settings: Arc::new(settings), ..self.clone() }
    }

    /// The encrypted store, opened when the first value is asked for.
    pub fn secrets(&self) -> &Secrets {
        &self.secrets
    }

    /// The settings.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The way to stdout and stderr.
    pub fn shell(&self) -> &Shell {
        &self.shell
    }

    /// The wish to stop.
    pub fn cancellation(&self) -> &Cancellation {
        &self.cancellation
    }
}

/// The wish to stop, set by Ctrl-C or a signal and asked for between steps.
#[derive(Debug, Clone, Default)]
pub struct Cancellation(Arc<AtomicBool>);

impl Cancellation {
    /// Asks everything that shares this wish to stop at its next step.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether somebody asked to stop.
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// The flag itself, for a signal handler that can do no more than set it.
    pub fn flag(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.0)
    }

    /// An error if somebody asked to stop.
    ///
    /// # Errors
    /// Interrupted (exit 130).
    pub fn check(&self) -> Result<()> {
        if self.is_cancelled() {
            return Err(Error::new(ErrorKind::Interrupted, "finish: it was interrupted, and nothing was changed"));
        }
        Ok(())
    }
}
