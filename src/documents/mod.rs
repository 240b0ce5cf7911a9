//! A file of pages, whatever it is: a PDF that holds its text, a PDF of scans, a picture, a fax of many pages. Each page is
//! read the cheapest way that works: its own text where it has some, and else by an engine.

mod attached;
mod block;
mod codes;
mod direction;
mod drawing;
mod faults;
mod fax_page;
mod heif;
mod hocr;
mod hyphens;
mod jpeg2000;
mod needs;
mod open;
mod page;
mod picture_file;
mod png_data;
mod raster;
mod reader;
mod recognisers;
mod resolution;
mod rules;
mod searchable;
mod structure;
mod tables;
mod tiff_colors;
mod tiff_directory;
mod tiff_page;
mod tsv;

pub use attached::{Attached, unpack};
pub use block::{Block, KeyValue, ListItem};
pub use codes::PageCode;
pub use drawing::draw;
pub use hocr::hocr;
pub use open::Opened;
pub use page::{Page, PageLine, PageSource, PageTable, PageWord, Reading, plain_text};
pub use reader::{ReadOptions, Reader, TablesBy};
pub use searchable::{SearchableOptions, SearchablePage, write_searchable};
pub use structure::{markdown, structure};
pub use tsv::{TSV_HEADER, tsv};
