//! Tests against programs in Python that were not written by us: `tests/support/get-python` fetches their packages.

mod dcollect;
mod dramatiq;
mod dramatiq_faults;
mod mail;
mod new;
mod packages;
mod schedule;
mod secrets;
mod soap;
mod stages;
mod storage;

#[path = "../support/mod.rs"]
mod support;
