//! `dc manager`: one operation each.

mod board;
mod check;
mod commands;
mod cron;
mod force;
mod forecast;
mod glance;
mod import;
mod manage;
mod notify;
mod pause;
mod prune;
mod published;
mod send;
mod send_many;
mod service;
mod stop;
mod why;

pub use board::{Board, BoardApp, board};
pub use check::{Check, Grade, check};
pub use commands::{CommandList, CommandsOptions, commands};
pub use cron::{CronForecast, CronMoment, CronOptions, cron_forecast};
pub use forecast::{Forecast, ForecastOptions, forecast};
pub use glance::{Glance, Watcher};
pub use import::{ImportOptions, ImportReport, ImportedApp, Source as ImportSource, import};
pub use manage::{ManageOptions, ManageReport, manage};
pub use notify::{ChannelState, NotifyOptions, NotifyReport, Preview, notify};
pub use pause::{PauseReport, pause, resume};
pub use prune::{PruneRunsReport, prune_runs};
pub use published::Published;
pub use send::{SendOptions, SendReport, send_command};
pub use send_many::{Many, Sent, SentMany, send_to_many};
pub use service::{ServiceUnit, service_unit};
pub use stop::{StopManagersOptions, StopManagersReport, stop_managers};
pub use why::{Why, why};
