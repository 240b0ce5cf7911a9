//! Pictures, drawn here as SVG. Each says in words what it shows, and none says anything by colour alone.

mod bars;
mod graph;
mod history;
mod timeline;

pub(super) use bars::bars;
pub(super) use graph::{Edge, graph};
pub(super) use history::{durations, rows};
pub(super) use timeline::timeline;
