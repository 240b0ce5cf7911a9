//! From letters to words and lines, as people read them: gaps are measured by the size of letters, columns are read one
//! after the other, text runs the way it was turned, and Arabic and Hebrew from right to left.

use std::collections::{BTreeMap, HashMap};

use super::bidi::{in_logical_order, logical};
use super::columns::{Block, in_order};
use super::letter::{Letter, LetterText};
use super::text::WordRules;
use crate::layout::{Area, Direction, Line, Word};

/// A gap of this share of the size of letters parts words.
const GAP_WORD: f64 = 0.13;
/// Letters that go back further than this share of their size begin anew.
const GAP_BACK: f64 = 0.5;
/// A gap of so many times the size of letters parts pieces that may be of different columns.
const GAP_PIECE: f64 = 1.2;
/// What shares this much of its height with a line is on it.
const SHARED: f64 = 0.5;
/// So many letters that stand apart are a word; their gaps differ by this factor, and are at most this share of a size.
const TRACKED_MIN: usize = 4;
const TRACKED_ALIKE: f64 = 1.6;
const TRACKED_MAX: f64 = 0.7;
/// Letters are spaced out where at least this share of the space that is added to them is seen.
const ROOM_SEEN: f64 = 0.5;
/// A space that was drawn back, before the letter that it follows, at most so many sizes away, parts nothing.
const SPACE_BACK: f64 = 3.0;
/// What is on one height differs by less than this share of its size; what stands above something else, by more.
const ABOVE: f64 = 0.35;
/// The same letter once more, this near by share of its size, makes it look bold, or is its shadow.
const DOUBLED: (f64, f64) = (0.12, 0.15);
/// Letters are looked for in squares of so many points.
const SQUARE: f64 = 8.0;
/// How letters are turned is told to so many degrees.
const ANGLE_STEP: f64 = 3.0;

/// In which order the text of a page is put.
#[derive(Debug, Clone, Copy, PartialEq, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TextLayout {
    /// As people read it: column by column.
    #[default]
    Reading,
    /// As it stands: what is on one height is one line.
    Physical,
    /// By the rules of pdfplumber.
    Pdfplumber(WordRules),
}

/// A letter where it stands when all letters of its kind are turned upright.
struct Placed<'a> {
    letter: &'a Letter,
    x0: f64,
    x1: f64,
    top: f64,
    bottom: f64,
    /// Whether white space stands before it.
    parted: bool,
    /// How far the next letter of its word may stand besides, because letters are spaced out.
    room: f64,
}

impl Placed<'_> {
    fn size(&self) -> f64 {
        self.bottom - self.top
    }

    /// Where the next letter stands, if it is of the same word.
    fn end(&self) -> f64 {
        self.x1 + self.room
    }
}

/// Letters without a gap.
struct Run<'a> {
    letters: Vec<Placed<'a>>,
    block: Block,
    parted: bool,
}

/// The lines of letters, in the order in which they are read.
pub(super) fn lines(letters: &[&Letter], is_reading: bool) -> Vec<Line> {
    let mut lines = Vec::new();
    for (angle, alike) in turned_alike(letters) {
        let direction = direction(angle);
        let mut letters = without_doubles(alike);
        set_room(&mut letters);
        let rows = rows(runs(letters));
        let pieces: Vec<Vec<Run<'_>>> = rows.into_iter().flat_map(|row| pieces(row, is_reading)).collect();
        let blocks: Vec<Block> =
            pieces.iter().filter_map(|piece| Block::around(piece.iter().map(|run| &run.block))).collect();
        let order = if is_reading { in_order(&blocks) } else { (0..pieces.len()).map(|at| vec![at]).collect() };
        let mut pieces: Vec<Option<Vec<Run<'_>>>> = pieces.into_iter().map(Some).collect();
        for line in order {
            let runs: Vec<Run<'_>> = line.into_iter().filter_map(|at| pieces[at].take()).flatten().collect();
            lines.extend(line_of(runs, direction));
        }
    }
    lines
}

/// The text of letters, line by line.
pub(super) fn text(letters: &[&Letter], is_reading: bool) -> String {
    lines(letters, is_reading).iter().map(|line| line.text.as_str()).collect::<Vec<_>>().join("\n")
}

/// Letters by how they are turned, upright ones first.
fn turned_alike<'a>(letters: &[&'a Letter]) -> Vec<(i32, Vec<Placed<'a>>)> {
    let mut groups: BTreeMap<(u8, i32), (Vec<Placed<'a>>, bool)> = BTreeMap::new();
    for letter in letters {
        let angle = ((f64::from(letter.angle) / ANGLE_STEP).round() * ANGLE_STEP).rem_euclid(360.0) as i32;
        let (group, parted) = groups.entry((u8::from(angle != 0), angle)).or_default();
        let (x, y) = letter.area.middle();
        let (along, across) = match letter.angle {
            0.0 => (x, y),
            angle => {
                let (sine, cosine) = f64::from(angle).to_radians().sin_cos();
                (x * cosine + y * sine, y * cosine - x * sine)
            }
        };
        let (width, size) = (f64::from(letter.advance) / 2.0, f64::from(letter.size) / 2.0);
        let (x0, x1, top, bottom) = (along - width, along + width, across - size, across + size);
        if letter.is_space() {
            let is_back = group.last().is_some_and(|last: &Placed<'_>| {
                let is_before = x1 <= last.x0 + GAP_WORD * last.size() && x0 > last.x0 - SPACE_BACK * last.size();
                is_before && bottom > last.top && top < last.bottom
            });
            *parted |= !is_back;
            continue;
        }
        group.push(Placed { letter, x0, x1, top, bottom, parted: std::mem::take(parted), room: 0.0 });
    }
    groups.into_iter().map(|((_, angle), (group, _))| (angle, group)).collect()
}

fn direction(angle: i32) -> Direction {
    match angle {
        46..=134 => Direction::Down,
        135..=225 => Direction::Left,
        226..=314 => Direction::Up,
        _ => Direction::Right,
    }
}

/// Without letters that are drawn once more to look bold.
fn without_doubles(letters: Vec<Placed<'_>>) -> Vec<Placed<'_>> {
    let mut seen: HashMap<(char, i64, i64), Vec<(f64, f64)>> = HashMap::with_capacity(letters.len());
    let mut kept = Vec::with_capacity(letters.len());
    let mut parted = false;
    for mut placed in letters {
        placed.parted |= std::mem::take(&mut parted);
        let LetterText::One(letter) = placed.letter.text else {
            kept.push(placed);
            continue;
        };
        let (near, level) = (DOUBLED.0 * placed.size(), DOUBLED.1 * placed.size());
        let square = |x: f64, y: f64| (letter, (x / SQUARE).floor() as i64, (y / SQUARE).floor() as i64);
        let at = (placed.x0, placed.bottom);
        let (low, high) = (square(at.0 - near, at.1 - level), square(at.0 + near, at.1 + level));
        let is_double = (low.1..=high.1).any(|x| {
            (low.2..=high.2).any(|y| {
                let known = seen.get(&(letter, x, y));
                known.is_some_and(|all| all.iter().any(|(x, y)| (x - at.0).abs() < near && (y - at.1).abs() < level))
            })
        });
        if is_double {
            parted = placed.parted;
            continue;
        }
        seen.entry(square(at.0, at.1)).or_default().push(at);
        kept.push(placed);
    }
    kept
}

/// Tells where letters are spaced out: the space that is added to each is seen between all of them. Some writers add space
/// and take it back between the letters of a word, so that it parts words; one that is added to a letter alone does, too.
fn set_room(letters: &mut [Placed<'_>]) {
    let added = |at: usize| f64::from(letters[at].letter.spacing).clamp(0.0, TRACKED_MAX * letters[at].size());
    // what stands between a letter and the next one of its line, if nothing parts them
    let gap = |at: usize| {
        let (one, next) = (letters.get(at)?, letters.get(at + 1)?);
        let gap = next.x0 - one.x1;
        let is_level = one.bottom > next.top && next.bottom > one.top;
        (!next.parted && is_level && gap.abs() <= one.size()).then_some(gap)
    };
    let is_open = |at: usize| gap(at).is_none_or(|gap| added(at) > 0.0 && gap >= ROOM_SEEN * added(at));
    let room = |at: usize| {
        let is_spaced = added(at) > 0.0 && at.checked_sub(1).is_none_or(is_open) && is_open(at + 1);
        if is_spaced { added(at) } else { 0.0 }
    };
    let rooms: Vec<f64> = match letters.iter().any(|placed| placed.letter.spacing > 0.0) {
        true => (0..letters.len()).map(room).collect(),
        false => return,
    };
    letters.iter_mut().zip(rooms).for_each(|(placed, room)| placed.room = room);
}

/// Letters that were drawn one after the other without a gap.
fn runs(letters: Vec<Placed<'_>>) -> Vec<Run<'_>> {
    let mut runs: Vec<Run<'_>> = Vec::new();
    for placed in letters {
        let block = Block { x0: placed.x0, x1: placed.x1, top: placed.top, bottom: placed.bottom, ..Block::default() };
        if let Some(run) = runs.last_mut()
            && let Some(last) = run.letters.last()
        {
            let (gap, size) = (placed.x0 - last.end(), last.size().max(placed.size()));
            if !placed.parted
                && gap <= GAP_WORD * size
                && gap >= -GAP_BACK * size
                && run.block.is_level_with(&block, SHARED)
            {
                run.block = run.block.with(&block);
                run.letters.push(placed);
                continue;
            }
        }
        runs.push(Run { parted: placed.parted, letters: vec![placed], block });
    }
    for run in &mut runs {
        let texts = run.letters.iter().map(|placed| &placed.letter.text);
        let digits = texts.filter(|text| matches!(text, LetterText::One('0'..='9'))).count();
        (run.block.words, run.block.letters, run.block.digits) = (1, run.letters.len(), digits);
    }
    runs
}

/// Runs by the line that they are on, from top to bottom, each line from left to right.
fn rows(mut runs: Vec<Run<'_>>) -> Vec<Vec<Run<'_>>> {
    let middle = |block: &Block| (block.top + block.bottom) / 2.0;
    runs.sort_by(|a, b| middle(&a.block).total_cmp(&middle(&b.block)));
    let mut rows: Vec<(Block, Vec<Run<'_>>)> = Vec::new();
    for run in runs {
        // what stands above by its middle may still be on the line before the last one
        // a high line of one column is level with two low ones of another, which stand above each other
        let is_above = |other: &Run<'_>| {
            let (one, two) = (&other.block, &run.block);
            let low = one.height().min(two.height());
            one.x1.min(two.x1) - one.x0.max(two.x0) > ABOVE * low && (middle(one) - middle(two)).abs() > ABOVE * low
        };
        let found = rows
            .iter_mut()
            .rev()
            .take(4)
            .find(|(reference, row)| reference.is_level_with(&run.block, SHARED) && !row.iter().any(is_above));
        match found {
            Some((reference, row)) => {
                if run.block.width() > reference.width() {
                    *reference = run.block;
                }
                row.push(run);
            }
            None => rows.push((run.block, vec![run])),
        }
    }
    rows.sort_by(|a, b| middle(&a.0).total_cmp(&middle(&b.0)));
    rows.into_iter().map(|(_, row)| from_left_to_right(row)).collect()
}

fn from_left_to_right(mut row: Vec<Run<'_>>) -> Vec<Run<'_>> {
    row.sort_by(|a, b| a.block.x0.total_cmp(&b.block.x0));
    without_tracking(row)
}

/// Letters that all stand apart alike, and without white space between them, are one word that was spaced out.
fn without_tracking(row: Vec<Run<'_>>) -> Vec<Run<'_>> {
    let mut out: Vec<Run<'_>> = Vec::with_capacity(row.len());
    let mut row = row.into_iter().peekable();
    while let Some(run) = row.next() {
        let mut spaced = vec![run];
        let (mut least, mut most) = (f64::INFINITY, 0.0f64);
        while let (Some(last), Some(next)) = (spaced.last(), row.peek()) {
            let gap = next.block.x0 - last.block.x1;
            let is_alike = gap.min(least) * TRACKED_ALIKE >= gap.max(most);
            let is_letter = last.letters.len() == 1 && next.letters.len() == 1 && !next.parted;
            if !is_letter || !is_alike || gap <= 0.0 || gap > TRACKED_MAX * last.block.height() {
                break;
            }
            (least, most) = (least.min(gap), most.max(gap));
            spaced.extend(row.next());
        }
        if spaced.len() < TRACKED_MIN {
            out.extend(spaced);
            continue;
        }
        let mut all = spaced.into_iter();
        if let Some(mut word) = all.next() {
            for run in all {
                word.block = Block { words: 1, ..word.block.with(&run.block) };
                word.letters.extend(run.letters);
            }
            out.push(word);
        }
    }
    out
}

/// A line in pieces that may be of different columns.
fn pieces(row: Vec<Run<'_>>, is_parted: bool) -> Vec<Vec<Run<'_>>> {
    let mut pieces: Vec<Vec<Run<'_>>> = Vec::new();
    let mut end = f64::NEG_INFINITY;
    for run in row {
        let gap = run.block.x0 - end;
        end = end.max(run.block.x1);
        match pieces.last_mut() {
            Some(piece) if !is_parted || gap <= GAP_PIECE * run.block.height() => piece.push(run),
            _ => pieces.push(vec![run]),
        }
    }
    pieces
}

/// A line of runs, which stand from left to right.
fn line_of(runs: Vec<Run<'_>>, direction: Direction) -> Option<Line> {
    let mut words: Vec<Vec<Placed<'_>>> = Vec::new();
    for run in runs {
        let joins = words.last().and_then(|word| word.last()).is_some_and(|last| {
            let (gap, size) = (run.block.x0 - last.end(), last.size());
            !run.parted && gap <= GAP_WORD * size && gap >= -GAP_BACK * size
        });
        match words.last_mut() {
            Some(word) if joins => word.extend(run.letters),
            _ => words.push(run.letters),
        }
    }
    let made: Vec<Word> = words
        .into_iter()
        .filter_map(|letters| {
            let area = Area::around(letters.iter().map(|placed| placed.letter.area))?;
            Some(Word { text: logical(letters.iter().map(|placed| placed.letter)), area, direction, confidence: None })
        })
        .collect();
    Line::of(in_logical_order(made))
}
