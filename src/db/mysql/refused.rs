//! What the server refuses of a row.

use mysql_async::Error as Failure;

use crate::db::cause::Cause;

/// The states that programs use for errors of their own.
const OF_PROGRAMS: &str = "45";

/// Whether it is the row that the table does not want.
pub(super) fn is_refusal(cause: &Failure) -> bool {
    match cause {
        Failure::Server(answer) => match Cause::of_mysql(answer.code) {
            Some(cause) => cause.is_of_row(),
            None => answer.state.starts_with(OF_PROGRAMS),
        },
        _ => false,
    }
}

/// Why, in the server's words; which row of the statement it was says nothing to anybody.
pub(super) fn reason(cause: &Failure) -> String {
    let Failure::Server(answer) = cause else { return cause.to_string() };
    let message = answer.message.as_str();
    match message.rsplit_once(" at row ") {
        Some((before, number)) if number.bytes().all(|byte| byte.is_ascii_digit()) => before.to_owned(),
        _ => message.to_owned(),
    }
}
