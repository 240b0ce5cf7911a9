//! Tests that need a program or an engine of the system: OpenSSL, poppler, qpdf, strace, Tesseract, PaddleOCR's models.

mod archives;
mod masters;
mod ocr;
mod secrets;
mod secrets_killed;
mod tls;

#[path = "../support/mod.rs"]
mod support;
