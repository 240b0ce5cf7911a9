//! What comes after, without a broker.

use super::*;
use std::time::Duration;

fn actors() -> Actors {
    let options = ActorOptions {
        max_retries: Some(2),
        on_success: Some("cheer".to_owned()),
        on_failure: Some("mourn".to_owned()),
        on_retry_exhausted: Some("give_up".to_owned()),
        ..ActorOptions::on("ner")
    };
    Actors::new()
        .actor_with("find", options, |_: &crate::dramatiq::Call<'_>, (): ()| Ok(()))
        .actor_with("plain", ActorOptions::on("ner"), |_: &crate::dramatiq::Call<'_>, (): ()| Ok(()))
        .elsewhere("cheer", "party")
}

fn follow(after: &After) -> Vec<(&str, &str)> {
    after.follow.iter().map(|message| (message.queue_name.as_str(), message.actor_name.as_str())).collect()
}

fn ended(message: &Message, outcome: Result<Json, Failure>, deaths: i64) -> After {
    after(&actors(), message, &outcome, (deaths, 1_000))
}

#[test]
fn a_result_goes_down_the_pipe_and_to_whoever_waits_for_it() {
    let last = Message::new("load", "load").argument("own").expect("JSON");
    let message = Message::new("ner", "find").pipe(&last.clone().delay(Duration::from_secs(1)));
    let after = ended(&message, Ok(Json::read("NaN").expect("JSON")), 0);
    assert_eq!((after.state, after.verdict), (MessageState::Done, Verdict::Done));
    assert_eq!(follow(&after), [("load.DQ", "load"), ("party", "cheer")]);
    assert_eq!(Json::array(&after.follow[0].args).text(), "[\"own\",NaN]");
    assert_eq!(after.follow[0].options.get("eta").and_then(Json::as_whole), Some(2_000));
    assert_eq!(after.follow[0].message_id, last.message_id, "sent twice it is one message");
    let cheer = &after.follow[1].args;
    assert_eq!((cheer[0].text(), cheer[1].text()), (message.to_json().as_str(), "NaN"));
    let ignoring = Message::new("ner", "plain").pipe(&last.option("pipe_ignore", &true).expect("JSON"));
    let after = ended(&ignoring, Ok(Json::null()), 0);
    assert_eq!(Json::array(&after.follow[0].args).text(), "[\"own\"]");
}

#[test]
fn a_failure_is_tried_again_until_the_retries_are_used_up() {
    let mut message = Message::new("ner", "find");
    for retries in 0..2 {
        let after = ended(&message, Err(Failure::passing("no").named("KeyError")), 0);
        assert_eq!((after.state, after.verdict), (MessageState::Retried, Verdict::Done));
        assert_eq!(follow(&after), [("ner", "mourn"), ("ner.DQ", "find")]);
        assert_eq!(after.follow[0].args[1].text(), r#"{"type":"KeyError","message":"no"}"#);
        message = after.follow[1].clone();
        let option = |name: &str| message.options.get(name).map(|value| value.text().to_owned());
        assert_eq!(option("retries"), Some((retries + 1).to_string()));
        assert_eq!(option("traceback").as_deref(), Some("\"KeyError: no\""));
        assert_eq!(option("requeue_timestamp").as_deref(), Some("1000"));
        let eta = message.options.get("eta").and_then(Json::as_whole).expect("an eta");
        let first = 15_000 << retries;
        assert!((1_000 + first..=1_000 + 2 * first).contains(&eta), "{eta}");
        message = message.due();
    }
    let after = ended(&message, Err(Failure::passing("no")), 0);
    assert_eq!((after.state, after.verdict), (MessageState::Failed, Verdict::Dead));
    assert_eq!(follow(&after), [("ner", "give_up"), ("ner", "mourn")]);
    assert_eq!(after.follow[0].args[1].text(), r#"{"retries":2,"max_retries":2}"#);
}

#[test]
fn what_never_passes_and_what_kills_is_a_dead_letter() {
    let message = Message::new("ner", "plain");
    let after = ended(&message, Err(Failure::permanent("no")), 0);
    assert_eq!((after.state, after.verdict, after.follow.len()), (MessageState::Failed, Verdict::Dead, 0));
    let died = || Err(Failure { kind: FailureKind::Death, ..Failure::passing("died") });
    let after = ended(&message, died(), 0);
    assert_eq!((after.state, after.verdict, after.is_death), (MessageState::Back, Verdict::Back, true));
    let after = ended(&message, died(), 1);
    assert_eq!((after.state, after.verdict, after.is_death), (MessageState::Failed, Verdict::Dead, true));
    let after = ended(&message, Err(Failure { kind: FailureKind::NotBegun, ..Failure::passing("ends") }), 1);
    assert_eq!((after.state, after.verdict, after.is_death), (MessageState::Back, Verdict::Back, false));
    let after = ended(&message, Err(Failure::retry_after("later", Duration::from_millis(7))), 0);
    assert_eq!(after.follow[0].options.get("eta").and_then(Json::as_whole), Some(1_007));
}

#[test]
fn whoever_waits_for_a_result_hears_that_none_will_come() {
    let told = Message::new("replies", "reply").keyword("task", &7).expect("JSON");
    let message = Message::new("ner", "plain").pipe(&told).or_else(&told);
    let after = ended(&message, Err(Failure::permanent("no text").named("ValueError")), 0);
    assert_eq!(follow(&after), [("replies", "reply")]);
    assert_eq!(after.follow[0].args[0].text(), r#"{"dc":"fail","kind":"permanent","msg":"ValueError: no text"}"#);
    assert_eq!(after.follow[0].kwargs.to_json().text(), r#"{"task":7}"#);
    let once = message.option("max_retries", &1).expect("JSON");
    let again = ended(&once, Err(Failure::passing("no")), 0).follow.remove(0).due();
    assert_eq!((again.actor_name.as_str(), again.retries()), ("plain", 1), "as long as it is tried, nobody is told");
    let after = ended(&again, Err(Failure::passing("no")), 0);
    assert_eq!(after.follow[0].args[0].text(), r#"{"dc":"fail","kind":"passing","msg":"Error: no"}"#);
}
