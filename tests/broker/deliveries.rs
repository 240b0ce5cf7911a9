//! Messages over a real RabbitMQ: confirmed when they are sent, and kept by the broker until the work is done.

use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use crate::support::Backend;
use crate::support::manager::wait_for;
use crate::support::proxy::Proxy;
use crate::support::rabbit::Rabbit;
use data_collector::broker::{
    Argument, Binding, Delivery, Envelope, Exchange, ExchangeKind, Link, Message, Properties, Publisher, Queue, Sign,
    Subscription, Taken, Topology, Verdict, connect, listen,
};
use data_collector::context::Context;
use data_collector::error::{ErrorKind, Result};

const PATIENCE: Duration = Duration::from_secs(5);

fn context(url: &str) -> (Backend, Context) {
    let backend = Backend::sqlite();
    let context = backend.context_with(&[("DC_BROKER_URL", url)]);
    (backend, context)
}

fn topology() -> Topology {
    Topology {
        exchanges: vec![Exchange { name: "work".to_owned(), kind: ExchangeKind::Topic }],
        queues: vec![Queue::durable("jobs").dead_letters("dead"), Queue::durable("dead")],
        bindings: vec![Binding { exchange: "work".to_owned(), queue: "jobs".to_owned(), key: "invoices.*".to_owned() }],
    }
}

fn envelope(key: &str, body: &str) -> Envelope {
    let properties = Properties { is_persistent: true, ..Properties::default() };
    Envelope { exchange: "work".to_owned(), key: key.to_owned(), body: body.as_bytes().to_vec(), properties }
}

fn subscription(prefetch: u16) -> Subscription {
    Subscription {
        topology: topology(),
        queues: vec!["jobs".to_owned()],
        prefetch,
        is_first: false,
        drain: Duration::from_secs(2),
        meanwhile: "nothing happens",
    }
}

fn link(context: &Context, prefetch: u16) -> (Link, Receiver<Sign>) {
    link_of(context, subscription(prefetch))
}

fn link_of(context: &Context, subscription: Subscription) -> (Link, Receiver<Sign>) {
    let (sender, receiver) = channel();
    let each = move |sign: Sign| {
        // the test may have ended
        let _ = sender.send(sign);
    };
    (listen(context, subscription, each).expect("a link").expect("a broker"), receiver)
}

fn next(signs: &Receiver<Sign>) -> Delivery {
    let until = Instant::now() + Duration::from_secs(10);
    loop {
        match signs.recv_timeout(until.saturating_duration_since(Instant::now())).expect("a delivery") {
            Sign::Delivery(delivery) => return delivery,
            Sign::Up | Sign::Down => {}
        }
    }
}

fn body(message: &Message) -> String {
    String::from_utf8(message.body.clone()).expect("text")
}

fn waiting(context: &Context, queue: &str) -> u64 {
    let mut broker = connect(context).expect("a broker").expect("one");
    broker.depths(&[queue.to_owned()]).expect("depths")[0].map_or(0, |depth| depth.messages)
}

fn bodies(context: &Context, queue: &str) -> Vec<String> {
    let mut seen = Vec::new();
    let mut broker = connect(context).expect("a broker").expect("one");
    let mut each = |message: &Message| -> Result<Verdict> {
        seen.push(body(message));
        Ok(Verdict::Back)
    };
    broker.look_through(queue, 100, &mut each).expect("a look");
    seen
}

#[test]
fn a_message_is_kept_until_it_is_settled() {
    let Some(rabbit) = Rabbit::new() else { return };
    let (_backend, context) = context(&rabbit.url());
    let publisher = Publisher::start(&context, topology()).expect("a publisher");
    let sent = ["done", "dead", "back", "dropped"].map(|body| envelope("invoices.parse", body)).to_vec();
    assert_eq!(publisher.publish(sent, PATIENCE).expect("sent"), [Taken::ByQueue; 4]);
    assert_eq!(bodies(&context, "jobs"), ["done", "dead", "back", "dropped"], "a look changes nothing");
    assert_eq!(bodies(&context, "jobs"), ["done", "dead", "back", "dropped"], "nor the order");
    let (link, signs) = link(&context, 10);
    let mut again = Vec::new();
    for _ in 0..4 {
        let delivery = next(&signs);
        assert!(delivery.queue == "jobs" && delivery.message.properties.is_persistent);
        match body(&delivery.message).as_str() {
            "done" => delivery.settle(Verdict::Done),
            "dead" => delivery.settle(Verdict::Dead),
            "back" => delivery.settle(Verdict::Back),
            _ => drop(delivery),
        }
    }
    for _ in 0..2 {
        let delivery = next(&signs);
        assert!(delivery.message.is_redelivered);
        again.push(body(&delivery.message));
        delivery.settle(Verdict::Done);
    }
    again.sort();
    assert_eq!(again, ["back", "dropped"]);
    drop(link);
    wait_for("an empty queue", 10, || waiting(&context, "jobs") == 0);
    assert_eq!(bodies(&context, "dead"), ["dead"]);
}

#[test]
fn what_no_queue_takes_is_told() {
    let Some(rabbit) = Rabbit::new() else { return };
    let (_backend, context) = context(&rabbit.url());
    let publisher = Publisher::start(&context, topology()).expect("a publisher");
    let sent =
        [("invoices.a", "1"), ("receipts.a", "2"), ("invoices.b", "2"), ("receipts.a", "2"), ("invoices.a", "3")];
    let sent = sent.map(|(key, body)| envelope(key, body)).to_vec();
    let (yes, no) = (Taken::ByQueue, Taken::ByNobody);
    assert_eq!(publisher.publish(sent, PATIENCE).expect("sent"), [yes, no, yes, no, yes]);
    // more than are under way at once
    let many: Vec<Envelope> = (0..1_000).map(|number| envelope("invoices.c", &number.to_string())).collect();
    let taken = publisher.publish(many, Duration::from_secs(30)).expect("sent");
    assert!(taken.len() == 1_000 && taken.iter().all(|taken| *taken == yes));
    assert_eq!(waiting(&context, "jobs"), 1_003);
}

#[test]
fn no_more_come_than_are_asked_for_at_once() {
    let Some(rabbit) = Rabbit::new() else { return };
    let (_backend, context) = context(&rabbit.url());
    let publisher = Publisher::start(&context, topology()).expect("a publisher");
    let sent = (0..5).map(|number| envelope("invoices.a", &number.to_string())).collect();
    publisher.publish(sent, PATIENCE).expect("sent");
    let (_link, signs) = link(&context, 2);
    let (one, _two) = (next(&signs), next(&signs));
    assert!(signs.recv_timeout(Duration::from_millis(500)).is_err(), "two are unsettled");
    one.settle(Verdict::Done);
    assert_eq!(body(&next(&signs).message), "2");
}

#[test]
fn after_a_cut_what_was_not_settled_comes_again_and_sending_goes_on() {
    let Some(rabbit) = Rabbit::new() else { return };
    let proxy = Proxy::to(rabbit.address());
    let (_backend, context) = context(&rabbit.url_through(proxy.port));
    let publisher = Publisher::start(&context, topology()).expect("a publisher");
    publisher.publish(vec![envelope("invoices.a", "first")], PATIENCE).expect("sent");
    let (_link, signs) = link(&context, 10);
    let unsettled = next(&signs);
    proxy.cut();
    let error = publisher.publish(vec![envelope("invoices.a", "lost")], PATIENCE).expect_err("no broker");
    assert!(error.is_temporary(), "{error:?}");
    proxy.mend();
    let again = next(&signs);
    assert!(again.message.is_redelivered && body(&again.message) == "first");
    // the verdict on the former delivery is void, and harms nobody
    unsettled.settle(Verdict::Dead);
    again.settle(Verdict::Done);
    wait_for("sending", 10, || publisher.publish(vec![envelope("invoices.a", "second")], PATIENCE).is_ok());
    assert_eq!(body(&next(&signs).message), "second");
    assert_eq!(waiting(&context, "dead"), 0);
}

#[test]
fn a_queue_with_other_arguments_is_an_error_that_stays() {
    let Some(rabbit) = Rabbit::new() else { return };
    let (_backend, context) = context(&rabbit.url());
    let mut broker = connect(&context).expect("a broker").expect("one");
    broker.declare(&topology()).expect("declared");
    let mut other = topology();
    other.queues[0] = Queue::durable("jobs").with("x-message-ttl", Argument::Number(5));
    let error = broker.declare(&other).expect_err("other arguments");
    assert_eq!(error.kind(), ErrorKind::Settings);
    assert!(error.to_string().contains("`jobs`") && error.to_string().contains("406"), "{error}");
    assert!(!error.is_temporary());
    // the connection is as good as before
    broker.declare(&topology()).expect("declared again");
    assert_eq!(broker.depths(&["jobs".to_owned(), "none".to_owned()]).expect("depths").iter().flatten().count(), 1);
    let error = broker.look_through("none", 1, &mut |_| Ok(Verdict::Back)).expect_err("no queue");
    assert_eq!(error.kind(), ErrorKind::NotFound);
}

/// A broker that is silent, as behind a firewall that drops packets, costs no more than the patience.
#[test]
fn a_silent_broker_is_not_waited_for_without_a_bound() {
    let Some(rabbit) = Rabbit::new() else { return };
    let proxy = Proxy::to(rabbit.address());
    let (_backend, context) = context(&rabbit.url_through(proxy.port));
    let publisher = Publisher::start(&context, topology()).expect("a publisher");
    publisher.publish(vec![envelope("invoices.a", "first")], PATIENCE).expect("sent");
    proxy.fall_silent();
    let began = Instant::now();
    let error = publisher.publish(vec![envelope("invoices.a", "x")], Duration::from_secs(2)).expect_err("silence");
    assert!(error.is_temporary() && began.elapsed() < Duration::from_secs(10), "{error} {:?}", began.elapsed());
}

#[test]
fn who_goes_first_gets_all_that_it_has_room_for_and_the_others_the_rest() {
    let Some(rabbit) = Rabbit::new() else { return };
    let (_backend, context) = context(&rabbit.url());
    let publisher = Publisher::start(&context, topology()).expect("a publisher");
    let (_other, others) = link(&context, 10);
    let (_first, firsts) = link_of(&context, Subscription { is_first: true, ..subscription(2) });
    for signs in [&others, &firsts] {
        assert!(matches!(signs.recv_timeout(PATIENCE), Ok(Sign::Up)));
    }
    let send = |body: &str| publisher.publish(vec![envelope("invoices.parse", body)], PATIENCE).expect("sent");
    // one after the other, so that none is there before the consumers
    ["1", "2", "3", "4", "5"].into_iter().for_each(|body| drop(send(body)));
    let held: Vec<Delivery> = (0..2).map(|_| next(&firsts)).collect();
    let rest: Vec<Delivery> = (0..3).map(|_| next(&others)).collect();
    let bodies = |held: &[Delivery]| held.iter().map(|it| body(&it.message)).collect::<Vec<_>>();
    assert_eq!(
        (bodies(&held), bodies(&rest)),
        (vec!["1".into(), "2".into()], vec!["3".into(), "4".into(), "5".into()])
    );
    held.into_iter().for_each(|delivery| delivery.settle(Verdict::Done));
    // the broker may take the next one before it has heard that there is room again
    let mut more = (6..100).map(|number| {
        send(&number.to_string());
        firsts.recv_timeout(Duration::from_millis(200))
    });
    assert!(more.any(|sign| matches!(sign, Ok(Sign::Delivery(_)))), "there is room again");
}
