//! What can only be read once and may be silent: a thread reads it piece by piece.

use std::io::{ErrorKind, Read};
use std::sync::mpsc::{Receiver, sync_channel};

use super::source::WINDOW_BYTES;
use crate::error::{OrFail, Result};

/// Pieces that wait to be taken.
const WAITING_MAX: usize = 4;

/// Opens and reads on a thread of its own, so that nobody who was asked to stop has to wait for a silent pipe, or for one
/// that nobody writes into. The end of the pieces is the end of the input, or follows its error.
///
/// # Errors
/// The thread cannot be started.
pub(crate) fn pieces<R: Read>(
    what: &str,
    open: impl FnOnce() -> std::io::Result<R> + Send + 'static,
) -> Result<Receiver<std::io::Result<Vec<u8>>>> {
    let (sender, pieces) = sync_channel(WAITING_MAX);
    let work = move || {
        let mut reader = match open() {
            Ok(reader) => reader,
            Err(cause) => {
                let _ = sender.send(Err(cause));
                return;
            }
        };
        loop {
            let mut piece = vec![0; WINDOW_BYTES];
            let read = match reader.read(&mut piece) {
                Err(cause) if cause.kind() == ErrorKind::Interrupted => continue,
                Ok(0) => return,
                Ok(count) => {
                    piece.truncate(count);
                    Ok(piece)
                }
                Err(cause) => Err(cause),
            };
            let has_failed = read.is_err();
            if sender.send(read).is_err() || has_failed {
                return;
            }
        }
    };
    let thread = std::thread::Builder::new().name("reading".to_owned()).spawn(work);
    thread.map(|_| pieces).or_fail(|| format!("start a thread for {what}"))
}
