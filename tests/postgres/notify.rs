//! Messages to people: by stand-ins of the services, through kills, storms and outages.

use std::time::Duration;

use crate::clocks::put_ahead;
use crate::manager::number;
use crate::support::manager::{Manager, wait_for};
use crate::support::notify::{channel, deploy, on, settings, state, tell};
use crate::support::services::{Post, Services};
use crate::support::{Backend, stderr, stdout};
use data_collector::tables::{LogLevel, MessageKind, NewMessage, Store};
use serde_json::Value;

/// A manager whose clock was two days ahead must not silence a channel for as long.
#[test]
fn a_clock_that_is_ahead_silences_no_channel() {
    let Some(backend) = Backend::postgres() else { return };
    let services = Services::start(Duration::ZERO);
    settings(&backend, &format!("[notify.hook]\nurl = \"{}/hook\"\n", services.url));
    deploy(&backend);
    let mut database = backend.connect();
    put_ahead(&backend, &mut database, -2 * 86_400);
    tell(&backend, "the first", "error");
    let manager = Manager::start(backend.folder.path(), &backend.url, &[]);
    wait_for("the first", 30, || services.taken("/hook").iter().any(|post| post["subject"] == "the first"));
    let ahead = "(SELECT now() AT TIME ZONE 'UTC' - interval '1 day')";
    let later = format!(
        "SELECT (SELECT count(*) FROM channels WHERE greatest(since, not_before, held_until, looked_at) > {ahead}) \
         + (SELECT count(*) FROM outbox WHERE created_at > {ahead})"
    );
    assert_eq!(number(&mut database, &later), 0, "written by the clock of this machine");
    drop(manager.end());
    put_ahead(&backend, &mut database, 0);
    // as an older dc left it, whose clock was ahead
    let left = "UPDATE channels SET since = since + interval '9 days', looked_at = looked_at + interval '9 days', \
                not_before = not_before + interval '9 days', holder = 'somebody', \
                held_until = now() AT TIME ZONE 'UTC' + interval '9 days'";
    database.execute(left, &[]).expect("a channel of the future");
    let manager = Manager::start(backend.folder.path(), &backend.url, &[]);
    tell(&backend, "the second", "error");
    wait_for("the second", 30, || services.taken("/hook").iter().any(|post| post["subject"] == "the second"));
    drop(manager.end());
}

const TOKEN: &str = "7:AAtelegram-t0ken";

#[test]
fn a_test_goes_by_every_channel_and_says_what_is_wrong() {
    let services = Services::start(Duration::ZERO);
    let backend = Backend::sqlite();
    let url = &services.url;
    settings(
        &backend,
        &format!(
            "[notify.telegram]\ntype = \"telegram\"\ntoken = \"{TOKEN}\"\nchat = \"-100\"\napi = \"{url}\"\n\
             [notify.bad]\nurl = \"tgram://7:AAother-t0ken/1\"\napi = \"{url}\"\n\
             [notify.slack]\ntype = \"slack\"\ntoken = \"xoxb-slack-t0ken\"\nchannel = \"#ops\"\napi = \"{url}/api\"\n\
             [notify.slackhook]\ntype = \"slack\"\nwebhook = \"{url}/services/T1/B2/s3cr3tPath\"\n\
             [notify.discord]\ntype = \"discord\"\nwebhook = \"{url}/discord/12/d1sc0rdT0ken\"\n\
             [notify.teams]\ntype = \"teams\"\nwebhook = \"{url}/workflows/1?sig=t34msS1gnature\"\n\
             [notify.hook]\nurl = \"{url}/hook\"\nsecret = \"hm4c-s3cret\"\nheaders = [\"X-Own: h34der-value\"]\nsubject = \"[{{severity}}] {{subject}}\"\n\
             [notify.gone]\nurl = \"http://127.0.0.1:9/hook/0penS3same\"\n\
             [notify.broken]\ntype = \"pigeon\"\n"
        ),
    );
    deploy(&backend);
    let output = on(&backend, &["manager", "notify", "--test", "--json"]);
    assert_eq!(output.status.code(), Some(1));
    let report: Value = serde_json::from_str(&stdout(&output)).expect("JSON");
    for name in ["telegram", "slack", "slackhook", "discord", "teams", "hook"] {
        assert!(channel(&report, name)["wrong"].is_null(), "{}", channel(&report, name));
    }
    for (name, expected) in [("bad", "401"), ("gone", "cannot be reached"), ("broken", "there is no kind `pigeon`")] {
        assert!(channel(&report, name)["wrong"].as_str().expect(name).contains(expected), "{}", channel(&report, name));
    }
    let doctor = on(&backend, &["doctor"]);
    let everything = [stdout(&output), stderr(&output), stdout(&doctor), stderr(&doctor)].concat();
    for secret in ["AAother", "AAtelegram", "xoxb", "s3cr3tPath", "d1sc0rd", "t34ms", "hm4c", "h34der", "0penS3same"] {
        assert!(!everything.contains(secret), "{secret} in {everything}");
    }
    let post = |path: &str| services.taken(path).pop().expect(path);
    assert_eq!(post("/bot")["chat_id"], "-100");
    assert_eq!(post("/api/chat")["blocks"][0]["type"], "header");
    assert_eq!(post("/workflows")["attachments"][0]["content"]["type"], "AdaptiveCard");
    assert_eq!(post("/discord")["allowed_mentions"]["parse"], serde_json::json!([]));
    let hook = post("/hook");
    assert!(hook["subject"].as_str().expect("a subject").to_lowercase().starts_with("[info] test from dc"));
    assert_eq!(hook.headers["x-own"], "h34der-value");
    assert_eq!(hook.headers["x-dc-message-id"], hook["id"].as_str().expect("an id"));
    let signed = format!("{}.{}", hook.headers["x-dc-timestamp"], hook.raw);
    // by another crate than dc's own
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, b"hm4c-s3cret");
    let sum = ring::hmac::sign(&key, signed.as_bytes());
    let sum: String = sum.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(hook.headers["x-dc-signature"], format!("v1={sum}"));
}

impl std::ops::Index<&str> for Post {
    type Output = Value;

    fn index(&self, key: &str) -> &Value {
        &self.body[key]
    }
}

#[test]
fn a_message_is_delivered_once_filtered_and_a_channel_that_is_away_delays_only_itself() {
    for backend in Backend::all() {
        let services = Services::start(Duration::ZERO);
        let url = &services.url;
        services.set_away(true);
        settings(
            &backend,
            &format!(
                "[notify.telegram]\ntype = \"telegram\"\ntoken = \"{TOKEN}\"\nchat = \"7\"\napi = \"{url}\"\n\
                 [notify.hook]\nurl = \"{url}/hook\"\nseverity = \"error\"\n\
                 [notify.refuses]\nurl = \"{url}/refuses\"\n\
                 [notify.night]\nurl = \"{url}/hook/night\"\nquiet = \"00:00-23:59\"\ntimezone = \"UTC\"\n"
            ),
        );
        deploy(&backend);
        tell(&backend, "not for the hook", "info");
        tell(&backend, "it broke", "error");
        let manager = Manager::start(backend.folder.path(), &backend.url, &[]);
        wait_for("the hook has it", 15, || services.taken("/hook").iter().any(|post| post.path == "/hook"));
        let refused = || channel(&state(&backend), "refuses")["refused"].as_i64().expect("a count");
        wait_for("both refusals are noted", 15, || refused() == 2);
        let hook = services.taken("/hook").into_iter().find(|post| post.path == "/hook").expect("a post");
        assert_eq!(
            (&hook["subject"], &hook["body"], &hook["severity"]),
            (&"it broke".into(), &"the rest".into(), &"error".into())
        );
        let told = state(&backend);
        assert!(channel(&told, "telegram")["wrong"].as_str().expect("away").contains("503"), "{told}");
        let doctor = on(&backend, &["doctor"]);
        assert!(stdout(&doctor).contains("telegram: away"), "{}", stdout(&doctor));
        services.set_away(false);
        wait_for("telegram has both", 25, || services.taken("/bot").len() == 2);
        let texts: Vec<String> = services.taken("/bot").iter().map(|post| post["text"].to_string()).collect();
        assert!(texts[0].contains("not for the hook") && texts[1].contains("it broke"), "{texts:?}");
        tell(&backend, "wake up", "critical");
        wait_for("what is critical is told at night", 15, || !services.taken("/hook/night").is_empty());
        let of_hook = || services.taken("/hook").iter().filter(|post| post.path == "/hook").count();
        wait_for("the hook has it too", 15, || of_hook() == 2);
        wait_for("telegram too", 15, || services.taken("/bot").len() == 3);
        wait_for("the third refusal", 15, || refused() == 3);
        let said = manager.end();
        assert_eq!(of_hook(), 2, "each once");
        // what a channel refuses (400) is given up, and told
        let tries = services.posts().iter().filter(|post| post.path == "/refuses").count();
        assert_eq!((tries, channel(&state(&backend), "refuses")["waiting"].as_i64()), (3, Some(0)));
        assert_eq!(said.matches("the channel `refuses` refuses the message").count(), 3, "{said}");
        assert_eq!(services.taken("/hook/night").len(), 1, "the others wait for the morning");
        assert_eq!(channel(&state(&backend), "night")["waiting"], 2);
    }
}

#[test]
fn a_storm_becomes_one_digest_and_nothing_is_lost_over_kills() {
    let count = 10_000;
    let backend = Backend::sqlite();
    let services = Services::start(Duration::from_secs(1));
    settings(
        &backend,
        &format!(
            "[notify.telegram]\ntype = \"telegram\"\ntoken = \"{TOKEN}\"\nchat = \"7\"\napi = \"{}\"\n",
            services.url
        ),
    );
    deploy(&backend);
    let write = |numbers: std::ops::Range<usize>| {
        let mut store = Store::ready(&backend.context()).expect("a store");
        for number in numbers {
            let message = NewMessage {
                kind: MessageKind::Told,
                severity: LogLevel::Warning,
                app_id: None,
                subject: format!("message {number}"),
                body: String::new(),
            };
            store.outbox().tell(&message).expect("written");
        }
    };
    write(0..count);
    let started = |failpoint: &str| {
        Manager::start_with(backend.folder.path(), &backend.url, &[], |command| command.env("DC_FAILPOINT", failpoint))
    };
    let taken = || services.taken("/bot");
    let sent = || channel(&state(&backend), "telegram")["sent"].as_u64().expect("a count");
    started("notify.bound=kill").killed();
    started("notify.paced=kill").killed();
    assert_eq!((taken().len(), sent()), (0, 0), "bound, and not yet sent");
    started("notify.sent=kill").killed();
    assert_eq!((taken().len(), sent()), (1, 0), "sent, and not yet written down");
    let manager = started("none=kill");
    wait_for("all are sent", 60, || sent() == count as u64);
    manager.end();
    let digests = taken();
    let texts: Vec<&str> = digests.iter().filter_map(|post| post.body["text"].as_str()).collect();
    assert!(texts.len() == 2 && texts[0] == texts[1], "the same digest came again: {texts:?}");
    assert!(texts[0].starts_with("10000 messages at once") && texts[0].contains("message 0"), "{texts:?}");

    // what was written down is not sent again
    write(count..count + 1);
    started("notify.noted=kill").killed();
    assert_eq!((taken().len(), sent()), (3, count as u64 + 1));
    let manager = started("none=kill");
    write(count + 1..count + 2);
    wait_for("the last one", 30, || sent() == count as u64 + 2);
    manager.end();
    let taken = taken();
    assert_eq!(taken.len(), 4);
    assert!(taken[3].body["text"].as_str().is_some_and(|text| text.contains("message 10001")), "{:?}", taken[3]);
    for pair in taken.windows(2) {
        assert!(pair[1].at - pair[0].at >= Duration::from_secs(1), "the pace is kept over kills");
    }
    assert_eq!(services.posts().len(), taken.len(), "nothing was sent against the limit");
}
