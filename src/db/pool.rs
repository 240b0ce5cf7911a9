//! Connections that the threads of a process share: as many as the settings allow, and none beyond.

use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use super::Connection;
use crate::context::Context;
use crate::error::{Error, ErrorKind, Result};

/// How long a thread waits for a connection.
const WAIT_MAX: Duration = Duration::from_secs(60);
/// How often whoever waits looks whether it was cancelled.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// The pools of this process.
static POOLS: Mutex<Vec<Weak<Shared>>> = Mutex::new(Vec::new());

/// The connections to one database. A clone is the same pool.
#[derive(Clone)]
pub struct Pool {
    context: Context,
    shared: Arc<Shared>,
}

struct Shared {
    /// The name in the settings, and the place: two projects may call two databases alike.
    name: String,
    label: String,
    size: usize,
    connections: Mutex<Connections>,
    freed: Condvar,
}

#[derive(Default)]
struct Connections {
    idle: Vec<Connection>,
    /// Those that are idle or in use.
    open: usize,
}

impl Pool {
    /// The pool of a configured database, which this process has once; `pool_size` under `[db.NAME]` says how many
    /// connections it opens at most. None is opened yet.
    ///
    /// # Errors
    /// When the database is not configured.
    pub fn of(context: &Context, name: &str) -> Result<Self> {
        let settings = context.settings().database(name)?;
        let label = settings.target.label();
        let mut pools = POOLS.lock().unwrap_or_else(PoisonError::into_inner);
        pools.retain(|pool| pool.strong_count() > 0);
        let known = pools.iter().filter_map(Weak::upgrade).find(|pool| pool.name == name && pool.label == label);
        let shared = known.unwrap_or_else(|| {
            let made = Arc::new(Shared {
                name: name.to_owned(),
                label,
                size: settings.pool_size,
                connections: Mutex::default(),
                freed: Condvar::new(),
            });
            pools.push(Arc::downgrade(&made));
            made
        });
        Ok(Self { context: context.clone(), shared })
    }

    /// Takes a connection, and waits for one while all are in use; `prepare` is done with one that is new.
    ///
    /// # Errors
    /// Busy after a minute; interrupted when a person stops it; what opening it and `prepare` say.
    pub fn take(&self, prepare: impl FnOnce(&mut Connection) -> Result<()>) -> Result<Pooled> {
        let began = Instant::now();
        let mut connections = self.shared.lock();
        loop {
            if let Some(connection) = connections.idle.pop() {
                return Ok(Pooled { connection: Some(connection), is_lost: false, shared: Arc::clone(&self.shared) });
            }
            if connections.open < self.shared.size {
                break;
            }
            if began.elapsed() >= WAIT_MAX {
                let Shared { name, size, .. } = &*self.shared;
                let seconds = WAIT_MAX.as_secs();
                let what = format!("get a connection to the database `{name}`: all {size} were in use for {seconds} s");
                return Err(Error::new(ErrorKind::Busy, what)
                    .hint(format!("set `pool_size` under `[db.{name}]`, or let fewer threads work at once")));
            }
            self.context.cancellation().check()?;
            let waited = self.shared.freed.wait_timeout(connections, LOOK_EVERY);
            connections = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        connections.open += 1;
        drop(connections);
        // its place is given back whatever happens
        let mut pooled = Pooled { connection: None, is_lost: true, shared: Arc::clone(&self.shared) };
        let mut connection = Connection::open(&self.context, &self.shared.name)?;
        prepare(&mut connection)?;
        (pooled.connection, pooled.is_lost) = (Some(connection), false);
        Ok(pooled)
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Connections> {
        self.connections.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection of a pool, which gets it back when this is dropped.
pub struct Pooled {
    /// There until it goes back, but while it is opened.
    connection: Option<Connection>,
    is_lost: bool,
    shared: Arc<Shared>,
}

impl Pooled {
    /// Says that the connection failed: it is closed, and another one is opened in its place.
    pub fn is_of_no_use(&mut self) {
        self.is_lost = true;
    }
}

impl Deref for Pooled {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        match &self.connection {
            Some(connection) => connection,
            None => unreachable!("it is there until it is dropped"),
        }
    }
}

impl DerefMut for Pooled {
    fn deref_mut(&mut self) -> &mut Connection {
        match &mut self.connection {
            Some(connection) => connection,
            None => unreachable!("it is there until it is dropped"),
        }
    }
}

impl Drop for Pooled {
    fn drop(&mut self) {
        let connection = self.connection.take().filter(|_| !self.is_lost).map(|mut connection| {
            // what whoever had it left open is not the next one's
            connection.backend().rollback();
            connection
        });
        let mut connections = self.shared.lock();
        match connection {
            Some(connection) => connections.idle.push(connection),
            None => connections.open -= 1,
        }
        drop(connections);
        self.shared.freed.notify_one();
    }
}
