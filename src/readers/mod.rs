//! The pool of processes that read pages. What they read may crash them and takes what memory it wants, so they are
//! children of their own: asked by a line of JSON, killed when they take too long, started anew when they have died.

mod answerer;
mod board;
mod instructions;
mod options;
mod painter;
mod paths;
mod pool;
mod process;
mod protocol;
mod worker;

pub use options::{PageRange, ReadersOptions};
pub use painter::PainterOptions;
pub use pool::{Pool, ReadEvent};
pub use process::Worker;
pub use worker::{WorkerOptions, ocr_worker};
