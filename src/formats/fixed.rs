//! Lines of fixed width, as old programs and mainframes write them: columns end at certain characters, or where a ruler of
//! dashes under the header says.

use std::borrow::Cow;
use std::collections::HashSet;

use super::entry::{FormatEntry, Opened, Start, says_nothing};
use super::flag::Flag;
use super::lines::Lines;
use super::spool::{Part, RecordSpool};
use super::widths::{COLUMNS_MAX, Widths};
use crate::error::{Error, ErrorKind, Result};
use crate::record::Value;

pub(crate) const ENTRY: FormatEntry = FormatEntry {
    name: "fixed",
    also: &[],
    is_it,
    flags: &[
        Flag::Widths,
        Flag::SkipRows,
        Flag::Encoding,
        Flag::Decimal,
        Flag::Thousands,
        Flag::DateFormat,
        Flag::Null,
    ],
    is_text: true,
    told: says_nothing,
    read,
};

/// The first and the last character of each column, the latter not in it; the last column of a ruler goes to the end.
#[derive(Debug, PartialEq, Eq)]
struct Columns {
    ranges: Vec<(usize, usize)>,
    names: Vec<String>,
}

fn is_it(start: &Start<'_>) -> bool {
    start.reading.widths.is_some()
}

fn read(Opened { name, file, reading, cancellation }: Opened<'_>) -> Result<Vec<Part>> {
    let Some(widths) = &reading.widths else {
        return Err(Error::new(
            ErrorKind::Usage,
            format!("read {name} as lines of fixed width: their widths are missing"),
        )
        .hint("name the characters of each column, `--widths 10,5,8`, or `--widths ruler`"));
    };
    let mut lines = Lines::of(name, file);
    let mut spool = RecordSpool::of_texts("line")?;
    for _ in 0..reading.skip_rows {
        lines.next_line()?;
    }
    let Some(columns) = header(name, &mut lines, widths)? else { return Ok(vec![spool.finish(None)?]) };
    while let Some((number, line)) = lines.next_line()? {
        cancellation.check()?;
        let line = match line {
            Ok(line) => line,
            Err(valid) => {
                spool.refuse(number, None, &format!("it is not UTF-8 at byte {}", valid + 1), &Value::Null)?;
                continue;
            }
        };
        if line.trim().is_empty() {
            continue;
        }
        match columns.record(line) {
            Ok(record) => spool.push(number, &record)?,
            Err(reason) => spool.refuse(number, None, &reason, &Value::from(line))?,
        }
    }
    Ok(vec![spool.finish(None)?])
}

/// The columns by the first line that is not blank, and by the ruler under it.
fn header<R: std::io::Read>(name: &str, lines: &mut Lines<'_, R>, widths: &Widths) -> Result<Option<Columns>> {
    let wrong = |number: u64, reason: String| {
        let what = format!("read the header of {name}, line {number}: {reason}");
        Err(Error::failed(what).hint("`--skip-rows` leaves lines in front of it out; nothing was changed"))
    };
    let (number, line) = loop {
        match lines.next_line()? {
            None => return Ok(None),
            Some((_, Ok(line))) if line.trim().is_empty() => {}
            Some((number, Ok(line))) => break (number, line.to_owned()),
            Some((number, Err(_))) => return wrong(number, "it is not UTF-8".to_owned()),
        }
    };
    let ranges = match widths {
        Widths::Characters(widths) => {
            let mut at = 0;
            let mut range = |width: &usize| {
                at += width;
                (at - width, at)
            };
            widths.iter().map(&mut range).collect()
        }
        Widths::Ruler => match lines.next_line()? {
            Some((number, Ok(ruler))) => match runs(ruler) {
                Some(ranges) => ranges,
                None => return wrong(number, "no ruler of dashes stands under the header".to_owned()),
            },
            _ => return wrong(number + 1, "no ruler of dashes stands under the header".to_owned()),
        },
    };
    let columns = Columns { ranges, names: Vec::new() };
    let fields = match columns.fields(&line) {
        Ok(fields) => fields,
        Err(reason) => return wrong(number, reason),
    };
    let (mut names, mut seen) = (Vec::with_capacity(fields.len()), HashSet::new());
    for (place, field) in fields.into_iter().enumerate() {
        let field = if field.is_empty() { format!("column_{}", place + 1) } else { field.to_owned() };
        if !seen.insert(field.clone()) {
            return wrong(number, format!("the name `{field}` stands twice"));
        }
        names.push(field);
    }
    Ok(Some(Columns { names, ..columns }))
}

/// The runs of dashes in a ruler; `None` when it is none.
fn runs(ruler: &str) -> Option<Vec<(usize, usize)>> {
    let mut runs: Vec<(usize, usize)> = Vec::new();
    let mut is_open = false;
    for (at, letter) in ruler.trim_end().chars().enumerate() {
        match letter {
            '-' | '=' | '\u{2500}' if is_open => runs.last_mut()?.1 = at + 1,
            '-' | '=' | '\u{2500}' => {
                runs.push((at, at + 1));
                is_open = true;
            }
            ' ' | '+' | '|' | '\u{253c}' => is_open = false,
            _ => return None,
        }
    }
    // what stands in the last column may be longer than its dashes
    runs.last_mut()?.1 = usize::MAX;
    (runs.len() <= COLUMNS_MAX).then_some(runs)
}

impl Columns {
    /// The fields of a line, without the blanks around them.
    fn fields<'a>(&self, line: &'a str) -> Result<Vec<&'a str>, String> {
        let mut fields = Vec::with_capacity(self.ranges.len());
        let mut rest = line;
        let mut at = 0;
        let mut take = |count: usize| {
            let end = rest.char_indices().nth(count).map_or(rest.len(), |(end, _)| end);
            let (taken, behind) = rest.split_at(end);
            rest = behind;
            taken
        };
        for (from, to) in &self.ranges {
            let gap = take(from - at);
            if let Some(letter) = gap.chars().position(|letter| !matches!(letter, ' ' | '|' | '\t' | '\u{2502}')) {
                return Err(format!("character {} stands between two columns", at + letter + 1));
            }
            fields.push(take(to - from).trim());
            at = *to;
        }
        if !rest.trim().is_empty() {
            return Err(format!("it has {} characters, and the widths take {at}", line.trim_end().chars().count()));
        }
        Ok(fields)
    }

    fn record<'a>(&'a self, line: &'a str) -> Result<Value<'a>, String> {
        let fields = self.fields(line)?;
        let named =
            self.names.iter().zip(fields).map(|(name, field)| (Cow::Borrowed(name.as_str()), Value::from(field)));
        Ok(Value::Object(named.collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_end_where_they_are_said_to() {
        let columns = Columns { ranges: vec![(0, 5), (5, 8)], names: vec!["a".into(), "b".into()] };
        assert_eq!(columns.fields("Šibi 12 "), Ok(vec!["Šibi", "12"]));
        assert_eq!(columns.fields("x"), Ok(vec!["x", ""]));
        assert_eq!(columns.fields("1234512345"), Err("it has 10 characters, and the widths take 8".to_owned()));
        assert_eq!(runs("----- ---"), Some(vec![(0, 5), (6, usize::MAX)]));
        let ruler = Columns { ranges: runs("---+----").expect("a ruler"), names: Vec::new() };
        assert_eq!(ruler.fields("  1| Zagreb and more"), Ok(vec!["1", "Zagreb and more"]));
        assert_eq!(ruler.fields("  12 Zagreb"), Err("character 4 stands between two columns".to_owned()));
        assert_eq!((runs("name"), runs("")), (None, None));
    }
}
