//! Pipelines: documents are found in folders, and go through stages. What each document is and how far it has come stands in
//! the database; a worker claims it there, works, and writes down what became of it, so it may die at any step.
//!
//! A pipeline is an app whose app.toml has `[pipeline]` and `[[stage]]`. A stage is a program, something built in (`ocr`,
//! `fields`, `check`, `load`), an actor of Dramatiq somewhere else, or a worker in Rust that the program brings along:
//!
//! ```no_run
//! use data_collector::pipeline::{Failure, Output, WorkOptions, Workers, work};
//! # fn example(context: &data_collector::context::Context) -> data_collector::error::Result<()> {
//! let workers = Workers::default().worker("count_bytes", |job| {
//!     let document = job.document().map_err(|error| Failure::of(&error))?;
//!     let bytes = std::fs::metadata(document).map_err(|cause| Failure::passing(cause.to_string()))?.len();
//!     Ok(Output::of(&serde_json::json!({ "name": job.name, "bytes": bytes })))
//! });
//! work(context, &WorkOptions { app: "invoices".to_owned(), ..WorkOptions::default() }, &workers)?;
//! # Ok(())
//! # }
//! ```

mod began;
mod calls;
mod care;
mod foreman;
mod hand;
mod inbox;
mod kept;
mod ledger;
mod notes;
mod overlap;
mod plan;
mod stage;
mod stages;
mod work;
mod workers;

pub use kept::INLINE_BYTES_MAX;
pub use overlap::overlaps;
pub use plan::check;
pub use stage::{Failure, FailureKind, Given, Job, Output, Spent, Stage, Worked};
pub use stages::{Entry, STAGES};
pub use work::{Resting, WorkOptions, WorkReport, work};
pub use workers::Workers;
