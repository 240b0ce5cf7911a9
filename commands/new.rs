//! `dc new`

use data_collector::context::Context;
use data_collector::error::Result;
use data_collector::ops::{self, AppKind, NewOptions};

const EXAMPLES: &str = "\
Examples:
  dc new croatia/findata/companies --python                        an app, a sample of a source, a test
  dc new croatia/hnb/rates --sh --from https://api.hnb.hr/tecajn-eur/v3
  dc new stock/zse/prices --node --from prices.csv                 the file becomes the sample
  dc new office/mail/invoices --pipeline                           documents in a folder

With --from the first page is fetched: its format is found, and its fields are listed with the types that a
table gets for them. Nothing is ever overwritten. The app runs at once, and its test passes.";

/// Create an app with a sample of its source and a test
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES, after_help = "`dc new --help` has examples")]
pub(crate) struct Args {
    /// App to create: GROUP/PARENT/NAME
    name: String,
    #[command(flatten)]
    kind: Kind,
    /// Source whose first page becomes the sample
    #[arg(long, value_name = "URL|FILE")]
    from: Option<String>,
}

#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
struct Kind {
    /// Write it in Python, with the package dcollect
    #[arg(long)]
    python: bool,
    /// Write it in Rust
    #[arg(long)]
    rust: bool,
    /// Write it as shell scripts
    #[arg(long)]
    sh: bool,
    /// Write it in JavaScript
    #[arg(long)]
    node: bool,
    /// Create a pipeline for documents
    #[arg(long)]
    pipeline: bool,
}

impl Kind {
    fn chosen(&self) -> AppKind {
        match self {
            Self { rust: true, .. } => AppKind::Rust,
            Self { sh: true, .. } => AppKind::Shell,
            Self { node: true, .. } => AppKind::Node,
            Self { pipeline: true, .. } => AppKind::Pipeline,
            _ => AppKind::Python,
        }
    }
}

pub(crate) fn run(context: &Context, args: Args) -> Result<()> {
    let Args { name, kind, from } = args;
    let report = ops::new_app(context, &NewOptions { name, kind: kind.chosen(), from })?;
    context.shell().print(&report)
}
