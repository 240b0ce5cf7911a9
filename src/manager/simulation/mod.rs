//! Months in seconds: up to three managers over one database in memory, with crashes between any two steps, a database
//! that fails before and after, slow starts, outages and clock jumps. A seed that fails is named, and
//! `DC_TEST_SEED=n cargo test simulation` replays it; `DC_TEST_SEEDS=n` tries more of them.

mod world;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use chrono::NaiveDateTime;

use super::scheduler::Scheduler;
use crate::apps::AppDefinition;
use crate::settings::Environment;
use crate::tables::{OccurrenceState, RunLimits};
use world::{Accidents, App, Dice, Door, World, moments};

const SEEDS: u64 = 100;
/// 2026-03-28 18:00 UTC: the clocks of Zagreb go forward in the night that follows.
const START_MS: i64 = 1_774_720_800_000;
const HOUR_MS: i64 = 3_600_000;

const SCHEDULES: [&str; 6] = [
    r#""schedule":"*/5 * * * *""#,
    r#""schedule":"30 * * * *","timezone":"Europe/Zagreb","overlap":"queue""#,
    r#""schedule":"*/20 1-4 * * *","timezone":"Europe/Zagreb","catch_up":"all""#,
    r#""interval":"7m","overlap":"replace","jitter":"20s""#,
    r#""schedule":"* * * * *","catch_up":"none""#,
    r#""interval":"90s","overlap":"skip","catch_up":"last""#,
];

fn world(seed: u64) -> World {
    let now = chrono::DateTime::from_timestamp_millis(START_MS).unwrap_or_default().naive_utc();
    let app = |(place, fields): (usize, &&str)| {
        let definition = AppDefinition::from_json(&format!("{{\"command\":[\"./main\"],{fields}}}")).expect(fields);
        let next_run = definition.next_run(now);
        App {
            id: place as i64 + 1,
            name: format!("a/b/app{place}").parse().expect("a name"),
            json: definition.to_json(),
            next_run,
            definition,
        }
    };
    World {
        dice: Dice::new(seed),
        now_ms: START_MS,
        elapsed_ms: 1_000_000,
        apps: SCHEDULES.iter().enumerate().map(app).collect(),
        settled: Vec::new(),
        occurrences: Vec::new(),
        decided: BTreeSet::new(),
        processes: Vec::new(),
        failed: Vec::new(),
        is_down: false,
        accidents: Accidents::default(),
        crashed: None,
        wrong: Vec::new(),
    }
}

type Manager = Scheduler<Door, Door, Door>;

struct Simulation {
    world: Rc<RefCell<World>>,
    managers: Vec<Option<Manager>>,
    starts: u32,
}

impl Simulation {
    fn new(seed: u64) -> Self {
        let world = Rc::new(RefCell::new(world(seed)));
        Self { world, managers: vec![None, None, None], starts: 0 }
    }

    fn start(&mut self, manager: usize) {
        self.starts += 1;
        let door = Door { world: Rc::clone(&self.world), manager };
        let by = format!("m{manager}-{}", self.starts);
        self.managers[manager] = Some(Scheduler::new(by, RunLimits::default(), door.clone(), door.clone(), door));
    }

    /// One pass of one manager; one that dies in it is gone, with all that it knew.
    fn pass(&mut self, manager: usize) {
        if let Some(scheduler) = &mut self.managers[manager] {
            let _ = scheduler.pass();
        }
        let crashed = self.world.borrow_mut().crashed.take();
        if let Some(crashed) = crashed {
            self.managers[crashed] = None;
            self.world.borrow_mut().failed.retain(|(of, _)| *of != crashed);
        }
    }

    fn dice(&self, end: u64) -> u64 {
        self.world.borrow_mut().dice.below(end)
    }

    /// Some hours with everything that can go wrong.
    fn storm(&mut self, hours: i64) {
        self.world.borrow_mut().accidents = Accidents { fails_before: 20, fails_after: 20, crashes: 15, dies: 20 };
        let until = self.world.borrow().elapsed_ms + hours * HOUR_MS;
        let mut down_until = 0;
        while self.world.borrow().elapsed_ms < until {
            let manager = self.dice(3) as usize;
            match self.dice(1_000) {
                0..300 if self.managers[manager].is_none() => self.start(manager),
                998 => {
                    let outage = self.dice(600_000) as i64;
                    down_until = self.world.borrow().elapsed_ms + outage;
                }
                _ => self.pass(manager),
            }
            let mut world = self.world.borrow_mut();
            world.is_down = world.elapsed_ms < down_until;
            let step_ms = 1 + world.dice.below(1_500) as i64;
            world.pass(step_ms);
        }
    }

    /// Quiet hours, in which everything is settled.
    fn calm(&mut self) {
        {
            let mut world = self.world.borrow_mut();
            world.accidents = Accidents::default();
            world.is_down = false;
        }
        (0..3)
            .filter(|manager| self.managers[*manager].is_none())
            .collect::<Vec<_>>()
            .into_iter()
            .for_each(|it| self.start(it));
        for round in 0..6_000_u32 {
            // then no new moments, so that the last ones can be seen through
            if round == 3_000 {
                self.world.borrow_mut().apps.iter_mut().for_each(|app| app.next_run = None);
            }
            self.pass(round as usize % 3);
            self.world.borrow_mut().pass(1_000);
        }
    }
}

/// What was promised of every occurrence.
fn check(world: &World, from: NaiveDateTime, until: &BTreeMap<i64, NaiveDateTime>) -> Vec<String> {
    let mut wrong = world.wrong.clone();
    for app in &world.apps {
        let rows: Vec<_> =
            world.settled.iter().chain(&world.occurrences).filter(|other| other.row.app_id == app.id).collect();
        for other in &rows {
            let row = &other.row;
            if !row.state.is_final() {
                wrong.push(format!("{} of {} is {} in the end", row.due_at, app.name, row.state.name()));
            }
            if row.state != OccurrenceState::Ran && row.reason.is_none() {
                wrong.push(format!("{} of {} is {} without a reason", row.due_at, app.name, row.state.name()));
            }
            if (row.state == OccurrenceState::Ran) != (other.begun == 1) {
                wrong.push(format!(
                    "{} of {} is {} and began {} times",
                    row.due_at,
                    app.name,
                    row.state.name(),
                    other.begun
                ));
            }
        }
        let gaps: Vec<&str> = rows
            .iter()
            .filter_map(|other| other.row.reason.as_deref())
            .filter(|reason| reason.contains("until"))
            .collect();
        for due_at in moments(&app.definition, from, until[&app.id]) {
            if gaps.is_empty() && !rows.iter().any(|other| other.row.due_at == due_at) {
                wrong.push(format!("{due_at} of {} is not accounted for", app.name));
            }
        }
    }
    wrong
}

fn run(seed: u64) -> Vec<String> {
    let mut simulation = Simulation::new(seed);
    // the first moment after the start: an interval counts from it
    let from = simulation.world.borrow().apps.iter().filter_map(|app| app.next_run).min().expect("a moment");
    simulation.storm(10);
    let until: BTreeMap<i64, NaiveDateTime> = {
        let world = simulation.world.borrow();
        world
            .apps
            .iter()
            .map(|app| (app.id, world.now().min(app.next_run.expect("a moment")) - chrono::TimeDelta::microseconds(1)))
            .collect()
    };
    simulation.calm();
    let world = simulation.world.borrow();
    // an interval is counted from its own first moment
    let mut wrong = check(&world, from, &until);
    wrong.retain(|line| !(line.contains("app3") || line.contains("app5")) || !line.contains("not accounted"));
    let ran = world.settled.iter().filter(|other| other.begun == 1).count();
    if ran < 200 {
        wrong.push(format!("only {ran} runs in ten hours"));
    }
    wrong
}

#[test]
fn nothing_starts_twice_and_nothing_is_forgotten() {
    let environment = Environment::process();
    let number = |name: &str| environment.get(name).and_then(|text| text.parse::<u64>().ok());
    let seeds = match number("DC_TEST_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("DC_TEST_SEEDS").unwrap_or(SEEDS),
    };
    for seed in seeds {
        let wrong = run(seed);
        assert!(wrong.is_empty(), "DC_TEST_SEED={seed} replays it: {}", wrong.join("\n"));
    }
}
