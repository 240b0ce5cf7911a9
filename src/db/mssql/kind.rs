//! Types as we print them, which is as the server reads them: `decimal(10,2)`, `nvarchar(max)`, `datetime2(6)`.

use crate::db::{Form, Kind};

/// The kind of a column that is made for numbers of any precision: the server has 38 digits.
pub(super) const ANY_NUMBER: Kind = Kind::Decimal { digits: 38, scale: 10 };

/// A type of the catalogue in the words of a definition. `bytes` is what the server calls its length: -1 without a limit.
/// What is filled with blanks is called as the standard has it.
pub(super) fn printed(name: &str, bytes: i32, precision: i32, scale: i32) -> String {
    let length = |letter: i32| match bytes {
        -1 => "max".to_owned(),
        bytes => (bytes / letter).to_string(),
    };
    match name {
        "char" => format!("character({})", length(1)),
        "nchar" => format!("national character({})", length(2)),
        "varchar" | "binary" | "varbinary" => format!("{name}({})", length(1)),
        "nvarchar" | "sysname" => format!("nvarchar({})", length(2)),
        "decimal" | "numeric" => format!("{name}({precision},{scale})"),
        "datetime2" | "datetimeoffset" | "time" => format!("{name}({scale})"),
        other => other.to_owned(),
    }
}

/// A type in its parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Declared<'a> {
    /// Its name, in small letters.
    pub(super) base: &'a str,
    /// What stands between its parentheses.
    inside: Option<&'a str>,
}

impl<'a> Declared<'a> {
    pub(super) fn of(declared: &'a str) -> Self {
        match declared.split_once('(') {
            Some((base, inside)) => Self { base, inside: Some(inside.trim_end_matches(')')) },
            None => Self { base: declared, inside: None },
        }
    }

    /// The number between the parentheses; `None` without any limit.
    pub(super) fn number(&self) -> Option<u32> {
        self.inside?.trim().parse().ok()
    }

    /// Two numbers between the parentheses.
    fn numbers(&self) -> (u16, i16) {
        let parts = self.inside.and_then(|inside| inside.split_once(','));
        let parts = parts.map(|(one, other)| (one.trim().parse().ok(), other.trim().parse().ok()));
        match parts {
            Some((Some(digits), Some(scale))) => (digits, scale),
            _ => (18, 0),
        }
    }

    /// What a column of it takes.
    pub(super) fn kind(&self) -> Kind {
        match self.base {
            "bit" => Kind::Boolean,
            // it has no sign
            "tinyint" => Kind::Decimal { digits: 3, scale: 0 },
            "smallint" => Kind::Integer { bits: 16 },
            "int" => Kind::Integer { bits: 32 },
            "bigint" => Kind::Integer { bits: 64 },
            "decimal" | "numeric" => {
                let (digits, scale) = self.numbers();
                Kind::Decimal { digits, scale }
            }
            "money" => Kind::Decimal { digits: 19, scale: 4 },
            "smallmoney" => Kind::Decimal { digits: 10, scale: 4 },
            "float" => Kind::Float,
            "real" => Kind::Real,
            "character" | "national character" | "varchar" | "nvarchar" => match self.number() {
                Some(letters) => Kind::Short { letters },
                None => Kind::Text,
            },
            "text" | "ntext" => Kind::Text,
            "binary" | "varbinary" | "image" | "timestamp" => Kind::Bytes,
            "json" => Kind::Json,
            _ => Kind::Other(Form::Any),
        }
    }

    /// Whether a value has to be asked for as text: the driver knows nothing of it, or no other program would.
    pub(super) fn is_strange(&self) -> bool {
        matches!(self.base, "hierarchyid" | "geometry" | "geography" | "vector")
    }
}

/// The type of a new column.
pub(super) fn declared(kind: Kind) -> &'static str {
    match kind {
        Kind::Boolean => "BIT",
        Kind::Integer { .. } => "BIGINT",
        Kind::Float => "FLOAT",
        Kind::Real => "REAL",
        Kind::Numeric | Kind::Decimal { .. } | Kind::Number => "DECIMAL(38,10)",
        Kind::Bytes => "VARBINARY(MAX)",
        Kind::Json | Kind::Text | Kind::Short { .. } | Kind::Array(_) | Kind::Other(_) => "NVARCHAR(MAX)",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_read_as_they_are_printed() {
        for (printed, expected) in [
            (printed("bit", 1, 1, 0), Kind::Boolean),
            (printed("tinyint", 1, 3, 0), Kind::Decimal { digits: 3, scale: 0 }),
            (printed("decimal", 17, 38, 10), ANY_NUMBER),
            (printed("numeric", 5, 9, 2), Kind::Decimal { digits: 9, scale: 2 }),
            (printed("nvarchar", 60, 0, 0), Kind::Short { letters: 30 }),
            (printed("varchar", 60, 0, 0), Kind::Short { letters: 60 }),
            (printed("nchar", 6, 0, 0), Kind::Short { letters: 3 }),
            (printed("nvarchar", -1, 0, 0), Kind::Text),
            (printed("varbinary", -1, 0, 0), Kind::Bytes),
            (printed("datetime2", 8, 26, 6), Kind::Other(Form::Any)),
        ] {
            assert_eq!(Declared::of(&printed).kind(), expected, "{printed}");
        }
        assert_eq!(printed("datetime2", 8, 26, 6), "datetime2(6)");
        assert_eq!(printed("nchar", 6, 0, 0), "national character(3)");
    }
}
