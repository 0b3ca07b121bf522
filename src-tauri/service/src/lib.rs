//! File services as data. A definition is a TOML file; the driver turns it into requests and reads the replies.
//!
//! Does no I/O and never sees a key: a request names the header that needs one, and the transport fills it in.

mod build;
mod check;
pub mod definition;
pub mod driver;
pub mod exchange;
mod extract;
pub mod hosts;
mod leaf;
mod limits;
mod options;
mod problem;
mod quirk;
mod schema;
mod template;
#[cfg(test)]
mod tests;
mod units;
mod vocabulary;
mod words;
