//! Documents that are with actors: nobody has them, one answer counts, and what was not sent is taken over.

use std::time::Duration;

use super::pipelines::{Pipeline, end};
use super::*;
use crate::tables::{AttemptRow, CallRow, ClaimedTask, Fate, NewCall, Settled, TaskState};

fn call(claimed: &ClaimedTask, timeout_s: u64) -> NewCall {
    let (task, now) = (&claimed.task, clock::now());
    let row = CallRow {
        task_id: task.id,
        app_id: task.app_id,
        stage: task.stage.clone(),
        attempt: task.attempts,
        fence: task.fence,
        message_id: format!("m{}", task.id),
        actor: "find".to_owned(),
        queue: "ner".to_owned(),
        worker: "w".to_owned(),
        host: "here".to_owned(),
        runtime: None,
        sender: Some("w".to_owned()),
        asked_at: now,
        answer_until: now,
        input_sha256: None,
    };
    NewCall { row, timeout: Duration::from_secs(timeout_s) }
}

fn answered(claimed: &ClaimedTask) -> Settled {
    let (task_id, fence) = (claimed.task.id, claimed.task.fence);
    Settled { task_id, fence, fate: Fate::Next("two".to_owned()), attempt: end(&claimed.task, "done") }
}

fn attempts(pipeline: &mut Pipeline, task_id: i64) -> Vec<AttemptRow> {
    pipeline.store.tasks().attempts(task_id).expect("attempts")
}

#[test]
fn a_document_with_an_actor_outlives_its_worker_and_takes_one_answer() {
    on_every_backend(|house| {
        let mut pipeline = Pipeline::of(house);
        let worker = pipeline.worker("w2");
        pipeline.find(&[("a", 1), ("b", 2), ("c", 3)]);
        let claimed = pipeline.claim("w2", &["one"], 3, false);
        let new: Vec<NewCall> = claimed[..2].iter().map(|claimed| call(claimed, 60)).collect();
        assert_eq!(pipeline.store.tasks().hand_over(&new).expect("handed over"), [true, true]);
        // the worker ends: what it had claimed waits again, what is with the actor stays there
        let lost = pipeline.store.tasks().remove_worker(&worker, Some(&[]), "gone").expect("removed");
        assert_eq!(lost.waiting, 1);
        let calls = pipeline.store.tasks().calls(pipeline.app_id).expect("calls");
        assert_eq!(calls.iter().map(|call| call.task_id).collect::<Vec<_>>(), [claimed[0].task.id, claimed[1].task.id]);
        assert_eq!(calls[0].answer_until - calls[0].asked_at, chrono::TimeDelta::seconds(60));
        let id = claimed[0].task.id;
        let task = pipeline.task(id);
        assert_eq!((task.state, task.claimed_by, task.attempts), (TaskState::Running, None, 1));
        // of two answers in one transaction, and of one that comes later, the first counts
        let twice = [answered(&claimed[0]), answered(&claimed[0])];
        assert_eq!(pipeline.store.tasks().settle_calls(pipeline.app_id, &twice).expect("settled"), [true, false]);
        assert_eq!(pipeline.store.tasks().settle_calls(pipeline.app_id, &twice[..1]).expect("settled"), [false]);
        let task = pipeline.task(id);
        assert_eq!((task.state, task.stage.as_str(), task.attempts), (TaskState::Waiting, "two", 0));
        assert_eq!(attempts(&mut pipeline, id).len(), 1);
        assert_eq!(pipeline.store.tasks().call(id).expect("a call"), None);
        // what somebody else has by now is not handed over
        let stale = call(&claimed[2], 60);
        assert_eq!(pipeline.store.tasks().hand_over(&[stale]).expect("not handed over"), [false]);
    });
}

#[test]
fn what_a_dead_worker_had_not_sent_is_taken_over_once() {
    on_every_backend(|house| {
        let mut pipeline = Pipeline::of(house);
        pipeline.find(&[("a", 1), ("b", 2)]);
        let claimed = pipeline.claim("w", &["one"], 2, false);
        let new: Vec<NewCall> = claimed.iter().map(|claimed| call(claimed, 60)).collect();
        pipeline.store.tasks().hand_over(&new).expect("handed over");
        pipeline.store.tasks().note_sent(&[(claimed[1].task.id, claimed[1].task.fence)]).expect("noted");
        let (app_id, order) = (pipeline.app_id, pipeline.order.clone());
        let adopt = |pipeline: &mut Pipeline, by: &str| {
            let adopted = pipeline.store.tasks().adopt_calls(app_id, by, &order).expect("adopted");
            adopted.into_iter().map(|(call, claimed)| (call.message_id, claimed.task.id)).collect::<Vec<_>>()
        };
        assert!(adopt(&mut pipeline, "x").is_empty(), "its worker lives");
        sql(&mut pipeline.store, "DELETE FROM pipeline_workers");
        let other = pipeline.worker("x");
        let id = claimed[0].task.id;
        assert_eq!(adopt(&mut pipeline, &other.id), [(format!("m{id}"), id)], "the same message");
        assert!(adopt(&mut pipeline, &other.id).is_empty(), "it lives");
    });
}

#[test]
fn what_is_taken_out_is_with_no_actor_any_more() {
    on_every_backend(|house| {
        let mut pipeline = Pipeline::of(house);
        pipeline.find(&[("a", 1)]);
        let claimed = pipeline.claim("w", &["one"], 1, false).remove(0);
        pipeline.store.tasks().hand_over(&[call(&claimed, 60)]).expect("handed over");
        assert_eq!(pipeline.store.tasks().cancel(&[claimed.task.id], "not ours").expect("cancelled"), 1);
        let late = [answered(&claimed)];
        assert_eq!(pipeline.store.tasks().settle_calls(pipeline.app_id, &late).expect("settled"), [false]);
        let made = attempts(&mut pipeline, claimed.task.id);
        let told: Vec<(&str, Option<&str>)> =
            made.iter().map(|row| (row.outcome.as_str(), row.error.as_deref())).collect();
        assert_eq!(told, [("cancelled", Some("not ours"))]);
        assert_eq!(pipeline.task(claimed.task.id).state, TaskState::Cancelled);
    });
}
