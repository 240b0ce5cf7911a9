//! The board at work: what was read and typed goes in, what is drawn and told comes out.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

use super::draw::{self, Look};
use super::feed::Feed;
use super::plain;
use super::view::{Effect, Role, View};
use crate::context::Context;
use crate::error::{OrFail, Result};
use crate::shell::{Input, Screen};

/// How often it is looked whether something was read, or the end has come.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// How long the end waits for commands on their way, and for a terminal that takes nothing.
const END_LIMIT: Duration = Duration::from_secs(2);

/// Shows the board until it is ended by a key or a signal; without a terminal it is printed each second.
///
/// # Errors
/// What the database says at the first reading, unless it is only away; without a terminal also later.
pub fn watch(context: &Context) -> Result<()> {
    let shell = context.shell();
    let Some(mut screen) = Some(shell).filter(|shell| !shell.is_json()).and_then(Screen::open) else {
        return plain::print(context);
    };
    let is_over = || context.cancellation().is_cancelled();
    Operator::of(context, Role::Status)?.run(&mut screen, is_over)
}

/// The board beside a manager, on a thread of its own: nothing that happens to its terminal holds the manager up.
pub struct Beside {
    is_over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Beside {
    /// Shows it; `None` without a terminal, and where JSON or silence was asked for.
    ///
    /// # Errors
    /// When no thread can be had.
    pub fn start(context: &Context) -> Result<Option<Self>> {
        let shell = context.shell();
        if shell.is_json() || shell.is_quiet() {
            return Ok(None);
        }
        let Some(mut screen) = Screen::open(shell) else { return Ok(None) };
        let mut operator = Operator::of(context, Role::Manager)?;
        let is_over = Arc::new(AtomicBool::new(false));
        let over = Arc::clone(&is_over);
        let context = context.clone();
        let work = move || {
            // the manager goes on without it
            if let Err(error) = operator.run(&mut screen, || over.load(Ordering::Relaxed)) {
                drop(screen);
                context.shell().error(&error);
            }
        };
        let thread = Builder::new().name("board".to_owned()).spawn(work);
        let thread = thread.or_fail(|| "start a thread for the board".to_owned())?;
        Ok(Some(Self { is_over, thread: Some(thread) }))
    }
}

impl Drop for Beside {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        let Some(thread) = self.thread.take() else { return };
        let began = Instant::now();
        while !thread.is_finished() && began.elapsed() < END_LIMIT {
            std::thread::sleep(Duration::from_millis(10));
        }
        if thread.is_finished() {
            // a panic was told when it happened
            let _ = thread.join();
        }
        Screen::restore();
    }
}

/// State and sources.
struct Operator {
    context: Context,
    view: View,
    feed: Feed,
    look: Look,
}

impl Operator {
    fn of(context: &Context, role: Role) -> Result<Self> {
        let look = Look { has_color: context.shell().has_color() };
        Ok(Self { context: context.clone(), view: View::new(role), feed: Feed::start(context)?, look })
    }

    fn run(&mut self, screen: &mut Screen, is_over: impl Fn() -> bool) -> Result<()> {
        let mut is_drawn = false;
        while !is_over() {
            is_drawn &= !self.listen()?;
            match screen.next(LOOK_EVERY) {
                Input::Nothing => {}
                Input::Draw => is_drawn = false,
                Input::Gone => break,
                Input::Key(key) => {
                    is_drawn = false;
                    let effect = self.view.key(key);
                    self.feed.open(self.view.open_app());
                    if self.act(effect) {
                        break;
                    }
                }
            }
            if !is_drawn {
                is_drawn = screen.draw(|frame| draw::draw(frame, &mut self.view, self.look));
            }
        }
        self.see_off();
        Ok(())
    }

    /// Takes in what has come; whether there was something.
    fn listen(&mut self) -> Result<bool> {
        let mut is_new = false;
        while let Some(told) = self.feed.told() {
            self.view.notice = told;
            is_new = true;
        }
        if let Some((app_id, read)) = self.feed.read() {
            is_new = true;
            match read {
                Ok(glance) => self.view.take(glance, app_id),
                // what is wrong from the start is told as any other command tells it
                Err(error) if self.view.board.is_none() && !error.is_temporary() => return Err(error),
                Err(error) => self.view.away = Some(error.to_string()),
            }
        }
        Ok(is_new)
    }

    /// Does what a key asks for; whether that is the end of the board.
    fn act(&mut self, effect: Effect) -> bool {
        match (effect, self.view.role) {
            (Effect::Nothing, _) => false,
            (Effect::End, Role::Status) => true,
            (Effect::End, Role::Manager) => {
                self.context.cancellation().cancel();
                "the manager ends".clone_into(&mut self.view.notice);
                false
            }
            (Effect::Send(command, app), _) => {
                self.view.notice = format!("{} {app} ...", command.name().to_lowercase());
                let has_managers = self.view.board.as_ref().is_some_and(|board| !board.managers.is_empty());
                self.feed.send(command, app, has_managers);
                false
            }
        }
    }

    /// A command that was given a moment ago still gets onto its way.
    fn see_off(&self) {
        let began = Instant::now();
        while self.feed.is_sending() && began.elapsed() < END_LIMIT && !self.context.cancellation().is_cancelled() {
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}
