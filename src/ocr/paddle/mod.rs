//! PaddleOCR's networks, run in Rust: one finds lines of text, the other reads them. They were trained on photographs as
//! well as on scans, and read what Tesseract cannot.

mod crop;
mod detect;
mod models;
mod order;
mod read;
mod rectangle;
mod tiles;

use std::sync::Arc;

use rten::{RunOptions, ThreadPool};

use super::engine::{Engine, Entry, missing};
use super::found::{FoundLine, Presence};
use super::options::EngineOptions;
use super::prepare::letter_height;
use crate::error::Result;
use crate::layout::Picture;
use models::{Models, NAME};

/// The engine's line in the table.
pub(super) const ENTRY: Entry = Entry { name: NAME, find, open };

fn find(options: &EngineOptions) -> Presence {
    models::find(options)
}

fn open(options: &EngineOptions) -> Result<Box<dyn Engine>> {
    let presence = find(options);
    if !presence.usable {
        return Err(missing(&presence));
    }
    let models = Models::load(&presence.models)?;
    Ok(Box::new(Paddle { models, run: threaded(options.threads), threads: options.threads }))
}

/// It reads letters that stand on their heads as others, and is more sure of them than it should be.
const TURNED_BELOW: f64 = 90.0;

fn threaded(threads: usize) -> RunOptions {
    RunOptions::default().with_thread_pool(Some(Arc::new(ThreadPool::with_num_threads(threads.max(1)))))
}

struct Paddle {
    models: Models,
    run: RunOptions,
    threads: usize,
}

impl Engine for Paddle {
    fn name(&self) -> &'static str {
        NAME
    }

    fn read(&mut self, picture: &Picture) -> Result<Vec<FoundLine>> {
        let letter = letter_height(picture);
        let found = match tiles::tiles(picture, detect::length_max(letter), letter) {
            None => detect::rectangles(&self.models, picture, letter, &self.run)?,
            Some(tiles) => {
                let mut all = Vec::new();
                for tile in tiles {
                    let found = detect::rectangles(&self.models, &tile.picture, letter, &self.run)?;
                    all.extend(found.into_iter().map(|rectangle| rectangle.moved(tile.left, tile.top)));
                }
                all
            }
        };
        let mut pieces = Vec::new();
        for rectangle in &found {
            let signs = read::line(&self.models, &crop::cut(picture, rectangle), &self.run)?;
            pieces.extend(read::piece(rectangle, signs));
        }
        Ok(order::lines(pieces))
    }

    fn turned_below(&self) -> f64 {
        TURNED_BELOW
    }

    fn wants_clean_pages(&self) -> bool {
        false
    }

    fn set_threads(&mut self, threads: usize) {
        if threads != self.threads {
            (self.run, self.threads) = (threaded(threads), threads);
        }
    }
}
