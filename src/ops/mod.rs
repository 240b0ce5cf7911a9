//! One operation a subcommand: options in, report out, nothing printed.

mod app;
mod connect;
mod deploy;
mod diagnosis;
mod doctor;
mod files;
mod history;
mod list;
mod logs;
mod manager;
mod merge;
mod ocr;
mod profile;
mod prune;
mod run;
mod secrets;
mod which;

pub use crate::manager::{Manager, ManagerState};
pub use crate::readers::{PageRange, ReadersOptions, WorkerOptions, ocr_worker};
pub use crate::tables::AppCommand;
pub use app::App;
pub use connect::connect;
pub use deploy::{BrokenFolder, CodebookChange, DeployOptions, DeployReport, deploy};
pub use diagnosis::{Diagnosis, Finding, Health};
pub use doctor::doctor;
pub use files::*;
pub use history::{MergeHistory, merge_history, read_as_of, show_table, undo_merges};
pub use list::{AppList, ListedApp, app_names, list_apps};
pub use logs::{LogLine, LogsOptions, RunList, logs, runs};
pub use manager::*;
pub use merge::{HashOnlyOptions, MergeOptions, hash_only, merge};
pub use ocr::{EngineList, OcrFile, OcrFormat, OcrOptions, OcrReport, OcrTables, engines, ocr};
pub use profile::{ProfileOptions, RunProfile, profile};
pub use prune::{PruneOptions, PruneReport, prune};
pub use run::{Echo, RunOptions, RunReport, TapeOptions, run};
pub use secrets::*;
