//! One file per command: asks the engine and prints the answer. Refuses to decide what the engine decides.

pub(crate) mod account;
pub(crate) mod doctor;
pub(crate) mod import;
pub(crate) mod leftovers;
pub(crate) mod queue;
pub(crate) mod receipt;
pub(crate) mod run;
pub(crate) mod sandbox;
pub(crate) mod service;
pub(crate) mod service_unit;
pub(crate) mod upload;
pub(crate) mod verbs;
pub(crate) mod watch;
