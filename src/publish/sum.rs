//! One SHA-256 over all files of an app, so that two folders with the same one are the same.

use sha2::{Digest, Sha256};

/// The sum of files, each with its path as it is written in the database, its SHA-256, and whether it may be executed: of
/// a line each, `<sha256> <x or -> <path as JSON>`, in the order of the paths' bytes.
pub(super) fn of<'a>(files: impl Iterator<Item = (&'a str, &'a [u8], bool)>) -> Vec<u8> {
    let mut files: Vec<_> = files.collect();
    files.sort_unstable();
    let mut sum = Sha256::new();
    for (path, sha256, executable) in files {
        let mode = if executable { 'x' } else { '-' };
        // a path may hold a line feed; a text always serialises
        let path = serde_json::to_string(path).unwrap_or_default();
        sum.update(format!("{} {mode} {path}\n", crate::tables::hex_text(sha256)));
    }
    sum.finalize().to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sum_knows_contents_paths_and_modes_and_no_order() {
        let (one, two) = ([1; 32], [2; 32]);
        let both = of([("a", &one[..], false), ("b", &two[..], true)].into_iter());
        assert_eq!(both, of([("b", &two[..], true), ("a", &one[..], false)].into_iter()));
        let others = [
            [("a", &two[..], false), ("b", &two[..], true)],
            [("a", &one[..], true), ("b", &two[..], true)],
            [("a", &one[..], false), ("c", &two[..], true)],
        ];
        for other in others {
            assert_ne!(both, of(other.into_iter()));
        }
    }
}
