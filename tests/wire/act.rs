//! What happens to one request at the front: its connection breaks, or it gets another answer than the service's.

use std::io;
use std::sync::LazyLock;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use super::front::{Request, Shared};

/// How long a dripping reply takes for each byte.
const DRIP: Duration = Duration::from_secs(10);
/// Not a status line by any reading.
const GARBAGE: &[u8] = b"\x00\x01SSH-2.0-this is not HTTP\r\n\xff\xfe\r\n\r\n";
/// What a captive portal shows instead of what was asked for.
const PORTAL: &str =
    "<!DOCTYPE html><html><head><title>Welcome</title></head><body>Sign in to the network</body></html>";
const JSON_ERROR: &str = r#"{"error":{"code":"internal","message":"something went wrong inside"},"status":500}"#;
const XML_ERROR: &str =
    "<?xml version=\"1.0\"?><Error><Code>InternalError</Code><Message>We are sorry</Message></Error>";
/// Some of a reply without an end.
static PIECE: [u8; 64 * 1024] = [b' '; 64 * 1024];

/// What happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Act {
    /// The connection is reset after so many bytes of the body.
    CutAfter(u64),
    /// The service has heard it, and the connection is reset.
    CutBeforeReply,
    /// Nothing more is taken of the body.
    Stall,
    /// The true reply, one byte in ten seconds.
    Drip,
    /// Half of the true reply.
    Truncate,
    /// The true reply with another length.
    WrongLength,
    /// What is not HTTP; the service may have heard the request.
    Garbage {
        /// Whether it has.
        heard: bool,
    },
    /// A status; the service may have heard the request.
    Status {
        /// The status.
        status: u16,
        /// What stands in the head beside it.
        header: &'static str,
        /// Whether it has.
        heard: bool,
    },
    /// A status while the body is still on its way.
    Early,
    /// 200 with an error inside.
    ErrorInside,
    /// The key, or the address that is one, does not count.
    Unauthorized,
    /// To somewhere else on this host.
    RedirectHere,
    /// To another host.
    RedirectElsewhere,
    /// The true reply without its `ETag`.
    NoEtag,
    /// The true reply with other checksums.
    WrongChecksum,
    /// A web page.
    Portal,
    /// A body without an end.
    EndlessBody,
    /// Pieces without an end.
    EndlessPieces,
    /// Headers without an end.
    EndlessHead,
    /// Some kilobytes that stand for a gigabyte.
    Bomb,
}

impl Act {
    /// Does it.
    pub(super) async fn carry_out(self, mut stream: TcpStream, request: Request, shared: &Shared) -> io::Result<()> {
        match self {
            Self::CutAfter(bytes) => {
                request.drain(&mut stream, bytes).await?;
                return stream.set_zero_linger();
            }
            Self::Stall => return std::future::pending().await,
            Self::Early => {
                stream.write_all(&answer(503, "", "")).await?;
                stream.shutdown().await?;
                return tokio::io::copy(&mut stream, &mut tokio::io::sink()).await.map(drop);
            }
            _ => {}
        }
        let has_key = request.has_key;
        let truth = if self.is_heard() {
            request.forward(&mut stream, shared.sandbox).await?
        } else {
            request.drain(&mut stream, u64::MAX).await?;
            Vec::new()
        };
        match self {
            Self::CutBeforeReply => return stream.set_zero_linger(),
            Self::Drip => {
                for byte in truth {
                    stream.write_all(&[byte]).await?;
                    tokio::time::sleep(DRIP).await;
                }
            }
            Self::EndlessBody | Self::EndlessPieces | Self::EndlessHead => return self.pour(stream, shared).await,
            _ => stream.write_all(&self.reply(&truth, has_key, shared.elsewhere)).await?,
        }
        stream.shutdown().await
    }

    /// Whether the service gets the request.
    const fn is_heard(self) -> bool {
        match self {
            Self::CutBeforeReply
            | Self::Drip
            | Self::Truncate
            | Self::WrongLength
            | Self::NoEtag
            | Self::WrongChecksum => true,
            Self::Garbage { heard } | Self::Status { heard, .. } => heard,
            _ => false,
        }
    }

    fn reply(self, truth: &[u8], has_key: bool, elsewhere: u16) -> Vec<u8> {
        match self {
            Self::Truncate => truth[..half(truth)].to_vec(),
            Self::WrongLength => with_another_length(truth),
            Self::NoEtag => without(truth, "etag"),
            Self::WrongChecksum => with_other_checksums(truth),
            Self::Garbage { .. } => GARBAGE.to_vec(),
            Self::Status { status, header, .. } => answer(status, header, ""),
            Self::ErrorInside if has_key => answer(200, "content-type: application/json\r\n", JSON_ERROR),
            Self::ErrorInside => answer(200, "content-type: application/xml\r\n", XML_ERROR),
            Self::Unauthorized => answer(if has_key { 401 } else { 403 }, "", ""),
            Self::RedirectHere => answer(307, "location: /elsewhere\r\n", ""),
            Self::RedirectElsewhere => answer(307, &format!("location: http://127.0.0.1:{elsewhere}/\r\n"), ""),
            Self::Portal => answer(200, "content-type: text/html\r\n", PORTAL),
            Self::Bomb => {
                let head = "content-type: application/json\r\ncontent-encoding: gzip\r\n";
                [answer_of(200, head, BOMB.len()), BOMB.clone()].concat()
            }
            other => unreachable!("{other:?} is no reply"),
        }
    }

    /// Goes on until nobody takes it any more.
    async fn pour(self, mut stream: TcpStream, shared: &Shared) -> io::Result<()> {
        let (head, before) = match self {
            Self::EndlessPieces => ("transfer-encoding: chunked\r\n\r\n", "10000\r\n"),
            Self::EndlessHead => ("", "x-more: "),
            _ => ("\r\n", ""),
        };
        let after = if before.is_empty() { "" } else { "\r\n" };
        stream
            .write_all(format!("HTTP/1.1 200 OK\r\n{head}").as_bytes())
            .await?;
        loop {
            for bytes in [before.as_bytes(), &PIECE, after.as_bytes()] {
                stream.write_all(bytes).await?;
                shared.poured.fetch_add(bytes.len() as u64, Ordering::SeqCst);
            }
        }
    }
}

/// A gigabyte of nothing, as `gzip` writes it.
static BOMB: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let made = std::process::Command::new("sh")
        .args(["-c", "head -c 1G /dev/zero | gzip -1"])
        .output();
    made.unwrap().stdout
});

fn answer(status: u16, header: &str, body: &str) -> Vec<u8> {
    [answer_of(status, header, body.len()), body.into()].concat()
}

fn answer_of(status: u16, header: &str, length: usize) -> Vec<u8> {
    format!("HTTP/1.1 {status} So\r\n{header}content-length: {length}\r\nconnection: close\r\n\r\n").into_bytes()
}

/// Where the body of a reply begins.
fn body(reply: &[u8]) -> usize {
    memchr::memmem::find(reply, b"\r\n\r\n").map_or(reply.len(), |at| at + 4)
}

/// The middle of the body, or of the head where there is none.
fn half(reply: &[u8]) -> usize {
    let body = body(reply);
    if body == reply.len() {
        body / 2
    } else {
        usize::midpoint(body, reply.len())
    }
}

fn without(reply: &[u8], header: &str) -> Vec<u8> {
    let body = body(reply);
    let head = String::from_utf8_lossy(&reply[..body]);
    let is_it = |line: &str| {
        line.split_once(':')
            .is_some_and(|(name, _)| name.eq_ignore_ascii_case(header))
    };
    let rest: String = head.split_inclusive("\r\n").filter(|line| !is_it(line)).collect();
    [rest.as_bytes(), &reply[body..]].concat()
}

/// Half as long as it is, or longer where there is nothing to halve.
fn with_another_length(reply: &[u8]) -> Vec<u8> {
    let body_at = body(reply);
    let length = (reply.len() - body_at) / 2;
    let stated = if length == 0 { 7 } else { length };
    let mut rest = without(reply, "content-length");
    let head_end = body(&rest) - 2;
    rest.splice(head_end..head_end, format!("content-length: {stated}\r\n").into_bytes());
    rest
}

/// Every text in quotes that is a checksum in hexadecimal gets another digit; one that is not there is made up.
fn with_other_checksums(reply: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(reply).into_owned();
    let made_up = format!("\"checksumSha256\":\"{}\"", "0".repeat(64));
    let text = text.replace("\"checksumSha256\":null", &made_up);
    let other = |piece: &str| {
        let digits = piece.trim_matches('\\');
        let is_checksum = [32, 40, 64].contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        if is_checksum {
            piece.replace(['0', '7'], "f")
        } else {
            piece.to_owned()
        }
    };
    measured(&text.split('"').map(other).collect::<Vec<_>>().join("\""))
}

/// A reply with one text in place of another, where that stands in it.
pub(super) fn reworded(reply: &[u8], from: &str, to: &str) -> Vec<u8> {
    if memchr::memmem::find(reply, from.as_bytes()).is_none() {
        return reply.to_vec();
    }
    measured(&String::from_utf8_lossy(reply).replace(from, to))
}

/// A reply that says how long it is.
fn measured(reply: &str) -> Vec<u8> {
    let length = reply.len() - body(reply.as_bytes());
    let mut rest = without(reply.as_bytes(), "content-length");
    let head_end = body(&rest) - 2;
    rest.splice(head_end..head_end, format!("content-length: {length}\r\n").into_bytes());
    rest
}
