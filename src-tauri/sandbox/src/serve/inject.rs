//! Doing to a request what the fault rules say. Which requests are hit was decided before.

use std::io;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::Frame;
use tokio::time::sleep;

use super::{Broken, DRAIN, Place, dispatch, settle};
use crate::app::App;
use crate::call::{Call, time_at};
use crate::fault::{FaultKind, Firing, ResetAt};
use crate::reply::{self, Reply, s3_error};
use crate::service::Service;

/// What a captive portal shows instead of what was asked for.
const PORTAL: &str = "<!DOCTYPE html><html><head><title>Welcome</title></head><body><h1>Sign in to the network</h1>\
                      <form method=\"post\" action=\"/login\"><input name=\"room\"></form></body></html>";
/// Pieces of a reply that flows slowly, and of one without an end.
const PIECE: usize = 64;

/// Everything that happens to one request.
#[derive(Default)]
pub(super) struct Plan {
    delay: Duration,
    rate: Option<u64>,
    main: Option<Firing>,
}

impl Plan {
    pub(super) fn of(firing: Vec<Firing>) -> Self {
        let mut plan = Plan::default();
        for one in firing {
            match one.kind {
                FaultKind::Delay(time) => plan.delay += time,
                FaultKind::Slow(rate) => plan.rate = Some(rate),
                _ => plan.main = Some(one),
            }
        }
        plan
    }

    pub(super) fn is_empty(&self) -> bool {
        self.delay.is_zero() && self.rate.is_none() && self.main.is_none()
    }

    pub(super) async fn carry_out(
        self,
        app: &App,
        place: Place,
        service: Service,
        mut call: Call,
    ) -> Result<Reply, Broken> {
        sleep(self.delay).await;
        if let Some(rate) = self.rate {
            call.body.slow_down(rate);
        }
        if let Some(Firing { kind, .. }) = &self.main {
            prepare(kind, &mut call)?;
        }
        let instead = self.main.as_ref().filter(|firing| replaces(&firing.kind));
        let reply = if let Some(firing) = instead.filter(|firing| !firing.after) {
            if !firing.early {
                call.body.drain(DRAIN).await.map_err(|_| Broken::Reset)?;
            }
            reply::empty(200)
        } else {
            let outcome = dispatch(app, place, service, &mut call).await;
            settle(app, service, &mut call, outcome).await?
        };
        let reply = match self.main {
            Some(firing) => spoil(firing.kind, reply, place, service).await?,
            None => reply,
        };
        Ok(match self.rate {
            Some(rate) => throttle(reply, rate),
            None => reply,
        })
    }
}

/// What must be known before the request is handled.
fn prepare(kind: &FaultKind, call: &mut Call) -> Result<(), Broken> {
    match kind {
        FaultKind::Reset(ResetAt::Before) => return Err(Broken::Reset),
        FaultKind::Reset(ResetAt::Within(bytes)) => call.body.cut_after(*bytes),
        FaultKind::Expired => call.hints.expired = true,
        FaultKind::WrongChecksum => call.hints.wrong_checksum = true,
        _ => {}
    }
    Ok(())
}

/// Whether the fault's answer takes the place of the true one.
fn replaces(kind: &FaultKind) -> bool {
    matches!(
        kind,
        FaultKind::Status(..)
            | FaultKind::Portal
            | FaultKind::Garbage
            | FaultKind::Endless
            | FaultKind::Redirect(_)
            | FaultKind::Empty200
            | FaultKind::Error200
            | FaultKind::Hang
    )
}

/// The reply the client gets to see.
async fn spoil(kind: FaultKind, mut reply: Reply, place: Place, service: Service) -> Result<Reply, Broken> {
    match kind {
        FaultKind::Status(code, wait) => {
            let mut reply = error(place, service, code);
            if let Some(wait) = wait {
                reply::set(&mut reply, "retry-after", &wait);
            }
            return Ok(reply);
        }
        FaultKind::Portal => return Ok(reply::text(200, "text/html; charset=utf-8", PORTAL)),
        FaultKind::Garbage => return Err(Broken::Garbage),
        FaultKind::Endless => return Ok(endless()),
        FaultKind::Redirect(url) => {
            let mut reply = reply::empty(302);
            reply::set(&mut reply, "location", &url);
            return Ok(reply);
        }
        FaultKind::Empty200 => return Ok(reply::empty(200)),
        FaultKind::Error200 => {
            let mut reply = error(place, service, 500);
            *reply.status_mut() = http::StatusCode::OK;
            return Ok(reply);
        }
        FaultKind::Hang => std::future::pending().await,
        FaultKind::Reset(_) => return Err(Broken::Reset),
        FaultKind::Truncate => return truncate(reply).await,
        FaultKind::Short => return shorten(reply).await,
        FaultKind::WrongEtag => reply::set(&mut reply, "etag", "\"00000000000000000000000000000bad\""),
        FaultKind::NoEtag => drop(reply.headers_mut().remove("etag")),
        FaultKind::Delay(_) | FaultKind::Slow(_) | FaultKind::Expired | FaultKind::WrongChecksum => {}
    }
    Ok(reply)
}

fn error(place: Place, service: Service, status: u16) -> Reply {
    match place {
        Place::Api => App::error(service, status),
        Place::Storage(_) => {
            let code = match status {
                403 => "AccessDenied",
                404 => "NoSuchUpload",
                429 | 503 => "SlowDown",
                _ => "InternalError",
            };
            s3_error(status, code, "a fault of the sandbox")
        }
    }
}

async fn shorten(reply: Reply) -> Result<Reply, Broken> {
    let (mut head, body) = reply.into_parts();
    let bytes = body.collect().await.map_err(|_| Broken::Reset)?.to_bytes();
    let half = bytes.slice(..bytes.len() / 2);
    head.headers.insert("content-length", half.len().into());
    Ok(Reply::from_parts(
        head,
        Full::new(half).map_err(|never| match never {}).boxed_unsync(),
    ))
}

async fn truncate(reply: Reply) -> Result<Reply, Broken> {
    let (mut head, body) = reply.into_parts();
    let bytes = body.collect().await.map_err(|_| Broken::Reset)?.to_bytes();
    if bytes.is_empty() {
        // There is nothing to halve: the reply is lost whole.
        return Err(Broken::Reset);
    }
    head.headers.insert("content-length", bytes.len().into());
    let half = bytes.slice(..bytes.len() / 2);
    let end = Err(io::Error::other("cut by a fault"));
    let pieces = stream::iter([Ok(Frame::data(half)), end]);
    Ok(Reply::from_parts(head, StreamBody::new(pieces).boxed_unsync()))
}

fn endless() -> Reply {
    let spaces = stream::repeat_with(|| Ok(Frame::data(Bytes::from_static(&[b' '; PIECE * 64]))));
    reply::stream("application/json", None, StreamBody::new(spaces).boxed_unsync())
}

fn throttle(reply: Reply, rate: u64) -> Reply {
    let (head, body) = reply.into_parts();
    let pieces = body.into_data_stream().flat_map(|piece| {
        let small: Vec<io::Result<Bytes>> = match piece {
            Ok(bytes) => (0..bytes.len())
                .step_by(PIECE)
                .map(|at| Ok(bytes.slice(at..bytes.len().min(at + PIECE))))
                .collect(),
            Err(error) => vec![Err(error)],
        };
        stream::iter(small)
    });
    let paced = pieces.then(move |piece| async move {
        let bytes = piece?;
        sleep(time_at(rate, bytes.len())).await;
        Ok(Frame::data(bytes))
    });
    Reply::from_parts(head, StreamBody::new(paced).boxed_unsync())
}
