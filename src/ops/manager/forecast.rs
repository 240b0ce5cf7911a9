//! `dc manager simulate`: the schedule that is to come, from the registry and measured durations; nothing is run.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use chrono::{Datelike, Local, NaiveDate, NaiveDateTime, TimeDelta, TimeZone, Timelike};
use serde::Serialize;

use crate::apps::{AppDefinition, Schedule};
use crate::clock;
use crate::context::Context;
use crate::error::Result;
use crate::ident::AppName;
use crate::shell;
use crate::tables::{AppRow, Store};
use crate::zone::Zone;

/// How many runs a duration is the mean of.
const RUNS_MAX: i64 = 20;
/// Moments of one app that are looked at: one a second for a month. Where there are more, that is told.
const MOMENTS_MAX: usize = 2_700_000;
/// The width of the chart.
const CHART_WIDTH: usize = 40;

/// What `dc manager simulate` is asked for.
#[derive(Debug, Clone, Copy)]
pub struct ForecastOptions {
    /// How many days.
    pub days: u32,
}

/// What is to come.
#[derive(Debug, Serialize)]
pub struct Forecast {
    /// From then on.
    pub from: NaiveDateTime,
    /// Until then.
    pub until: NaiveDateTime,
    /// The apps that have a schedule.
    pub apps: Vec<ForecastApp>,
    /// For each hour of the day (the reader's own zone) the most apps that run at once, and the mean.
    pub hours: Vec<(u32, usize, f64)>,
    /// Days on which a clock is set, with the zone.
    pub clock_changes: Vec<(NaiveDate, String)>,
    /// How many apps may run at once; 0 for no limit.
    pub max_running: u64,
}

/// One app.
#[derive(Debug, Serialize)]
pub struct ForecastApp {
    /// The app.
    pub app: String,
    /// How often it is due.
    pub due: usize,
    /// How often it is due while its run before goes on.
    pub overlaps: usize,
    /// The mean length of its runs, in seconds; `None` when none is known.
    pub seconds: Option<f64>,
    /// The shortest time between two moments, in seconds.
    pub gap_seconds: Option<f64>,
    /// Whether it can never meet its schedule: it takes longer than the time between two moments.
    pub too_slow: bool,
    /// The last moment that was looked at, where there are too many to look at all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cut_at: Option<NaiveDateTime>,
    /// Whether it is out of service.
    pub disabled: bool,
    /// What starts it, where no time does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub starts: Option<String>,
}

/// Works out what is to come.
///
/// # Errors
/// What the database says.
pub fn forecast(context: &Context, options: &ForecastOptions) -> Result<Forecast> {
    let mut store = Store::ready(context)?;
    let from = clock::now();
    let until = from + TimeDelta::days(i64::from(options.days));
    let lengths: BTreeMap<i64, f64> = store.runs().mean_seconds(RUNS_MAX)?.into_iter().collect();
    let mut busy: Vec<(NaiveDateTime, i32)> = Vec::new();
    let mut apps = Vec::new();
    let mut zones: Vec<Zone> = Vec::new();
    let mut ends: BTreeMap<AppName, Vec<NaiveDateTime>> = BTreeMap::new();
    for (app, definition) in in_order(store.apps().all()?) {
        let moments = match (definition.keep, definition.after.is_empty()) {
            (true, _) => vec![from],
            (false, true) => moments(&app, &definition, from, until),
            (false, false) => moments_after(&definition.after, &ends, until),
        };
        if moments.is_empty() && !app.disable && starts(&definition).is_none() {
            continue;
        }
        zones.push(definition.timezone.clone());
        let seconds = lengths.get(&app.id).copied().filter(|_| !definition.keep);
        let length = TimeDelta::milliseconds((seconds.unwrap_or_default() * 1_000.0) as i64);
        for due_at in &moments {
            busy.push((*due_at, 1));
            busy.push((if definition.keep { until } else { *due_at + length }, -1));
        }
        ends.insert(app.name.clone(), moments.iter().map(|due_at| *due_at + length).collect());
        apps.push(ForecastApp { starts: starts(&definition), ..forecast_app(&app, &moments, seconds) });
    }
    apps.sort_by(|one, other| one.app.cmp(&other.app));
    busy.sort();
    zones.sort_by(|one, other| one.name().cmp(other.name()));
    zones.dedup();
    Ok(Forecast {
        from,
        until,
        apps,
        hours: hours(&busy, from, until),
        clock_changes: clock_changes(&zones, from, until),
        max_running: context.settings().manager.max_running,
    })
}

/// The apps, each behind those after which it runs.
fn in_order(apps: Vec<AppRow>) -> Vec<(AppRow, AppDefinition)> {
    let defined = |app: AppRow| AppDefinition::from_json(&app.definition).ok().map(|definition| (app, definition));
    let mut waiting: Vec<(AppRow, AppDefinition)> = apps.into_iter().filter_map(defined).collect();
    let mut ordered: Vec<(AppRow, AppDefinition)> = Vec::with_capacity(waiting.len());
    loop {
        let is_known = |name: &String| ordered.iter().any(|(app, _)| app.name.ends_with(name));
        let (ready, rest): (Vec<_>, Vec<_>) =
            waiting.into_iter().partition(|(_, definition)| definition.after.iter().all(is_known));
        let is_end = ready.is_empty();
        ordered.extend(ready);
        if is_end || rest.is_empty() {
            // in a circle, which `dc deploy` refuses
            ordered.extend(rest);
            return ordered;
        }
        waiting = rest;
    }
}

/// The moments at which all the others have ended since the moment before; all end well here.
fn moments_after(
    after: &[String],
    ends: &BTreeMap<AppName, Vec<NaiveDateTime>>,
    until: NaiveDateTime,
) -> Vec<NaiveDateTime> {
    let of = |name: &String| ends.iter().find(|(app, _)| app.ends_with(name)).map(|(_, ends)| ends.as_slice());
    let mut events: Vec<(NaiveDateTime, usize)> = Vec::new();
    for (at, name) in after.iter().enumerate() {
        events.extend(of(name).unwrap_or_default().iter().map(|ended_at| (*ended_at, at)));
    }
    events.sort_unstable();
    let (mut ended, mut moments) = (BTreeSet::new(), Vec::new());
    for (ended_at, at) in events.into_iter().filter(|(ended_at, _)| *ended_at < until) {
        ended.insert(at);
        if ended.len() == after.len() {
            moments.push(ended_at);
            ended.clear();
        }
    }
    moments
}

/// What starts an app that no time starts.
fn starts(definition: &AppDefinition) -> Option<String> {
    match (definition.keep, definition.after.is_empty()) {
        (true, _) => Some("kept running".to_owned()),
        (false, false) => Some(format!("after {}", definition.after.join(" and "))),
        (false, true) if definition.schedule == Schedule::AtBoot => Some("at boot".to_owned()),
        (false, true) => None,
    }
}

fn moments(app: &AppRow, definition: &AppDefinition, from: NaiveDateTime, until: NaiveDateTime) -> Vec<NaiveDateTime> {
    if app.disable {
        return Vec::new();
    }
    let first = app.next_run.map(|next| next.max(from));
    std::iter::successors(first, |due_at| definition.next_run(*due_at))
        .take_while(|due_at| *due_at < until)
        .take(MOMENTS_MAX)
        .collect()
}

fn forecast_app(app: &AppRow, moments: &[NaiveDateTime], seconds: Option<f64>) -> ForecastApp {
    let gaps = moments.windows(2).map(|pair| (pair[1] - pair[0]).num_milliseconds() as f64 / 1_000.0);
    let gap_seconds = gaps.clone().reduce(f64::min);
    let longest = gaps.clone().reduce(f64::max);
    let overlaps = seconds.map_or(0, |seconds| gaps.filter(|gap| *gap < seconds).count());
    let too_slow = seconds.zip(longest).is_some_and(|(seconds, longest)| seconds >= longest);
    ForecastApp {
        app: app.name.to_string(),
        due: moments.len(),
        overlaps,
        seconds,
        gap_seconds,
        too_slow,
        cut_at: moments.last().copied().filter(|_| moments.len() == MOMENTS_MAX),
        disabled: app.disable,
        starts: None,
    }
}

/// For each hour of the day: the most that run at once on any day, and the mean over its hours.
fn hours(busy: &[(NaiveDateTime, i32)], from: NaiveDateTime, until: NaiveDateTime) -> Vec<(u32, usize, f64)> {
    let local_hour = |at: NaiveDateTime| Local.from_utc_datetime(&at).hour();
    let (mut peaks, mut seconds, mut running) = ([0_i32; 24], [0_f64; 24], 0);
    let mut at = from;
    let mut count_until = |at: &mut NaiveDateTime, end: NaiveDateTime, running: i32| {
        while *at < end {
            let hour = local_hour(*at);
            let next_hour = *at + TimeDelta::seconds(3_600 - i64::from(at.num_seconds_from_midnight() % 3_600));
            let step = next_hour.min(end);
            seconds[hour as usize] += f64::from(running) * (step - *at).num_milliseconds() as f64 / 1_000.0;
            *at = step;
        }
    };
    for (time, change) in busy.iter().filter(|(time, _)| *time < until) {
        count_until(&mut at, *time, running);
        running += change;
        let hour = local_hour(*time) as usize;
        peaks[hour] = peaks[hour].max(running);
    }
    count_until(&mut at, until, running);
    let days = ((until - from).num_seconds() as f64 / 86_400.0).max(1.0 / 24.0);
    (0..24_usize).map(|hour| (hour as u32, peaks[hour].max(0) as usize, seconds[hour] / days / 3_600.0)).collect()
}

/// The days on which a zone's clock is set.
fn clock_changes(zones: &[Zone], from: NaiveDateTime, until: NaiveDateTime) -> Vec<(NaiveDate, String)> {
    let mut changes = Vec::new();
    for zone in zones {
        for at in zone.changes(from).take_while(|at| *at < until) {
            let moved = zone.offset(at) - zone.offset(at - TimeDelta::seconds(1));
            if moved != 0 {
                let how = if moved > 0 { "forward" } else { "back" };
                let change = format!("{} goes {how} by {} min", zone.name(), moved.abs() / 60);
                changes.push((zone.wall(at).date(), change));
            }
        }
    }
    changes.sort();
    changes
}

impl fmt::Display for Forecast {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(formatter, "from {} until {}; nothing is run", clock::local(self.from), clock::local(self.until))?;
        let mut table = shell::table(["app", "due", "seconds", "gap", "overlaps", ""]);
        for app in &self.apps {
            let number = |number: Option<f64>| number.map(|it| format!("{it:.1}")).unwrap_or_else(|| "?".to_owned());
            let note = match (app.disabled, app.too_slow, app.overlaps) {
                (true, _, _) => "out of service",
                (_, true, _) => "can never meet its schedule",
                (_, _, 0) => "",
                _ => "meets itself",
            };
            let cut = app.cut_at.map(|at| format!("only until {}", clock::local(at)));
            let note =
                [app.starts.clone(), Some(note.to_owned()).filter(|note| !note.is_empty()), cut].into_iter().flatten();
            let note = note.collect::<Vec<_>>().join("; ");
            table.add_row([
                app.app.clone(),
                app.due.to_string(),
                number(app.seconds),
                number(app.gap_seconds),
                app.overlaps.to_string(),
                note,
            ]);
        }
        writeln!(formatter, "{table}")?;
        self.write_chart(formatter)?;
        for (day, what) in &self.clock_changes {
            let weekday = day.weekday();
            write!(formatter, "\n{weekday} {day}: {what}: a skipped time runs once after the gap, a doubled one once")?;
        }
        Ok(())
    }
}

impl Forecast {
    /// The apps that run at once, hour by hour: the mean full, the peak behind it.
    fn write_chart(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let most = self.hours.iter().map(|(_, peak, _)| *peak).max().unwrap_or_default().max(1);
        write!(formatter, "\nhour  apps at once: mean █, peak ░")?;
        for (hour, peak, mean) in &self.hours {
            let scale = |count: f64| ((count / most as f64) * CHART_WIDTH as f64).round() as usize;
            let (full, all) = (scale(*mean), scale(*peak as f64));
            let bar = format!("{}{}", "█".repeat(full.min(all)), "░".repeat(all.saturating_sub(full)));
            let note = match self.max_running {
                limit if limit > 0 && *peak as u64 > limit => format!(" more than max_running = {limit}"),
                _ => String::new(),
            };
            write!(formatter, "\n{hour:>2}:00 {bar:<CHART_WIDTH$} {mean:.1} / {peak}{note}")?;
        }
        Ok(())
    }
}
