//! A run that is only tried: its merges are dry runs, and each leaves its report in a folder that goes with the run.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::Serialize;
use tempfile::TempDir;

use crate::context::Context;
use crate::error::{Error, ErrorKind, OrFail, Result, file_error};
use crate::ident::new_identity;
use crate::merge::MergeReport;
use crate::settings::{TRIAL_RECORDS_VARIABLE, TRIAL_VARIABLE, TrialSettings};
use crate::shell::{self, visible_line};

/// What the merges of a run would have done, in their order.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(transparent)]
pub struct TriedMerges(pub Vec<MergeReport>);

/// The folder for the reports of a run that is only tried.
#[derive(Debug)]
pub(super) struct Trial {
    folder: TempDir,
    records: usize,
}

impl Trial {
    /// # Errors
    /// What the file system says.
    pub(super) fn start(records: usize) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("dc-trial").tempdir();
        let folder = folder.or_fail(|| "make a folder for the reports of the run".to_owned())?;
        Ok(Self { folder, records })
    }

    /// What the app finds in its environment.
    pub(super) fn environment(&self) -> [(String, std::ffi::OsString); 2] {
        [
            (TRIAL_VARIABLE.to_owned(), self.folder.path().as_os_str().to_owned()),
            (TRIAL_RECORDS_VARIABLE.to_owned(), self.records.to_string().into()),
        ]
    }

    /// What its merges have left.
    ///
    /// # Errors
    /// What the file system says.
    pub(super) fn merges(&self) -> Result<TriedMerges> {
        read(self.folder.path()).map(TriedMerges)
    }
}

fn read(folder: &Path) -> Result<Vec<MergeReport>> {
    let failed = |cause| file_error(format!("read the reports in {}", folder.display()), cause);
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder).map_err(failed)?.flatten().map(|it| it.path()).collect();
    files.retain(|path| path.extension().is_some_and(|it| it == "json"));
    // their names tell their order
    files.sort();
    let read = |path: &PathBuf| {
        let text = std::fs::read(path).map_err(failed)?;
        serde_json::from_slice(&text).or_fail(|| format!("read {}", path.display()))
    };
    files.iter().map(read).collect()
}

/// Leaves the report of a merge for the run around it.
///
/// # Errors
/// What the file system says.
pub(super) fn leave_report(trial: &TrialSettings, report: &MergeReport) -> Result<()> {
    let identity = new_identity();
    let new = trial.folder.join(format!("{identity}.new"));
    let failed = |cause| file_error(format!("leave the report of the merge in {}", trial.folder.display()), cause);
    let text = serde_json::to_vec(report).or_fail(|| "write the report of the merge".to_owned())?;
    std::fs::write(&new, text).map_err(failed)?;
    // it appears whole
    std::fs::rename(&new, trial.folder.join(format!("{identity}.json"))).map_err(failed)
}

/// Refuses what writes, inside of a run that is only tried.
///
/// # Errors
/// Refused, with the name of the command.
pub fn refuse_in_trial(context: &Context, command: &str) -> Result<()> {
    if context.settings().trial.is_none() {
        return Ok(());
    }
    let message = format!("do `dc {command}`: this run is only tried, and nothing may be written");
    Err(Error::new(ErrorKind::Refused, message).hint(format!("an app can ask for it: {TRIAL_VARIABLE} is set then")))
}

impl fmt::Display for TriedMerges {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, report) in self.0.iter().enumerate() {
            if place > 0 {
                formatter.write_str("\n\n")?;
            }
            if let Some(sample) = &report.sample {
                let mut columns = shell::table(["column", "type"]);
                for column in &sample.columns {
                    columns.add_row([column.name.as_str(), column.declared.as_str()]);
                }
                for record in &sample.records {
                    writeln!(formatter, "{}", visible_line(record))?;
                }
                writeln!(formatter, "{columns}\n")?;
            }
            write!(formatter, "{report}")?;
        }
        Ok(())
    }
}
