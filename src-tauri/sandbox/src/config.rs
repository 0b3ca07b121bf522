//! Everything about the sandbox that a test or a person may set, with defaults that behave as the contracts say.
//! Durations are milliseconds in the serialized form, sizes are bytes.

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::fault::FaultRule;

const MIB: u64 = 1024 * 1024;

/// How to start a [`crate::Sandbox`]. `Config::default()` is a faithful sandbox on a free port.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Port on 127.0.0.1; 0 takes a free one.
    pub port: u16,
    /// Where stored bytes go if they go to files; a temporary folder, removed at the end, if none.
    pub root: Option<PathBuf>,
    /// The only keys accepted. Empty: any key, except that `wrong...` is refused and `readonly...` may only read.
    pub keys: Vec<String>,
    /// Lifetime of presigned URLs (Andi states 3600 s; the others are assumed to do the same).
    #[serde(with = "millis")]
    pub url_ttl: Duration,
    /// Lifetime of unfinished uploads, and of unattached ones at Notion (documented: 1 h). Archetype has its own.
    #[serde(with = "millis")]
    pub session_ttl: Duration,
    /// Largest single PUT to presigned storage (S3 and R2: 5 GiB).
    pub max_put: u64,
    /// Who keeps the bytes.
    pub storage: StorageKind,
    /// Faults in force from the start.
    pub faults: Vec<FaultRule>,
    /// Seed of the chance in fault rules, and in process also of ids and of the secret that signs URLs.
    pub seed: u64,
    /// How long an import from a URL takes before the bytes are fetched.
    #[serde(with = "millis")]
    pub import_delay: Duration,
    /// Andi's knobs.
    pub andi: AndiConfig,
    /// Notion's knobs.
    pub notion: NotionConfig,
    /// Empirical's knobs.
    pub empirical: EmpiricalConfig,
    /// Rebilly's knobs.
    pub rebilly: RebillyConfig,
    /// Archetype's knobs.
    pub archetype: ArchetypeConfig,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            port: 0,
            root: None,
            keys: Vec::new(),
            url_ttl: Duration::from_secs(3600),
            session_ttl: Duration::from_secs(3600),
            max_put: 5 * 1024 * MIB,
            storage: StorageKind::Files,
            faults: Vec::new(),
            seed: 1,
            import_delay: Duration::from_millis(100),
            andi: AndiConfig::default(),
            notion: NotionConfig::default(),
            empirical: EmpiricalConfig::default(),
            rebilly: RebillyConfig::default(),
            archetype: ArchetypeConfig::default(),
        }
    }
}

/// Who keeps the bytes behind presigned URLs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StorageKind {
    /// The sandbox itself: files under the root, fast.
    #[default]
    Files,
    /// The sandbox itself: in memory, without a file or a thread, for small files. No object has a path.
    Memory,
    /// A real S3 server (`s3s` with its file system backend) in this process, on a port of its own: slow and faithful.
    S3,
}

/// Knobs of Andi.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AndiConfig {
    /// From a direct PUT until the file is usable (unpublished; assumed under 5 s).
    #[serde(with = "millis")]
    pub completion_delay: Duration,
    /// Whether reading files back is possible at all: without it GET answers 404, as if the route did not exist.
    pub get_route: bool,
    /// Whether `checksumSha256` is filled once the file is usable (unknown; null in the documented example).
    pub checksum: bool,
    /// Part size handed out for multipart; by size of the file if none (assumed: 8 MiB or more, 10,000 parts at most).
    pub part_size: Option<u64>,
}

impl Default for AndiConfig {
    fn default() -> Self {
        Self {
            completion_delay: Duration::from_millis(200),
            get_route: true,
            checksum: false,
            part_size: None,
        }
    }
}

/// Knobs of Notion.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NotionConfig {
    /// Smallest part but the last (documented: 5 MiB).
    pub min_part: u64,
    /// Largest part, and largest single-part file (documented: 20 MiB).
    pub max_part: u64,
    /// Most parts (documented: 10,000; older pages: 1,000).
    pub max_parts: u32,
    /// Largest file of the workspace (documented: 5 GiB paid, 5 MiB free).
    pub max_file_size: u64,
    /// Requests per second and integration; none switches the limiter off (documented: 3 on average).
    pub rate: Option<f64>,
    /// Requests that may come at once (assumed: 10).
    pub burst: u32,
}

impl Default for NotionConfig {
    fn default() -> Self {
        Self {
            min_part: 5 * MIB,
            max_part: 20 * MIB,
            max_parts: 10_000,
            max_file_size: 5 * 1024 * MIB,
            rate: Some(3.0),
            burst: 10,
        }
    }
}

/// Which collection names Empirical answers to: the vendor renamed it once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Collections {
    /// `/api/files` and `/api/resources`.
    #[default]
    Both,
    /// Only `/api/files`.
    Files,
    /// Only `/api/resources`.
    Resources,
}

/// Knobs of Empirical.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EmpiricalConfig {
    /// Whether confirming trusts the client: by default an absent object is a 400.
    pub lenient_confirm: bool,
    /// Which names of the collection exist.
    pub collections: Collections,
    /// The only project the key belongs to; any if none.
    pub project_id: Option<i64>,
}

/// Knobs of Rebilly.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RebillyConfig {
    /// Largest file (unpublished; assumed 10 MiB).
    pub max_file_size: u64,
    /// Requests other than GET per ten minutes and organization (documented for their sandbox: 3000).
    pub rate_limit: u32,
    /// Whether download answers 302 to a signed link instead of the bytes; both are documented.
    pub download_redirect: bool,
}

impl Default for RebillyConfig {
    fn default() -> Self {
        Self {
            max_file_size: 10 * MIB,
            rate_limit: 3000,
            download_redirect: false,
        }
    }
}

/// What Archetype says about whole-file checksums.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Integrity {
    /// `integrity_algorithm` is `crc32c`.
    #[default]
    Crc32c,
    /// `integrity_algorithm` is `none`; sending a checksum is an error.
    None,
    /// The field is missing, as in the older example; means `none`.
    Absent,
}

/// Knobs of Archetype.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ArchetypeConfig {
    /// Part size; by size of the file if none (assumed: 8 MiB or more, 10,000 parts at most).
    pub part_size: Option<u64>,
    /// Whether `part_size` is left out of the reply, which the contract allows.
    pub hide_part_size: bool,
    /// What is said about checksums.
    pub integrity: Integrity,
    /// Whether an expired URL answers 400 with `TokenExpired` instead of 403.
    pub expired_as_token: bool,
    /// Lifetime of an unfinished upload (unknown; assumed 7 days).
    #[serde(with = "millis")]
    pub session_ttl: Duration,
    /// Largest file for direct-to-cloud uploads (documented: 250 GB).
    pub max_file_size: u64,
    /// Largest body of the simple upload (documented: 512 MB).
    pub max_simple_size: u64,
}

impl Default for ArchetypeConfig {
    fn default() -> Self {
        Self {
            part_size: None,
            hide_part_size: false,
            integrity: Integrity::Crc32c,
            expired_as_token: false,
            session_ttl: Duration::from_secs(7 * 24 * 3600),
            max_file_size: 250_000_000_000,
            max_simple_size: 512_000_000,
        }
    }
}

/// Durations as whole milliseconds.
mod millis {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(value: &Duration, out: S) -> Result<S::Ok, S::Error> {
        out.serialize_u64(u64::try_from(value.as_millis()).unwrap_or(u64::MAX))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
        u64::deserialize(from).map(Duration::from_millis)
    }
}
