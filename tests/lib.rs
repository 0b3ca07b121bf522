//! What the tests and benches share: a world of a sandbox, a data folder and planted secrets, in which the real
//! `skylift` runs as a process of its own.
//!
//! Refuses to look inside the engine: what is here sees what a person or a script sees.

#![expect(clippy::unwrap_used, reason = "a test that cannot be set up must stop at once")]
#![expect(clippy::missing_panics_doc, reason = "panicking is how tests speak")]

#[path = "kit/canary.rs"]
mod canary;
#[path = "kit/process.rs"]
mod process;
#[path = "kit/relay.rs"]
mod relay;
#[path = "kit/running.rs"]
mod running;
#[path = "kit/world.rs"]
mod world;

pub use canary::Canary;
pub use process::{Finished, binary, not_run};
pub use relay::{Relay, as_soon_as_free};
pub use running::{ASK_AGAIN, PATIENCE, Running};
pub use world::{Account, World, accounts, crc32c};
