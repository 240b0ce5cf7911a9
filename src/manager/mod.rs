//! The manager: keeps the schedules, carries commands out, and sees to what others have left behind. It starts nothing
//! but `dc run`, detached; so it may be stopped, killed or upgraded at any moment, and several may share one database.

mod decide;
mod desk;
mod scheduler;
#[cfg(test)]
mod simulation;
