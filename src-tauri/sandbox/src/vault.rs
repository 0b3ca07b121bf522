//! The bytes: bodies streamed into files named by number, or into memory; their checksums, and reading them back. Knows
//! nothing of names, services or visibility. With files it never holds a body in memory; in memory it needs no thread.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use bytes::{Buf, Bytes};
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

/// Where the bytes are.
pub(crate) struct Vault {
    /// None keeps them in memory.
    folder: Option<Folder>,
}

struct Folder {
    root: PathBuf,
    /// Removes the root when the sandbox ends, if the root is its own.
    temporary: Option<TempDir>,
    next: AtomicU64,
}

impl Folder {
    /// A path nobody uses: one process may run several sandboxes on one root.
    fn fresh_path(&self) -> PathBuf {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        self.root.join(format!("blob-{}-{number}", std::process::id()))
    }
}

/// Bytes with what is known of them. They go when the last owner goes; a file stays if it is kept.
#[derive(Debug)]
pub(crate) struct Blob {
    content: Content,
    pub(crate) size: u64,
    pub(crate) crc32c: u32,
    pub(crate) sha1: Option<String>,
}

#[derive(Debug)]
enum Content {
    File(Stored),
    Memory(Bytes),
}

/// A file that is removed with this, unless it is kept.
#[derive(Debug)]
struct Stored {
    path: PathBuf,
    kept: AtomicBool,
}

impl Stored {
    fn new(path: PathBuf, kept: bool) -> Self {
        Stored {
            path,
            kept: AtomicBool::new(kept),
        }
    }
}

impl Drop for Stored {
    fn drop(&mut self) {
        if !*self.kept.get_mut() {
            // It may be gone with its folder already.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

impl Blob {
    /// Whether a file outlives the sandbox; nothing does in memory.
    pub(crate) fn keep(&self, kept: bool) {
        if let Content::File(file) = &self.content {
            file.kept.store(kept, Ordering::Relaxed);
        }
    }

    /// An opaque entity tag, quoted: derived from the checksum and the size, not an MD5.
    pub(crate) fn etag(&self) -> String {
        format!("\"{:08x}{:016x}\"", self.crc32c, self.size)
    }

    /// The file with the bytes.
    ///
    /// # Errors
    ///
    /// `Unsupported` if they are in memory.
    pub(crate) fn path(&self) -> io::Result<&Path> {
        match &self.content {
            Content::File(file) => Ok(&file.path),
            Content::Memory(_) => Err(io::Error::new(
                io::ErrorKind::Unsupported,
                "the bytes are kept in memory, there is no file with them",
            )),
        }
    }

    /// Reads the bytes from their beginning.
    pub(crate) fn open(&self) -> io::Result<Reading> {
        match &self.content {
            Content::File(file) => File::open(&file.path).map(Reading::File),
            Content::Memory(bytes) => Ok(Reading::Memory(bytes.clone())),
        }
    }
}

/// A blob being read.
pub(crate) enum Reading {
    File(File),
    /// What is left.
    Memory(Bytes),
}

impl Read for Reading {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Reading::File(file) => file.read(buffer),
            Reading::Memory(bytes) => bytes.reader().read(buffer),
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
    /// Keeps the bytes in files.
    ///
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
            folder: Some(Folder {
                root: root.canonicalize()?,
                temporary,
                next: AtomicU64::new(1),
            }),
        })
    }

    pub(crate) fn in_memory() -> Self {
        Vault { folder: None }
    }

    /// The folder of the files, if there are any.
    pub(crate) fn root(&self) -> Option<&Path> {
        self.folder.as_ref().map(|folder| folder.root.as_path())
    }

    /// Files of a root that a person named outlive the sandbox once they belong to a complete object.
    pub(crate) fn keeps(&self) -> bool {
        self.folder.as_ref().is_some_and(|folder| folder.temporary.is_none())
    }

    /// Stores a body as it comes. Its bytes are counted if there is a meter.
    pub(crate) async fn receive<S, E>(&self, body: S, meter: Option<&Meter>, terms: Terms) -> io::Result<Received>
    where
        S: Stream<Item = Result<Bytes, E>> + Send,
    {
        let mut arriving = Arriving {
            body: std::pin::pin!(body),
            meter,
            limit: terms.limit,
            size: 0,
            end: End::Whole,
        };
        let blob = match &self.folder {
            Some(folder) => into_file(folder.fresh_path(), &mut arriving, terms.sha1).await?,
            None => into_memory(&mut arriving, terms.sha1).await,
        };
        Ok(match arriving.end {
            End::Whole => Received::Whole(Arc::new(blob)),
            End::TooLarge => Received::TooLarge,
            End::Broken => Received::Broken(arriving.size),
        })
    }

    /// Stores bytes that had to be decoded first.
    pub(crate) async fn store(&self, bytes: Vec<u8>, sha1: bool) -> io::Result<Arc<Blob>> {
        let terms = Terms { limit: u64::MAX, sha1 };
        let once = stream::iter([io::Result::Ok(Bytes::from(bytes))]);
        match self.receive(once, None, terms).await? {
            Received::Whole(blob) => Ok(blob),
            Received::TooLarge | Received::Broken(_) => Err(io::Error::other("bytes in memory cannot break off")),
        }
    }

    /// Puts blobs one behind the other into a single one.
    pub(crate) fn join(&self, blobs: &[Arc<Blob>]) -> io::Result<Arc<Blob>> {
        if let [only] = blobs {
            return Ok(Arc::clone(only));
        }
        let content = match &self.folder {
            Some(folder) => {
                let path = folder.fresh_path();
                let mut file = File::create_new(&path)?;
                for blob in blobs {
                    io::copy(&mut blob.open()?, &mut file)?;
                }
                Content::File(Stored::new(path, false))
            }
            None => Content::Memory(bytes(blobs)?.into()),
        };
        let (size, crc32c) = summary(blobs);
        Ok(Arc::new(Blob {
            content,
            size,
            crc32c,
            sha1: None,
        }))
    }

    /// A file somebody else wrote below the root, taken over as it is.
    pub(crate) fn adopt(path: PathBuf) -> io::Result<Arc<Blob>> {
        let mut sums = Sums::new(false);
        read_all(&mut File::open(&path)?, |bytes| sums.add(bytes))?;
        Ok(Arc::new(sums.of(Content::File(Stored::new(path, true)))))
    }
}

/// A body on its way in.
struct Arriving<'a, S> {
    body: Pin<&'a mut S>,
    meter: Option<&'a Meter>,
    limit: u64,
    /// Bytes so far.
    size: u64,
    /// How it ended, once there is nothing more.
    end: End,
}

enum End {
    Whole,
    TooLarge,
    Broken,
}

impl<S, E> Arriving<'_, S>
where
    S: Stream<Item = Result<Bytes, E>> + Send,
{
    /// The next bytes; none at the end, whichever it is.
    async fn next(&mut self) -> Option<Bytes> {
        let Ok(bytes) = self.body.next().await? else {
            self.end = End::Broken;
            return None;
        };
        if let Some(meter) = self.meter {
            meter.file(bytes.len());
        }
        self.size += bytes.len() as u64;
        if self.size > self.limit {
            self.end = End::TooLarge;
            return None;
        }
        Some(bytes)
    }
}

async fn into_memory<S, E>(arriving: &mut Arriving<'_, S>, sha1: bool) -> Blob
where
    S: Stream<Item = Result<Bytes, E>> + Send,
{
    let (mut whole, mut sums) = (Vec::new(), Sums::new(sha1));
    while let Some(bytes) = arriving.next().await {
        whole.extend_from_slice(&bytes);
        sums.add(&bytes);
    }
    sums.of(Content::Memory(whole.into()))
}

async fn into_file<S, E>(path: PathBuf, arriving: &mut Arriving<'_, S>, sha1: bool) -> io::Result<Blob>
where
    S: Stream<Item = Result<Bytes, E>> + Send,
{
    let (sender, receiver) = mpsc::channel(QUEUE);
    let writer = spawn_blocking(move || write_file(path, receiver, sha1));
    while let Some(bytes) = arriving.next().await {
        if sender.send(bytes).await.is_err() {
            // The writer failed; its own result says why.
            break;
        }
    }
    drop(sender);
    writer.await.map_err(io::Error::other)?
}

fn write_file(path: PathBuf, mut chunks: mpsc::Receiver<Bytes>, sha1: bool) -> io::Result<Blob> {
    let mut file = File::create_new(&path)?;
    // From here on the file goes when this goes, also when writing fails.
    let stored = Stored::new(path, false);
    let mut sums = Sums::new(sha1);
    while let Some(bytes) = chunks.blocking_recv() {
        file.write_all(&bytes)?;
        sums.add(&bytes);
    }
    Ok(sums.of(Content::File(stored)))
}

/// What is found out about bytes as they pass.
struct Sums {
    size: u64,
    crc32c: u32,
    sha1: Option<sha1::Sha1>,
}

impl Sums {
    fn new(with_sha1: bool) -> Self {
        Sums {
            size: 0,
            crc32c: 0,
            sha1: with_sha1.then(sha1::Sha1::new),
        }
    }

    fn add(&mut self, bytes: &[u8]) {
        self.size += bytes.len() as u64;
        self.crc32c = crc32c::crc32c_append(self.crc32c, bytes);
        if let Some(sha1) = &mut self.sha1 {
            sha1.update(bytes);
        }
    }

    /// The blob whose bytes these were.
    fn of(self, content: Content) -> Blob {
        Blob {
            content,
            size: self.size,
            crc32c: self.crc32c,
            sha1: self.sha1.map(|sha1| hex::encode(sha1.finalize())),
        }
    }
}

fn read_all(from: &mut impl Read, mut take: impl FnMut(&[u8])) -> io::Result<()> {
    let mut buffer = vec![0; READ];
    loop {
        match from.read(&mut buffer)? {
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

/// Gives the bytes of blobs one behind the other to `take`, piece by piece.
pub(crate) fn read(blobs: &[Arc<Blob>], mut take: impl FnMut(&[u8])) -> io::Result<()> {
    blobs.iter().try_for_each(|blob| read_all(&mut blob.open()?, &mut take))
}

/// SHA-256 of blobs one behind the other, lower-case hex.
pub(crate) fn sha256(blobs: &[Arc<Blob>]) -> io::Result<String> {
    let mut sha256 = sha2::Sha256::new();
    read(blobs, |bytes| sha256.update(bytes))?;
    Ok(hex::encode(sha256.finalize()))
}

/// All bytes at once: for tests and small files.
pub(crate) fn bytes(blobs: &[Arc<Blob>]) -> io::Result<Vec<u8>> {
    let mut whole = Vec::new();
    read(blobs, |bytes| whole.extend_from_slice(bytes))?;
    Ok(whole)
}

/// The bytes as a reply's body, read as the client takes them.
pub(crate) fn reply_body(blobs: Vec<Arc<Blob>>) -> ReplyBody {
    let pieces = stream::unfold((blobs.into_iter(), None), |(mut rest, mut open)| async move {
        loop {
            let reading = match open.take() {
                Some(reading) => Ok(reading),
                None => rest.next()?.open(),
            };
            let piece = match reading {
                Ok(reading) => read_piece(reading).await,
                Err(error) => Err(error),
            };
            match piece {
                Ok((_, piece)) if piece.is_empty() => {}
                Ok((reading, piece)) => return Some((Ok(Frame::data(piece)), (rest, Some(reading)))),
                Err(error) => return Some((Err(error), (Vec::new().into_iter(), None))),
            }
        }
    });
    StreamBody::new(pieces).boxed_unsync()
}

async fn read_piece(reading: Reading) -> io::Result<(Reading, Bytes)> {
    let mut file = match reading {
        Reading::File(file) => file,
        Reading::Memory(mut bytes) => {
            let piece = bytes.split_to(bytes.len().min(READ));
            return Ok((Reading::Memory(bytes), piece));
        }
    };
    spawn_blocking(move || {
        let mut buffer = vec![0; READ];
        let length = file.read(&mut buffer)?;
        buffer.truncate(length);
        Ok((Reading::File(file), buffer.into()))
    })
    .await
    .map_err(io::Error::other)?
}
