//! SHA3-256 of many texts: eight at once where the processor has AVX-512, four with AVX2, one by one elsewhere.

use sha3::{Digest, Sha3_256};

#[cfg(target_arch = "x86_64")]
use super::lanes;
use super::sha::Sha;

/// Texts that stand one behind the other; `ends` says where each ends.
#[derive(Debug, Default)]
pub struct Texts {
    /// The bytes of all texts.
    pub bytes: Vec<u8>,
    /// Where each text ends in `bytes`.
    pub ends: Vec<usize>,
}

impl Texts {
    fn get(&self, place: usize) -> &[u8] {
        let start = if place == 0 { 0 } else { self.ends[place - 1] };
        &self.bytes[start..self.ends[place]]
    }
}

/// The hashes of all texts, in their order.
pub fn hash_texts(texts: &Texts) -> Vec<Sha> {
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("avx512f") {
        #[expect(unsafe_code, reason = "the processor was asked for AVX-512 before")]
        return together(texts, |eight| unsafe { lanes::eight::sha3_256(eight) });
    } else if std::arch::is_x86_feature_detected!("avx2") {
        #[expect(unsafe_code, reason = "the processor was asked for AVX2 before")]
        return together(texts, |four| unsafe { lanes::four::sha3_256(four) });
    }
    (0..texts.ends.len()).map(|place| alone(texts.get(place))).collect()
}

fn alone(text: &[u8]) -> Sha {
    Sha(Sha3_256::digest(text).into())
}

/// Only texts of one number of blocks can go together: each waits until there are `LANES` of its number.
#[cfg(target_arch = "x86_64")]
fn together<const LANES: usize>(texts: &Texts, hash: impl Fn([&[u8]; LANES]) -> [[u8; 32]; LANES]) -> Vec<Sha> {
    let mut hashes = vec![Sha([0; 32]); texts.ends.len()];
    let mut waiting: Vec<Vec<usize>> = Vec::new();
    for place in 0..texts.ends.len() {
        let blocks = texts.get(place).len() / lanes::RATE;
        if waiting.len() <= blocks {
            waiting.resize(blocks + 1, Vec::new());
        }
        waiting[blocks].push(place);
        if let Ok(full) = <[usize; LANES]>::try_from(waiting[blocks].as_slice()) {
            let found = hash(full.map(|place| texts.get(place)));
            full.into_iter().zip(found).for_each(|(place, hash)| hashes[place] = Sha(hash));
            waiting[blocks].clear();
        }
    }
    for place in waiting.into_iter().flatten() {
        hashes[place] = alone(texts.get(place));
    }
    hashes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts() -> Texts {
        let mut texts = Texts::default();
        for length in (0..600).chain([1000, 5000]) {
            texts.bytes.extend((0..length).map(|byte| (byte * 7 + length) as u8));
            texts.ends.push(texts.bytes.len());
        }
        texts
    }

    fn assert_right(texts: &Texts, hashes: &[Sha]) {
        for (place, hash) in hashes.iter().enumerate() {
            assert_eq!(*hash, alone(texts.get(place)), "text {place}");
        }
    }

    #[test]
    fn many_at_once_are_what_each_is_alone() {
        assert_right(&texts(), &hash_texts(&texts()));
    }

    #[cfg(target_arch = "x86_64")]
    #[test]
    fn four_at_once_are_right_where_eight_could_go() {
        if std::arch::is_x86_feature_detected!("avx2") {
            #[expect(unsafe_code, reason = "the processor was asked for AVX2 before")]
            let hashes = together(&texts(), |four| unsafe { lanes::four::sha3_256(four) });
            assert_right(&texts(), &hashes);
        }
    }
}
