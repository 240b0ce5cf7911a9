//! Workers in Rust: stages that a program which embeds the library brings along.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::stage::{Failure, Job, Output, Stage, Worked};
use super::stages::{Flaw, Open};

/// What a worker in Rust does with a document.
type Work = Arc<dyn Fn(&Job<'_>) -> std::result::Result<Output, Failure> + Send + Sync>;

/// The workers of this program, by the name that `worker = ".."` in app.toml has.
#[derive(Clone, Default)]
pub struct Workers(BTreeMap<String, Work>);

impl Workers {
    /// With one more.
    #[must_use]
    pub fn worker(
        mut self,
        name: &str,
        work: impl Fn(&Job<'_>) -> std::result::Result<Output, Failure> + Send + Sync + 'static,
    ) -> Self {
        self.0.insert(name.to_owned(), Arc::new(work));
        self
    }

    pub(super) fn open(&self, name: &str) -> std::result::Result<Open, Flaw> {
        let Some(work) = self.0.get(name).cloned() else {
            let known: Vec<&str> = self.0.keys().map(String::as_str).collect();
            let known =
                if known.is_empty() { "it has none".to_owned() } else { format!("known: {}", known.join(", ")) };
            return Err(Flaw::at("worker", format!("names `{name}`, which this program does not have; {known}")));
        };
        Ok(Box::new(move || Ok(Box::new(Rust(work.clone())))))
    }
}

struct Rust(Work);

impl Stage for Rust {
    fn work(&mut self, job: &Job<'_>) -> Worked {
        (self.0)(job).into()
    }
}
