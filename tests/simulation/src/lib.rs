//! The engine in a simulated world. One seed decides everything: what a person does, how the network and the disk behave,
//! when the computer goes off. The engine, its queue in SQLite, its requests and the five services are the real ones;
//! time, network, files and keychain stand behind the engine's ports.
//!
//! A seed that fails is run again with its number, and becomes a test. Refuses threads, sockets and the time of day.

#![cfg(test)]

mod disk;
mod errand;
mod keychain;
mod life;
mod network;
mod oracles;
mod person;
mod resent;
mod services;
mod tests;
mod weather;
mod world;
