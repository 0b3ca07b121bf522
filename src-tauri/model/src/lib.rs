//! The pure heart of Skylift: what an upload is, how far it can get, when it may move, what can go wrong, and the
//! words in which front ends ask and are told.
//!
//! Owns no clock, disk, network or randomness: times, seeds and facts are always handed in. Everything here can be
//! tested without a runtime and is the same in the window, the command line and a simulation.

pub mod api;
pub mod fault;
pub mod ids;
pub mod names;
pub mod phase;
pub mod plan;
pub mod rate;
pub mod receipt;
pub mod retry;
pub mod sabotage;
pub mod schedule;
pub mod secret;
pub mod time;

pub use fault::{Fault, FaultKind, Verdict};
pub use ids::{FolderId, PartNumber, UploadId};
pub use phase::{Hold, Phase};
pub use plan::PartPlan;
pub use receipt::{Receipt, Verified};
pub use secret::{Key, SignedUrl};
pub use time::Timestamp;
