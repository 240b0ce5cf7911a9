//! A manager's standing link to the broker: a thread that listens, and connects again for as long as it takes.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use super::{CommandNote, Next, Notice, connect, is_configured};
use crate::context::Context;
use crate::die;
use crate::error::{OrFail, Result};

/// The pauses between two tries: the first, and the longest.
const PAUSE: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(30));
/// How often a pause looks whether the link is to end.
const STEP: Duration = Duration::from_millis(100);

/// Listens until it goes.
pub struct Link {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

/// Listens for notes, if a broker is configured. Its being away is told once and stops nothing.
///
/// # Errors
/// Settings, when the broker's section cannot be read; when the system gives no thread.
pub fn listen(
    context: &Context,
    manager: &str,
    each: impl FnMut(CommandNote) + Send + 'static,
) -> Result<Option<Link>> {
    if !is_configured(context)? {
        return Ok(None);
    }
    let stop = Arc::new(AtomicBool::new(false));
    let thread = std::thread::Builder::new().name("broker".to_owned());
    let (context, manager, stopped) = (context.clone(), manager.to_owned(), Arc::clone(&stop));
    let thread = thread.spawn(move || run(&context, &manager, &stopped, each));
    Ok(Some(Link { stop, thread: Some(thread.or_fail(|| "start a thread for the broker".to_owned())?) }))
}

fn run(context: &Context, manager: &str, stop: &AtomicBool, mut each: impl FnMut(CommandNote)) {
    let mut pause = PAUSE.0;
    let mut is_away = false;
    while !stop.load(Ordering::Relaxed) {
        let mut was_ready = false;
        let listened = connect(context).and_then(|broker| match broker {
            Some(mut broker) => broker.consume(manager, &mut |notice| {
                match notice {
                    Notice::Ready => {
                        was_ready = true;
                        if is_away {
                            log::warn!("the broker is back");
                        }
                        is_away = false;
                    }
                    Notice::Note(note) => each(note),
                    Notice::Refused(reason) => log::warn!("a message was put with the dead letters: {reason}"),
                    Notice::Quiet => {}
                }
                if stop.load(Ordering::Relaxed) { Next::Stop } else { Next::On }
            }),
            None => Ok(()),
        });
        let Err(error) = listened else { continue };
        if !is_away {
            log::warn!("the broker is away, commands travel by the database meanwhile: {error}");
        }
        is_away = true;
        pause = if was_ready { PAUSE.0 } else { (pause * 2).min(PAUSE.1) };
        let mut rest = pause.mul_f64(share());
        while !rest.is_zero() && !stop.load(Ordering::Relaxed) {
            std::thread::sleep(STEP.min(rest));
            rest = rest.saturating_sub(STEP);
        }
    }
}

/// Between a half and one, so that managers that lost a broker together do not come back in step.
fn share() -> f64 {
    0.5 + 0.5 * die::share()
}

impl Drop for Link {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
