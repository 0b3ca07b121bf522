//! Five upload services on loopback: Andi, Notion, Empirical, Rebilly and Archetype, with their presigned storage, and
//! faults on demand. Written from the published contracts alone and ignorant of every other crate here, so that a
//! mistake in one does not hide in the other. Refuses to listen or to fetch anywhere but on loopback.
//! [`Sandbox::in_process`] is the same without sockets, threads or real time, for simulations that must be repeatable.
//!
//! ```no_run
//! # async fn example() -> std::io::Result<()> {
//! use skylift_sandbox::{Config, Sandbox, Service};
//!
//! let sandbox = Sandbox::start(Config::default()).await?;
//! println!("{}", sandbox.base_url(Service::Andi));
//! sandbox.set_faults(vec!["andi:part:status=503:times=2".parse().expect("a good spec")]);
//! sandbox.shutdown().await;
//! # Ok(())
//! # }
//! ```

mod andi;
mod app;
mod archetype;
mod call;
mod clock;
mod config;
mod control;
mod empirical;
mod fault;
mod fetch;
mod form;
mod ids;
mod in_process;
mod keys;
mod listen;
mod lock;
mod mime;
mod notion;
mod objects;
mod rebilly;
mod reply;
mod route;
mod sandbox;
mod serve;
mod service;
mod sign;
mod stats;
mod storage;
mod vault;

#[cfg(test)]
mod tests;

pub use config::{
    AndiConfig, ArchetypeConfig, Collections, Config, EmpiricalConfig, Integrity, NotionConfig, RebillyConfig,
    StorageKind,
};
pub use control::sample_bytes;
pub use fault::{FaultKind, FaultRule, ResetAt, RuleReport, SpecError};
pub use objects::{ObjectInfo, SessionInfo};
pub use reply::ReplyBody;
pub use sandbox::Sandbox;
pub use serve::Broken;
pub use service::{Service, Step};
pub use stats::{PartCount, ServiceStats, Stats};
