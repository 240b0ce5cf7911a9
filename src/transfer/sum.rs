//! What tells whether two tables hold the same rows, in whatever order.

use crate::hash::{hash_bytes, write_json};
use crate::record::{Digits, Value};

/// Rows, and of each column, and of all together, the sum of the hashes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sum {
    pub(super) rows: u64,
    columns: Vec<u128>,
    whole: u128,
}

impl Sum {
    pub(super) fn new(columns: usize) -> Self {
        Self { rows: 0, columns: vec![0; columns], whole: 0 }
    }

    /// Adds a row.
    pub(super) fn add(&mut self, row: &[Value<'_>]) {
        let mut whole = Vec::new();
        for (sum, value) in self.columns.iter_mut().zip(row) {
            let start = whole.len();
            match value {
                // 1.50 and 1.5 are one number, and databases write it as they like
                Value::Integer(_) | Value::BigInteger(_) | Value::Decimal(_) => {
                    let text = crate::db::text(value);
                    let mut number = String::new();
                    match Digits::of(&text) {
                        Some(digits) => digits.write(&mut number),
                        None => number.push_str(&text),
                    }
                    whole.extend_from_slice(number.as_bytes());
                }
                Value::Float(number) => whole.extend_from_slice(&number.to_bits().to_be_bytes()),
                Value::Bytes(raw) => whole.extend_from_slice(raw),
                other => write_json(other, &mut whole),
            }
            *sum = sum.wrapping_add(hash_bytes(&whole[start..]).prefix());
            whole.push(0);
        }
        self.rows += 1;
        self.whole = self.whole.wrapping_add(hash_bytes(&whole).prefix());
    }

    /// The places of the columns in which both differ.
    pub(super) fn differing(&self, other: &Self) -> Vec<usize> {
        let pairs = self.columns.iter().zip(&other.columns).enumerate();
        pairs.filter(|(_, (one, other))| one != other).map(|(place, _)| place).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_in_another_order_are_the_same_and_values_that_change_places_are_not() {
        let sum = |rows: &[[&str; 2]]| {
            let mut sum = Sum::new(2);
            rows.iter().for_each(|row| sum.add(&row.map(Value::from)));
            sum
        };
        let rows = sum(&[["a", "1"], ["b", "2"]]);
        assert_eq!(rows, sum(&[["b", "2"], ["a", "1"]]));
        assert_ne!(rows, sum(&[["a", "2"], ["b", "1"]]));
        let number = |digits: &'static str| {
            let mut sum = Sum::new(1);
            sum.add(&[Value::Decimal(digits.into())]);
            sum
        };
        assert_eq!(number("1.50"), number("15e-1"));
        assert_ne!(number("1.50"), number("1.51"));
        assert_eq!(rows.differing(&sum(&[["a", "1"], ["b", "3"]])), [1]);
    }
}
