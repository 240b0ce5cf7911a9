//! Documents of pipelines: found once, claimed by one, and written down together whatever became of them.

use std::collections::BTreeSet;

use super::*;
use crate::tables::{
    AttemptEnd, ClaimLimits, ClaimedTask, Fate, FilePlace, Found, Kept, NewDocument, NewFile, Noted, Settled,
    StageOutput, TaskRow, TaskState, WorkerRow,
};

const STAGES: [&str; 3] = ["one", "two", "three"];

/// A pipeline with a worker.
pub(super) struct Pipeline {
    pub(super) store: Store,
    pub(super) app_id: i64,
    pub(super) order: Vec<String>,
}

impl Pipeline {
    pub(super) fn of(house: &House) -> Self {
        let mut store = house.ready();
        store.apps().register(&[app("a/b/c", "{}")], false).expect("registered");
        let app_id = store.apps().all().expect("apps")[0].id;
        let order: Vec<String> = STAGES.iter().map(ToString::to_string).collect();
        let mut pipeline = Self { store, app_id, order };
        pipeline.worker("w");
        pipeline
    }

    pub(super) fn worker(&mut self, id: &str) -> WorkerRow {
        let now = self.store.now().expect("now");
        let row = WorkerRow {
            id: id.to_owned(),
            app_id: self.app_id,
            runtime: None,
            host: "here".to_owned(),
            boot_id: "boot".to_owned(),
            pid_namespace: None,
            pid: 7,
            pid_started: 7,
            started_at: now,
            lease_until: now,
        };
        self.store.tasks().register_worker(&row, std::time::Duration::from_secs(60)).expect("a worker");
        row
    }

    /// Finds documents, given as a name and what stands for their bytes.
    pub(super) fn find(&mut self, documents: &[(&str, u8)]) -> Vec<Found> {
        let documents: Vec<NewDocument> =
            documents.iter().map(|(name, content)| self.document(name, *content)).collect();
        self.store.tasks().take_in(&documents).expect("taken in")
    }

    fn document(&mut self, name: &str, content: u8) -> NewDocument {
        let file = file(self.app_id, name, content);
        let kept = self.store.files().keep_all(&[(file.clone(), place(&format!("x/{content}")))]).expect("kept");
        let [Kept::As { row, .. }] = kept.as_slice() else { panic!("{kept:?}") };
        NewDocument {
            app_id: self.app_id,
            sha256: file.sha256,
            file_id: row.id,
            name: name.to_owned(),
            origin: Some(format!("/in/{name}")),
            work: Some((format!("/in/work/{name}"), "here".to_owned())),
            stage: "one".to_owned(),
            priority: 0,
        }
    }

    pub(super) fn claim(&mut self, worker: &str, stages: &[&str], count: i64, is_alone: bool) -> Vec<ClaimedTask> {
        let stages: Vec<String> = stages.iter().map(ToString::to_string).collect();
        let order = self.order.clone();
        let limits = ClaimLimits { app_id: self.app_id, worker, stages: &stages, order: &order, count, is_alone };
        self.store.tasks().claim(&limits).expect("claimed")
    }

    fn claim_all(&mut self) -> Vec<TaskRow> {
        self.claim("w", &STAGES, 100, false).into_iter().map(|claimed| claimed.task).collect()
    }

    fn settle(&mut self, settled: &[Settled]) -> Vec<Noted> {
        self.store.tasks().settle(self.app_id, settled).expect("settled")
    }

    pub(super) fn task(&mut self, id: i64) -> TaskRow {
        self.store.tasks().one(id).expect("tasks").expect("the task")
    }
}

fn file(app_id: i64, name: &str, content: u8) -> NewFile {
    NewFile {
        app_id: Some(app_id),
        runtime: None,
        sha256: vec![content; 32],
        name: name.to_owned(),
        extension: "txt".to_owned(),
        bytes: 7,
        retention: 3,
        days: Some(365),
    }
}

fn place(path: &str) -> FilePlace {
    FilePlace { store: "local".to_owned(), path: path.to_owned() }
}

pub(super) fn end(task: &TaskRow, outcome: &'static str) -> AttemptEnd {
    let now = clock::now();
    AttemptEnd {
        stage: task.stage.clone(),
        attempt: task.attempts,
        worker: "w".to_owned(),
        host: "here".to_owned(),
        runtime: None,
        started_at: now,
        ended_at: now,
        cpu_ms: None,
        memory_peak_kib: None,
        exit_code: None,
        signal: None,
        outcome,
        error: (outcome != "done").then(|| format!("it is {outcome}")),
        input_sha256: None,
        output: None,
    }
}

fn settled(task: &TaskRow, fate: Fate, outcome: &'static str) -> Settled {
    Settled { task_id: task.id, fence: task.fence, fate, attempt: end(task, outcome) }
}

fn onward(task: &TaskRow, stage: &str) -> Settled {
    settled(task, Fate::Onward { stage: stage.to_owned(), priority: task.priority }, "done")
}

fn ids(tasks: &[TaskRow]) -> Vec<i64> {
    tasks.iter().map(|task| task.id).collect()
}

#[test]
fn documents_that_are_found_together_are_told_apart_by_bytes_and_names() {
    on_every_backend(|house| {
        let mut pipeline = Pipeline::of(house);
        let [Found::New(first, None)] = pipeline.find(&[("a", 1)])[..] else { panic!("one new task") };
        let found = pipeline.find(&[("b", 2), ("a", 3), ("c", 1), ("b", 2), ("a", 4), ("d", 3)]);
        let [
            Found::New(b, None),
            Found::New(a, Some(before)),
            Found::Known(c),
            Found::Known(again),
            Found::New(latest, Some(earlier)),
            Found::Known(d),
        ] = found[..]
        else {
            panic!("{found:?}")
        };
        assert_eq!((before, c, again, earlier, d), (first, first, b, a, a));
        let ledger = pipeline.store.tasks().ledger(pipeline.app_id).expect("a ledger");
        assert_eq!((ledger.found, ledger.duplicate, ledger.states["waiting"]), (7, 3, 4));
        assert!(ledger.is_balanced());
        let row = pipeline.task(latest);
        assert_eq!((row.name.as_str(), row.origin.as_deref(), row.predecessor), ("a", Some("/in/a"), Some(a)));
        assert_eq!((row.work_path.as_deref(), row.host.as_deref()), (Some("/in/work/a"), Some("here")));
        let again = pipeline.store.tasks().duplicates(first).expect("duplicates");
        assert_eq!(again.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["c"]);
    });
}

#[test]
fn files_that_are_kept_together_share_places_and_names_as_one_by_one() {
    on_every_backend(|house| {
        let mut pipeline = Pipeline::of(house);
        let id = pipeline.app_id;
        let mut keep = |files: &[(&str, u8, &str)]| {
            let files: Vec<(NewFile, FilePlace)> =
                files.iter().map(|(name, content, path)| (file(id, name, *content), place(path))).collect();
            let are_new = pipeline.store.files().are_new(&files).expect("known");
            (are_new, pipeline.store.files().keep_all(&files).expect("kept"))
        };
        let shown = |kept: Vec<Kept>| -> Vec<Option<(String, bool)>> {
            let shown = |kept| match kept {
                Kept::As { row, is_new } => Some((row.path, is_new)),
                Kept::Taken | Kept::Moved => None,
            };
            kept.into_iter().map(shown).collect()
        };
        let (are_new, kept) = keep(&[("a", 1, "x/1"), ("b", 2, "x/2"), ("c", 1, "x/3"), ("d", 3, "x/2")]);
        assert_eq!(are_new, [true, true, false, false]);
        let at = |path: &str, is_new| Some((path.to_owned(), is_new));
        // the same bytes are where they were; a place that has other bytes is taken
        assert_eq!(shown(kept), [at("x/1", true), at("x/2", true), at("x/1", true), None]);
        let (are_new, kept) = keep(&[("a", 1, "x/9"), ("e", 5, "x/5"), ("f", 1, "x/8")]);
        assert_eq!(are_new, [false, true, false]);
        assert_eq!(shown(kept), [at("x/1", false), at("x/5", true), at("x/1", true)]);
    });
}

#[test]
fn each_document_is_claimed_by_one_the_urgent_and_the_oldest_first() {
    on_every_backend(|house| {
        let mut pipeline = Pipeline::of(house);
        let documents: Vec<(String, u8)> = (0..60).map(|number| (format!("f{number}"), number)).collect();
        let documents: Vec<(&str, u8)> = documents.iter().map(|(name, content)| (name.as_str(), *content)).collect();
        pipeline.find(&documents);
        let urgent = pipeline.store.tasks().list(&Default::default(), 1).expect("tasks")[0].id;
        pipeline.store.tasks().set_priority(urgent, 5).expect("a priority");
        let first = pipeline.claim("w", &["one"], 2, false);
        assert_eq!((first[0].task.id, first[1].task.id), (urgent, urgent - 59));
        assert_eq!((first[0].task.fence, first[0].task.attempts, first[0].task.state), (1, 1, TaskState::Running));
        assert_eq!(first[0].original.sha256, first[0].task.sha256);
        assert!(pipeline.claim("w", &["two"], 5, false).is_empty());
        let taken = std::thread::scope(|scope| {
            let claim = |worker: &'static str| {
                let (mut store, order, app_id) = (house.open(), pipeline.order.clone(), pipeline.app_id);
                move || {
                    let mut taken = Vec::new();
                    loop {
                        let stages = &order[..1];
                        let limits = ClaimLimits { app_id, worker, stages, order: &order, count: 3, is_alone: false };
                        let some = store.tasks().claim(&limits).expect("claimed");
                        if some.is_empty() {
                            return taken;
                        }
                        taken.extend(some.into_iter().map(|claimed| claimed.task.id));
                    }
                }
            };
            let threads = ["x", "y"].map(|worker| scope.spawn(claim(worker)));
            threads.map(|thread| thread.join().expect("claims")).concat()
        });
        assert_eq!((taken.len(), taken.iter().collect::<BTreeSet<_>>().len()), (58, 58));
    });
}

#[test]
fn what_became_of_documents_is_written_down_together() {
    on_every_backend(|house| {
        let mut pipeline = Pipeline::of(house);
        pipeline.find(&[("a", 1), ("b", 2), ("c", 3), ("d", 4), ("e", 5), ("f", 6), ("g", 7)]);
        let tasks = pipeline.claim_all();
        let [a, b, c, d, e, f, g] = tasks.as_slice() else { panic!("{tasks:?}") };
        pipeline.store.tasks().cancel(&[g.id], "a person").expect("cancelled");
        let later = pipeline.store.now().expect("now") + chrono::TimeDelta::hours(1);
        let noted = pipeline.settle(&[
            settled(a, Fate::Next("two".to_owned()), "done"),
            settled(b, Fate::Done, "done"),
            settled(c, Fate::Again { not_before: Some(later), counts: true }, "passing"),
            settled(d, Fate::Again { not_before: None, counts: false }, "blocked"),
            settled(e, Fate::Suspect, "died"),
            settled(f, Fate::Ended(TaskState::Rejected), "permanent"),
            settled(g, Fate::Done, "done"),
        ]);
        assert_eq!(noted, [vec![Noted::Settled; 6], vec![Noted::Lost]].concat());
        let shown = |task: TaskRow| (task.state, task.stage, task.attempts, task.deaths, task.error_kind);
        let mut look = |task: &TaskRow| shown(pipeline.task(task.id));
        let kind = |kind: &str| Some(kind.to_owned());
        assert_eq!(look(a), (TaskState::Waiting, "two".to_owned(), 0, 0, None));
        assert_eq!(look(b), (TaskState::Done, "one".to_owned(), 1, 0, None));
        assert_eq!(look(c), (TaskState::Waiting, "one".to_owned(), 1, 0, kind("passing")));
        assert_eq!(look(d), (TaskState::Waiting, "one".to_owned(), 0, 0, kind("blocked")));
        assert_eq!(look(e), (TaskState::Waiting, "one".to_owned(), 1, 1, kind("died")));
        assert_eq!(look(f), (TaskState::Rejected, "one".to_owned(), 1, 0, kind("permanent")));
        assert_eq!(look(g).0, TaskState::Cancelled);
        // the attempt that was in vain is noted as well
        assert_eq!(pipeline.store.tasks().attempts(g.id).expect("attempts").len(), 1);
        let gone = pipeline.store.tasks().ended_at_work(pipeline.app_id, "here", 10).expect("files that may go");
        assert_eq!(ids(&gone), [b.id, f.id, g.id]);
        pipeline.store.tasks().forget_work(&[b.id]).expect("forgotten");
        assert_eq!(pipeline.store.tasks().ended_at_work(pipeline.app_id, "here", 10).expect("files").len(), 2);
        // what something died of comes alone, what waits for its hour not at all
        assert_eq!(ids(&pipeline.claim_all()), [a.id, d.id]);
        let alone: Vec<i64> = pipeline.claim("w", &STAGES, 9, true).iter().map(|claimed| claimed.task.id).collect();
        assert_eq!(alone, [e.id]);
    });
}

#[test]
fn a_document_goes_on_where_it_is_unless_something_is_more_urgent() {
    on_every_backend(|house| {
        let mut pipeline = Pipeline::of(house);
        pipeline.find(&[("a", 1), ("b", 2), ("c", 3)]);
        let tasks = pipeline.claim("w", &["one"], 2, false);
        let (a, b) = (tasks[0].task.clone(), tasks[1].task.clone());
        let mut first = onward(&a, "two");
        let text = Some("{\"a\": 1}".to_owned());
        first.attempt.output = Some(StageOutput { text, file_id: None, sha256: Some(vec![1; 32]) });
        assert_eq!(pipeline.settle(&[first, onward(&b, "two")]), [Noted::Onward; 2]);
        let now = pipeline.task(a.id);
        assert_eq!((now.state, now.stage.as_str(), now.attempts), (TaskState::Running, "two", 1));
        assert_eq!((now.fence, now.claimed_by.as_deref()), (a.fence + 1, Some("w")));
        // the number before is void
        assert_eq!(pipeline.settle(&[onward(&a, "three")]), [Noted::Lost]);
        let c = pipeline.store.tasks().list(&Default::default(), 1).expect("tasks")[0].id;
        pipeline.store.tasks().set_priority(c, 1).expect("a priority");
        assert_eq!(pipeline.settle(&[onward(&now, "three")]), [Noted::Settled]);
        let claimed = pipeline.claim("w", &STAGES, 9, false);
        assert_eq!(claimed.iter().map(|claimed| claimed.task.id).collect::<Vec<_>>(), [c, a.id]);
        let input = claimed[1].input.as_ref().and_then(|input| input.text.as_deref());
        assert_eq!((claimed[1].task.stage.as_str(), input), ("three", Some("{\"a\": 1}")));
    });
}

#[test]
fn a_worker_that_is_gone_leaves_what_it_had_to_others() {
    on_every_backend(|house| {
        let mut pipeline = Pipeline::of(house);
        let gone = pipeline.worker("gone");
        pipeline.find(&[("a", 1), ("b", 2), ("c", 3)]);
        let claimed = pipeline.claim("gone", &["one"], 3, false);
        let [a, b, c] = [0, 1, 2].map(|place| claimed[place].task.clone());
        sql(&mut pipeline.store, &format!("UPDATE pipeline_tasks SET deaths = 1 WHERE id = {}", b.id));
        let lost = pipeline.store.tasks().remove_worker(&gone, Some(&[a.id, b.id]), "it died").expect("taken back");
        assert_eq!((lost.waiting, lost.suspect, lost.quarantined), (1, 1, vec![b.id]));
        // it comes back, and writes nothing
        assert_eq!(pipeline.settle(&[settled(&c, Fate::Done, "done")]), [Noted::Lost]);
        assert_eq!(pipeline.store.tasks().void(&[(c.id, c.fence)]).expect("void"), [c.id]);
        let (a, b, c) = (pipeline.task(a.id), pipeline.task(b.id), pipeline.task(c.id));
        assert_eq!((a.state, a.attempts, a.deaths), (TaskState::Waiting, 1, 1));
        assert_eq!((b.state, b.deaths, b.ended_at.is_some()), (TaskState::Quarantined, 2, true));
        assert_eq!((c.state, c.attempts, c.deaths), (TaskState::Waiting, 0, 0));
        let again = pipeline.store.tasks().remove_worker(&gone, None, "it died").expect("nothing to take back");
        assert_eq!((again.waiting, again.suspect), (0, 0));
        // it was only out of reach: nothing has died of what it had
        assert_eq!(pipeline.store.tasks().came_back("gone", &[a.id, b.id, c.id]).expect("known"), 2);
        let (a, b) = (pipeline.task(a.id), pipeline.task(b.id));
        assert_eq!((a.state, a.deaths), (TaskState::Waiting, 0));
        assert_eq!((b.state, b.deaths, b.ended_at), (TaskState::Waiting, 1, None));
        assert_eq!(pipeline.store.tasks().came_back("gone", &[a.id, b.id]).expect("known"), 0);
    });
}

#[test]
fn what_kills_machines_is_found_though_nobody_sees_what_they_worked_on() {
    on_every_backend(|house| {
        let mut pipeline = Pipeline::of(house);
        pipeline.find(&[("kills", 1), ("harmless", 2)]);
        let mut lose = |is_alone: bool| {
            let worker = pipeline.worker("far");
            let claimed = pipeline.claim("far", &["one"], 9, is_alone).len();
            let lost = pipeline.store.tasks().remove_worker(&worker, None, "not heard of").expect("taken back");
            (claimed, lost.waiting, lost.quarantined.len())
        };
        assert_eq!([lose(false), lose(false)], [(2, 2, 0); 2]);
        // from now on each comes alone
        assert_eq!(lose(false), (0, 0, 0));
        assert_eq!(lose(true), (1, 0, 1));
        let harmless = pipeline.claim("w", &["one"], 9, true).remove(0).task;
        assert_eq!(pipeline.settle(&[settled(&harmless, Fate::Done, "done")]), [Noted::Settled]);
    });
}

#[test]
fn a_stage_that_cannot_work_is_asked_by_one_document() {
    on_every_backend(|house| {
        let mut pipeline = Pipeline::of(house);
        pipeline.find(&[("a", 1), ("b", 2)]);
        let id = pipeline.app_id;
        assert!(pipeline.store.tasks().block(id, "one", "away").expect("blocked"));
        assert!(!pipeline.store.tasks().block(id, "one", "away").expect("known"));
        assert!(pipeline.claim("w", &STAGES, 9, false).is_empty());
        sql(&mut pipeline.store, "UPDATE pipeline_blocks SET probe_at = '2020-01-01 00:00:00'");
        assert_eq!(pipeline.claim("w", &STAGES, 9, false).len(), 1);
        assert!(pipeline.claim("w", &STAGES, 9, false).is_empty());
        assert!(pipeline.store.tasks().unblock(id, "one").expect("unblocked").is_some());
        assert_eq!(pipeline.claim("w", &STAGES, 9, false).len(), 1);
    });
}

#[test]
fn what_a_worker_knows_nothing_of_goes_back_and_what_is_suspect_is_seen() {
    on_every_backend(|house| {
        let mut pipeline = Pipeline::of(house);
        pipeline.find(&[("a", 1), ("b", 2)]);
        let tasks = pipeline.claim_all();
        let [a, b] = tasks.as_slice() else { panic!("{tasks:?}") };
        assert_eq!(pipeline.store.tasks().give_back_others("w", &[a.id, b.id]).expect("given back"), 0);
        assert_eq!(pipeline.store.tasks().give_back_others("other", &[]).expect("given back"), 0);
        assert_eq!(pipeline.store.tasks().give_back_others("w", &[a.id]).expect("given back"), 1);
        let back = pipeline.task(b.id);
        assert_eq!((back.state, back.attempts, back.claimed_by), (TaskState::Waiting, 0, None));
        assert_eq!(pipeline.settle(&[settled(b, Fate::Done, "done")]), [Noted::Lost]);
        let (id, stages) = (pipeline.app_id, ["one".to_owned()]);
        assert!(!pipeline.store.tasks().has_suspects(id, &stages).expect("known"));
        pipeline.settle(&[settled(a, Fate::Suspect, "died")]);
        assert!(pipeline.store.tasks().has_suspects(id, &stages).expect("known"));
        assert!(!pipeline.store.tasks().has_suspects(id, &["two".to_owned()]).expect("known"));
    });
}

#[test]
fn a_path_may_be_as_long_as_the_system_takes() {
    on_every_backend(|house| {
        let mut pipeline = Pipeline::of(house);
        // letters that do not compress
        let long: String = (0..4_000_u32).map(|at| char::from(b'a' + (at * at % 7_919 % 26) as u8)).collect();
        let mut document = pipeline.document("a", 1);
        document.origin = Some(long.clone());
        document.work = Some((long.clone(), "elsewhere".to_owned()));
        pipeline.store.tasks().take_in(&[document.clone(), document]).expect("taken in");
        // whichever machine has taken it
        let paths = [long.clone()];
        assert_eq!(pipeline.store.tasks().at_work(pipeline.app_id, &paths).expect("tasks").len(), 1);
        let since = chrono::DateTime::UNIX_EPOCH.naive_utc();
        assert!(pipeline.store.tasks().was_found(pipeline.app_id, &long, since).expect("known"));
    });
}
