//! `dc secrets edit`: the store in an editor, with its comments and order. A text that cannot be read comes back.

use zeroize::Zeroizing;

use super::super::editor::{Edited, Editor};
use super::begun::Begun;
use super::{StoreReport, check_names};
use crate::context::Context;
use crate::error::{Error, ErrorKind, Result};
use crate::secrets::Document;

/// What a line begins with that dc puts above a text with an error, and takes out again.
const MARK: &str = "# dc: ";
/// How often a text with an error comes back.
const EDITS_MAX: usize = 20;

/// Opens the store in the editor and writes what comes back. Nobody else changes the store meanwhile.
///
/// # Errors
/// Usage (exit 2), when a text with an error was left as it was; failed, when the editor fails. Nothing is changed then.
pub fn edit_secrets(context: &Context) -> Result<StoreReport> {
    let secrets = context.secrets();
    let path = secrets.path();
    let secrets_file = Edited { name: "secrets.env", what: "the secrets", command: "dc secrets edit" };
    let editor = Editor::of(context.settings(), secrets_file)?;
    let writer = secrets.writer(path)?;
    let Begun { document: before, header, key, note } = Begun::of(secrets)?;
    let document = edited(context, &editor, &before)?;
    if document.text() == before.text() {
        return Ok(StoreReport::new(path, "nothing was changed", &document));
    }
    check_not_emptied(context, &before, &document)?;
    writer.write(&key, &header, &document)?;
    Ok(StoreReport::new(path, "edited", &document).note(note).cautions(&document))
}

fn edited(context: &Context, editor: &Editor<'_>, before: &Document) -> Result<Document> {
    let mut shown = Zeroizing::new(before.text().to_owned());
    for _ in 0..EDITS_MAX {
        let came_back = editor.edit(&shown)?;
        let edited = without_mark(&came_back);
        let reason = match Document::parse(&edited) {
            Ok(document) => match check_names(&document) {
                Ok(()) => return Ok(document),
                Err(error) => error.to_string(),
            },
            // with the mark above it, the line is one further down
            Err(bad) => format!("line {}: {}", bad.line + 1, bad.reason),
        };
        // whoever closes the editor without a change has given up
        if came_back == shown {
            return Err(not_taken(&reason));
        }
        context.shell().tell(&format!("{reason}; the editor opens again"));
        if context.shell().can_ask() {
            context.shell().wait_for_enter("Enter opens the editor again, Ctrl-C gives up: ")?;
        }
        shown = Zeroizing::new(format!("{MARK}{reason}\n{}", edited.as_str()));
    }
    Err(not_taken("it came back with an error too often"))
}

/// An editor that fails may leave an empty file: a store is emptied only by somebody who says so.
fn check_not_emptied(context: &Context, before: &Document, edited: &Document) -> Result<()> {
    let count = before.names().len();
    if count == 0 || !edited.names().is_empty() {
        return Ok(());
    }
    if context.shell().can_ask() {
        let question = format!("No secret is left of {count}. Enter takes all of them out, Ctrl-C gives up: ");
        return context.shell().wait_for_enter(&question);
    }
    let message = format!("take what was edited: it holds no secret, and the store has {count}; nothing was changed");
    Err(Error::new(ErrorKind::Refused, message)
        .hint(format!("`dc secrets unset {}` takes them out", before.names().join(" "))))
}

fn without_mark(text: &str) -> Zeroizing<String> {
    let rest = match text.starts_with(MARK) {
        true => text.split_once('\n').map_or("", |(_, rest)| rest),
        false => text,
    };
    Zeroizing::new(rest.to_owned())
}

fn not_taken(reason: &str) -> Error {
    Error::new(ErrorKind::Usage, format!("take what was edited: {reason}; nothing was changed"))
        .hint("a line is NAME=value, or begins with #; a value with spaces stands in '..' or \"..\"")
}
