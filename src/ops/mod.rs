//! One operation a subcommand: options in, report out, nothing printed.

mod actors;
mod app;
mod connect;
mod deploy;
mod diagnosis;
mod doctor;
mod editor;
mod files;
mod history;
mod list;
mod log_line;
mod logs;
mod manager;
mod merge;
mod ocr;
mod profile;
mod prune;
mod queues;
mod resend;
mod run;
mod secrets;
mod tasks;
mod which;

pub use crate::manager::{Manager, ManagerState};
pub use crate::pdf::TextLayout;
pub use crate::readers::{PageRange, ReadersOptions, WorkerOptions, ocr_worker};
pub use crate::tables::AppCommand;
pub use actors::{ActorWorkerOptions, work_for_queues};
pub use app::App;
pub use connect::connect;
pub use deploy::{BrokenFolder, CodebookChange, DeployOptions, DeployReport, PublishingReport, deploy, deploy_sql};
pub use diagnosis::{Diagnosis, Finding, Health};
pub use doctor::doctor;
pub use files::*;
pub use history::{MergeHistory, merge_history, read_as_of, show_table, undo_merges};
pub use list::{AppList, ListedApp, app_names, list_apps};
pub use logs::{LogLine, LogsOptions, RunList, logs, runs};
pub use manager::*;
pub use merge::{HashOnlyOptions, MergeOptions, hash_only, merge};
pub use ocr::{
    EngineList, ModelsInstalled, OcrFile, OcrFormat, OcrOptions, OcrReport, OcrTables, engines, install_models, ocr,
};
pub use profile::{ProfileOptions, RunProfile, profile};
pub use prune::{PruneOptions, PruneReport, prune};
pub use queues::known_queues;
pub use resend::{ResendReport, ResentTo, resend};
pub use run::{Echo, RunOptions, RunReport, TapeOptions, run};
pub use secrets::*;
pub use tasks::*;
