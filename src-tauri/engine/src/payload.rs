//! The bytes of one request body: read from the file at positions into pooled buffers, summed on the way, handed to
//! the connection. A part is never held whole.
//!
//! Refuses to decide what is sent: the range and the file are given. Reads happen on the runtime's worker thread: a
//! page-cache read of 256 KiB takes 30 us, less than handing it to another thread.

use std::io;
use std::ops::Range;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use md5::Md5;
use sha1::Sha1;
use sha2::{Digest, Sha256};
use skylift_service::exchange::Algorithm;

use crate::ports::{SourceFacts, SourceFile};

/// Bytes read at a time. 64 KiB to 1 MiB are alike over the wire; 16 KiB costs twice as much (measured).
const BUFFER: usize = 256 * 1024;
/// Buffers kept for the next body; more are given back to the system.
const KEPT: usize = 64;

/// Buffers that are used again.
#[derive(Default)]
pub struct Pool(Mutex<Vec<Box<[u8]>>>);

impl Pool {
    fn take(self: &Arc<Self>) -> Pooled {
        let kept = self.0.lock().expect("no thread panics while it takes a buffer").pop();
        Pooled {
            bytes: kept.unwrap_or_else(|| vec![0; BUFFER].into_boxed_slice()),
            used: 0,
            pool: self.clone(),
        }
    }
}

struct Pooled {
    bytes: Box<[u8]>,
    used: usize,
    pool: Arc<Pool>,
}

impl AsRef<[u8]> for Pooled {
    fn as_ref(&self) -> &[u8] {
        &self.bytes[..self.used]
    }
}

impl Drop for Pooled {
    fn drop(&mut self) {
        let mut kept = self
            .pool
            .0
            .lock()
            .expect("no thread panics while it gives a buffer back");
        if kept.len() < KEPT {
            kept.push(std::mem::take(&mut self.bytes));
        }
    }
}

/// What was summed over a body that was read to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sums {
    /// CRC32C of the range.
    pub crc32c: u32,
    /// The whole-file checksum that was asked for, lower-case hex.
    pub whole: Option<(Algorithm, String)>,
}

/// What to read, and where to report it.
#[derive(Clone)]
pub struct Payload {
    /// The open file.
    pub file: Arc<dyn SourceFile>,
    /// What the file was when it was added: looked at once more before the last bytes go out.
    pub source: SourceFacts,
    /// The bytes to send.
    pub range: Range<u64>,
    /// A checksum of the whole file to compute; only where the range is the whole file.
    pub hash: Option<Algorithm>,
    /// Counts the bytes of this try as they are handed to the connection.
    pub sent: Arc<AtomicU64>,
    /// Counts the bytes of all tries of the upload.
    pub wire: Arc<AtomicU64>,
    /// Filled when the last byte was read.
    pub sums: Arc<OnceLock<Sums>>,
    /// Filled when reading failed; the connection error that follows is only its echo.
    pub trouble: Arc<OnceLock<io::Error>>,
    /// Buffers.
    pub pool: Arc<Pool>,
}

impl Payload {
    /// How many bytes.
    pub fn length(&self) -> u64 {
        self.range.end - self.range.start
    }

    /// The whole-file checksum of nothing, for a body that is never read because it is empty.
    pub fn empty_hash(&self) -> Option<(Algorithm, String)> {
        Hasher::of(self.hash).finish()
    }

    /// The body to send. One payload makes a fresh body for each try.
    pub fn body(&self) -> FileBody {
        FileBody {
            at: self.range.start,
            crc32c: 0,
            hasher: Hasher::of(self.hash),
            payload: self.clone(),
        }
    }
}

enum Hasher {
    None,
    Sha1(Sha1),
    Sha256(Sha256),
    Md5(Md5),
}

impl Hasher {
    fn of(algorithm: Option<Algorithm>) -> Self {
        match algorithm {
            None | Some(Algorithm::Crc32c) => Self::None,
            Some(Algorithm::Sha1) => Self::Sha1(Sha1::new()),
            Some(Algorithm::Sha256) => Self::Sha256(Sha256::new()),
            Some(Algorithm::Md5) => Self::Md5(Md5::new()),
        }
    }

    fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::None => {}
            Self::Sha1(hash) => hash.update(bytes),
            Self::Sha256(hash) => hash.update(bytes),
            Self::Md5(hash) => hash.update(bytes),
        }
    }

    fn finish(&self) -> Option<(Algorithm, String)> {
        match self {
            Self::None => None,
            Self::Sha1(hash) => Some((Algorithm::Sha1, hex::encode(hash.clone().finalize()))),
            Self::Sha256(hash) => Some((Algorithm::Sha256, hex::encode(hash.clone().finalize()))),
            Self::Md5(hash) => Some((Algorithm::Md5, hex::encode(hash.clone().finalize()))),
        }
    }
}

/// A body of exactly the promised length.
pub struct FileBody {
    payload: Payload,
    at: u64,
    crc32c: u32,
    hasher: Hasher,
}

impl FileBody {
    fn left(&self) -> u64 {
        self.payload.range.end - self.at
    }

    fn read(&mut self) -> io::Result<Bytes> {
        let mut buffer = self.payload.pool.take();
        let wanted = usize::try_from(self.left()).unwrap_or(usize::MAX).min(BUFFER);
        while buffer.used < wanted {
            let position = self.at + buffer.used as u64;
            match self
                .payload
                .file
                .read_at(&mut buffer.bytes[buffer.used..wanted], position)
            {
                Ok(0) => return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the file became shorter")),
                Ok(read) => buffer.used += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        if self.left() == buffer.used as u64 && !self.payload.file.facts()?.still_are(&self.payload.source) {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "the file was changed while it was sent",
            ));
        }
        self.crc32c = crc32c::crc32c_append(self.crc32c, buffer.as_ref());
        self.hasher.update(buffer.as_ref());
        self.at += buffer.used as u64;
        self.payload.sent.fetch_add(buffer.used as u64, Ordering::Relaxed);
        self.payload.wire.fetch_add(buffer.used as u64, Ordering::Relaxed);
        if self.left() == 0 {
            self.finish();
        }
        Ok(Bytes::from_owner(buffer))
    }

    fn finish(&self) {
        // A second body of the same payload reads the same bytes; the first result stands.
        let _ = self.payload.sums.set(Sums {
            crc32c: self.crc32c,
            whole: self.hasher.finish(),
        });
    }
}

impl Body for FileBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let body = self.get_mut();
        if body.left() == 0 {
            body.finish();
            return Poll::Ready(None);
        }
        Poll::Ready(Some(match body.read() {
            Ok(bytes) => Ok(Frame::data(bytes)),
            Err(error) => {
                let echo = io::Error::new(error.kind(), error.to_string());
                let _ = body.payload.trouble.set(error);
                Err(echo)
            }
        }))
    }

    fn is_end_stream(&self) -> bool {
        self.left() == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left())
    }
}
