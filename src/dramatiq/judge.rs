//! What is to become of a message that is delivered, by what is known of it: pure rules.

use chrono::NaiveDateTime;

use super::after::DEATHS_MAX;
use crate::apps::{ProcessIdentity, ProcessSpace, Sight};
use crate::ident::host;
use crate::tables::{ActorMessageRow, ActorWorkerRow, Judgement, MessageState, WantedMessage, is_over};

/// Who asks.
#[derive(Debug, Clone)]
pub(super) struct Asking {
    /// The worker.
    pub(super) worker: String,
    /// Whether it executes nothing else.
    pub(super) is_alone: bool,
}

/// The rule. A delivery of a try that lies behind is settled as that try was.
pub(super) fn judge(
    asking: &Asking,
    wanted: &WantedMessage,
    known: (Option<&ActorMessageRow>, Option<&ActorWorkerRow>, NaiveDateTime),
) -> Judgement {
    let (Some(row), worker, now) = known else { return Judgement::Run(0) };
    let settled = |is_dead| Judgement::Settled { follow: row.follow.clone(), is_dead };
    let run = |deaths| match deaths > 0 && !asking.is_alone {
        // whoever runs beside one that kills its worker would be counted as well
        true => Judgement::Suspect,
        false => Judgement::Run(deaths),
    };
    let is_behind = wanted.retries < row.retries;
    match MessageState::named(&row.state) {
        MessageState::Running if row.worker == asking.worker => run(row.deaths),
        MessageState::Running => match sight(worker, now) {
            Owner::Lives => Judgement::Wait,
            Owner::EndedInOrder => run(row.deaths),
            Owner::Gone if row.deaths + 1 >= DEATHS_MAX => Judgement::Dead(row.deaths + 1),
            Owner::Gone => run(row.deaths + 1),
        },
        MessageState::Back if is_behind => settled(false),
        MessageState::Back => run(row.deaths),
        MessageState::Done => settled(false),
        MessageState::Retried if wanted.retries > row.retries => run(row.deaths),
        MessageState::Retried => settled(false),
        // the same delivery once more, or one that somebody has sent again
        MessageState::Failed if wanted.is_redelivered && wanted.retries <= row.retries => settled(true),
        MessageState::Failed => Judgement::Run(0),
    }
}

/// What is known of a worker.
enum Owner {
    Lives,
    EndedInOrder,
    Gone,
}

fn sight(worker: Option<&ActorWorkerRow>, now: NaiveDateTime) -> Owner {
    let Some(worker) = worker else { return Owner::Gone };
    if worker.ended_at.is_some() {
        return Owner::EndedInOrder;
    }
    let numbers = i32::try_from(worker.pid).ok().zip(u64::try_from(worker.pid_started).ok());
    let seen = numbers.filter(|_| worker.host == host()).map(|(pid, start_ticks)| {
        let space = ProcessSpace::named(worker.boot_id.clone(), worker.pid_namespace.clone());
        ProcessIdentity { space, pid, start_ticks }.look()
    });
    match seen {
        Some(Sight::Alive) => Owner::Lives,
        Some(Sight::Gone) => Owner::Gone,
        Some(Sight::Elsewhere) | None if is_over(worker.lease_until, now) => Owner::Gone,
        Some(Sight::Elsewhere) | None => Owner::Lives,
    }
}

#[cfg(test)]
mod tests;
