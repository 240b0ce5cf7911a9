//! Which sheet of a workbook is meant.

use crate::error::{Error, ErrorKind, Result};

/// Sheets that an error shows.
const NAMES_MAX: usize = 20;

/// A sheet of a workbook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SheetName {
    pub(super) name: String,
    pub(super) is_hidden: bool,
}

/// Which sheet is meant: by name, by number from 1, or the only one that is visible and holds anything.
pub(super) fn chosen(
    file: &str,
    sheets: &[SheetName],
    wanted: Option<&str>,
    mut has_cells: impl FnMut(usize) -> Result<bool>,
) -> Result<usize> {
    let shown = |places: &[usize]| {
        let shown = places.iter().take(NAMES_MAX).map(|place| format!("`{}`", sheets[*place].name));
        shown.collect::<Vec<_>>().join(", ")
    };
    let all: Vec<usize> = (0..sheets.len()).collect();
    if let Some(wanted) = wanted {
        let by_name = sheets.iter().position(|sheet| sheet.name == wanted);
        let by_name =
            by_name.or_else(|| sheets.iter().position(|sheet| sheet.name.to_lowercase() == wanted.to_lowercase()));
        let by_number = || wanted.parse::<usize>().ok()?.checked_sub(1).filter(|place| *place < sheets.len());
        return by_name.or_else(by_number).ok_or_else(|| {
            Error::new(ErrorKind::NotFound, format!("find the sheet `{wanted}` in {file}: it has {}", shown(&all)))
                .hint("name it, or give its number: `--sheet 2`; nothing was changed")
        });
    }
    let mut filled = Vec::new();
    for place in all.iter().copied().filter(|place| !sheets[*place].is_hidden) {
        if has_cells(place)? {
            filled.push(place);
        }
    }
    match filled.as_slice() {
        [only] => Ok(*only),
        [] => all.iter().copied().find(|place| !sheets[*place].is_hidden).ok_or_else(|| {
            Error::new(ErrorKind::NotFound, format!("find a sheet in {file}: none is visible"))
                .hint(format!("name one with `--sheet`: {}", shown(&all)))
        }),
        several => Err(Error::new(
            ErrorKind::Usage,
            format!("tell which sheet of {file} is meant: {} hold cells", shown(several)),
        )
        .hint("name one: `--sheet NAME`, or `--sheet 1`; nothing was changed")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_must_be_clear_which_sheet_is_meant() {
        let sheet = |name: &str, is_hidden| SheetName { name: name.to_owned(), is_hidden };
        let sheets = [sheet("Notes", true), sheet("Prices", false), sheet("2", false)];
        let pick = |wanted, filled: &[usize]| chosen("f", &sheets, wanted, |place| Ok(filled.contains(&place)));
        assert_eq!(pick(None, &[0, 1]).expect("the visible one"), 1);
        assert_eq!(pick(Some("notes"), &[]).expect("a hidden one by name"), 0);
        assert_eq!(pick(Some("2"), &[]).expect("a name goes before a number"), 2);
        assert_eq!(pick(Some("1"), &[]).expect("a number"), 0);
        assert_eq!(pick(None, &[]).expect("an empty one"), 1);
        assert!(pick(None, &[1, 2]).is_err());
        assert!(pick(Some("x"), &[]).is_err());
    }
}
