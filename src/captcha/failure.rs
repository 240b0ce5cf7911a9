//! What AntiCaptcha's error codes mean for whoever asked.

use crate::error::{Error, ErrorKind};

/// What to do about an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Meaning {
    /// Ask the same again after a while.
    Wait,
    /// Give it to somebody else: a new task.
    Anew,
    /// Only a person can mend it.
    Final(ErrorKind),
}

/// The meaning of a code. One that is not known is final: trying on may cost money.
pub(super) fn meaning(code: &str) -> Meaning {
    match code {
        "ERROR_NO_SLOT_AVAILABLE" => Meaning::Wait,
        "ERROR_CAPTCHA_UNSOLVABLE"
        | "ERROR_RECAPTCHA_TIMEOUT"
        | "ERROR_TOKEN_EXPIRED"
        | "ERROR_FAILED_LOADING_WIDGET"
        | "ERROR_BAD_DUPLICATES"
        | "ERROR_ALL_WORKERS_FILTERED" => Meaning::Anew,
        code if code.starts_with("ERROR_PROXY_") && !code.contains("AUTH") && !code.contains("BANNED") => Meaning::Anew,
        "ERROR_KEY_DOES_NOT_EXIST"
        | "ERROR_IP_NOT_ALLOWED"
        | "ERROR_IP_BLOCKED"
        | "ERROR_ACCOUNT_SUSPENDED"
        | "ERROR_INCORRECT_SESSION_DATA" => Meaning::Final(ErrorKind::Permission),
        "ERROR_ZERO_BALANCE" => Meaning::Final(ErrorKind::Refused),
        "ERROR_ZERO_CAPTCHA_FILESIZE"
        | "ERROR_TOO_BIG_CAPTCHA_FILESIZE"
        | "ERROR_IMAGE_TYPE_NOT_SUPPORTED"
        | "ERROR_EMPTY_COMMENT"
        | "ERROR_TASK_NOT_SUPPORTED"
        | "ERROR_RECAPTCHA_INVALID_SITEKEY"
        | "ERROR_RECAPTCHA_INVALID_DOMAIN"
        | "ERROR_RECAPTCHA_OLD_BROWSER"
        | "ERROR_INVISIBLE_RECAPTCHA"
        | "ERROR_VISIBLE_RECAPTCHA"
        | "ERROR_INVALID_KEY_TYPE"
        | "ERROR_PROXY_NOT_AUTHORISED" => Meaning::Final(ErrorKind::Usage),
        _ => Meaning::Final(ErrorKind::Failed),
    }
}

/// An error of the service, in its words.
pub(super) fn error(what: &str, code: &str, description: &str) -> Error {
    let meaning = meaning(code);
    let kind = match meaning {
        Meaning::Wait => ErrorKind::Busy,
        Meaning::Anew => ErrorKind::Failed,
        Meaning::Final(kind) => kind,
    };
    let error = Error::new(kind, what).because(format!("{code}: {description}"));
    let error = error.temporary(!matches!(meaning, Meaning::Final(_)));
    match code {
        "ERROR_ZERO_BALANCE" => error.hint("put money on the account of the service"),
        "ERROR_KEY_DOES_NOT_EXIST" => error.hint("look at `key` in [captcha], or DC_CAPTCHA_KEY"),
        _ => error,
    }
}
