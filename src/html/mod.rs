//! Pages of the web: read as browsers do, asked by selectors of CSS, followed by their links, and filled in where they hold
//! forms. `robots.txt` is respected unless told otherwise.

mod address;
mod element;
mod extract;
mod form;
mod page;
mod robots;
mod sitemap;
mod visitor;

pub use element::Element;
pub use extract::{Extract, FieldPath};
pub use form::{Form, FormField};
pub use page::{Fields, Link, Page};
pub use robots::Robots;
pub use sitemap::{SitemapEntry, sitemap_entries};
pub use visitor::Visitor;
