//! Proof of one upload, for the person: what was sent, what the service confirmed.
//!
//! The fields are a contract of the command line; refuses anything secret.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::ids::UploadId;

/// How much the service itself confirmed about the bytes it holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export_to = "bindings.ts"))]
#[serde(rename_all = "snake_case")]
pub enum Verified {
    /// A checksum of the whole file agreed.
    Checksum,
    /// The size agreed.
    Size,
    /// Nothing was stated.
    None,
}

/// Proof of one upload.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export_to = "bindings.ts"))]
pub struct Receipt {
    /// The upload.
    pub id: UploadId,
    /// The account it went to.
    pub account: String,
    /// The service of that account.
    pub service: String,
    /// The local file, bytes that are no text escaped; the address of an import, without what may be secret in it.
    pub path: String,
    /// The name it was sent under.
    pub name: String,
    /// Bytes.
    #[cfg_attr(test, ts(type = "number"))]
    pub size: u64,
    /// When the file was last changed, RFC 3339.
    pub mtime: String,
    /// The service's identity for the file.
    pub remote_id: Option<String>,
    /// Where the file can be reached, when the service says so and the address is no secret.
    pub remote_url: Option<String>,
    /// CRC32C of the whole file, 8 hex digits.
    pub crc32c: Option<String>,
    /// SHA-256 of the whole file in hex, when it was computed.
    pub sha256: Option<String>,
    /// What the service confirmed.
    pub verified: Verified,
    /// Parts the file was sent in.
    pub parts: u32,
    /// Bytes of every part but the last.
    #[cfg_attr(test, ts(type = "number"))]
    pub part_size: u64,
    /// Bytes that went over the wire more than once.
    #[cfg_attr(test, ts(type = "number"))]
    pub bytes_resent: u64,
    /// Tries, 1 when all went well.
    pub attempts: u32,
    /// When it was added, RFC 3339.
    pub added_at: String,
    /// When the service confirmed it, RFC 3339.
    pub completed_at: String,
    /// The fields of the service's last reply that the definition names.
    #[cfg_attr(test, ts(type = "Record<string, string>"))]
    pub service_reply: BTreeMap<String, String>,
    /// What a person should know, such as that an upload nobody attaches is deleted.
    pub note: Option<String>,
}
