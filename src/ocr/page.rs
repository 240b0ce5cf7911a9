//! One page from picture to text.

use std::time::Instant;

use serde::{Deserialize, Serialize};

use super::coverage::coverage;
use super::engine::Engine;
use super::found::FoundLine;
use super::open;
use super::options::EngineOptions;
use super::prepare::{Measurement, Prepared, Preprocessor, Step};
use crate::error::Result;
use crate::layout::{Area, Picture};

/// A page read with less confidence than this, or with less of its ink, is looked at again: turned, or by another engine.
const CONFIDENCE_GOOD: f64 = 70.0;
/// The share of the ink that should have been read.
const COVERAGE_GOOD: f64 = 0.75;
/// A page is better when it is turned, if it is read so much better.
const TURNED_GAIN: f64 = 1.15;
/// Where `auto` has another engine, it is asked for pages that were read with less confidence, or with less of their ink:
/// a page read so well by one is no better by the other. Of receipts that Tesseract is 93 % sure of, it misses one word in
/// twenty; clean pages reach 95.
const CONFIDENCE_SURE: f64 = 94.0;
const COVERAGE_SURE: f64 = 0.9;
/// What an engine is no surer of than this is no evidence for it.
const CONFIDENCE_NONE: f64 = 50.0;

/// How pages are read.
#[derive(Debug, Clone)]
pub struct PageOptions {
    /// The name of an engine, or `auto`.
    pub engine: String,
    /// What the engines are given.
    pub engines: EngineOptions,
    /// How pages are prepared; `None` to leave them as they are.
    pub preprocessor: Option<Preprocessor>,
}

/// Reads page after page; engines stay open.
pub struct Recogniser {
    engines: Vec<Box<dyn Engine>>,
    /// The engine that `auto` asks where the first one read badly: opened when it is needed, and at most once.
    second: Option<&'static str>,
    options: PageOptions,
}

/// A word of a picture.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RecognisedWord {
    /// The letters.
    pub text: String,
    /// Its place in pixels of the picture.
    pub pixels: Area,
    /// Its place in points.
    pub points: Area,
    /// How sure the engine is, 0 to 100.
    pub confidence: f32,
}

/// A line of a picture.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RecognisedLine {
    /// Its words with a space between them.
    pub text: String,
    /// Its place in pixels of the picture.
    pub pixels: Area,
    /// Its place in points.
    pub points: Area,
    /// The mean confidence of its words, by their length.
    pub confidence: f32,
    /// The paragraph it is of, counted over the page.
    pub paragraph: usize,
    /// The words.
    pub words: Vec<RecognisedWord>,
}

/// What was read on a page, how well, and what was done for it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Recognised {
    /// The text, line by line, with an empty line between paragraphs.
    pub text: String,
    /// The lines, in the order in which they are read.
    pub lines: Vec<RecognisedLine>,
    /// The mean confidence, 0 to 100; 0 where nothing was read.
    pub confidence: f64,
    /// The share of what looks like letters that lies inside of words, 0 to 1: an engine does not tell what it missed.
    pub coverage: f64,
    /// The engine that read it.
    pub engine: String,
    /// The languages it was told, joined by `+`.
    pub language: String,
    /// What was done to the page first.
    pub steps: Vec<Step>,
    /// What was measured on the page.
    pub measurement: Measurement,
    /// Milliseconds for all of it.
    pub ms: u64,
}

struct Reading {
    lines: Vec<FoundLine>,
    engine: &'static str,
    prepared: Prepared,
    confidence: f64,
    coverage: f64,
}

impl Reading {
    fn is_good(&self) -> bool {
        self.confidence >= CONFIDENCE_GOOD && self.coverage >= COVERAGE_GOOD
    }

    /// Whether no other engine can do much better.
    fn is_sure(&self) -> bool {
        self.confidence >= CONFIDENCE_SURE && self.coverage >= COVERAGE_SURE
    }

    /// How much was read well: confidence counts only as far as the ink was read.
    fn worth(&self) -> f64 {
        self.confidence * self.coverage
    }
}

impl Recogniser {
    /// Opens the engine that the options name; `auto` takes Tesseract, and what else there is where that is missing.
    ///
    /// # Errors
    /// Usage for an unknown name; Not found for an engine that is not on this machine.
    pub fn open(options: PageOptions) -> Result<Self> {
        if options.engine != "auto" {
            let engine = open(&options.engine, &options.engines)?;
            return Ok(Self { engines: vec![engine], second: None, options });
        }
        match open("tesseract", &options.engines) {
            Ok(engine) => Ok(Self { engines: vec![engine], second: Some("paddle"), options }),
            Err(first) => match open("paddle", &options.engines) {
                Ok(engine) => Ok(Self { engines: vec![engine], second: None, options }),
                Err(_) => Err(first),
            },
        }
    }

    /// Reads with an engine of the caller's own.
    pub fn with(engine: Box<dyn Engine>, options: PageOptions) -> Self {
        Self { engines: vec![engine], second: None, options }
    }

    /// How many threads the engines may use from now on.
    pub fn set_threads(&mut self, threads: usize) {
        self.options.engines.threads = threads;
        self.engines.iter_mut().for_each(|engine| engine.set_threads(threads));
    }

    /// Reads a page.
    ///
    /// # Errors
    /// Timeout or Failed, as the engine says.
    pub fn read(&mut self, picture: &Picture) -> Result<Recognised> {
        let started = Instant::now();
        if picture.is_empty() {
            return Ok(self.blank(picture, started));
        }
        let mut best = self.read_with(0, picture)?;
        let is_blank = best.lines.is_empty() && best.prepared.measurement.letter_height <= 0.0;
        if !best.is_sure() && !is_blank {
            if let Some(name) = self.second.take() {
                // an engine that is not there is no failure of a page that was read
                self.engines.extend(open(name, &self.options.engines).ok());
            }
            for at in 1..self.engines.len() {
                let other = self.read_with(at, picture)?;
                if evidence(&other.lines) > evidence(&best.lines) {
                    best = other;
                }
            }
        }
        Ok(self.recognised(best, picture, started))
    }

    fn read_with(&mut self, at: usize, picture: &Picture) -> Result<Reading> {
        let engine = &mut self.engines[at];
        let plain =
            Preprocessor { light: false, noise: false, scale: false, tilt: false, cleans_all: false, pixels_max: 0 };
        let mut preprocessor = self.options.preprocessor.unwrap_or(plain);
        if !engine.wants_clean_pages() {
            preprocessor.noise = false;
            preprocessor.scale = false;
        }
        let prepared = preprocessor.prepare(picture);
        let mut best = reading(engine.as_mut(), prepared)?;
        // a page that stands on its head or lies on its side is read badly: it is turned then, and only then
        let misses_much = best.coverage < COVERAGE_GOOD / 2.0 && best.confidence < CONFIDENCE_SURE;
        let suspicious = best.confidence < engine.turned_below() || misses_much;
        if self.options.preprocessor.is_some() && suspicious && best.prepared.measurement.letter_height > 0.0 {
            for &degrees in best.prepared.turns() {
                let turned = reading(engine.as_mut(), best.prepared.turned_from_start(degrees))?;
                if turned.worth() > best.worth() * TURNED_GAIN && turned.confidence > best.confidence {
                    let done = turned.is_good();
                    best = turned;
                    if done {
                        break;
                    }
                }
            }
        }
        Ok(best)
    }

    fn blank(&self, picture: &Picture, started: Instant) -> Recognised {
        let prepared = Preprocessor::default().prepare(&Picture::filled(1, 1, picture.dpi, 255));
        let engine = self.engines[0].name();
        let reading = Reading { lines: Vec::new(), engine, prepared, confidence: 0.0, coverage: 1.0 };
        self.recognised(reading, picture, started)
    }

    fn recognised(&self, reading: Reading, picture: &Picture, started: Instant) -> Recognised {
        let points = picture.points();
        let place = |area: &Area| reading.prepared.to_original(area);
        let line = |found: &FoundLine| {
            let word = |word: &super::found::FoundWord| {
                let pixels = place(&word.area);
                RecognisedWord {
                    text: word.text.clone(),
                    pixels,
                    points: pixels.scaled(points),
                    confidence: word.confidence,
                }
            };
            let words: Vec<RecognisedWord> = found.words.iter().map(word).collect();
            let pixels = Area::around(words.iter().map(|word| word.pixels)).unwrap_or_default();
            RecognisedLine {
                text: words.iter().map(|word| word.text.as_str()).collect::<Vec<_>>().join(" "),
                pixels,
                points: pixels.scaled(points),
                confidence: mean_confidence([found]) as f32,
                paragraph: found.paragraph,
                words,
            }
        };
        let lines: Vec<RecognisedLine> = reading.lines.iter().map(line).collect();
        Recognised {
            text: text(&lines),
            lines,
            confidence: reading.confidence,
            coverage: reading.coverage,
            engine: reading.engine.to_owned(),
            language: self.options.engines.languages.join("+"),
            steps: reading.prepared.steps,
            measurement: reading.prepared.measurement,
            ms: started.elapsed().as_millis() as u64,
        }
    }
}

fn reading(engine: &mut dyn Engine, prepared: Prepared) -> Result<Reading> {
    let lines = engine.read(&prepared.picture)?;
    let coverage = coverage(&prepared.picture, &prepared.measurement, prepared.letter_height(), &lines);
    Ok(Reading { confidence: mean_confidence(&lines), coverage, engine: engine.name(), lines, prepared })
}

/// How much was read for sure: each letter counts by the square of how far its confidence is above [`CONFIDENCE_NONE`]. How
/// much of the ink was read does not tell two engines apart: where there is grain, ink itself is measured badly.
fn evidence(lines: &[FoundLine]) -> f64 {
    let words = lines.iter().flat_map(|line| &line.words);
    let worth = |confidence: f32| {
        ((f64::from(confidence) - CONFIDENCE_NONE) / (100.0 - CONFIDENCE_NONE)).clamp(0.0, 1.0).powi(2)
    };
    words.map(|word| worth(word.confidence) * word.text.chars().count() as f64).sum()
}

/// The mean confidence of all letters.
fn mean_confidence<'a>(lines: impl IntoIterator<Item = &'a FoundLine>) -> f64 {
    let (mut sum, mut letters) = (0.0, 0usize);
    for word in lines.into_iter().flat_map(|line| &line.words) {
        let count = word.text.chars().count();
        sum += f64::from(word.confidence) * count as f64;
        letters += count;
    }
    if letters == 0 { 0.0 } else { sum / letters as f64 }
}

fn text(lines: &[RecognisedLine]) -> String {
    let mut text = String::new();
    let mut paragraph = lines.first().map(|line| line.paragraph);
    for line in lines {
        if paragraph != Some(line.paragraph) {
            text.push('\n');
            paragraph = Some(line.paragraph);
        }
        text.push_str(&line.text);
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::super::found::FoundWord;
    use super::*;

    #[test]
    fn what_was_read_for_sure_outweighs_more_that_was_guessed() {
        let line = |text: &str, confidence: f32| FoundLine {
            words: vec![FoundWord { text: text.to_owned(), area: Area::default(), confidence }],
            paragraph: 1,
        };
        let (sure, guessed) = (vec![line("TOTAL", 99.0)], vec![line("T0TA1", 64.0), line("..,-'~", 40.0)]);
        assert!(evidence(&sure) > evidence(&guessed));
        // what one engine alone has seen counts
        let more = vec![line("TOTAL", 90.0), line("20.07", 90.0)];
        assert!(evidence(&more) > evidence(&sure));
        assert_eq!(evidence(&[]), 0.0);
    }
}
