//! The types that XML Schema brings along, and their values in JSON. Numbers that JSON would round stay text: decimals,
//! and integers beyond 64 bits.

use serde_json::Value;

use super::super::xml::Name;

/// XML Schema's own namespaces: the one of today, and those of its drafts.
pub(in crate::soap) const XSD: [&str; 3] =
    ["http://www.w3.org/2001/XMLSchema", "http://www.w3.org/2000/10/XMLSchema", "http://www.w3.org/1999/XMLSchema"];
/// Where SOAP 1.1 has the same types again.
const ENCODING: &str = "http://schemas.xmlsoap.org/soap/encoding/";

/// A kind of simple value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::soap) enum Builtin {
    /// Text whose white space counts.
    Text,
    /// Text whose white space does not count: tokens, dates, URIs, binary data.
    Token,
    Boolean,
    Integer,
    Decimal,
    Float,
    /// Names, one or several.
    Names,
    Any,
}

impl Builtin {
    pub(in crate::soap) fn of(name: &Name) -> Option<Self> {
        let is_encoding = &*name.namespace == ENCODING;
        if !XSD.contains(&&*name.namespace) && !is_encoding {
            return None;
        }
        Some(match &*name.local {
            "string" | "normalizedString" => Self::Text,
            "boolean" => Self::Boolean,
            "decimal" => Self::Decimal,
            "float" | "double" => Self::Float,
            "integer" | "int" | "long" | "short" | "byte" | "nonNegativeInteger" | "positiveInteger"
            | "nonPositiveInteger" | "negativeInteger" | "unsignedLong" | "unsignedInt" | "unsignedShort"
            | "unsignedByte" => Self::Integer,
            "NMTOKENS" | "IDREFS" | "ENTITIES" => Self::Names,
            "anyType" | "anySimpleType" | "ur-type" | "Array" | "Struct" => Self::Any,
            "token" | "language" | "NMTOKEN" | "Name" | "NCName" | "ID" | "IDREF" | "ENTITY" | "anyURI" | "QName"
            | "NOTATION" | "date" | "time" | "dateTime" | "duration" | "gYear" | "gYearMonth" | "gMonth"
            | "gMonthDay" | "gDay" | "base64Binary" | "hexBinary" | "base64" | "timeInstant" | "recurringDate"
            | "uriReference" | "anyAtomicType" | "dateTimeStamp" | "dayTimeDuration" | "yearMonthDuration" => {
                Self::Token
            }
            _ => return None,
        })
    }

    /// A text of XML as JSON; text stays text where it does not fit.
    pub(in crate::soap) fn to_json(self, text: &str) -> Value {
        let trimmed = text.trim();
        let plain = || Value::String(trimmed.to_owned());
        match self {
            Self::Text | Self::Any => Value::String(text.to_owned()),
            Self::Token | Self::Decimal => plain(),
            Self::Names => trimmed.split_whitespace().map(|word| Value::String(word.to_owned())).collect(),
            Self::Boolean => match trimmed {
                "true" | "1" => Value::Bool(true),
                "false" | "0" => Value::Bool(false),
                _ => plain(),
            },
            Self::Integer => {
                let digits = trimmed.strip_prefix('+').unwrap_or(trimmed);
                let signed = digits.parse::<i64>().map(Value::from);
                signed.or_else(|_| digits.parse::<u64>().map(Value::from)).unwrap_or_else(|_| plain())
            }
            Self::Float => {
                trimmed.parse::<f64>().ok().and_then(serde_json::Number::from_f64).map_or_else(plain, Value::Number)
            }
        }
    }

    /// A value of JSON as text of XML; an error says what it takes.
    pub(in crate::soap) fn to_text(self, value: &Value) -> Result<String, &'static str> {
        let text = match value {
            Value::String(text) => text.clone(),
            Value::Bool(flag) => flag.to_string(),
            Value::Number(number) => number.to_string(),
            Value::Array(items) if self == Self::Names => {
                let words = items.iter().map(|item| item.as_str().ok_or("a list of names"));
                return Ok(words.collect::<Result<Vec<_>, _>>()?.join(" "));
            }
            _ => return Err("a single value"),
        };
        let trimmed = text.trim();
        let is_number = |text: &str| {
            let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
            !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
        };
        match self {
            Self::Text | Self::Token | Self::Names | Self::Any => Ok(text),
            Self::Boolean => match trimmed {
                "true" | "1" => Ok("true".to_owned()),
                "false" | "0" => Ok("false".to_owned()),
                _ => Err("true or false"),
            },
            Self::Integer => {
                // some languages write every number with a point
                let whole = trimmed.strip_suffix(".0").unwrap_or(trimmed);
                if is_number(whole) { Ok(whole.to_owned()) } else { Err("a whole number") }
            }
            Self::Decimal => {
                let (whole, rest) = trimmed.split_once('.').unwrap_or((trimmed, "0"));
                let is_decimal = (is_number(whole) || matches!(whole, "" | "-" | "+"))
                    && rest.bytes().all(|byte| byte.is_ascii_digit())
                    && trimmed.bytes().any(|byte| byte.is_ascii_digit());
                match (is_decimal, trimmed.parse::<f64>()) {
                    (true, _) => Ok(trimmed.to_owned()),
                    // an exponent has no place in a decimal
                    (false, Ok(number)) if number.is_finite() && value.is_number() => Ok(format!("{number}")),
                    _ => Err("a decimal number"),
                }
            }
            Self::Float => match trimmed {
                "INF" | "-INF" | "NaN" => Ok(trimmed.to_owned()),
                _ if trimmed.parse::<f64>().is_ok_and(f64::is_finite) => Ok(trimmed.to_owned()),
                _ => Err("a number"),
            },
        }
    }

    /// In the words of a list of operations.
    pub(in crate::soap) fn word(self) -> &'static str {
        match self {
            Self::Text | Self::Token => "text",
            Self::Boolean => "boolean",
            Self::Integer => "integer",
            Self::Decimal => "decimal",
            Self::Float => "float",
            Self::Names => "names",
            Self::Any => "any",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn values_go_there_and_back() {
        let of = |name: &str| Builtin::of(&Name::new(XSD[0], name)).expect(name);
        for (name, text, value) in [
            ("int", " 7 ", json!(7)),
            ("integer", "123456789012345678901234567890", json!("123456789012345678901234567890")),
            ("unsignedLong", "18446744073709551615", json!(18_446_744_073_709_551_615_u64)),
            ("decimal", "1.10", json!("1.10")),
            ("double", "1.5e3", json!(1500.0)),
            ("double", "NaN", json!("NaN")),
            ("boolean", "1", json!(true)),
            ("string", " a ", json!(" a ")),
            ("date", " 2026-01-01 ", json!("2026-01-01")),
            ("NMTOKENS", "a b", json!(["a", "b"])),
        ] {
            assert_eq!(of(name).to_json(text), value, "{name}");
        }
        for (name, value, text) in [
            ("int", json!("7"), Ok("7")),
            ("int", json!(7.0), Ok("7")),
            ("int", json!("x"), Err("a whole number")),
            ("int", json!([1]), Err("a single value")),
            ("decimal", json!(1.5), Ok("1.5")),
            ("decimal", json!("-.5"), Ok("-.5")),
            ("decimal", json!("1,5"), Err("a decimal number")),
            ("boolean", json!(true), Ok("true")),
            ("boolean", json!("yes"), Err("true or false")),
            ("string", json!(12), Ok("12")),
        ] {
            assert_eq!(of(name).to_text(&value).as_deref().map_err(|it| *it), text, "{name} {value}");
        }
        assert_eq!(Builtin::of(&Name::new(XSD[0], "nonsense")), None);
        assert_eq!(Builtin::of(&Name::new("u", "int")), None);
    }
}
