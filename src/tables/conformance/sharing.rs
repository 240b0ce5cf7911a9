//! What apps and machines know together of hosts and proxies.

use chrono::TimeDelta;

use super::*;
use crate::tables::ProxyRow;

#[test]
fn a_moment_of_a_host_is_given_to_one() {
    on_every_backend(|house| {
        let mut stores = [house.ready(), house.ready()];
        let every = TimeDelta::seconds(10);
        assert_eq!(stores[0].hosts().take_moments("a.test:443", every, 2).expect("a moment"), TimeDelta::zero());
        let next = stores[1].hosts().take_moments("a.test:443", every, 1).expect("a moment");
        assert!(next > TimeDelta::seconds(15) && next <= TimeDelta::seconds(20), "{next}");
        let next = stores[0].hosts().take_moments("a.test:443", every, 1).expect("a moment");
        assert!(next > TimeDelta::seconds(25) && next <= TimeDelta::seconds(30), "{next}");
        assert_eq!(stores[1].hosts().take_moments("b.test:443", every, 1).expect("another host"), TimeDelta::zero());
        stores[0].hosts().leave_alone("b.test:443", TimeDelta::minutes(5)).expect("noted");
        let next = stores[1].hosts().take_moments("b.test:443", every, 1).expect("a moment");
        assert!(next > TimeDelta::minutes(4), "{next}");
        stores[0].hosts().leave_alone("c.test:443", TimeDelta::minutes(5)).expect("a host that is new");
        assert!(stores[1].hosts().take_moments("c.test:443", every, 1).expect("a moment") > TimeDelta::minutes(4));
        // threads that come at once
        let threads: Vec<_> = (0..4)
            .map(|_| {
                let mut store = house.open();
                std::thread::spawn(move || store.hosts().take_moments("d.test:80", every, 1).expect("a moment"))
            })
            .collect();
        let mut firsts: Vec<i64> =
            threads.into_iter().map(|it| (it.join().expect("an end").num_seconds() + 5) / 10).collect();
        firsts.sort_unstable();
        assert_eq!(firsts, [0, 1, 2, 3]);
        // a clock that was wrong stops nobody
        sql(
            &mut stores[0],
            "UPDATE host_limits SET next_at = '2999-01-01 00:00:00', alone_until = '2999-01-01 00:00:00'",
        );
        assert_eq!(stores[0].hosts().take_moments("a.test:443", every, 1).expect("a moment"), TimeDelta::zero());
        assert_eq!(stores[0].hosts().forget(TimeDelta::days(2)).expect("forgotten"), 0);
        sql(&mut stores[0], "UPDATE host_limits SET next_at = '2001-01-01 00:00:00', alone_until = NULL");
        assert_eq!(stores[0].hosts().forget(TimeDelta::days(2)).expect("forgotten"), 4);
    });
}

#[test]
fn what_is_known_of_a_proxy_is_known_to_all() {
    on_every_backend(|house| {
        let mut stores = [house.ready(), house.ready()];
        let names = ["one:80".to_owned(), "two:80".to_owned()];
        let row = |host: &str, strikes: i64| ProxyRow {
            proxy: names[0].clone(),
            host: host.to_owned(),
            strikes,
            left: TimeDelta::minutes(5),
            reason: "403".to_owned(),
        };
        stores[0].proxies().note(&row("a.test:443", 1)).expect("noted");
        stores[0].proxies().note(&row("a.test:443", 2)).expect("noted");
        stores[0].proxies().note(&row("", 1)).expect("noted");
        let mut known = stores[1].proxies().health(&names).expect("what is known");
        known.sort_by(|a, b| a.host.cmp(&b.host));
        assert_eq!(
            known.iter().map(|it| (it.host.as_str(), it.strikes)).collect::<Vec<_>>(),
            [("", 1), ("a.test:443", 2)]
        );
        assert!(known.iter().all(|it| it.left > TimeDelta::minutes(4) && it.reason == "403"), "{known:?}");
        assert_eq!(stores[1].proxies().health(&names[1..]).expect("nothing"), []);
        stores[1].proxies().note(&row("", 0)).expect("forgotten");
        assert_eq!(stores[0].proxies().health(&names).expect("what is known").len(), 1);

        let rest = TimeDelta::minutes(1);
        assert_eq!(stores[0].proxies().take("a.test", &names, rest).expect("a proxy"), Ok(0));
        assert_eq!(stores[1].proxies().take("a.test", &names, rest).expect("a proxy"), Ok(1));
        let left = stores[0].proxies().take("a.test", &names, rest).expect("none").expect_err("both rest");
        assert!(left > TimeDelta::seconds(50) && left <= rest, "{left}");
        assert_eq!(stores[0].proxies().take("b.test", &names, rest).expect("another domain"), Ok(0));
        sql(&mut stores[0], "UPDATE proxy_rests SET free_at = '2001-01-01 00:00:00'");
        assert_eq!(stores[1].proxies().take("a.test", &names, rest).expect("rested"), Ok(0));
        sql(&mut stores[0], "UPDATE proxy_health SET free_at = '2001-01-01 00:00:00'");
        assert_eq!(stores[0].proxies().forget(TimeDelta::days(2)).expect("forgotten"), 3);
    });
}
