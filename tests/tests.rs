//! Every test that sees Skylift from outside, in one program: it links once and shares one kit.

#[cfg(target_os = "linux")]
mod desktop;
mod layering;
mod scenarios;
mod vendors;
