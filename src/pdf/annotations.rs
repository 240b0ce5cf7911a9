//! What stands on a page besides its drawing, and is shown with it: values of forms, remarks, stamps.

use hayro::hayro_syntax::object::{Array, Dict, Name, Object, Rect, Stream, String as Text};
use hayro::hayro_syntax::page::Page;
use hayro::kurbo::{Affine, Point};
use serde::{Deserialize, Serialize};

use super::text_string::text_string;
use crate::layout::Area;

/// Annotations of a page that are looked at.
const ANNOTATIONS_MAX: usize = 20_000;
/// Fields inside fields.
const DEPTH_MAX: usize = 32;
/// Not shown: hidden, or not on a screen.
const UNSEEN: i32 = 2 | 32;

/// The flag of a field whose value is not to be seen.
const PASSWORD: i32 = 1 << 13;

/// A field of a form.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FormField {
    /// Its name, with those of the fields that it is in, joined by dots.
    pub name: String,
    /// What is filled in; empty for nothing. A button that is pressed has the name of its state.
    pub value: String,
    /// Where it stands on the page, in points.
    pub points: Area,
}

/// An annotation that is shown.
pub(super) struct Shown<'a> {
    /// Its drawing, and how it is placed on the page.
    pub(super) drawing: Option<(Stream<'a>, Affine)>,
    /// A text without a drawing, and where it stands in the space of the page.
    pub(super) text: Option<(String, Area)>,
    /// The field that it shows.
    pub(super) field: Option<FormField>,
}

/// The annotations of a page, in the order in which they are drawn; `matrix` leads to points of what is seen of it.
pub(super) fn shown<'a>(page: &Page<'a>, matrix: &Affine) -> Vec<Shown<'a>> {
    let Some(all) = page.raw().get::<Array<'a>>("Annots") else { return Vec::new() };
    all.iter::<Dict<'a>>().take(ANNOTATIONS_MAX).filter_map(|annotation| one(&annotation, matrix)).collect()
}

fn one<'a>(annotation: &Dict<'a>, matrix: &Affine) -> Option<Shown<'a>> {
    let kind = annotation.get::<Name<'_>>("Subtype");
    let kind = kind.as_ref().map_or("", Name::as_str);
    if kind == "Popup" || annotation.get::<i32>("F").unwrap_or_default() & UNSEEN != 0 {
        return None;
    }
    let rect = annotation.get::<Rect>("Rect")?;
    let place = Area::between((rect.x0, rect.y0), (rect.x1, rect.y1));
    let (first, second) = (*matrix * Point::new(rect.x0, rect.y0), *matrix * Point::new(rect.x1, rect.y1));
    let points = Area::between((first.x, first.y), (second.x, second.y));
    let drawing = appearance(annotation).and_then(|drawing| placed(&drawing, &place).map(|at| (drawing, at)));
    let field = (kind == "Widget").then(|| field(annotation, points)).flatten();
    let is_text = name_of(annotation, "FT").is_some_and(|kind| matches!(kind.as_str(), "Tx" | "Ch"));
    let text = match (&drawing, &field, kind) {
        (None, Some(field), _) if is_text && !field.value.is_empty() => Some(field.value.clone()),
        (None, _, "FreeText") => annotation.get::<Text<'_>>("Contents").map(|text| text_string(text.as_bytes())),
        _ => None,
    };
    Some(Shown { drawing, text: text.map(|text| (text, place)), field })
}

/// The drawing of an annotation in its state.
fn appearance<'a>(annotation: &Dict<'a>) -> Option<Stream<'a>> {
    let all = annotation.get::<Dict<'a>>("AP")?;
    if let Some(drawing) = all.get::<Stream<'a>>("N") {
        return Some(drawing);
    }
    let states = all.get::<Dict<'a>>("N")?;
    let state = annotation.get::<Name<'_>>("AS")?;
    states.get::<Stream<'a>>(AsRef::<[u8]>::as_ref(&state))
}

/// How a drawing fills its place: its frame, as its own matrix turns it, is stretched over it.
fn placed(drawing: &Stream<'_>, place: &Area) -> Option<Affine> {
    let frame = drawing.dict().get::<Rect>("BBox")?;
    let matrix = drawing.dict().get::<[f64; 6]>("Matrix").map_or(Affine::IDENTITY, Affine::new);
    let corners = [(frame.x0, frame.y0), (frame.x1, frame.y0), (frame.x0, frame.y1), (frame.x1, frame.y1)];
    let turned = Area::around(corners.map(|(x, y)| {
        let point = matrix * Point::new(x, y);
        Area::between((point.x, point.y), (point.x, point.y))
    }))?;
    if turned.width() <= 0.0 || turned.height() <= 0.0 {
        return None;
    }
    let (across, down) = (place.width() / turned.width(), place.height() / turned.height());
    Some(Affine::new([across, 0.0, 0.0, down, place.x0 - turned.x0 * across, place.top - turned.top * down]))
}

fn field(widget: &Dict<'_>, points: Area) -> Option<FormField> {
    let kind = name_of(widget, "FT")?;
    let mut names = Vec::new();
    let mut at = Some(widget.clone());
    for _ in 0..DEPTH_MAX {
        let Some(found) = at else { break };
        names.extend(found.get::<Text<'_>>("T").map(|name| text_string(name.as_bytes())));
        at = found.get::<Dict<'_>>("Parent");
    }
    names.reverse();
    let value = match kind.as_str() {
        "Sig" => return None,
        "Btn" => {
            let state = widget.get::<Name<'_>>("AS").map(|state| state.as_str().to_owned());
            state.or_else(|| name_of(widget, "V")).filter(|state| state != "Off").unwrap_or_default()
        }
        // a password is shown as dots
        "Tx" if flags(widget) & PASSWORD != 0 => String::new(),
        _ => holder(widget, "V").and_then(|it| it.get::<Object<'_>>("V")).map(|it| value_text(&it)).unwrap_or_default(),
    };
    Some(FormField { name: names.join("."), value, points })
}

fn value_text(value: &Object<'_>) -> String {
    match value {
        Object::String(text) => text_string(text.as_bytes()),
        Object::Name(name) => name.as_str().to_owned(),
        Object::Number(number) => number.as_f64().to_string(),
        Object::Stream(text) => text_string(text.decoded_data().unwrap_or_default().as_ref()),
        Object::Array(all) => all.iter::<Object<'_>>().map(|one| value_text(&one)).collect::<Vec<_>>().join(", "),
        _ => String::new(),
    }
}

/// The field that has an entry: itself, or one that it is in.
fn holder<'a>(field: &Dict<'a>, key: &str) -> Option<Dict<'a>> {
    let mut at = field.clone();
    for _ in 0..DEPTH_MAX {
        if at.contains_key(key) {
            return Some(at);
        }
        at = at.get::<Dict<'a>>("Parent")?;
    }
    None
}

fn flags(field: &Dict<'_>) -> i32 {
    holder(field, "Ff").and_then(|holder| holder.get::<i32>("Ff")).unwrap_or_default()
}

fn name_of(field: &Dict<'_>, key: &str) -> Option<String> {
    holder(field, key).and_then(|holder| holder.get::<Name<'_>>(key).map(|name| name.as_str().to_owned()))
}
