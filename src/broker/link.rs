//! A standing link to the broker: a thread that takes messages, and connects again for as long as it takes.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use super::{Delivery, Event, Next, Topology, connect, is_configured};
use crate::context::Context;
use crate::die;
use crate::error::{OrFail, Result};

/// The pauses between two tries: the first, and the longest.
const PAUSE: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(30));
/// How often a pause looks whether the link is to end.
const STEP: Duration = Duration::from_millis(100);

/// What is taken from the broker, and how.
#[derive(Debug, Clone)]
pub struct Subscription {
    /// What has to be there.
    pub topology: Topology,
    /// The queues that messages are taken from.
    pub queues: Vec<String>,
    /// How many messages of a queue are here at once, delivered and not settled.
    pub prefetch: u16,
    /// Whether messages come here first: others who take from the queues get those that find no room here.
    pub is_first: bool,
    /// How long what was delivered is waited for at the end.
    pub drain: Duration,
    /// What happens while the broker is away, for the log: `commands travel by the database`.
    pub meanwhile: &'static str,
}

/// What a link tells.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "nearly all are deliveries")]
pub enum Sign {
    /// Messages will come: for the first time, or again.
    Up,
    /// A message has come.
    Delivery(Delivery),
    /// The broker is away; it is told once.
    Down,
}

/// Takes messages until it goes.
pub struct Link {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

/// Takes messages, if a broker is configured. Its being away is told once and stops nothing.
///
/// # Errors
/// Settings, when the broker's section cannot be read; when the system gives no thread.
pub fn listen(
    context: &Context,
    subscription: Subscription,
    each: impl FnMut(Sign) + Send + 'static,
) -> Result<Option<Link>> {
    if !is_configured(context)? {
        return Ok(None);
    }
    let stop = Arc::new(AtomicBool::new(false));
    let thread = std::thread::Builder::new().name("broker".to_owned());
    let (context, stopped) = (context.clone(), Arc::clone(&stop));
    let thread = thread.spawn(move || run(&context, &subscription, &stopped, each));
    Ok(Some(Link { stop, thread: Some(thread.or_fail(|| "start a thread for the broker".to_owned())?) }))
}

fn run(context: &Context, subscription: &Subscription, stop: &AtomicBool, mut each: impl FnMut(Sign)) {
    let mut pause = PAUSE.0;
    let mut is_away = false;
    while !stop.load(Ordering::Relaxed) {
        let mut was_ready = false;
        let mut on_event = |event: Event| {
            match event {
                Event::Ready => {
                    was_ready = true;
                    if is_away {
                        log::warn!("the broker is back");
                    }
                    is_away = false;
                    each(Sign::Up);
                }
                Event::Delivery(delivery) => each(Sign::Delivery(delivery)),
                Event::Quiet => {}
            }
            if stop.load(Ordering::Relaxed) { Next::Stop } else { Next::On }
        };
        let listened = connect(context).and_then(|broker| match broker {
            Some(mut broker) => {
                broker.declare(&subscription.topology)?;
                broker.consume(subscription, &mut on_event)
            }
            None => Ok(()),
        });
        let Err(error) = listened else { continue };
        if !is_away {
            log::warn!("the broker is away, {} meanwhile: {error}", subscription.meanwhile);
            each(Sign::Down);
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

/// Between a half and one, so that those that lost a broker together do not come back in step.
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
