//! Identifiers in the shapes the services use. They look random, never repeat within one sandbox, and are the same again
//! from the same salt.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};

/// Crockford's alphabet: no I, L, O, U.
const BASE32: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

pub(crate) struct Ids {
    salt: u64,
    count: AtomicU64,
}

impl Ids {
    pub(crate) fn new(salt: u64) -> Self {
        Ids {
            salt: mix(salt),
            count: AtomicU64::new(0),
        }
    }

    fn next(&self) -> u64 {
        mix(self.salt.wrapping_add(self.count.fetch_add(1, Ordering::Relaxed)))
    }

    /// Version 4 in form.
    pub(crate) fn uuid(&self) -> String {
        let high = (self.next() & 0xffff_ffff_ffff_0fff) | 0x4000;
        let low = (self.next() & 0x3fff_ffff_ffff_ffff) | 0x8000_0000_0000_0000;
        let text = format!("{high:016x}{low:016x}");
        format!(
            "{}-{}-{}-{}-{}",
            &text[..8],
            &text[8..12],
            &text[12..16],
            &text[16..20],
            &text[20..]
        )
    }

    /// Upper-case base 32, as long as asked for.
    pub(crate) fn base32(&self, length: usize) -> String {
        let mut text = String::with_capacity(length);
        while text.len() < length {
            let mut bits = self.next();
            for _ in 0..12.min(length - text.len()) {
                text.push(char::from(BASE32[usize::try_from(bits & 31).expect("five bits")]));
                bits >>= 5;
            }
        }
        text
    }

    /// Lower-case hexadecimal, as long as asked for.
    pub(crate) fn hex(&self, length: usize) -> String {
        let mut text = String::with_capacity(length + 16);
        while text.len() < length {
            write!(text, "{:016x}", self.next()).expect("writing to a string");
        }
        text.truncate(length);
        text
    }
}

/// One round of splitmix64: turns a counter into numbers without a pattern.
pub(crate) fn mix(seed: u64) -> u64 {
    let mut z = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
