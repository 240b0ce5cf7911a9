//! `dc manager`: one operation each.

mod board;
mod cron;
mod force;
mod forecast;
mod glance;
mod manage;
mod notify;
mod prune;
mod send;
mod service;
mod stop;
mod why;

pub use board::{Board, BoardApp, board};
pub use cron::{CronForecast, CronMoment, CronOptions, cron_forecast};
pub use forecast::{Forecast, ForecastOptions, forecast};
pub use glance::{Glance, Watcher};
pub use manage::{ManageOptions, ManageReport, manage};
pub use notify::{ChannelState, NotifyOptions, NotifyReport, notify};
pub use prune::{PruneRunsReport, prune_runs};
pub use send::{SendOptions, SendReport, send_command};
pub use service::{ServiceUnit, service_unit};
pub use stop::{StopManagersOptions, StopManagersReport, stop_managers};
pub use why::{Why, why};
