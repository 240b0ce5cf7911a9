//! What a look at something has found, each with the command that mends it.

use std::fmt;

use serde::Serialize;

use crate::shell::{self, Cell};

/// How a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Health {
    /// As it should be.
    Ok,
    /// The work goes on, less well.
    Warning,
    /// Something does not work.
    Failed,
}

/// One finding.
#[derive(Debug, Clone, Serialize)]
pub struct Finding {
    /// What was looked at.
    pub what: &'static str,
    /// How it is.
    pub health: Health,
    /// What was found.
    pub found: String,
    /// The command that mends it.
    pub mend: Option<String>,
}

/// All findings.
#[derive(Debug, Clone, Serialize)]
pub struct Diagnosis {
    /// The findings, in the order in which they depend on each other.
    pub findings: Vec<Finding>,
}

impl Diagnosis {
    /// Whether anything does not work.
    pub fn is_well(&self) -> bool {
        self.findings.iter().all(|finding| finding.health != Health::Failed)
    }
}

impl fmt::Display for Diagnosis {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut table = shell::table(["", "what", "found"]);
        for finding in &self.findings {
            let mark = match finding.health {
                Health::Ok => "ok",
                Health::Warning => "warning",
                Health::Failed => "FAILED",
            };
            let mend = finding.mend.as_ref().map(|mend| format!("-> {mend}"));
            let found: Vec<String> = std::iter::once(finding.found.clone()).chain(mend).collect();
            table.add_row([Cell::from(mark), finding.what.into(), found.into()]);
        }
        write!(formatter, "{table}")
    }
}
