//! What must hold for any input from outside: four functions that take any bytes and panic when a promise is broken.
//!
//! `libfuzzer/` runs them for hours (`./dev soak --lane fuzz`), the tests here over the corpus and a few thousand
//! changes of it. Refuses files, sockets and time: an input decides everything.

#![expect(clippy::missing_panics_doc, reason = "panicking is how a broken promise is told")]
#![expect(
    clippy::unwrap_used,
    reason = "what cannot be set up or read back is a broken promise"
)]

mod conversation;
mod definitions;
mod hostile_names;
mod messages;
mod names;
mod oracles;
mod replies;
#[cfg(test)]
mod tests;
mod upload;

use std::sync::Once;

pub use definitions::definitions;
pub use messages::messages;
pub use names::{HOSTILE_NAMES, names};
pub use replies::replies;

/// What looking at an input may take at most at a time, in bytes: replies are small, and nothing in them makes more of
/// them than a request that lists every part.
const MOST_MEMORY: u64 = 2 << 20;
/// The same for each byte of an input.
const MEMORY_OF_A_BYTE: u64 = 200;
/// For each byte of TOML, where a letter and a dot are a table of their own: 700 were measured.
const MEMORY_OF_TOML: u64 = 1000;

/// What a function of this crate is.
pub type Target = fn(&[u8]);

/// The targets by name.
pub const TARGETS: [(&str, Target); 4] = [
    ("replies", replies),
    ("definitions", definitions),
    ("names", names),
    ("messages", messages),
];

/// Does something with an input, and panics when that takes more memory than it may, for each byte and in all.
fn within_memory(input: &[u8], of_a_byte: u64, what: impl FnOnce()) {
    static WARM: Once = Once::new();
    // What is made once is nobody's fault.
    WARM.call_once(|| drop(replies::chosen("")));
    let used = allocation_counter::measure(what).bytes_max;
    let most = MOST_MEMORY + of_a_byte * input.len() as u64;
    assert!(used <= most, "{used} bytes at a time for an input of {}", input.len());
}
