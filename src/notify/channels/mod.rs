//! The kinds of channels, a file each.

pub(super) mod command;
pub(super) mod discord;
pub(super) mod email;
pub(super) mod gotify;
pub(super) mod matrix;
pub(super) mod ntfy;
pub(super) mod opsgenie;
pub(super) mod pagerduty;
pub(super) mod slack;
pub(super) mod teams;
pub(super) mod telegram;
pub(super) mod webhook;
