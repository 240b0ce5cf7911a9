//! What a service has to do.

use std::time::Duration;

use super::challenge::Challenge;
use crate::context::Context;
use crate::error::Result;
use crate::settings::Section;

/// Solves captchas.
pub trait Solver: Send + Sync {
    /// Solves one, and waits for it.
    ///
    /// # Errors
    /// Temporary where another try may help: the service is busy, or nobody could read it. Final for what lies in the
    /// account or the challenge: permission for a wrong key, refused for an empty balance, usage for a wrong challenge.
    fn solve(&self, challenge: &Challenge) -> Result<Solution>;

    /// What is left on the account, in its currency.
    ///
    /// # Errors
    /// As [`Solver::solve`].
    fn balance(&self) -> Result<f64>;

    /// Tells that an answer was wrong: the service may give its cost back.
    ///
    /// # Errors
    /// As [`Solver::solve`]; usage for a kind that cannot be reported.
    fn report_wrong(&self, solution: &Solution) -> Result<()>;
}

/// An answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Solution {
    /// The text of a picture, or the token for the page.
    pub text: String,
    /// The service's number for it, or its text: some that speak the same protocol give one.
    pub task: serde_json::Value,
    /// The kind of challenge.
    pub kind: &'static str,
    /// What it cost, in the currency of the account.
    pub cost: f64,
    /// How long it took.
    pub took: Duration,
    /// The browser that the token was made with; the page may want the same.
    pub user_agent: Option<String>,
    /// Cookies that go with the token: names and values.
    pub cookies: Vec<(String, String)>,
}

/// One service.
#[derive(Clone, Copy)]
pub struct Entry {
    /// What a person types as `solver` in `[captcha]`.
    pub name: &'static str,
    /// Makes a client of it. Nothing is asked by that.
    pub open: fn(&Context, Section<'_>) -> Result<Box<dyn Solver>>,
}
