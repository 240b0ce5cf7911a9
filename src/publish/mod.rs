//! Apps' folders in storage: `dc deploy` puts them there, and a machine that has no folder of an app fetches it as it was
//! deployed, checked file by file. So a machine is added by one command.
//!
//! A folder of its own under `apps/` comes first on each machine, and is never written to. What is fetched stands in
//! `.dc/fetched/<group>/<parent>/<name>/<hash>/`, whole or not at all, and goes when it is replaced and nobody uses it.

mod fetch;
mod find;
mod ignore;
mod local;
mod options;
mod place;
mod private;
mod sum;
mod upload;

pub use fetch::{Wanted, fetch, is_here, wanted};
pub use find::{FetchedApp, PlacedApp, fetched_app, find_placed_app};
pub use local::LeftOut;
pub use options::PublishOptions;
pub use place::tidy;
pub use upload::{PublishedApp, plan, publish};
