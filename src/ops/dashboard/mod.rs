//! What the dashboard shows: questions over one store that only reads, each bounded, and answered by what the commands
//! report wherever a command asks the same.

mod app;
mod apps;
mod exchanges;
mod log_window;
mod memory;
mod merge;
mod needs;
mod now;
mod picture;
mod run;
mod search;
mod tables;
mod timeline;
mod usual;

pub use app::{AppReport, RunLine};
pub use apps::{AppLine, AppsReport};
pub use exchanges::RunCassette;
pub use log_window::{LogWindow, LogWindowOptions};
pub use memory::RunMemory;
pub use merge::MergeStory;
pub use needs::{Need, NeedKind};
pub use now::{NowReport, NowRun, Upcoming};
pub use picture::{PagePicture, document_pages, page_picture};
pub use run::RunStory;
pub use search::{Search, SearchHit, SearchKind};
pub use tables::{TableMerges, TableTouched, TablesReport};
pub use timeline::{HostTimeline, Planned, Timeline};
