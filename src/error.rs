//! One error for the whole house: what could not be done, why, and what to type next.

use std::error::Error as StdError;
use std::fmt;

/// The result of everything that can fail here.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What a caller acts on; `dc` maps it to its exit status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// The work itself failed (exit 1).
    Failed,
    /// The request makes no sense as typed (exit 2).
    Usage,
    /// A setting is missing, misspelt or of the wrong type (exit 3).
    Settings,
    /// A secret or a permission is missing (exit 4).
    Permission,
    /// The table, app, run or file is not there (exit 5).
    NotFound,
    /// A guard refused: nothing was changed, a flag would allow it (exit 6).
    Refused,
    /// Somebody else is at it; the same call may go through later (exit 75).
    Busy,
    /// Two transactions met; the same work done again may go through at once (exit 75).
    Conflict,
    /// The time allowed ran out (exit 124).
    Timeout,
    /// A person or the system asked to stop (exit 130).
    Interrupted,
    /// The reader of our output has gone; nobody is left to be told.
    BrokenPipe,
}

/// An error that a person can act on.
///
/// `message` completes "could not ...", `hint` is the next command to type.
pub struct Error(Box<Body>);

struct Body {
    kind: ErrorKind,
    message: String,
    hint: Option<String>,
    temporary: bool,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

impl Error {
    /// An error of `kind`; `message` completes "could not ...".
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self(Box::new(Body {
            kind,
            message: message.into(),
            hint: None,
            temporary: matches!(kind, ErrorKind::Busy | ErrorKind::Conflict),
            source: None,
        }))
    }

    /// Work that failed.
    pub fn failed(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Failed, message)
    }

    /// Adds the next command to type.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.0.hint = Some(hint.into());
        self
    }

    /// Adds what caused it.
    #[must_use]
    pub fn because(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// Marks it as passing: the same call may go through later.
    #[must_use]
    pub fn temporary(mut self, temporary: bool) -> Self {
        self.0.temporary = temporary;
        self
    }

    /// Puts `message` in front: this error becomes its cause, kind and hint stay.
    #[must_use]
    pub fn within(mut self, message: impl Into<String>) -> Self {
        let outer = Self::new(self.kind(), message).temporary(self.is_temporary());
        let hint = self.0.hint.take();
        let mut outer = outer.because(self);
        outer.0.hint = hint;
        outer
    }

    /// What kind of failure this is.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// The message, completing "could not ...".
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The next command to type, where one is known.
    pub fn hint_text(&self) -> Option<&str> {
        self.0.hint.as_deref()
    }

    /// Whether the same call may go through later.
    pub fn is_temporary(&self) -> bool {
        self.0.temporary
    }

    /// The causes, outermost first, each once.
    pub fn causes(&self) -> Vec<String> {
        let mut causes: Vec<String> = Vec::new();
        let mut next = StdError::source(self);
        while let Some(cause) = next {
            let text = match cause.downcast_ref::<Error>() {
                Some(error) => error.message().to_owned(),
                None => cause.to_string(),
            };
            if !causes.iter().any(|known| known.contains(&text)) {
                causes.push(text);
            }
            next = cause.source();
        }
        causes
    }
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "could not {}", self.0.message)?;
        for cause in self.causes() {
            write!(formatter, ": {cause}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:?}: {self}", self.0.kind)?;
        match &self.0.hint {
            Some(hint) => write!(formatter, " (hint: {hint})"),
            None => Ok(()),
        }
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }
}

/// Turns a foreign failure into an [`Error`] where it happens.
pub trait OrFail<T> {
    /// The failure becomes the cause of "could not `message`".
    fn or_fail(self, message: impl FnOnce() -> String) -> Result<T>;
}

impl<T, E: StdError + Send + Sync + 'static> OrFail<T> for std::result::Result<T, E> {
    fn or_fail(self, message: impl FnOnce() -> String) -> Result<T> {
        self.map_err(|cause| Error::failed(message()).because(cause))
    }
}

/// Turns a failure of the file system into an [`Error`] of the kind that fits it.
pub fn file_error(what: impl Into<String>, cause: std::io::Error) -> Error {
    let kind = match cause.kind() {
        std::io::ErrorKind::NotFound => ErrorKind::NotFound,
        std::io::ErrorKind::PermissionDenied => ErrorKind::Permission,
        std::io::ErrorKind::BrokenPipe => ErrorKind::BrokenPipe,
        _ => ErrorKind::Failed,
    };
    let full = cause.kind() == std::io::ErrorKind::StorageFull;
    let error = Error::new(kind, what).because(cause);
    if full { error.hint("free some space (`df -h` shows where) and try again") } else { error }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_is_named_once_and_the_hint_survives_wrapping() {
        let inner = Error::new(ErrorKind::NotFound, "open `a.csv`").hint("look again");
        let outer = inner.within("merge into `a`");
        assert_eq!(outer.kind(), ErrorKind::NotFound);
        assert_eq!(outer.hint_text(), Some("look again"));
        assert_eq!(outer.to_string(), "could not merge into `a`: open `a.csv`");
    }
}
