//! What is to become of a delivery, without a database.

use super::*;
use crate::clock;
use chrono::TimeDelta;

const ME: &str = "me";

fn wanted(retries: i64, is_redelivered: bool) -> WantedMessage {
    WantedMessage { message_id: "m".to_owned(), queue: "q".to_owned(), actor: "a".to_owned(), retries, is_redelivered }
}

fn row(state: MessageState, retries: i64, deaths: i64, worker: &str) -> ActorMessageRow {
    ActorMessageRow {
        message_id: "m".to_owned(),
        queue: "q".to_owned(),
        actor: "a".to_owned(),
        state: state.name().to_owned(),
        retries,
        starts: 1,
        deaths,
        worker: worker.to_owned(),
        follow: Some("[]".to_owned()),
        reason: None,
        updated_at: clock::now(),
    }
}

fn elsewhere(lease: TimeDelta) -> ActorWorkerRow {
    ActorWorkerRow {
        id: "other".to_owned(),
        host: "elsewhere".to_owned(),
        boot_id: "b".to_owned(),
        pid_namespace: None,
        pid: 1,
        pid_started: 1,
        queues: "q".to_owned(),
        started_at: clock::now(),
        lease_until: clock::now() + lease,
        ended_at: None,
    }
}

fn judged(wanted: &WantedMessage, row: &ActorMessageRow, worker: Option<&ActorWorkerRow>, is_alone: bool) -> Judgement {
    let asking = Asking { worker: ME.to_owned(), is_alone };
    judge(&asking, wanted, (Some(row), worker, clock::now()))
}

fn settled(is_dead: bool) -> Judgement {
    Judgement::Settled { follow: Some("[]".to_owned()), is_dead }
}

#[test]
fn whoever_lives_is_waited_for_and_whoever_died_is_counted() {
    let running = |deaths| row(MessageState::Running, 0, deaths, "other");
    let (lives, gone) = (elsewhere(TimeDelta::minutes(1)), elsewhere(TimeDelta::minutes(-1)));
    let first = wanted(0, true);
    assert_eq!(judged(&first, &running(0), Some(&lives), true), Judgement::Wait);
    assert_eq!(judged(&first, &running(0), Some(&gone), true), Judgement::Run(1));
    assert_eq!(judged(&first, &running(0), Some(&gone), false), Judgement::Suspect, "it may kill its neighbours");
    assert_eq!(judged(&first, &running(1), Some(&gone), true), Judgement::Dead(2));
    assert_eq!(judged(&first, &running(1), None, true), Judgement::Dead(2));
    let ended = ActorWorkerRow { ended_at: Some(clock::now()), ..lives };
    assert_eq!(judged(&first, &running(0), Some(&ended), false), Judgement::Run(0), "it ended in order");
    assert_eq!(judged(&first, &row(MessageState::Running, 0, 0, ME), None, false), Judgement::Run(0));
}

#[test]
fn what_was_done_is_not_done_again() {
    let asking = Asking { worker: ME.to_owned(), is_alone: false };
    assert_eq!(judge(&asking, &wanted(0, false), (None, None, clock::now())), Judgement::Run(0));
    let of = |state, retries| row(state, retries, 0, "other");
    for is_redelivered in [false, true] {
        assert_eq!(judged(&wanted(0, is_redelivered), &of(MessageState::Done, 0), None, false), settled(false));
        assert_eq!(judged(&wanted(1, is_redelivered), &of(MessageState::Retried, 1), None, false), settled(false));
        assert_eq!(judged(&wanted(2, is_redelivered), &of(MessageState::Retried, 1), None, false), Judgement::Run(0));
        assert_eq!(judged(&wanted(0, is_redelivered), &of(MessageState::Back, 1), None, false), settled(false));
        assert_eq!(judged(&wanted(1, is_redelivered), &of(MessageState::Back, 1), None, false), Judgement::Run(0));
    }
    assert_eq!(judged(&wanted(1, true), &of(MessageState::Failed, 1), None, false), settled(true));
    assert_eq!(judged(&wanted(1, false), &of(MessageState::Failed, 1), None, false), Judgement::Run(0), "sent again");
}
