//! Types as the server prints them: `decimal(10,2) unsigned`, `enum('a','b')`, `datetime(6)`.

use crate::db::{Form, Kind};

/// A type in its parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Declared<'a> {
    /// Its name, in small letters.
    pub(super) base: &'a str,
    /// What stands between its parentheses.
    inside: Option<&'a str>,
    pub(super) is_unsigned: bool,
}

impl<'a> Declared<'a> {
    pub(super) fn of(declared: &'a str) -> Self {
        let end = declared.find(['(', ' ']).unwrap_or(declared.len());
        let inside = declared[end..].strip_prefix('(').and_then(|rest| rest.rsplit_once(')'));
        let behind = inside.map_or(&declared[end..], |(_, behind)| behind);
        Self {
            base: &declared[..end],
            inside: inside.map(|(inside, _)| inside),
            is_unsigned: behind.contains("unsigned"),
        }
    }

    /// The number between the parentheses; `default` without any.
    pub(super) fn number(&self, default: u32) -> u32 {
        self.inside.map_or(Some(default), |inside| inside.trim().parse().ok()).unwrap_or(default)
    }

    /// Two numbers between the parentheses.
    fn numbers(&self) -> Option<(u16, u16)> {
        let (one, other) = self.inside?.split_once(',')?;
        Some((one.trim().parse().ok()?, other.trim().parse().ok()?))
    }

    /// The texts between the parentheses.
    pub(super) fn members(&self) -> Vec<String> {
        let (mut found, mut member, mut is_in) = (Vec::new(), String::new(), false);
        let mut letters = self.inside.unwrap_or_default().chars().peekable();
        while let Some(letter) = letters.next() {
            match letter {
                '\'' if is_in && letters.peek() == Some(&'\'') => {
                    letters.next();
                    member.push('\'');
                }
                '\'' if is_in => {
                    found.push(std::mem::take(&mut member));
                    is_in = false;
                }
                '\'' => is_in = true,
                letter if is_in => member.push(letter),
                _ => {}
            }
        }
        found
    }

    /// The largest number of bits.
    pub(super) fn bits_max(&self) -> u64 {
        match self.number(1) {
            bits @ 1..=63 => (1 << bits) - 1,
            _ => u64::MAX,
        }
    }

    /// The largest whole number without a sign.
    pub(super) fn whole_max(&self) -> u64 {
        match self.base {
            "tinyint" => 0xff,
            "smallint" => 0xffff,
            "mediumint" => 0xff_ffff,
            "int" => 0xffff_ffff,
            _ => u64::MAX,
        }
    }

    /// What a column of it takes.
    pub(super) fn kind(&self) -> Kind {
        let whole = |bits: u8, digits: u16| match self.is_unsigned {
            true => Kind::Decimal { digits, scale: 0 },
            false => Kind::Integer { bits },
        };
        match self.base {
            // what BOOLEAN stands for
            "tinyint" if self.inside == Some("1") && !self.is_unsigned => Kind::Boolean,
            "tinyint" => whole(8, 3),
            "smallint" => whole(16, 5),
            "mediumint" => whole(24, 8),
            "int" => whole(32, 10),
            "bigint" => whole(64, 20),
            "bit" if self.bits_max() == 1 => Kind::Boolean,
            "bit" => Kind::Decimal { digits: self.bits_max().to_string().len() as u16, scale: 0 },
            "decimal" => match self.numbers() {
                Some((digits, scale)) => Kind::Decimal { digits, scale: scale.cast_signed() },
                None => Kind::Decimal { digits: self.number(10) as u16, scale: 0 },
            },
            // with a number of digits they round
            "double" | "float" if self.numbers().is_some() => {
                let most = if self.base == "float" { 6 } else { 15 };
                let (digits, scale) = self.numbers().unwrap_or_default();
                Kind::Decimal { digits: digits.min(most), scale: scale.cast_signed() }
            }
            "double" => Kind::Float,
            "float" => Kind::Real,
            "char" | "varchar" => Kind::Short { letters: self.number(1) },
            "tinytext" | "text" | "mediumtext" | "longtext" => Kind::Text,
            "binary" | "varbinary" | "tinyblob" | "blob" | "mediumblob" | "longblob" => Kind::Bytes,
            "json" => Kind::Json,
            _ => Kind::Other(Form::Any),
        }
    }

    /// The most bytes that a column of it takes; `None` where the letters are counted, or nothing.
    pub(super) fn bytes_max(&self) -> Option<u64> {
        match self.base {
            "tinytext" | "tinyblob" => Some(0xff),
            "text" | "blob" => Some(0xffff),
            "mediumtext" | "mediumblob" => Some(0xff_ffff),
            "longtext" | "longblob" | "json" => Some(0xffff_ffff),
            "varbinary" => Some(self.number(1).into()),
            _ => None,
        }
    }
}

/// The kind of a column that is made for numbers of any precision.
pub(super) const ANY_NUMBER: Kind = Kind::Decimal { digits: 65, scale: 30 };

/// The type of a new column.
pub(super) fn declared(kind: Kind) -> &'static str {
    match kind {
        Kind::Boolean => "BOOLEAN",
        Kind::Integer { .. } => "BIGINT",
        Kind::Float => "DOUBLE",
        Kind::Real => "FLOAT",
        Kind::Numeric | Kind::Decimal { .. } | Kind::Number => "DECIMAL(65,30)",
        Kind::Json => "JSON",
        Kind::Bytes => "LONGBLOB",
        Kind::Text | Kind::Short { .. } | Kind::Array(_) | Kind::Other(_) => "LONGTEXT",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_read_as_they_are_printed() {
        for (declared, expected) in [
            ("tinyint(1)", Kind::Boolean),
            ("tinyint(1) unsigned", Kind::Decimal { digits: 3, scale: 0 }),
            ("tinyint(4)", Kind::Integer { bits: 8 }),
            ("mediumint", Kind::Integer { bits: 24 }),
            ("bigint(20) unsigned zerofill", Kind::Decimal { digits: 20, scale: 0 }),
            ("decimal(65,30)", ANY_NUMBER),
            ("decimal(5,0) unsigned", Kind::Decimal { digits: 5, scale: 0 }),
            ("float(7,4)", Kind::Decimal { digits: 6, scale: 4 }),
            ("float", Kind::Real),
            ("bit(1)", Kind::Boolean),
            ("bit(8)", Kind::Decimal { digits: 3, scale: 0 }),
            ("varchar(30)", Kind::Short { letters: 30 }),
            ("char(36)", Kind::Short { letters: 36 }),
            ("datetime(6)", Kind::Other(Form::Any)),
            ("enum('a','b')", Kind::Other(Form::Any)),
        ] {
            assert_eq!(Declared::of(declared).kind(), expected, "{declared}");
        }
        assert_eq!(Declared::of("enum('a','it''s','x,y(')").members(), ["a", "it's", "x,y("]);
        assert_eq!(Declared::of("bit(64)").bits_max(), u64::MAX);
        assert_eq!(Declared::of("set('unsigned')").members(), ["unsigned"]);
    }
}
