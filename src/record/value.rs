//! The values that a record can hold; borrowed from the input wherever nothing had to be unescaped.

use std::borrow::Cow;

/// One value of a record.
#[derive(Debug, Clone, PartialEq)]
pub enum Value<'a> {
    /// JSON's null, an empty CSV field, SQL's NULL.
    Null,
    /// A truth value.
    Bool(bool),
    /// An integer of 64 bits.
    Integer(i64),
    /// An integer beyond 64 bits: a sign and its digits, as written.
    BigInteger(Cow<'a, str>),
    /// A float; always finite when it was read from an input.
    Float(f64),
    /// A number with a point or an exponent, as it was written: `1.50`, `1e5`, `12345678901234567.89`. One that a float
    /// prints in the same digits is a [`Value::Float`].
    Decimal(Cow<'a, str>),
    /// Text.
    Text(Cow<'a, str>),
    /// Bytes, which only a database gives.
    Bytes(Vec<u8>),
    /// A list.
    Array(Vec<Value<'a>>),
    /// Names and values, each name once, in the order of the input.
    Object(Vec<(Cow<'a, str>, Value<'a>)>),
}

impl Value<'_> {
    /// The same value, owning its text.
    pub fn into_owned(self) -> Value<'static> {
        match self {
            Self::Null => Value::Null,
            Self::Bool(flag) => Value::Bool(flag),
            Self::Integer(number) => Value::Integer(number),
            Self::BigInteger(digits) => Value::BigInteger(Cow::Owned(digits.into_owned())),
            Self::Float(number) => Value::Float(number),
            Self::Decimal(digits) => Value::Decimal(Cow::Owned(digits.into_owned())),
            Self::Text(text) => Value::Text(Cow::Owned(text.into_owned())),
            Self::Bytes(bytes) => Value::Bytes(bytes),
            Self::Array(items) => Value::Array(items.into_iter().map(Value::into_owned).collect()),
            Self::Object(fields) => Value::Object(owned_fields(fields)),
        }
    }

    /// What the value is, in the words of an error message.
    pub fn kind_name(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "a boolean",
            Self::Integer(_) | Self::BigInteger(_) => "an integer",
            Self::Float(_) | Self::Decimal(_) => "a number",
            Self::Text(_) => "text",
            Self::Bytes(_) => "bytes",
            Self::Array(_) => "a list",
            Self::Object(_) => "an object",
        }
    }
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(Cow::Borrowed(text))
    }
}

impl From<String> for Value<'_> {
    fn from(text: String) -> Self {
        Self::Text(Cow::Owned(text))
    }
}

impl From<i64> for Value<'_> {
    fn from(number: i64) -> Self {
        Self::Integer(number)
    }
}

impl From<f64> for Value<'_> {
    fn from(number: f64) -> Self {
        Self::Float(number)
    }
}

impl From<bool> for Value<'_> {
    fn from(flag: bool) -> Self {
        Self::Bool(flag)
    }
}

/// A record: column names and values, each name once, in the order of the input.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Record<'a> {
    /// The fields.
    pub fields: Vec<(Cow<'a, str>, Value<'a>)>,
}

impl<'a> Record<'a> {
    /// The value of a field.
    pub fn get(&self, name: &str) -> Option<&Value<'a>> {
        self.fields.iter().find(|(field, _)| field == name).map(|(_, value)| value)
    }

    /// The same record, owning its text.
    pub fn into_owned(self) -> Record<'static> {
        Record { fields: owned_fields(self.fields) }
    }
}

fn owned_fields(fields: Vec<(Cow<'_, str>, Value<'_>)>) -> Vec<(Cow<'static, str>, Value<'static>)> {
    fields.into_iter().map(|(name, value)| (Cow::Owned(name.into_owned()), value.into_owned())).collect()
}
