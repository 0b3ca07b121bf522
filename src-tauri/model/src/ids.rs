//! Identities: small types that keep an upload from being taken for a part or a number for an index.
//!
//! Refuses to make identities up: the engine hands in time and randomness.

use std::fmt;
use std::num::NonZeroU32;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// One file to one account: the unit a person sees. A UUID v7, so identities sort by the time they were added.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export_to = "bindings.ts", type = "string"))]
#[serde(transparent)]
pub struct UploadId(Uuid);

impl UploadId {
    /// Wraps an identity made elsewhere.
    pub const fn from_uuid(id: Uuid) -> Self {
        Self(id)
    }

    /// The identity of the upload added at `milliseconds` since 1970, told apart from its neighbours by `random`.
    pub fn at(milliseconds: u64, random: [u8; 10]) -> Self {
        Self(uuid::Builder::from_unix_timestamp_millis(milliseconds, &random).into_uuid())
    }

    /// The 16 bytes that are stored.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        self.0.as_bytes()
    }

    /// Reads the 16 stored bytes back.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        Uuid::from_slice(bytes).ok().map(Self)
    }
}

impl fmt::Display for UploadId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for UploadId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for UploadId {
    type Err = uuid::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Uuid::parse_str(text).map(Self)
    }
}

/// A watched folder. A small number that a person can type; it is not given to another folder later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export_to = "bindings.ts", type = "number"))]
#[serde(transparent)]
pub struct FolderId(NonZeroU32);

impl FolderId {
    /// The folder with this number, unless it is 0.
    pub fn new(number: u32) -> Option<Self> {
        NonZeroU32::new(number).map(Self)
    }

    /// The number, 1 or more.
    pub const fn get(self) -> u32 {
        self.0.get()
    }
}

impl fmt::Display for FolderId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for FolderId {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self)
    }
}

/// The number of a part. Ours start at 1; a definition says where its service starts (Archetype: 0).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export_to = "bindings.ts", type = "number"))]
#[serde(transparent)]
pub struct PartNumber(NonZeroU32);

impl PartNumber {
    /// The first part of every upload.
    pub const FIRST: Self = Self(NonZeroU32::MIN);

    /// The part with this number, unless it is 0.
    pub fn new(number: u32) -> Option<Self> {
        NonZeroU32::new(number).map(Self)
    }

    /// The part at a position that starts at 0.
    pub fn from_index(index: u32) -> Self {
        Self(NonZeroU32::MIN.saturating_add(index))
    }

    /// The number, 1 or more.
    pub const fn get(self) -> u32 {
        self.0.get()
    }

    /// The position, 0 or more.
    pub const fn index(self) -> u32 {
        self.0.get() - 1
    }
}

impl fmt::Display for PartNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
