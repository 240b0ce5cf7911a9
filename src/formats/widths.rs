//! Where the columns of lines end that have no delimiter.

use std::fmt;
use std::str::FromStr;

use crate::error::{Error, ErrorKind};

/// The most columns of a line.
pub(super) const COLUMNS_MAX: usize = 4096;

/// Where the columns of a line end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Widths {
    /// So many characters each.
    Characters(Vec<usize>),
    /// Where the dashes of the line under the header are: `----- ---`.
    Ruler,
}

impl FromStr for Widths {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        if text == "ruler" {
            return Ok(Self::Ruler);
        }
        let widths: Option<Vec<usize>> = text
            .split(',')
            .map(|width| width.trim().parse().ok().filter(|width| (1..=1 << 20).contains(width)))
            .collect();
        widths.filter(|widths| widths.len() <= COLUMNS_MAX).map(Self::Characters).ok_or_else(|| {
            Error::new(ErrorKind::Usage, format!("read the widths `{text}`"))
                .hint("write the characters of each column, `--widths 10,5,8`, or `--widths ruler`")
        })
    }
}

impl fmt::Display for Widths {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ruler => formatter.write_str("ruler"),
            Self::Characters(widths) => {
                formatter.write_str(&widths.iter().map(usize::to_string).collect::<Vec<_>>().join(","))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn widths_are_numbers_or_a_ruler() {
        assert_eq!("10, 5,8".parse::<Widths>().expect("widths"), Widths::Characters(vec![10, 5, 8]));
        assert_eq!("ruler".parse::<Widths>().expect("a ruler"), Widths::Ruler);
        for text in ["", "0", "1,,2", "a", "99999999999"] {
            assert!(text.parse::<Widths>().is_err(), "{text}");
        }
    }
}
