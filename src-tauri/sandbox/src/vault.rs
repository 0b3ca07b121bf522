//! Bytes on disk: bodies streamed into files named by number, their checksums, and reading them back. Knows nothing of
//! names, services or visibility; never holds a body in memory.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream};
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Frame;
use sha1::Digest;
use tempfile::TempDir;
use tokio::sync::mpsc;
use tokio::task::spawn_blocking;

use crate::reply::ReplyBody;
use crate::stats::Meter;

/// Chunks that may wait between the socket and the file.
const QUEUE: usize = 8;
/// How much is read back at a time.
const READ: usize = 256 * 1024;

/// Where the files are.
pub(crate) struct Vault {
    root: PathBuf,
    /// Removes the root when the sandbox ends, if the root is its own.
    temporary: Option<TempDir>,
    next: AtomicU64,
}

/// A file with what is known of its bytes. The file goes when the last owner goes, unless it is kept.
#[derive(Debug)]
pub(crate) struct Blob {
    pub(crate) path: PathBuf,
    pub(crate) size: u64,
    pub(crate) crc32c: u32,
    pub(crate) sha1: Option<String>,
    kept: AtomicBool,
}

impl Blob {
    pub(crate) fn keep(&self, kept: bool) {
        self.kept.store(kept, Ordering::Relaxed);
    }

    /// An opaque entity tag, quoted: derived from the checksum and the size, not an MD5.
    pub(crate) fn etag(&self) -> String {
        format!("\"{:08x}{:016x}\"", self.crc32c, self.size)
    }
}

impl Drop for Blob {
    fn drop(&mut self) {
        if !*self.kept.get_mut() {
            // It may be gone with its folder already.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

/// What a body turned out to be.
pub(crate) enum Received {
    Whole(Arc<Blob>),
    /// More bytes than allowed; nothing is stored.
    TooLarge,
    /// The body broke off after this many bytes; nothing is stored.
    Broken(u64),
}

/// How to receive a body.
#[derive(Clone, Copy)]
pub(crate) struct Terms {
    /// Most bytes accepted.
    pub(crate) limit: u64,
    /// Whether to compute SHA-1 on the way.
    pub(crate) sha1: bool,
}

impl Vault {
    /// # Errors
    ///
    /// When the folder cannot be made.
    pub(crate) fn open(root: Option<&Path>) -> io::Result<Self> {
        let temporary = match root {
            Some(_) => None,
            None => Some(tempfile::Builder::new().prefix("skylift-sandbox-").tempdir()?),
        };
        let root = root
            .or(temporary.as_ref().map(TempDir::path))
            .expect("one of the two is there");
        std::fs::create_dir_all(root)?;
        Ok(Vault {
            root: root.canonicalize()?,
            temporary,
            next: AtomicU64::new(1),
        })
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// Files of a root that a person named outlive the sandbox once they belong to a complete object.
    pub(crate) fn keeps(&self) -> bool {
        self.temporary.is_none()
    }

    /// A path nobody uses: one process may run several sandboxes on one root.
    fn fresh_path(&self) -> PathBuf {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        self.root.join(format!("blob-{}-{number}", std::process::id()))
    }

    /// Streams a body into a file.
    pub(crate) async fn receive<S, E>(&self, body: S, meter: &Meter, terms: Terms) -> io::Result<Received>
    where
        S: Stream<Item = Result<Bytes, E>> + Send,
    {
        let (sender, receiver) = mpsc::channel(QUEUE);
        let path = self.fresh_path();
        let writer = spawn_blocking(move || write_blob(path, receiver, terms.sha1));
        let (size, end) = forward(body, meter, terms.limit, sender).await;
        let blob = writer.await.map_err(io::Error::other)??;
        Ok(match end {
            End::Whole => Received::Whole(Arc::new(blob)),
            End::TooLarge => Received::TooLarge,
            End::Broken => Received::Broken(size),
        })
    }

    /// Stores bytes that had to be decoded first.
    pub(crate) async fn store(&self, bytes: Vec<u8>, sha1: bool) -> io::Result<Arc<Blob>> {
        let terms = Terms { limit: u64::MAX, sha1 };
        let once = stream::iter([io::Result::Ok(Bytes::from(bytes))]);
        match self.receive(once, &Meter::default(), terms).await? {
            Received::Whole(blob) => Ok(blob),
            Received::TooLarge | Received::Broken(_) => Err(io::Error::other("bytes in memory cannot break off")),
        }
    }

    /// Puts blobs one behind the other into a single file.
    pub(crate) fn join(&self, blobs: &[Arc<Blob>]) -> io::Result<Arc<Blob>> {
        if let [only] = blobs {
            return Ok(Arc::clone(only));
        }
        let path = self.fresh_path();
        let mut file = File::create_new(&path)?;
        for blob in blobs {
            io::copy(&mut File::open(&blob.path)?, &mut file)?;
        }
        let (size, crc32c) = summary(blobs);
        Ok(Arc::new(Blob {
            path,
            size,
            crc32c,
            sha1: None,
            kept: AtomicBool::new(false),
        }))
    }

    /// A file somebody else wrote below the root, taken over as it is.
    pub(crate) fn adopt(path: PathBuf) -> io::Result<Arc<Blob>> {
        let mut file = File::open(&path)?;
        let (mut size, mut crc32c) = (0, 0);
        read_all(&mut file, |bytes| {
            size += bytes.len() as u64;
            crc32c = crc32c::crc32c_append(crc32c, bytes);
        })?;
        Ok(Arc::new(Blob {
            path,
            size,
            crc32c,
            sha1: None,
            kept: AtomicBool::new(true),
        }))
    }
}

enum End {
    Whole,
    TooLarge,
    Broken,
}

/// Hands a body over to the writer and says how much came and how it ended.
async fn forward<S, E>(body: S, meter: &Meter, limit: u64, sender: mpsc::Sender<Bytes>) -> (u64, End)
where
    S: Stream<Item = Result<Bytes, E>> + Send,
{
    let mut body = std::pin::pin!(body);
    let mut size = 0;
    while let Some(bytes) = body.next().await {
        let Ok(bytes) = bytes else { return (size, End::Broken) };
        meter.file(bytes.len());
        size += bytes.len() as u64;
        if size > limit {
            return (size, End::TooLarge);
        }
        if sender.send(bytes).await.is_err() {
            // The writer failed; its own result says why.
            return (size, End::Broken);
        }
    }
    (size, End::Whole)
}

fn write_blob(path: PathBuf, mut chunks: mpsc::Receiver<Bytes>, with_sha1: bool) -> io::Result<Blob> {
    let mut file = File::create_new(&path)?;
    // From here on the file goes with the blob, also when writing fails.
    let mut blob = Blob {
        path,
        size: 0,
        crc32c: 0,
        sha1: None,
        kept: AtomicBool::new(false),
    };
    let mut sha1 = with_sha1.then(sha1::Sha1::new);
    while let Some(bytes) = chunks.blocking_recv() {
        file.write_all(&bytes)?;
        blob.size += bytes.len() as u64;
        blob.crc32c = crc32c::crc32c_append(blob.crc32c, &bytes);
        if let Some(sha1) = &mut sha1 {
            sha1.update(&bytes);
        }
    }
    blob.sha1 = sha1.map(|sha1| hex::encode(sha1.finalize()));
    Ok(blob)
}

fn read_all(file: &mut impl Read, mut take: impl FnMut(&[u8])) -> io::Result<()> {
    let mut buffer = vec![0; READ];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(()),
            length => take(&buffer[..length]),
        }
    }
}

/// Size and CRC32C of blobs one behind the other.
pub(crate) fn summary(blobs: &[Arc<Blob>]) -> (u64, u32) {
    blobs.iter().fold((0, 0), |(size, crc), blob| {
        let length = usize::try_from(blob.size).expect("64-bit sizes");
        (size + blob.size, crc32c::crc32c_combine(crc, blob.crc32c, length))
    })
}

/// SHA-256 of blobs one behind the other, lower-case hex.
pub(crate) fn sha256(blobs: &[Arc<Blob>]) -> io::Result<String> {
    let mut sha256 = sha2::Sha256::new();
    for blob in blobs {
        read_all(&mut File::open(&blob.path)?, |bytes| sha256.update(bytes))?;
    }
    Ok(hex::encode(sha256.finalize()))
}

/// All bytes at once: for tests and small files.
pub(crate) fn bytes(blobs: &[Arc<Blob>]) -> io::Result<Vec<u8>> {
    let mut whole = Vec::new();
    for blob in blobs {
        File::open(&blob.path)?.read_to_end(&mut whole)?;
    }
    Ok(whole)
}

/// The bytes as a reply's body, read as the client takes them.
pub(crate) fn reply_body(blobs: Vec<Arc<Blob>>) -> ReplyBody {
    let pieces = stream::unfold((blobs.into_iter(), None), |(mut rest, mut open)| async move {
        loop {
            let file = match open.take() {
                Some(file) => Ok(file),
                None => File::open(&rest.next()?.path),
            };
            let piece = match file {
                Ok(file) => read_piece(file).await,
                Err(error) => Err(error),
            };
            match piece {
                Ok((_, piece)) if piece.is_empty() => {}
                Ok((file, piece)) => return Some((Ok(Frame::data(piece)), (rest, Some(file)))),
                Err(error) => return Some((Err(error), (Vec::new().into_iter(), None))),
            }
        }
    });
    StreamBody::new(pieces).boxed_unsync()
}

async fn read_piece(mut file: File) -> io::Result<(File, Bytes)> {
    spawn_blocking(move || {
        let mut buffer = vec![0; READ];
        let length = file.read(&mut buffer)?;
        buffer.truncate(length);
        Ok((file, buffer.into()))
    })
    .await
    .map_err(io::Error::other)?
}
