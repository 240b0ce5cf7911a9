//! Reads a page's drawing operations, and the forms they use, for letters, lines and pictures. No colour and no clip is
//! looked at: reading is many times faster than drawing.

use std::collections::HashMap;
use std::ops::Range;
use std::rc::Rc;

use hayro::hayro_syntax::content::TypedIter;
use hayro::hayro_syntax::content::ops::TypedInstruction;
use hayro::hayro_syntax::object::{Array, Dict, Name, Number, Object, Stream};
use hayro::hayro_syntax::page::{Page, Resources};
use hayro::kurbo::{Affine, Point};

use super::annotations;
use super::content::PageContent;
use super::face::{Face, Faces};
use super::letter::{Letter, LetterText};
use super::limits::Budget;
use super::marked::{Marks, actual_text};
use super::path::Step;
use super::state::{Pen, State};
use super::trace::{Places, Shown, Trace, moved_back};
use crate::error::Result;
use crate::layout::Area;

/// Graphics states inside each other that are kept; a page that nests them deeper loses the outermost.
const STATES_MAX: usize = 10_000;
/// The steps of one path; what is longer is a drawing and no table.
const STEPS_MAX: usize = 1_000_000;

/// The size and width of letters that a page does not draw itself: in points, and in sizes.
const SIZE_WRITTEN: f64 = 12.0;
const WIDTH_WRITTEN: f64 = 0.5;

/// Everything on a page.
pub(super) fn page<'a>(page: &Page<'a>, faces: &Faces<'a>, budget: Budget) -> Result<PageContent> {
    let mut reader = Reader::new(page, faces, budget);
    reader.all_of(page)?;
    Ok(reader.content)
}

/// Where a page's operations show text.
pub(super) fn trace<'a>(page: &Page<'a>, faces: &Faces<'a>, budget: Budget) -> Result<Trace> {
    let mut reader = Reader::new(page, faces, budget);
    reader.trace = Some(Trace::default());
    reader.all_of(page)?;
    Ok(reader.trace.unwrap_or_default())
}

struct Reader<'a, 'f> {
    faces: &'f Faces<'a>,
    budget: Budget,
    content: PageContent,
    /// How many forms this one is inside of.
    depth: usize,
    marks: Marks,
    /// Of the stream that is read, where it is asked for.
    trace: Option<Trace>,
}

/// One stream of operations.
struct Level<'a> {
    state: State<'a>,
    saved: Vec<State<'a>>,
    pen: Pen,
    path: Vec<Step>,
    fonts: HashMap<Vec<u8>, Option<Rc<Face<'a>>>>,
}

impl<'a, 'f> Reader<'a, 'f> {
    fn new(page: &Page<'a>, faces: &'f Faces<'a>, budget: Budget) -> Self {
        let (width, height) = page.render_dimensions();
        let content = PageContent { width: f64::from(width), height: f64::from(height), ..PageContent::default() };
        Self { faces, budget, content, depth: 0, marks: Marks::default(), trace: None }
    }

    fn all_of(&mut self, page: &Page<'a>) -> Result<()> {
        let matrix = Affine::new(page.initial_transform(true).as_coeffs());
        self.operations(page.page_stream().unwrap_or_default(), page.resources(), State::new(matrix))?;
        self.content.own_letters = Some(self.content.letters.len());
        // what is drawn besides is no part of the page's drawing
        if self.trace.is_none() { self.annotations(page, matrix) } else { Ok(()) }
    }

    fn annotations(&mut self, page: &Page<'a>, matrix: Affine) -> Result<()> {
        for shown in annotations::shown(page, &matrix) {
            if let Some((drawing, place)) = &shown.drawing {
                self.form(drawing, drawing.dict(), page.resources(), &State::new(matrix * *place))?;
            }
            if let Some((text, place)) = &shown.text {
                self.write(text, place, &matrix)?;
            }
            self.content.fields.extend(shown.field);
        }
        Ok(())
    }

    /// A text without a drawing, as whoever shows it would write it: line by line, from the upper left corner on.
    fn write(&mut self, text: &str, place: &Area, matrix: &Affine) -> Result<()> {
        let lines: Vec<&str> = text.lines().collect();
        let size = (place.height() / lines.len().max(1) as f64).clamp(1.0, SIZE_WRITTEN);
        for (row, line) in lines.iter().enumerate() {
            let high = place.bottom - size * row as f64;
            for (column, letter) in line.chars().enumerate() {
                let left = place.x0 + size * WIDTH_WRITTEN * column as f64;
                let first = *matrix * Point::new(left, high);
                let second = *matrix * Point::new(left + size * WIDTH_WRITTEN, high - size);
                let area = Area::between((first.x, first.y), (second.x, second.y));
                let (text, advance) = (LetterText::One(letter), (size * WIDTH_WRITTEN) as f32);
                let size = size as f32;
                self.content.letters.push(Letter {
                    text,
                    area,
                    upright: true,
                    angle: 0.0,
                    advance,
                    spacing: 0.0,
                    size,
                    visible: true,
                });
                self.budget.letters(self.content.letters.len())?;
            }
        }
        Ok(())
    }

    fn operations(&mut self, data: &[u8], resources: &Resources<'a>, state: State<'a>) -> Result<()> {
        let mut level =
            Level { state, saved: Vec::new(), pen: Pen::default(), path: Vec::new(), fonts: HashMap::new() };
        let mut all = TypedIter::new(data);
        let mut places = self.trace.is_some().then(|| Places::of(data));
        while let Some(operation) = all.next() {
            self.budget.operation()?;
            let place = places.as_mut().and_then(Places::next);
            match operation {
                TypedInstruction::XObject(named) => self.object(named.0, resources, &level)?,
                TypedInstruction::TextFont(chosen) => {
                    level.state.font = self.font(chosen.0, resources, &mut level.fonts);
                    level.state.size = chosen.1.as_f64();
                }
                TypedInstruction::ShowText(shown) => {
                    let before = level.pen;
                    self.show(shown.0.as_bytes(), &mut level)?;
                    self.note(place, &before, String::new, &level);
                }
                TypedInstruction::NextLineAndShowText(shown) => {
                    level.pen.next_line(0.0, -level.state.leading);
                    let before = level.pen;
                    self.show(shown.0.as_bytes(), &mut level)?;
                    self.note(place, &before, || "T*".to_owned(), &level);
                }
                TypedInstruction::ShowTextWithParameters(shown) => {
                    let (word, letter) = (shown.0.as_f64(), shown.1.as_f64());
                    (level.state.word_space, level.state.letter_space) = (word, letter);
                    level.pen.next_line(0.0, -level.state.leading);
                    let before = level.pen;
                    self.show(shown.2.as_bytes(), &mut level)?;
                    self.note(place, &before, || format!("{word} Tw {letter} Tc T*"), &level);
                }
                TypedInstruction::ShowTexts(shown) => {
                    let before = level.pen;
                    self.show_list(shown.0, &mut level)?;
                    self.note(place, &before, String::new, &level);
                }
                TypedInstruction::BeginMarkedContent(_) => self.marks.begin(None, self.content.letters.len()),
                TypedInstruction::BeginMarkedContentWithProperties(begun) => {
                    let text = actual_text(begun.1, &resources.properties);
                    self.marks.begin(text, self.content.letters.len());
                }
                TypedInstruction::EndMarkedContent(_) => self.marks.end(&mut self.content.letters),
                TypedInstruction::InlineImage(image) => self.picture(&level.state.matrix, image.0.dict()),
                other => level.apply(&other, &mut self.content),
            }
        }
        Ok(())
    }

    fn font(
        &self,
        name: &Name<'_>,
        resources: &Resources<'a>,
        known: &mut HashMap<Vec<u8>, Option<Rc<Face<'a>>>>,
    ) -> Option<Rc<Face<'a>>> {
        let bytes: &[u8] = name.as_ref();
        if let Some(face) = known.get(bytes) {
            return face.clone();
        }
        let face = resources.get_font(name).map(|dictionary| self.faces.face(&dictionary));
        known.insert(bytes.to_vec(), face.clone());
        face
    }

    /// Draws a form, or a picture.
    fn object(&mut self, name: &Name<'_>, resources: &Resources<'a>, level: &Level<'a>) -> Result<()> {
        let Some(stream) = resources.get_x_object(name) else { return Ok(()) };
        let dictionary = stream.dict();
        let subtype = dictionary.get::<Name<'_>>("Subtype");
        match subtype.as_ref().map(Name::as_str) {
            Some("Image") => self.picture(&level.state.matrix, dictionary),
            Some("Form") if self.depth < self.budget.depth_max() => {
                let outer = self.trace.as_mut().map(std::mem::take);
                let read = self.form(&stream, dictionary, resources, &level.state);
                if let Some(mut outer) = outer {
                    outer.add_form(name.as_ref(), self.trace.take().unwrap_or_default());
                    self.trace = Some(outer);
                }
                read?;
            }
            _ => {}
        }
        Ok(())
    }

    fn form(&mut self, stream: &Stream<'a>, form: &Dict<'a>, outer: &Resources<'a>, state: &State<'a>) -> Result<()> {
        let Ok(data) = stream.decoded_data() else { return Ok(()) };
        let own = form.get::<Dict<'a>>("Resources").map(Resources::new);
        let matrix = form.get::<[f64; 6]>("Matrix").map_or(Affine::IDENTITY, Affine::new);
        let mut state = state.clone();
        state.matrix *= matrix;
        let marks = self.marks.depth();
        self.depth += 1;
        let read = self.operations(data.as_ref(), own.as_ref().unwrap_or(outer), state);
        self.depth -= 1;
        self.marks.end_to(marks, &mut self.content.letters);
        read
    }

    /// A picture fills the unit square.
    fn picture(&mut self, matrix: &Affine, dictionary: &Dict<'_>) {
        let corners = [(0.0, 0.0), (1.0, 0.0), (0.0, 1.0), (1.0, 1.0)];
        let placed = corners.map(|corner| {
            let point = *matrix * Point::from(corner);
            Area::between((point.x, point.y), (point.x, point.y))
        });
        self.content.pictures.extend(Area::around(placed).filter(|area| area.size().is_finite()));
        let side = |names: [&str; 2]| names.iter().find_map(|name| dictionary.get::<f64>(*name)).unwrap_or_default();
        let [a, b, c, d, ..] = matrix.as_coeffs();
        let dots = |pixels: f64, points: f64| if points > 0.0 { pixels * 72.0 / points } else { 0.0 };
        let finest = dots(side(["Width", "W"]), a.hypot(b)).max(dots(side(["Height", "H"]), c.hypot(d)));
        self.content.finest_dots = self.content.finest_dots.max(finest);
    }

    /// Remembers where text was shown, and how far that moved the pen.
    fn note(&mut self, place: Option<Range<usize>>, before: &Pen, lead: impl FnOnce() -> String, level: &Level<'a>) {
        let Some(trace) = &mut self.trace else { return };
        let (state, replaced) = (&level.state, self.marks.is_replaced());
        let Some(range) = place else {
            trace.torn = true;
            return;
        };
        let Some(face) = state.font.as_ref().filter(|face| face.is_read()) else { return };
        let horizontal = face.is_horizontal();
        if let Some(back) = moved_back(&before.letter, &level.pen.letter, state.size, state.stretch, horizontal) {
            let hidden = state.is_without_effect();
            trace.shown.push(Shown { range, lead: lead(), back, hidden, replaced });
        }
    }

    fn show_list(&mut self, list: &Array<'_>, level: &mut Level<'a>) -> Result<()> {
        for item in list.iter::<Object<'_>>() {
            match item {
                Object::String(text) => self.show(text.as_bytes(), level)?,
                Object::Number(back) => level.move_back(back),
                _ => {}
            }
        }
        Ok(())
    }

    fn show(&mut self, bytes: &[u8], level: &mut Level<'a>) -> Result<()> {
        let Some(face) = level.state.font.clone() else { return Ok(()) };
        let horizontal = face.is_horizontal();
        let mut at = 0;
        while at < bytes.len() {
            let (code, taken) = face.read(bytes, at);
            at += taken;
            let known = face.code(code);
            let state = &level.state;
            let word_space = if code == 32 && taken == 1 { state.word_space } else { 0.0 };
            let space = state.letter_space + word_space;
            let (wide, down) = (known.advance.0 * state.size * state.stretch, known.advance.1 * state.size);
            let (left, low) = match horizontal {
                true => (0.0, face.descent * state.size + state.rise),
                false => (known.origin.0 * state.size, down + state.rise),
            };
            let (right, high) = match horizontal {
                true => (wide, low + state.size),
                false => (left + state.size, state.rise),
            };
            let matrix = state.matrix * level.pen.letter;
            let (first, second) = (matrix * Point::new(left, low), matrix * Point::new(right, high));
            let area = Area::between((first.x, first.y), (second.x, second.y));
            if area.size().is_finite() && area.x0.is_finite() && area.top.is_finite() {
                // y grows downwards here, and upwards where a PDF means it
                let [a, b, c, d, ..] = matrix.as_coeffs();
                let upright = -a * d * state.stretch > 0.0 && -b * c <= 0.0;
                let (angle, advance, size) = turn(&matrix, (right - left, high - low), state, horizontal);
                let (text, visible) = (known.text, state.is_visible());
                let spacing = advance_of(&matrix, state.letter_space * state.stretch, horizontal);
                self.content.letters.push(Letter { text, area, upright, angle, advance, spacing, size, visible });
                self.budget.letters(self.content.letters.len())?;
            }
            let (across, along) = match horizontal {
                true => (wide + space * state.stretch, 0.0),
                false => (0.0, down + space),
            };
            level.pen.advance(across, along);
        }
        Ok(())
    }
}

/// A length of the drawing along the way that text runs, in points.
fn advance_of(matrix: &Affine, length: f64, horizontal: bool) -> f32 {
    let [a, b, c, d, ..] = matrix.as_coeffs();
    (length * if horizontal { a.hypot(b) } else { c.hypot(d) }) as f32
}

/// Which way a letter runs, how far, and how high it is.
fn turn(matrix: &Affine, (wide, high): (f64, f64), state: &State<'_>, horizontal: bool) -> (f32, f32, f32) {
    let [a, b, c, d, ..] = matrix.as_coeffs();
    let (along, across) = (a.hypot(b), c.hypot(d));
    if !horizontal {
        // it stands upright, and the next one below it
        let angle = b.atan2(a).to_degrees() + 90.0;
        return (angle as f32, (high.abs() * across) as f32, (wide.abs() * along) as f32);
    }
    let back = if state.size * state.stretch < 0.0 { 180.0 } else { 0.0 };
    let angle = (b.atan2(a).to_degrees() + back).rem_euclid(360.0);
    (angle as f32, (wide.abs() * along) as f32, (high.abs() * across) as f32)
}

impl Level<'_> {
    fn move_back(&mut self, thousandths: Number) {
        let by = -thousandths.as_f64() / 1000.0 * self.state.size;
        match self.state.font.as_ref().is_none_or(|face| face.is_horizontal()) {
            true => self.pen.advance(by * self.state.stretch, 0.0),
            false => self.pen.advance(0.0, by),
        }
    }

    fn apply(&mut self, operation: &TypedInstruction<'_, '_>, content: &mut PageContent) {
        use TypedInstruction as On;
        match operation {
            On::SaveState(_) if self.saved.len() < STATES_MAX => self.saved.push(self.state.clone()),
            On::RestoreState(_) => {
                if let Some(state) = self.saved.pop() {
                    self.state = state;
                }
            }
            On::Transform(by) => {
                let by = [&by.0, &by.1, &by.2, &by.3, &by.4, &by.5].map(|number| number.as_f64());
                self.state.matrix *= Affine::new(by);
            }
            On::BeginText(_) => self.pen = Pen::default(),
            On::SetTextMatrix(to) => {
                self.pen.set(Affine::new([&to.0, &to.1, &to.2, &to.3, &to.4, &to.5].map(|number| number.as_f64())));
            }
            On::NextLine(by) => self.pen.next_line(by.0.as_f64(), by.1.as_f64()),
            On::NextLineAndSetLeading(by) => {
                self.state.leading = -by.1.as_f64();
                self.pen.next_line(by.0.as_f64(), by.1.as_f64());
            }
            On::NextLineUsingLeading(_) => self.pen.next_line(0.0, -self.state.leading),
            On::CharacterSpacing(space) => self.state.letter_space = space.0.as_f64(),
            On::WordSpacing(space) => self.state.word_space = space.0.as_f64(),
            On::HorizontalScaling(percent) => self.state.stretch = percent.0.as_f64() / 100.0,
            On::TextLeading(leading) => self.state.leading = leading.0.as_f64(),
            On::TextRise(rise) => self.state.rise = rise.0.as_f64(),
            On::TextRenderingMode(mode) => self.state.rendering = mode.0.as_i64(),
            other => self.draw(other, content),
        }
    }

    fn draw(&mut self, operation: &TypedInstruction<'_, '_>, content: &mut PageContent) {
        use TypedInstruction as On;
        match operation {
            On::MoveTo(to) => self.step(Step::Move(point(to.0, to.1))),
            On::LineTo(to) => self.step(Step::Line(point(to.0, to.1))),
            On::CubicTo(to) => self.step(Step::Curve(point(to.4, to.5))),
            On::CubicStartTo(to) => self.step(Step::Curve(point(to.2, to.3))),
            On::CubicEndTo(to) => self.step(Step::Curve(point(to.2, to.3))),
            On::ClosePath(_) => self.step(Step::Close),
            On::RectPath(at) => {
                let (from, by) = (point(at.0, at.1), point(at.2, at.3));
                self.step(Step::Move(from));
                self.step(Step::Line(Point::new(from.x + by.x, from.y)));
                self.step(Step::Line(Point::new(from.x + by.x, from.y + by.y)));
                self.step(Step::Line(Point::new(from.x, from.y + by.y)));
                self.step(Step::Close);
            }
            On::StrokePath(_)
            | On::FillPathNonZero(_)
            | On::FillPathNonZeroCompatibility(_)
            | On::FillPathEvenOdd(_)
            | On::FillAndStrokeNonZero(_)
            | On::FillAndStrokeEvenOdd(_) => self.paint(content),
            On::CloseAndStrokePath(_) | On::CloseFillAndStrokeNonZero(_) | On::CloseFillAndStrokeEvenOdd(_) => {
                self.step(Step::Close);
                self.paint(content);
            }
            On::EndPath(_) => self.path.clear(),
            _ => {}
        }
    }

    fn step(&mut self, step: Step) {
        if self.path.len() < STEPS_MAX {
            self.path.push(step);
        }
    }

    fn paint(&mut self, content: &mut PageContent) {
        content.drawn.add(&self.path, &self.state.matrix);
        self.path.clear();
    }
}

fn point(x: Number, y: Number) -> Point {
    Point::new(x.as_f64(), y.as_f64())
}
