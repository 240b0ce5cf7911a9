//! The kinds of channels, a file each.

pub(super) mod discord;
pub(super) mod email;
pub(super) mod slack;
pub(super) mod teams;
pub(super) mod telegram;
pub(super) mod webhook;
