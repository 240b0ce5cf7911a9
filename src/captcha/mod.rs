//! Captchas, solved by a service: behind the trait [`Solver`], so that another service is a file and a line.

mod anticaptcha;
mod challenge;
mod costs;
mod failure;
mod solver;
mod task;

pub use challenge::{Challenge, ImageRules, Visitor, VisitorProxy};
pub use costs::{Costs, report};
pub use solver::{Entry, SOLVERS, Solution, Solver, append_solver, open_solver};
