//! Couriers: a thread for each channel, so that one that is away or slow delays only itself.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::channel::{Channel, channels, open_channel};
use super::delivery::{Recipient, look_at_all};
use crate::bound::spawn;
use crate::context::{Cancellation, Context};
use crate::error::Result;
use crate::tables::Store;

/// How long the database is left alone that is away.
const AWAY_PAUSE: Duration = Duration::from_secs(5);
/// How long the end waits for a letter that is being sent. After that it may be sent twice.
const END_PATIENCE: Duration = Duration::from_secs(5);

/// The couriers of a manager. They end when this goes.
pub struct Couriers {
    bell: Arc<Bell>,
    threads: Vec<JoinHandle<()>>,
}

#[derive(Default)]
struct Bell {
    cancellation: Cancellation,
    rung: Mutex<()>,
    ringing: Condvar,
}

impl Couriers {
    /// A courier for each channel of the settings. A channel that cannot be opened is told, and does no harm.
    ///
    /// # Errors
    /// When the system gives no threads.
    pub fn start(context: &Context, holder: &str) -> Result<Self> {
        let bell = Arc::new(Bell::default());
        let mut threads = Vec::new();
        for name in channels(context) {
            let channel = match open_channel(context, &name) {
                Ok(channel) => channel,
                Err(error) => {
                    log::error!("nothing is sent by the channel `{name}`: {error}");
                    continue;
                }
            };
            let courier =
                Courier { context: context.clone(), holder: holder.to_owned(), bell: Arc::clone(&bell), channel };
            threads.push(spawn(&format!("notify {name}"), move || courier.work())?);
        }
        Ok(Self { bell, threads })
    }
}

impl Drop for Couriers {
    fn drop(&mut self) {
        self.bell.cancellation.cancel();
        self.bell.ringing.notify_all();
        let until = Instant::now() + END_PATIENCE;
        for thread in self.threads.drain(..) {
            while !thread.is_finished() && Instant::now() < until {
                std::thread::sleep(Duration::from_millis(10));
            }
            if thread.is_finished() {
                let _ = thread.join();
            }
        }
    }
}

struct Courier {
    context: Context,
    holder: String,
    bell: Arc<Bell>,
    channel: Channel,
}

impl Courier {
    fn work(mut self) {
        let mut store: Option<Store> = None;
        let keys: Vec<String> = self.channel.recipients.iter().map(|to| self.channel.key(to)).collect();
        let mut recipients = Recipient::all(&self.channel);
        let mut is_handed_over = false;
        let mut is_away = false;
        while !self.bell.cancellation.is_cancelled() {
            let looked = open(&mut store, &self.context).and_then(|store| {
                if !is_handed_over {
                    store.channels().hand_over(&self.channel.name, &keys)?;
                    is_handed_over = true;
                }
                let by = (self.holder.as_str(), &self.bell.cancellation);
                look_at_all(&mut self.channel, &mut recipients, store, by)
            });
            let pause = match looked {
                Ok(looked) => {
                    is_away = false;
                    looked.pause
                }
                Err(error) => {
                    if !is_away {
                        log::warn!("the channel `{}` waits for the database: {error}", self.channel.name);
                    }
                    is_away = true;
                    store = None;
                    AWAY_PAUSE
                }
            };
            self.bell.sleep(pause);
        }
        let Some(mut store) = store else { return };
        for key in &keys {
            if let Err(error) = store.channels().release(key, &self.holder) {
                log::debug!("{error}");
            }
        }
    }
}

fn open<'a>(store: &'a mut Option<Store>, context: &Context) -> Result<&'a mut Store> {
    match store {
        Some(store) => Ok(store),
        None => Ok(store.insert(Store::ready(context)?)),
    }
}

impl Bell {
    fn sleep(&self, pause: Duration) {
        let rung = self.rung.lock().unwrap_or_else(PoisonError::into_inner);
        if !self.cancellation.is_cancelled() {
            let _ = self.ringing.wait_timeout(rung, pause);
        }
    }
}
