//! Messages to people: by stand-ins of the services, through kills, storms and outages.

use std::time::Duration;

use crate::clocks::put_ahead;
use crate::manager::number;
use crate::support::manager::{Manager, wait_for};
use crate::support::notify::{channel, deploy, on, settings, state, tell};
use crate::support::services::{Post, Services};
use crate::support::{Backend, stderr, stdout};
use data_collector::tables::{LogLevel, MessageKind, NewMessage, Sent, Store};
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
        // and that another one refuses, once
        wait_for("telegram has all three", 25, || services.taken("/bot").len() == 3);
        let texts: Vec<String> = services.taken("/bot").iter().map(|post| post["text"].to_string()).collect();
        assert!(texts[0].contains("not for the hook") && texts[1].contains("it broke"), "{texts:?}");
        assert!(texts[2].contains("The channel refuses refuses a message"), "{texts:?}");
        tell(&backend, "wake up", "critical");
        wait_for("what is critical is told at night", 15, || !services.taken("/hook/night").is_empty());
        let of_hook = || services.taken("/hook").iter().filter(|post| post.path == "/hook").count();
        wait_for("the hook has it too", 15, || of_hook() == 3);
        wait_for("telegram too", 15, || services.taken("/bot").len() == 4);
        wait_for("the third refusal", 15, || refused() == 3);
        let said = manager.end();
        assert_eq!(of_hook(), 3, "each once");
        // what a channel refuses (400) is given up, and told
        let tries = services.posts().iter().filter(|post| post.path == "/refuses").count();
        let refuses = channel(&state(&backend), "refuses").clone();
        assert_eq!((tries, refuses["waiting"].as_i64()), (3, Some(0)));
        assert!(refuses["wrong"].as_str().expect("refused").starts_with("refused the last 3 messages"), "{refuses}");
        assert_eq!(said.matches("the channel `refuses` refuses the message").count(), 3, "{said}");
        assert_eq!(services.taken("/hook/night").len(), 1, "the others wait for the morning");
        assert_eq!(channel(&state(&backend), "night")["waiting"], 3);
    }
}

#[test]
fn services_that_call_people_and_messages_that_are_long() {
    let services = Services::start(Duration::ZERO);
    let backend = Backend::sqlite();
    let url = &services.url;
    let host = url.strip_prefix("http://").expect("a host");
    settings(
        &backend,
        &format!(
            "[notify.telegram]\ntype = \"telegram\"\ntoken = \"{TOKEN}\"\nchat = \"7\"\napi = \"{url}\"\nseverity = \"warning\"\n\
             [notify.ntfy]\nurl = \"ntfy://me:ntfyPassw0rd@{host}/ops\"\n\
             [notify.gotify]\nurl = \"gotify://{host}/sub/g0tifyT0ken\"\n\
             [notify.matrix]\nurl = \"matrix://m4trixT0ken@{host}/#ops:example.com\"\n\
             [notify.pager]\nurl = \"pagerduty://pag3rK3y1234@x?api={url}/pager\"\n\
             [notify.genie]\nurl = \"opsgenie://g3nieK3y1234/#team?api={url}/genie\"\n\
             [notify.hook]\nurl = \"json://{host}/in?method=put&+X-Own=1&:subject=text&-page=2\"\n\
             [notify.odd]\nurl = \"tgram://{TOKEN}/7?colour=red\"\n"
        ),
    );
    deploy(&backend);
    let output = on(&backend, &["manager", "notify", "--test", "--json"]);
    let report: Value = serde_json::from_str(&stdout(&output)).expect("JSON");
    for name in ["telegram", "ntfy", "gotify", "matrix", "pager", "genie", "hook"] {
        assert!(channel(&report, name)["wrong"].is_null(), "{}", channel(&report, name));
    }
    assert!(channel(&report, "odd")["wrong"].as_str().expect("odd").contains("the parameter `colour` is not known"));
    let everything = [stdout(&output), stderr(&output)].concat();
    for secret in ["ntfyPassw0rd", "g0tifyT0ken", "m4trixT0ken", "pag3rK3y", "g3nieK3y"] {
        assert!(!everything.contains(secret), "{secret} in {everything}");
    }
    let posts = services.posts();
    let post = |path: &str| posts.iter().find(|post| post.path.starts_with(path)).expect(path);
    let ntfy = posts.iter().find(|post| post.body["topic"] == "ops").expect("ntfy");
    assert!(ntfy.headers["authorization"].starts_with("Basic ") && ntfy.body["priority"] == 2, "{ntfy:?}");
    assert_eq!(post("/sub/message").headers["x-gotify-key"], "g0tifyT0ken");
    post("/_matrix/client/v3/join/%23ops%3Aexample%2Ecom");
    let sent = post("/_matrix/client/v3/rooms/%23ops%3Aexample%2Ecom/send/m.room.message/");
    assert!(sent.headers["authorization"] == "Bearer m4trixT0ken" && sent.body["msgtype"] == "m.text", "{sent:?}");
    assert_eq!(post("/pager/v2/enqueue").body["event_action"], "trigger");
    let genie = post("/genie/v2/alerts");
    assert_eq!(genie.headers["authorization"], "GenieKey g3nieK3y1234");
    assert_eq!(genie.body["responders"], serde_json::json!([{"type": "team", "name": "team"}]));
    let hook = post("/in?page=2");
    assert!(
        hook.headers["x-own"] == "1" && hook.body["text"].is_string() && hook.body["subject"].is_null(),
        "{hook:?}"
    );

    // a long text goes in several messages, each of which is within the limit
    let lines: Vec<String> = (0..700).map(|number| format!("line {number} of it")).collect();
    let long = lines.join("\n");
    let told = ["manager", "notify", "long", "--body", &long, "--severity", "error"];
    let shown = stdout(&on(&backend, &[&told[..], &["--preview"]].concat()));
    assert!(shown.contains("telegram to 7\n  long (1/3)\n    line 0 of it"), "{shown}");
    assert!(shown.contains("long (3/3)") && shown.contains("line 699 of it"), "{shown}");
    let mild = stdout(&on(&backend, &["manager", "notify", "mild", "--preview", "--channel", "telegram"]));
    assert_eq!(mild.trim(), "telegram to 7: nothing less than warning is sent there");
    let count = services.posts().len();
    assert_eq!(count, posts.len(), "a preview sends nothing");
    assert!(on(&backend, &told).status.success());
    let manager = Manager::start(backend.folder.path(), &backend.url, &[]);
    let parts = || -> Vec<String> {
        let taken = services.taken("/bot").into_iter();
        taken
            .filter_map(|post| post.body["text"].as_str().map(str::to_owned))
            .filter(|it| it.starts_with("long"))
            .collect()
    };
    wait_for("all three parts", 60, || parts().len() == 3);
    manager.end();
    assert!(parts().iter().all(|part| part.chars().count() <= 4_096));
    let bodies: Vec<String> = parts().iter().map(|part| part.split_once('\n').expect("a body").1.to_owned()).collect();
    assert_eq!(bodies.join("\n"), long, "nothing is lost");
}

/// Chats that take nothing hold up none beside them, are told by the other channels, and work again when somebody mends
/// them: what waited for them comes then. A group that has moved is followed.
#[test]
fn a_recipient_that_takes_nothing_silences_no_other() {
    for backend in Backend::all() {
        let services = Services::start(Duration::ZERO);
        let url = &services.url;
        let chats = |chats: &str| {
            let telegram = format!("type = \"telegram\"\ntoken = \"{TOKEN}\"\nchat = {chats}\napi = \"{url}\"");
            settings(&backend, &format!("[notify.telegram]\n{telegram}\n[notify.hook]\nurl = \"{url}/hook\"\n"));
        };
        chats("[\"403\", \"-200\", \"-300:3\", \"-400\", \"7\"]");
        deploy(&backend);
        tell(&backend, "it broke", "error");
        let manager = Manager::start(backend.folder.path(), &backend.url, &[]);
        let to = |chat: &str, words: &str| {
            let is_it = |post: &&Post| post["text"].as_str().is_some_and(|text| text.contains(words));
            let posts = services.taken("/bot");
            posts.iter().filter(is_it).filter(|post| post["chat_id"] == chat).count()
        };
        for chat in ["7", "-100200"] {
            wait_for("those that work have it", 60, || to(chat, "it broke") == 1);
        }
        let hooked = |words: &str| {
            let is_it = |post: &&Post| post["subject"].as_str().is_some_and(|text| text.contains(words));
            services.taken("/hook").iter().filter(is_it).count()
        };
        for key in ["telegram/403", "telegram/-300:3", "telegram/-400"] {
            wait_for("the others are told", 60, || hooked(&format!("The channel {key} is broken")) == 1);
        }
        let told = channel(&state(&backend), "telegram").clone();
        let wrong = told["wrong"].as_str().expect("broken").to_owned();
        for expected in ["403: broken", "-300:3: broken", "TOPIC_CLOSED", "-400: broken", "not enough rights"] {
            assert!(wrong.contains(expected), "{expected} in {wrong}");
        }
        assert!(!wrong.contains("-200") && told["refused"] == 0, "{told}");
        assert!(stdout(&on(&backend, &["doctor"])).contains("telegram: -300:3: broken"));
        let status = stdout(&on(&backend, &["manager", "status"]));
        assert!(status.contains("the channel telegram/-400: broken"), "{status}");
        let said = manager.end();
        assert!(said.contains("the chat -200 has become -100200"), "{said}");
        // the right is given: by another topic, which is open; the blocked chat is taken out of the settings
        chats("[\"-300:4\", \"7\"]");
        let manager = Manager::start(backend.folder.path(), &backend.url, &[]);
        tell(&backend, "the next one", "error");
        wait_for("the new topic has it", 60, || to("-300", "the next one") == 1);
        wait_for("and the old chat once", 60, || to("7", "the next one") == 1);
        assert_eq!(to("7", "it broke"), 1, "nothing comes twice");
        drop(manager.end());
        let status = stdout(&on(&backend, &["manager", "status"]));
        assert!(!status.contains("the channel telegram"), "{status}");
    }
}

/// A channel that had one row for all its recipients before there were rows for each.
#[test]
fn what_a_channel_was_sent_is_not_sent_again_to_its_recipients() {
    for backend in Backend::all() {
        deploy(&backend);
        let mut store = Store::ready(&backend.context()).expect("a store");
        let tell = |store: &mut Store, subject: &str| {
            let (kind, severity) = (MessageKind::Told, LogLevel::Error);
            let (subject, body) = (subject.to_owned(), String::new());
            store.outbox().tell(&NewMessage { kind, severity, app_id: None, subject, body }).expect("told")
        };
        let (first, second) = (tell(&mut store, "first"), tell(&mut store, "second"));
        let long = chrono::TimeDelta::days(2);
        let hold = |store: &mut Store, key: &str| {
            let (_, now) = store.channels().hold(key, "me", long, long).expect("held").expect("free");
            store.channels().take_in(key, 0, now).expect("taken in");
            let waiting = store.channels().messages(key, 0, 9).expect("messages");
            waiting.into_iter().map(|message| message.id).collect::<Vec<_>>()
        };
        assert_eq!(hold(&mut store, "mail"), [first.clone(), second.clone()]);
        let about = |kind| NewMessage {
            kind,
            severity: LogLevel::Error,
            app_id: None,
            subject: "about mail".to_owned(),
            body: String::new(),
        };
        let (broken, mended) = (about(MessageKind::ChannelBroken), about(MessageKind::ChannelMended));
        store.channels().note_sent("mail", &Sent::Message(first), &mended).expect("noted");
        let keys = ["mail/a".to_owned(), "mail/b".to_owned()];
        for _ in 0..2 {
            store.channels().hand_over("mail", &keys).expect("handed over");
        }
        for key in &keys {
            assert_eq!(hold(&mut store, key), std::slice::from_ref(&second), "{key}");
        }
        // what is told of a channel is not for itself, and once
        let far = (1, store.now().expect("now"));
        for _ in 0..2 {
            store.channels().note_broken("mail/a", "gone", far, &broken).expect("noted");
        }
        assert_eq!((hold(&mut store, "mail/a").len(), hold(&mut store, "mail/b").len()), (1, 2));
        let rows = store.channels().all().expect("rows");
        assert_eq!(rows.iter().map(|row| row.name.as_str()).collect::<Vec<_>>(), keys);
        assert_eq!(rows[0].wrong().expect("broken"), "broken, tried 1 times: gone");
        store.channels().note_sent("mail/a", &Sent::Message(second), &mended).expect("noted");
        assert_eq!((hold(&mut store, "mail/a").len(), hold(&mut store, "mail/b").len()), (0, 3));
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
