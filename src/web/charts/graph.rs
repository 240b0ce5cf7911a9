//! Who writes what, and who reads it: apps at the left, tables between, apps that read at the right.

use std::collections::{HashMap, HashSet};

use maud::{Markup, html};

use super::super::parts::count;

/// So many nodes stand in a column.
const NODES_MAX: usize = 60;
const WIDTH: f64 = 1_160.0;
const NODE_WIDTH: f64 = 300.0;
const NODE_HEIGHT: f64 = 20.0;
const STEP: f64 = 27.0;
/// A name is cut behind so many letters.
const LETTERS_MAX: usize = 44;

/// An app that touches a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Edge {
    pub(crate) app: String,
    /// The name of the table, and its address.
    pub(crate) table: (String, String),
    pub(crate) writes: bool,
    pub(crate) reads: bool,
}

/// Names in a column, each with where it stands.
type Column = Vec<String>;

/// Draws the edges.
pub(crate) fn graph(edges: &[Edge]) -> Markup {
    let mut tables: Column = distinct(edges.iter().map(|edge| edge.table.0.clone()));
    let writers = edges.iter().filter(|edge| edge.writes);
    let mut writers: Column = distinct(writers.map(|edge| edge.app.clone()));
    let readers = edges.iter().filter(|edge| edge.reads);
    let mut readers: Column = distinct(readers.map(|edge| edge.app.clone()));
    let all = (writers.len(), tables.len(), readers.len());
    let touched: HashSet<(&str, &str)> = edges.iter().map(|edge| (edge.app.as_str(), edge.table.0.as_str())).collect();
    let touches = |app: &str, table: &str| touched.contains(&(app, table));
    // twice: each column in the order of the middle of those that it touches, so that fewer lines cross
    for _ in 0..2 {
        sort(&mut tables, &writers, |table, app| touches(app, table));
        sort(&mut writers, &tables, touches);
        sort(&mut readers, &tables, touches);
    }
    for column in [&mut writers, &mut tables, &mut readers] {
        column.truncate(NODES_MAX);
    }
    let rows = writers.len().max(tables.len()).max(readers.len()).max(1);
    let height = STEP * rows as f64 + 22.0;
    let places = |column: &Column| -> HashMap<String, f64> {
        let first = 20.0 + (rows - column.len()) as f64 * STEP / 2.0;
        column.iter().enumerate().map(|(at, name)| (name.clone(), first + STEP * at as f64)).collect()
    };
    let (left, middle, right) = (places(&writers), places(&tables), places(&readers));
    let addresses: HashMap<&str, &str> =
        edges.iter().map(|edge| (edge.table.0.as_str(), edge.table.1.as_str())).collect();
    let (column_two, column_three) = ((WIDTH - NODE_WIDTH) / 2.0, WIDTH - NODE_WIDTH);
    let [writing, touched, reading] =
        [(all.0, "app"), (all.1, "table"), (all.2, "app")].map(|(all, noun)| count(all, noun));
    let words = format!("{writing} writing, {touched}, {reading} reading");
    let is_cut = all.0 > NODES_MAX || all.1 > NODES_MAX || all.2 > NODES_MAX;
    html! {
        figure {
            div.chart tabindex="0" {
                svg viewBox={ "0 0 " (WIDTH) " " (height) } width=(WIDTH) height=(height) role="group"
                    aria-label=(words) {
                    text x="0" y="11" { "write" }
                    text x=(column_two) y="11" { "tables, views, routines" }
                    text x=(column_three) y="11" { "read" }
                    @for edge in edges {
                        @if let Some(table) = middle.get(&edge.table.0) {
                            @if let Some(app) = left.get(&edge.app).filter(|_| edge.writes) {
                                path.edge d=(curve((NODE_WIDTH, *app), (column_two, *table))) {}
                            }
                            @if let Some(app) = right.get(&edge.app).filter(|_| edge.reads) {
                                path.edge.rd d=(curve((column_two + NODE_WIDTH, *table), (column_three, *app))) {}
                            }
                        }
                    }
                    @for name in &writers { (node(name, &super::super::parts::app_path(name), (0.0, left[name]),
                        false)) }
                    @for name in &tables {
                        (node(name, addresses.get(name.as_str()).copied().unwrap_or_default(), (column_two,
                            middle[name]), true))
                    }
                    @for name in &readers {
                        (node(name, &super::super::parts::app_path(name), (column_three, right[name]), false))
                    }
                }
            }
            figcaption {
                (words) ". A full line writes, a dashed one reads."
                @if is_cut { " Only " (NODES_MAX) " of each are drawn: the table below has all." }
            }
        }
    }
}

fn distinct(names: impl Iterator<Item = String>) -> Column {
    let mut names: Column = names.collect();
    names.sort();
    names.dedup();
    names
}

/// Sorts a column by the middle of the places of those in another one that it touches.
fn sort(column: &mut Column, other: &Column, touches: impl Fn(&str, &str) -> bool) {
    let middle = |name: &String| {
        let touched = other.iter().enumerate().filter(|(_, other)| touches(name, other)).map(|(at, _)| at);
        let (sum, count) = touched.fold((0, 0), |(sum, count), at| (sum + at, count + 1));
        if count == 0 { f64::MAX } else { f64::from(sum as u32) / f64::from(count) }
    };
    column.sort_by_cached_key(|name| (ordered(middle(name)), name.clone()));
}

/// A number that is none below zero, as a key to sort by.
fn ordered(number: f64) -> u64 {
    number.to_bits()
}

fn curve((from_x, from_y): (f64, f64), (to_x, to_y): (f64, f64)) -> String {
    let (from_y, to_y, middle) = (from_y + NODE_HEIGHT / 2.0, to_y + NODE_HEIGHT / 2.0, (from_x + to_x) / 2.0);
    format!("M{from_x} {from_y}C{middle} {from_y} {middle} {to_y} {to_x} {to_y}")
}

fn node(name: &str, path: &str, (x, y): (f64, f64), is_table: bool) -> Markup {
    let short: String = match name.chars().count() > LETTERS_MAX {
        true => format!("{}…", name.chars().take(LETTERS_MAX - 1).collect::<String>()),
        false => name.to_owned(),
    };
    html! {
        a href=(path) class={ "node" @if is_table { " t" } } aria-label=(name) tabindex="-1" {
            title { (name) }
            rect x=(x + 0.5) y=(y) width=(NODE_WIDTH - 1.0) height=(NODE_HEIGHT) rx=(if is_table { "0" } else { "9"
                }) {}
            text x=(x + 10.0) y=(y + 14.0) { (short) }
        }
    }
}
