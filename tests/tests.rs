//! Every test that sees Skylift from outside, in one program: it links once and shares one kit.

#![expect(clippy::unwrap_used, reason = "a test that cannot be set up must stop at once")]

#[cfg(target_os = "linux")]
mod crash;
#[cfg(target_os = "linux")]
mod desktop;
#[path = "fuzz/src/hostile_names.rs"]
#[expect(unreachable_pub, reason = "it is public where it is at home")]
mod hostile_names;
mod layering;
mod scenarios;
#[cfg(target_os = "linux")]
mod system;
mod vendors;
mod watched;
#[cfg(target_os = "linux")]
mod wire;
