//! Data Collector: run programs that collect data, merge what they bring into a database by hash,
//! and know afterwards what ran, what changed and what broke.
//!
//! The rooms stand on floors; a room uses only rooms below it. ARCHITECTURE.md has the table.

extern crate self as data_collector;

pub mod apps;
pub mod board;
pub mod bound;
pub mod broker;
pub mod captcha;
pub mod clock;
pub mod context;
pub mod db;
pub mod die;
pub mod documents;
pub mod dotenv;
pub mod dramatiq;
pub mod ends;
pub mod error;
mod failpoint;
pub mod fields;
pub mod formats;
#[cfg(any(test, fuzzing))]
#[path = "../fuzz/targets/mod.rs"]
pub mod fuzzing;
pub mod hash;
pub mod html;
pub mod http;
pub mod ident;
pub mod json_schema;
pub mod language;
pub mod layout;
pub mod logs;
pub mod manager;
pub mod merge;
pub mod notify;
pub mod ocr;
pub mod ops;
pub mod pdf;
pub mod pipeline;
pub mod profile;
pub mod publish;
pub mod readers;
pub mod record;
pub mod redact;
pub mod secret;
pub mod secrets;
pub mod settings;
pub mod shell;
pub mod soap;
pub mod storage;
pub mod tables;
pub mod telemetry;
pub mod transfer;
pub mod web;
pub mod zone;
