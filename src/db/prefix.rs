//! The first half of a record hash, by which merges compare rows, out of what a column `sha` holds.

/// Of 32 bytes; `None` where they are no hash.
pub(super) fn of_bytes(sha: &[u8]) -> Option<u128> {
    let sha: &[u8; 32] = sha.try_into().ok()?;
    Some(u128::from_be_bytes(sha[..16].try_into().ok()?))
}

/// Of 64 hex digits; `None` where they are no hash.
pub(super) fn of_hex(hex: &[u8]) -> Option<u128> {
    let hex = std::str::from_utf8(hex).ok().filter(|hex| hex.len() == 64 && hex.is_ascii())?;
    u128::from_str_radix(&hex[..32], 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hash::hash_bytes;

    #[test]
    fn both_spellings_of_a_hash_have_its_prefix_and_nothing_else_has_one() {
        let sha = hash_bytes(b"a record");
        let hex = sha.to_string();
        assert_eq!((of_bytes(&sha.0), of_hex(hex.as_bytes())), (Some(sha.prefix()), Some(sha.prefix())));
        assert_eq!((of_bytes(&sha.0[..31]), of_bytes(&[sha.0.as_slice(), b"x"].concat())), (None, None));
        let wide = format!("{}\u{e4}", &hex[..62]);
        for other in [&hex[..63], &format!("{hex}0"), &wide, &"x".repeat(64)] {
            assert_eq!(of_hex(other.as_bytes()), None, "{other}");
        }
    }
}
