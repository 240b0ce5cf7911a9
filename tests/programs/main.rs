//! Tests that need a program or an engine of the system: Chromium, OpenSSL, poppler, qpdf, strace, Tesseract, PaddleOCR's models.

mod archives;
mod dashboard;
mod door;
mod masters;
mod ocr;
mod secrets;
mod secrets_killed;
mod tls;

#[path = "../support/mod.rs"]
mod support;
