//! Tests that run on every database, or on PostgreSQL alone.

mod backends;
mod board;
mod clocks;
mod commands;
mod deploy_killed;
mod deploy_sql;
mod documents;
mod evolve;
mod exact_merges;
mod exact_types;
mod failed_starts;
mod first_load;
mod follow;
mod logs;
mod lost_answers;
mod manager;
mod mariadb;
mod merge_killed;
mod moving;
mod mssql;
mod notify;
mod occasions;
mod ownership;
mod pipeline;
mod placement;
mod pool;
mod publish;
mod random_merges;
mod refused_rows;
mod registry;
mod run;
mod same_input;
mod search;
mod sharing;
mod silence;
mod slow;
mod tasks;
mod undo;
mod unusual_tables;
mod unwell;
mod update;
mod web;

#[path = "../support/mod.rs"]
mod support;
