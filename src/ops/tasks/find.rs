//! Which tasks a text means: a number, a path, a name, or the start of a SHA-256.

use std::ffi::OsStr;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::context::Context;
use crate::error::{Result, file_error};
use crate::storage::written;
use crate::tables::{SHA256_BYTES, Store, TaskFilter, TaskRow};

/// So many tasks of one name or content are told.
const TASKS_MAX: i64 = 10;
/// Fewer digits of a SHA-256 mean too much.
const DIGITS_MIN: usize = 8;
/// A number has no more digits.
const NUMBER_DIGITS_MAX: usize = 18;
/// A file is read in pieces of so many bytes.
const PIECE_BYTES: usize = 1 << 16;

/// What a text means.
pub(super) struct Meant {
    /// The tasks, the newest first; of a file, those of what it holds now before others.
    pub(super) tasks: Vec<TaskRow>,
    /// Whether it is a file whose bytes were taken.
    pub(super) is_taken: bool,
}

/// The tasks that a text means; none is no error.
///
/// # Errors
/// What the database says; what the file says, where it is one.
pub(super) fn find(context: &Context, store: &mut Store, text: &str) -> Result<Meant> {
    if let Some(task) = by_number(store, text)? {
        return Ok(Meant { tasks: vec![task], is_taken: false });
    }
    let mut found = Vec::new();
    let places = places(text);
    for place in &places {
        add(&mut found, store.tasks().at_place(&written(place.as_os_str())?, TASKS_MAX)?);
    }
    if let Some(file) = places.iter().find(|place| place.is_file()) {
        // what it holds now says more than where it is
        let sha256 = digest(context, file)?;
        let same = store.tasks().of_content((&sha256, &sha256), TASKS_MAX)?;
        let is_taken = !same.is_empty();
        let before = std::mem::replace(&mut found, same);
        add(&mut found, before);
        return Ok(Meant { tasks: found, is_taken });
    }
    if let Some((first, last)) = range(text) {
        add(&mut found, store.tasks().of_content((&first, &last), TASKS_MAX)?);
    }
    for place in &places {
        add(&mut found, store.tasks().came_again(&written(place.as_os_str())?, TASKS_MAX)?);
    }
    if found.is_empty() {
        let name = Path::new(text).file_name().unwrap_or(OsStr::new(text));
        if !name.is_empty() {
            let name = written(name)?;
            let filter = TaskFilter { name: Some(name.clone()), ..TaskFilter::default() };
            add(&mut found, store.tasks().list(&filter, TASKS_MAX)?);
            add(&mut found, store.tasks().came_again(&name, TASKS_MAX)?);
        }
    }
    Ok(Meant { tasks: found, is_taken: false })
}

/// The task of a number.
pub(super) fn by_number(store: &mut Store, text: &str) -> Result<Option<TaskRow>> {
    let is_number = !text.is_empty() && text.len() <= NUMBER_DIGITS_MAX && text.bytes().all(|it| it.is_ascii_digit());
    match text.parse::<i64>().ok().filter(|_| is_number) {
        Some(id) => store.tasks().one(id),
        None => Ok(None),
    }
}

/// The places that a text may mean: as it is written, and where its links lead.
pub(super) fn places(text: &str) -> Vec<PathBuf> {
    let path = Path::new(text);
    let mut places: Vec<PathBuf> = std::path::absolute(path).into_iter().collect();
    places.extend(path.canonicalize().ok().filter(|real| !places.contains(real)));
    places
}

fn add(found: &mut Vec<TaskRow>, more: Vec<TaskRow>) {
    for task in more {
        if found.iter().all(|known| known.id != task.id) {
            found.push(task);
        }
    }
}

fn digest(context: &Context, path: &Path) -> Result<Vec<u8>> {
    let failed = |cause| file_error(format!("read {}", path.display()), cause);
    let mut file = File::open(path).map_err(failed)?;
    let (mut sha, mut piece) = (Sha256::new(), vec![0; PIECE_BYTES]);
    loop {
        context.cancellation().check()?;
        match file.read(&mut piece).map_err(failed)? {
            0 => return Ok(sha.finalize().to_vec()),
            count => sha.update(&piece[..count]),
        }
    }
}

/// The first and the last SHA-256 that begin with these digits.
fn range(digits: &str) -> Option<(Vec<u8>, Vec<u8>)> {
    let is_hex = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    if !is_hex || !(DIGITS_MIN..=2 * SHA256_BYTES).contains(&digits.len()) {
        return None;
    }
    let filled = |with: char| -> Option<Vec<u8>> {
        let full: String = digits.chars().chain(std::iter::repeat(with)).take(2 * SHA256_BYTES).collect();
        (0..SHA256_BYTES).map(|place| u8::from_str_radix(&full[2 * place..2 * place + 2], 16).ok()).collect()
    };
    Some((filled('0')?, filled('f')?))
}
