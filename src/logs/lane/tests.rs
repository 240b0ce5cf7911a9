//! A lane beside sinks that do as they are told: keep up, hang, go away, refuse, panic.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, channel};

use super::super::queue::QUEUE_MAX;
use super::*;

/// What a sink does with what it is given next.
enum Order {
    Take,
    /// Takes so many lines and is away then, for some time.
    Away(usize, Option<Duration>),
    /// Takes so many lines and refuses the next one.
    Refuse(usize),
    Panic,
    /// Waits until it is let go on, then takes all.
    Hang(Receiver<()>),
    /// Takes all, slowly.
    Sleep(Duration),
    /// Is away from now on.
    Gone,
}

/// Does as it is told, and then takes everything.
struct Obedient {
    orders: VecDeque<Order>,
    limits: Limits,
    seen: Arc<Mutex<Vec<String>>>,
    wrote_at: Arc<Mutex<Vec<Instant>>>,
    given: Given,
}

/// Each line that a sink was given, with its place, whatever the sink did then.
type Given = Arc<Mutex<Vec<(String, (String, u64))>>>;

impl Sink for Obedient {
    fn write(&mut self, lines: &[Line<'_>]) -> Result<(), Undelivered> {
        self.wrote_at.lock().expect("the moments").push(Instant::now());
        self.given.lock().expect("the lines").extend(lines.iter().map(|line| {
            let place = line.place();
            (line.record().expect("a record").message.into_owned(), (place.stream.to_owned(), place.end))
        }));
        let take = |count: usize| {
            let texts = lines[..count.min(lines.len())].iter().map(|line| line.record().expect("a record").message);
            self.seen.lock().expect("the lines").extend(texts.map(|text| text.into_owned()));
        };
        match self.orders.pop_front().unwrap_or(Order::Take) {
            Order::Take => take(lines.len()),
            Order::Away(taken, after) => {
                take(taken);
                return Err(Undelivered { taken, why: Why::Away { reason: "told so".to_owned(), after } });
            }
            Order::Refuse(taken) => {
                take(taken);
                return Err(Undelivered { taken, why: Why::Refused("told so".to_owned()) });
            }
            Order::Panic => panic!("told so"),
            Order::Hang(go_on) => {
                // whoever has let go means: go on
                let _ = go_on.recv();
                take(lines.len());
            }
            Order::Sleep(length) => {
                std::thread::sleep(length);
                take(lines.len());
            }
            Order::Gone => {
                self.orders.push_front(Order::Gone);
                return Err(Undelivered::away(0, "told so"));
            }
        }
        Ok(())
    }

    fn limits(&self) -> Limits {
        self.limits
    }
}

/// A lane and what its sink has seen.
struct Watched {
    lane: Lane,
    seen: Arc<Mutex<Vec<String>>>,
    wrote_at: Arc<Mutex<Vec<Instant>>>,
    given: Given,
}

impl Watched {
    fn start(folder: &Path, full: WhenFull, limits: Limits, orders: impl IntoIterator<Item = Order>) -> Self {
        let (seen, wrote_at, given) = (Arc::default(), Arc::default(), Given::default());
        let orders = orders.into_iter().collect();
        let (seen_by, wrote_by, given_to) = (Arc::clone(&seen), Arc::clone(&wrote_at), Arc::clone(&given));
        let sink = Obedient { orders, limits, seen: seen_by, wrote_at: wrote_by, given: given_to };
        let folder = Arc::new(Folder::new(folder));
        let backlog = Backlog::new(Arc::clone(&folder), "s", 1 << 30);
        Self { lane: Lane::start("s", Box::new(sink), full, folder, backlog).expect("a lane"), seen, wrote_at, given }
    }

    fn offer(&self, texts: impl IntoIterator<Item = String>) {
        let mut lines = Lines::default();
        texts.into_iter().for_each(|text| lines.push(&own_line(LogLevel::Info, &text)));
        self.lane.offer(&Arc::new(lines));
    }

    fn seen(&self) -> Vec<String> {
        self.seen.lock().expect("the lines").clone()
    }

    fn finish(&self, limit: Duration) -> LaneReport {
        self.lane.close(limit);
        self.lane.end();
        self.lane.report()
    }
}

/// Longer than anything here takes.
const LONG: Duration = Duration::from_secs(30);

fn numbers(range: std::ops::Range<usize>) -> Vec<String> {
    range.map(|number| number.to_string()).collect()
}

fn eventually(what: &str, is_so: impl Fn() -> bool) {
    let until = Instant::now() + LONG;
    while !is_so() {
        assert!(Instant::now() < until, "{what}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// A sink that hangs until the sender goes.
fn hanging() -> (Sender<()>, Order) {
    let (sender, receiver) = channel();
    (sender, Order::Hang(receiver))
}

/// What the next process delivers of what is left in a folder, once a sink that still hangs has let go of it.
fn left_in(folder: &Path) -> Vec<String> {
    let until = Instant::now() + LONG;
    loop {
        let next = Watched::start(folder, WhenFull::Spill, Limits::default(), []);
        eventually("all of it is delivered", || next.lane.report().inherited_bytes == 0);
        let report = next.finish(LONG);
        assert_eq!((report.delivered, report.waiting_bytes), (next.seen().len() as u64, 0));
        if report.delivered > 0 || Instant::now() > until {
            return next.seen();
        }
    }
}

#[test]
fn lines_come_in_their_order_whatever_the_sink_does() {
    let folder = tempfile::tempdir().expect("a folder");
    let orders = [Order::Take, Order::Away(1, None), Order::Panic, Order::Refuse(2), Order::Away(0, None)];
    let limits = Limits { lines_max: 4, ..Limits::default() };
    let watched = Watched::start(folder.path(), WhenFull::Spill, limits, orders);
    (0..6).for_each(|batch| watched.offer(numbers(batch * 5..batch * 5 + 5)));
    eventually("all but one are delivered", || watched.seen().len() == 29);
    let report = watched.finish(LONG);
    assert_eq!((report.delivered, report.refused, report.dropped, report.waiting_bytes), (29, 1, 0, 0));
    assert_eq!((report.sink.as_str(), report.away), ("s", None));
    let refused = std::fs::read_to_string(folder.path().join("refused.ndjson")).expect("what was refused");
    let refused: serde_json::Value = serde_json::from_str(refused.trim()).expect("one line");
    assert_eq!(refused["error"], "told so");
    let missing = refused["record"]["message"].as_str().expect("a message").to_owned();
    assert_eq!(watched.seen(), numbers(0..30).into_iter().filter(|text| *text != missing).collect::<Vec<_>>());
}

#[test]
fn a_sink_that_is_away_leaves_its_lines_to_the_next_process() {
    let folder = tempfile::tempdir().expect("a folder");
    let watched = Watched::start(folder.path(), WhenFull::Spill, Limits::default(), [Order::Gone]);
    watched.offer(numbers(0..5));
    assert!(watched.lane.wait_until_settled(Instant::now() + LONG), "they are on disk");
    watched.offer(numbers(5..7));
    assert!(!watched.lane.is_slow(0), "it is away, not slow");
    let began = Instant::now();
    let report = watched.finish(Duration::from_millis(50));
    assert!(began.elapsed() < LONG / 2, "it is not waited for: {:?}", began.elapsed());
    assert_eq!((report.delivered, report.dropped, report.away.as_deref()), (0, 0, Some("told so")));
    assert!(report.waiting_bytes > 0);
    drop(watched);
    assert_eq!(left_in(folder.path()), numbers(0..7));
}

#[test]
fn a_sink_that_is_away_is_left_alone_for_a_while_that_grows() {
    let folder = tempfile::tempdir().expect("a folder");
    let asked = Duration::from_millis(900);
    let orders = [Order::Away(0, None), Order::Away(0, None), Order::Away(0, Some(asked))];
    let watched = Watched::start(folder.path(), WhenFull::Spill, Limits::default(), orders);
    watched.offer(numbers(0..1));
    eventually("it is delivered", || watched.seen().len() == 1);
    let at = watched.wrote_at.lock().expect("the moments").clone();
    let pauses: Vec<Duration> = at.windows(2).map(|two| two[1] - two[0]).collect();
    // a fifth less than the pause, so that not all come back at once
    assert!(pauses[0] >= PAUSE.0 * 4 / 5 && pauses[1] >= PAUSE.0 * 8 / 5 && pauses[2] >= asked, "{pauses:?}");
    // the sink has the line a moment before the lane knows it
    eventually("it is back", || watched.lane.report().away.is_none());
}

#[test]
fn a_sink_that_hangs_holds_up_neither_offers_nor_the_end() {
    let folder = tempfile::tempdir().expect("a folder");
    let (go_on, hang) = hanging();
    let watched = Watched::start(folder.path(), WhenFull::Spill, Limits::default(), [hang]);
    watched.offer(numbers(0..3));
    eventually("it hangs", || !watched.wrote_at.lock().expect("the moments").is_empty());
    watched.offer(numbers(3..5));
    assert!(!watched.lane.wait_until_settled(Instant::now() + Duration::from_millis(20)), "not in time");
    let report = watched.finish(Duration::from_millis(50));
    assert_eq!((report.delivered, report.dropped), (0, 0));
    // what it took afterwards counts no more: it is on disk
    drop(go_on);
    eventually("it goes on", || !watched.seen().is_empty());
    assert_eq!(watched.lane.report().delivered, 0);
    drop(watched);
    assert_eq!(left_in(folder.path()), numbers(0..5));
}

#[test]
fn what_finds_no_room_spills_or_is_dropped_and_told_or_waits() {
    for full in [WhenFull::Spill, WhenFull::DropNewest, WhenFull::Block] {
        let folder = tempfile::tempdir().expect("a folder");
        let (go_on, hang) = hanging();
        let watched = Watched::start(folder.path(), full, Limits::default(), [hang]);
        watched.offer(numbers(0..QUEUE_MAX));
        eventually("it hangs", || !watched.wrote_at.lock().expect("the moments").is_empty());
        std::thread::scope(|scope| {
            let (sender, offered) = channel();
            let watched = &watched;
            scope.spawn(move || {
                watched.offer(numbers(QUEUE_MAX..QUEUE_MAX + 3));
                let _ = sender.send(());
            });
            match full {
                WhenFull::Block => assert!(offered.recv_timeout(Duration::from_millis(100)).is_err(), "it waits"),
                _ => offered.recv_timeout(LONG).expect("nobody waits"),
            }
            assert_eq!(watched.lane.is_slow(0), full == WhenFull::Spill);
            if full == WhenFull::Spill {
                // what was lost elsewhere is told behind what waits
                watched.lane.count_dropped(1);
                watched.lane.tell_dropped(true);
            }
            drop(go_on);
        });
        watched.lane.tell_dropped(true);
        assert!(watched.lane.wait_until_settled(Instant::now() + LONG));
        let report = watched.finish(LONG);
        let mut expected = numbers(0..QUEUE_MAX + 3);
        let dropped = match full {
            WhenFull::Spill => 1,
            WhenFull::DropNewest => 3,
            WhenFull::Block => 0,
        };
        if full == WhenFull::DropNewest {
            expected.truncate(QUEUE_MAX);
        }
        if dropped > 0 {
            expected.push(format!("{dropped} log records for `s` were dropped: too many waited"));
        }
        assert!(watched.seen() == expected, "{full:?}: {} lines", watched.seen().len());
        assert_eq!((report.dropped, report.delivered), (dropped, expected.len() as u64));
    }
}

#[test]
fn what_the_disk_had_no_room_for_is_told_with_that_cause() {
    let folder = tempfile::tempdir().expect("a folder");
    let place = folder.path().join("log");
    // where no file can be made, as on a full disk
    std::fs::write(&place, "").expect("a file");
    let (go_on, hangs) = channel();
    let watched = Watched::start(&place, WhenFull::Spill, Limits::default(), [Order::Hang(hangs)]);
    watched.offer(numbers(0..QUEUE_MAX));
    watched.offer(numbers(QUEUE_MAX..QUEUE_MAX + 3));
    drop(go_on);
    assert!(watched.lane.wait_until_settled(Instant::now() + LONG));
    watched.lane.tell_dropped(true);
    let report = watched.finish(LONG);
    let told = watched.seen().pop().expect("a line");
    assert!(told.starts_with("3 log records for `s` were dropped: could not "), "{told}");
    assert!(!told.contains("too many"), "{told}");
    assert_eq!(report.dropped, 3);
}

#[test]
fn what_was_dropped_is_told_once_and_not_all_the_time() {
    let folder = tempfile::tempdir().expect("a folder");
    let watched = Watched::start(folder.path(), WhenFull::Spill, Limits::default(), []);
    watched.lane.tell_dropped(false);
    watched.lane.count_dropped(3);
    watched.lane.tell_dropped(false);
    watched.lane.count_dropped(2);
    watched.lane.tell_dropped(false);
    assert!(watched.lane.wait_until_settled(Instant::now() + LONG));
    assert_eq!(watched.seen().len(), 1, "the second time comes a second later");
    watched.lane.tell_dropped(true);
    watched.lane.tell_dropped(true);
    let report = watched.finish(LONG);
    let counts: Vec<String> = watched.seen().iter().map(|text| text.chars().take(2).collect()).collect();
    assert_eq!((counts, report.dropped), (vec!["3 ".to_owned(), "2 ".to_owned()], 5));
}

#[test]
fn lines_linger_for_company_until_somebody_waits_for_them() {
    let folder = tempfile::tempdir().expect("a folder");
    let limits = Limits { linger: LONG * 10, lines_max: 3, ..Limits::default() };
    let watched = Watched::start(folder.path(), WhenFull::Spill, limits, []);
    watched.offer(numbers(0..2));
    std::thread::sleep(Duration::from_millis(30));
    assert!(watched.seen().is_empty());
    watched.offer(numbers(2..3));
    watched.lane.shared.work.notify_all();
    eventually("three are enough", || watched.seen().len() == 3);
    watched.offer(numbers(3..4));
    assert!(watched.lane.wait_until_settled(Instant::now() + LONG));
    assert_eq!(watched.seen(), numbers(0..4));
    watched.offer(numbers(4..5));
    assert_eq!(watched.finish(LONG).delivered, 5, "the end waits for no company either");
}

#[test]
fn a_sink_that_takes_lines_gets_more_time_at_the_end_and_not_without_bounds() {
    let folder = tempfile::tempdir().expect("a folder");
    let limits = Limits { lines_max: 1, ..Limits::default() };
    let slow = |count: usize, each: Duration| {
        let orders = (0..count).map(|_| Order::Sleep(each));
        let watched = Watched::start(folder.path(), WhenFull::Spill, limits, orders);
        watched.offer(numbers(0..count));
        watched
    };
    let limit = Duration::from_millis(600);
    assert_eq!(slow(8, limit / 5).finish(limit).delivered, 8, "together they take longer than the limit");
    let (limit, count) = (Duration::from_millis(50), 1_000);
    let endless = slow(count, limit / 5);
    let began = Instant::now();
    let report = endless.finish(limit);
    assert!(began.elapsed() < LONG / 2 && report.waiting_bytes > 0, "{:?} {report:?}", began.elapsed());
    drop(endless);
    // what it was at when the time was over may come twice
    let left = left_in(folder.path());
    assert_eq!(left, numbers(count - left.len()..count));
    assert_eq!(left.len() as u64, count as u64 - report.delivered);
}

#[test]
fn nobody_waits_for_what_another_process_has_left() {
    let folder = tempfile::tempdir().expect("a folder");
    let dead = Watched::start(folder.path(), WhenFull::Spill, Limits::default(), [Order::Gone]);
    dead.offer(numbers(0..100));
    eventually("they wait on disk", || dead.lane.report().waiting_bytes > 0);
    dead.finish(Duration::from_millis(50));
    drop(dead);
    // the sink hangs in the first of them, and nine tenths are left when it goes on
    let (go_on, hang) = hanging();
    let limits = Limits { lines_max: 10, ..Limits::default() };
    let next = Watched::start(folder.path(), WhenFull::Spill, limits, [hang]);
    eventually("the sink hangs", || !next.wrote_at.lock().expect("the times").is_empty());
    next.offer(numbers(100..105));
    next.lane.close(LONG);
    drop(go_on);
    next.lane.end();
    let (report, seen) = (next.lane.report(), next.seen());
    assert_eq!(seen[..10], numbers(0..10));
    assert_eq!(seen[10..], numbers(100..105), "its own lines, and no more of the others");
    assert!(report.waiting_bytes == 0 && report.inherited_bytes > 0, "{report:?}");
    drop(next);
    assert_eq!(left_in(folder.path()), numbers(10..100));
}

#[test]
fn a_line_keeps_its_place_in_memory_on_disk_and_in_the_next_process() {
    let folder = tempfile::tempdir().expect("a folder");
    let limits = Limits { lines_max: 7, ..Limits::default() };
    let orders = [Order::Take, Order::Away(3, None), Order::Away(1, None), Order::Take, Order::Gone];
    let dead = Watched::start(folder.path(), WhenFull::Spill, limits, orders);
    dead.offer(numbers(0..40));
    eventually("the sink is gone", || dead.lane.report().away.is_some() && dead.seen().len() == 18);
    dead.offer(numbers(40..50));
    dead.finish(Duration::from_millis(50));
    let given_to_dead = Arc::clone(&dead.given);
    drop(dead);
    let limits = Limits { lines_max: 4, ..Limits::default() };
    let next = Watched::start(folder.path(), WhenFull::Spill, limits, []);
    eventually("all of it is delivered", || next.lane.report().inherited_bytes == 0);
    next.offer(numbers(50..52));
    next.finish(LONG);
    let mut places = std::collections::BTreeMap::new();
    for (message, place) in [&given_to_dead, &next.given].iter().flat_map(|it| it.lock().expect("the lines").clone()) {
        let number: u64 = message.parse().expect("a number");
        assert_eq!(*places.entry(number).or_insert_with(|| place.clone()), place, "line {number}");
    }
    let of_dead: Vec<&(String, u64)> = places.range(..50).map(|(_, place)| place).collect();
    assert!(of_dead.len() == 50 && of_dead.windows(2).all(|pair| pair[0].0 == pair[1].0 && pair[0].1 < pair[1].1));
    assert_ne!(places[&50].0, places[&49].0, "each process has a stream of its own");
}
