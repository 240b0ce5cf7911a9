//! `dc tasks --watch`: the list again and again, with the rate at which documents are done.

use std::time::{Duration, Instant};

use super::list::{TaskList, TaskListOptions};
use crate::context::Context;
use crate::error::Result;
use crate::tables::{Store, TaskState};

/// How often it is renewed.
const RENEW_EVERY: Duration = Duration::from_secs(1);
/// How often it is looked whether somebody interrupts it.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// The rate is that of so many seconds at most.
const RATE_OVER: Duration = Duration::from_secs(30);

/// Reads the list each second until somebody interrupts it, and gives it to `each`; once where stdout is no terminal. While
/// the database is unreachable it waits, and says so once.
///
/// # Errors
/// As [`super::list_tasks`], unless the database is only unreachable; what `each` says.
pub fn watch_tasks(
    context: &Context,
    options: &TaskListOptions,
    each: &mut dyn FnMut(&TaskList) -> Result<()>,
) -> Result<()> {
    let mut store: Option<Store> = None;
    let mut before: Vec<(Instant, Vec<(String, i64)>)> = Vec::new();
    let mut is_away = false;
    while !context.cancellation().is_cancelled() {
        let open = store.take().map_or_else(|| Store::ready(context), Ok);
        let read = open.and_then(|mut open| Ok((TaskList::read(&mut open, options)?, open)));
        match read {
            Ok((mut list, open)) => {
                is_away = false;
                store = Some(open);
                rate(&mut list, &mut before);
                each(&list)?;
            }
            Err(error) if error.is_temporary() && context.shell().out_is_terminal() => {
                if !is_away {
                    context.shell().note(&format!("waiting: {error}"));
                }
                is_away = true;
            }
            Err(error) => return Err(error),
        }
        if !context.shell().out_is_terminal() {
            return Ok(());
        }
        let began = Instant::now();
        while began.elapsed() < RENEW_EVERY && !context.cancellation().is_cancelled() {
            std::thread::sleep(LOOK_EVERY);
        }
    }
    Ok(())
}

/// Says how many documents are done a minute, by what was seen before.
fn rate(list: &mut TaskList, before: &mut Vec<(Instant, Vec<(String, i64)>)>) {
    let now = Instant::now();
    before.retain(|(at, _)| now.duration_since(*at) <= RATE_OVER);
    if let Some((at, counts)) = before.first() {
        let minutes = now.duration_since(*at).as_secs_f64() / 60.0;
        for pipeline in &mut list.pipelines {
            let known = counts.iter().find(|(name, _)| *name == pipeline.pipeline);
            // what is retried is done no longer
            let more = known.map(|(_, count)| (pipeline.state(TaskState::Done) - count).max(0));
            pipeline.done_per_minute = more.filter(|_| minutes > 0.0).map(|more| more as f64 / minutes);
        }
    }
    let counts = list.pipelines.iter().map(|it| (it.pipeline.clone(), it.state(TaskState::Done))).collect();
    before.push((now, counts));
}
