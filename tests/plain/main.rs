//! Tests that need nothing but dc. What they store goes into SQLite; servers are stand-ins on loopback.

mod answers;
mod architecture;
mod archive;
mod backend;
mod board;
mod captcha;
mod cassette;
mod circles;
mod editors;
mod facade;
mod failpoints;
mod fetching;
mod files;
mod formats;
mod half_ruled;
mod html;
mod letters;
mod logs;
mod merge;
mod needs;
mod newcomers;
mod ocr;
mod packaging;
mod pdf;
mod pictures;
mod pipeline;
mod polish;
mod requests;
mod run;
mod scraping;
mod screens;
mod secrets;
mod secrets_in_use;
mod sharing;
mod soap;
mod soap_requests;
mod transcripts;
mod trials;
mod vectors;
mod wire;
mod words;

#[path = "../support/mod.rs"]
mod support;
