//! Every test that sees Skylift from outside, in one program: it links once and shares one kit.

mod layering;
mod scenarios;
mod vendors;
