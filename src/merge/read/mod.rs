//! From inputs to records, and from records to hashes and rows.

pub(crate) mod again;
pub(crate) mod closing;
pub(crate) mod columns;
pub(crate) mod cut;
pub(crate) mod digest;
pub(crate) mod encoding;
pub(crate) mod fingerprint;
pub(crate) mod flat;
pub(crate) mod ground;
pub(crate) mod header;
pub(crate) mod names;
pub(crate) mod open;
pub(crate) mod pass;
pub(crate) mod reader;
pub(crate) mod recognise;
pub(crate) mod reject;
pub(crate) mod row;
pub(crate) mod rows;
pub(crate) mod sample;
pub(crate) mod scan;
pub(crate) mod sniff;
pub(crate) mod source;
pub(crate) mod survey;
pub(crate) mod typed;
pub(crate) mod unpack;
pub(crate) mod wider;
