//! Where a page's operations show text, so that it can be taken out of them without moving what follows.

use std::ops::Range;

use hayro::hayro_syntax::content::UntypedIter;
use hayro::kurbo::Affine;

/// An operation that shows text.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Shown {
    /// Its bytes, operands and operator.
    pub(super) range: Range<usize>,
    /// What it does besides, as operations: it may begin a line, and set spaces.
    pub(super) lead: String,
    /// How far it moves the pen, as `TJ` has it: thousandths of the font's size, backwards.
    pub(super) back: f64,
    /// Whether it leaves no ink.
    pub(super) hidden: bool,
    /// Whether something else is said to stand for its letters already.
    pub(super) replaced: bool,
}

/// The text of one stream of operations, and of the forms that it draws.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Trace {
    pub(super) shown: Vec<Shown>,
    /// By the names by which the stream calls them.
    pub(super) forms: Vec<(Vec<u8>, Trace)>,
    /// Whether an operation was met whose bytes are not known: the stream must stay as it is.
    pub(super) torn: bool,
}

impl Trace {
    /// Adds the trace of a form. One that is drawn several times leaves no ink only if it never does.
    pub(super) fn add_form(&mut self, name: &[u8], form: Trace) {
        match self.forms.iter_mut().find(|(known, _)| known == name) {
            Some((_, known)) => known.meet(form),
            None => self.forms.push((name.to_vec(), form)),
        }
    }

    fn meet(&mut self, other: Trace) {
        self.torn |= other.torn || self.shown.len() != other.shown.len();
        for (one, same) in self.shown.iter_mut().zip(&other.shown) {
            one.hidden &= same.hidden;
            self.torn |= one.range != same.range || one.back != same.back || one.lead != same.lead;
        }
        for (name, form) in other.forms {
            self.add_form(&name, form);
        }
    }
}

/// Where the operations of a stream stand, one after the other.
pub(super) struct Places<'a> {
    data: &'a [u8],
    operations: UntypedIter<'a>,
    end: usize,
    /// Whether `end` is the end of the last operation: that of a picture in the stream is not known.
    is_known: bool,
}

impl<'a> Places<'a> {
    pub(super) fn of(data: &'a [u8]) -> Self {
        Self { data, operations: UntypedIter::new(data), end: 0, is_known: true }
    }

    /// The bytes of the next operation; `None` where they are not known.
    pub(super) fn next(&mut self) -> Option<Range<usize>> {
        let operation = self.operations.next()?;
        let operator: &[u8] = operation.operator;
        let (start, known) = (self.end, self.is_known);
        // an operator is a part of the stream, unless it was written with escapes
        let from = (operator.as_ptr() as usize).checked_sub(self.data.as_ptr() as usize);
        let end = from.map(|from| from + operator.len()).filter(|end| *end > start && *end <= self.data.len());
        self.is_known = end.is_some() && operator != b"BI";
        self.end = end.unwrap_or(start);
        (known && end.is_some()).then_some(start..self.end)
    }
}

/// How far a pen moved, in the thousandths of `TJ`; `None` where nobody can say.
pub(super) fn moved_back(before: &Affine, after: &Affine, size: f64, stretch: f64, is_horizontal: bool) -> Option<f64> {
    if before.determinant() == 0.0 {
        return None;
    }
    let [.., across, along] = (before.inverse() * *after).as_coeffs();
    let back = match is_horizontal {
        true => -across / (size * stretch) * 1000.0,
        false => -along / size * 1000.0,
    };
    back.is_finite().then_some(back)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operations_have_their_bytes_and_pictures_hide_the_next() {
        let data = b"BT % (no) Tj\n(a\\)b) Tj ET BI /W 1 /H 1 /BPC 8 /CS /G ID x EI Q (c) Tj";
        let mut places = Places::of(data);
        let found: Vec<Option<&[u8]>> = (0..6).map(|_| places.next().map(|range| &data[range])).collect();
        assert_eq!(found[0], Some(&b"BT"[..]));
        assert_eq!(found[1], Some(&b" % (no) Tj\n(a\\)b) Tj"[..]));
        assert_eq!(found[3], Some(&b" BI"[..]));
        assert_eq!(found[4], None, "{found:?}");
        assert_eq!(found[5], Some(&b" (c) Tj"[..]));
    }

    #[test]
    fn a_form_that_is_drawn_once_more_with_ink_is_not_hidden() {
        let shown = |hidden| Shown { range: 0..5, lead: String::new(), back: -3.0, hidden, replaced: false };
        let of = |hidden| Trace { shown: vec![shown(hidden)], ..Trace::default() };
        let mut page = Trace::default();
        page.add_form(b"F", of(true));
        page.add_form(b"F", of(false));
        assert!(!page.forms[0].1.shown[0].hidden && !page.forms[0].1.torn);
    }
}
