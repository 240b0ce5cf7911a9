//! The queues of Dramatiq: for each one that delays and one for dead letters, declared by whoever comes first.

use crate::broker::{Argument, Queue, Topology};
use crate::context::Context;
use crate::error::{Error, ErrorKind, Result};

/// At the end of the name of a queue that delays.
pub(super) const DELAYED: &str = ".DQ";
/// At the end of the name of a queue of dead letters.
pub(super) const DEAD: &str = ".XQ";
/// Dead letters are kept for a week.
const DEAD_TTL_MS: i64 = 604_800_000;

/// What has to be there: any difference to what Dramatiq declares would close its channel.
pub(super) fn topology(queues: &[String], priority_max: Option<u8>) -> Topology {
    let mut all = Vec::with_capacity(queues.len() * 3);
    for name in queues {
        let dead = format!("{name}{DEAD}");
        for working in [name.clone(), format!("{name}{DELAYED}")] {
            let queue = Queue::durable(working).dead_letters(&dead);
            all.push(match priority_max {
                Some(priority) => queue.with("x-max-priority", Argument::Number(i64::from(priority))),
                None => queue,
            });
        }
        all.push(Queue::durable(dead).with("x-message-ttl", Argument::Number(DEAD_TTL_MS)));
    }
    Topology { queues: all, ..Topology::default() }
}

/// What has to be there before messages of these queues are sent or taken, by the settings: any difference to what Dramatiq
/// declares would close its channel.
///
/// # Errors
/// Usage, for a name that is none for a queue; settings, for a priority that is none.
pub fn queue_topology(context: &Context, queues: &[String]) -> Result<Topology> {
    queues.iter().try_for_each(|queue| check_queue(queue))?;
    Ok(topology(queues, priority_max(context)?))
}

/// The queue of the dead letters of a queue.
pub fn dead_letters_of(queue: &str) -> String {
    format!("{queue}{DEAD}")
}

/// The queue without what stands at the end of its name.
pub(super) fn base_of(queue: &str) -> &str {
    queue.strip_suffix(DELAYED).or_else(|| queue.strip_suffix(DEAD)).unwrap_or(queue)
}

/// Refuses a name that is none for a queue of Dramatiq.
///
/// # Errors
/// Usage, with what a name may be.
pub fn check_queue(name: &str) -> Result<()> {
    let mut letters = name.chars();
    let begins = letters.next().is_some_and(|first| first.is_ascii_alphabetic() || first == '_');
    let goes_on = letters.all(|letter| letter.is_ascii_alphanumeric() || matches!(letter, '_' | '-' | '.'));
    match begins && goes_on && name.len() <= 200 && base_of(name) == name {
        true => Ok(()),
        false => Err(Error::new(ErrorKind::Usage, format!("use `{name}` as the name of a queue")).hint(
            "letters, digits, `_`, `-` and `.`, at most 200, not starting with a digit; .DQ and .XQ are Dramatiq's own",
        )),
    }
}

/// The highest priority of queues, where they have priorities: the setting `dramatiq.max_priority`, which has to be what
/// Dramatiq's broker is given as `max_priority`.
///
/// # Errors
/// Settings, for what is no number from 1 to 255.
pub(super) fn priority_max(context: &Context) -> Result<Option<u8>> {
    let Some(number) = context.settings().section("dramatiq").number("max_priority")? else { return Ok(None) };
    match u8::try_from(number) {
        Ok(priority @ 1..) => Ok(Some(priority)),
        _ => {
            Err(Error::new(ErrorKind::Settings, format!("read `dramatiq.max_priority`: {number} is out of its limits"))
                .hint("a whole number from 1 to 255, as `max_priority` of Dramatiq's RabbitmqBroker"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_dramatiq() {
        assert_eq!([base_of("a.DQ"), base_of("a.XQ"), base_of("a")], ["a"; 3]);
        assert!(["ner", "_a-b.c9"].iter().all(|name| check_queue(name).is_ok()));
        assert!(["", "9a", "a b", "a.DQ", "a.XQ", "č"].iter().all(|name| check_queue(name).is_err()));
        let names: Vec<String> =
            topology(&["q".to_owned()], Some(5)).queues.into_iter().map(|queue| queue.name).collect();
        assert_eq!(names, ["q", "q.DQ", "q.XQ"]);
    }
}
