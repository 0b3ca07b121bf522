//! The wire between the engine and the services: it takes time, breaks, is not there, and delivers what nobody waits for
//! any more.
//!
//! Requests are put together by the engine as for the real wire, and answered by the sandbox. Refuses to know services.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::request::Parts;
use http_body_util::{BodyExt, Full};
use rand::RngExt;
use reqwest::{Request, Response};
use skylift_engine::http::{Broken, Line};
use skylift_sandbox::{Sandbox, Step};
use tokio::sync::watch;

use crate::world::World;

/// A connection that is not answered is given up after this long, as the real client does.
const CONNECT: Duration = Duration::from_secs(15);
/// Where nothing is acknowledged, the system gives a connection up after this long.
const GIVEN_UP: Duration = Duration::from_secs(30);
/// How long a request that nobody waits for may still be on its way; the definitions wait a little longer.
const LATEST: u64 = 1500;

/// Something that happens on the wire to the requests of one step.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Snag {
    /// The step.
    pub step: Step,
    /// What happens.
    pub how: How,
    /// How many more times; for ever if none.
    pub times: Option<u32>,
}

/// What may happen before a service hears anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum How {
    /// The connection is refused.
    Refused,
    /// The name is not known.
    NoName,
    /// Nobody answers.
    NoAnswer,
    /// The certificate is not trusted.
    Untrusted,
    /// The connection ends while the body is sent.
    Cut,
    /// Nothing is taken any more while the body is sent.
    Stall,
}

/// The wire.
#[derive(Default)]
pub(crate) struct Network {
    /// There is no way to any service.
    pub offline: bool,
    /// Requests that were sent whole and are not answered yet.
    under_way: BTreeMap<u64, http::Request<Bytes>>,
    last: u64,
    /// Requests in all.
    pub requests: u64,
    /// Requests that met the snag.
    pub snags: u64,
    /// Sent to whenever everything on its way is lost at once.
    cuts: watch::Sender<()>,
    woke_at: Option<Duration>,
    /// Requests in the first second after the computer woke.
    pub rush: u64,
    back_at: Option<Duration>,
    first_after: Option<Duration>,
}

impl Network {
    /// Whatever is on its way never comes, and nobody hears of it.
    pub(crate) fn cut_off(&self) {
        self.cuts.send_replace(());
    }

    /// The computer woke, at this uptime.
    pub(crate) const fn wake(&mut self, now: Duration) {
        self.woke_at = Some(now);
    }

    fn count(&mut self, now: Duration) {
        self.requests += 1;
        let rushes = self.woke_at.is_some_and(|woke| now < woke + Duration::from_secs(1));
        self.rush += u64::from(rushes);
    }

    /// There is a way to the services again, at this uptime.
    pub(crate) const fn come_back(&mut self, now: Duration) {
        (self.offline, self.back_at) = (false, Some(now));
    }

    /// How long after that the first request got through.
    pub(crate) fn back_after(&self) -> Option<Duration> {
        self.first_after?.checked_sub(self.back_at?)
    }

    fn gets_through(&mut self, now: Duration) {
        if self.back_at.is_some() {
            let _ = self.first_after.get_or_insert(now);
        }
    }
}

/// The simulated line.
#[derive(Clone)]
pub(crate) struct SimulatedLine {
    /// The world.
    pub world: World,
    /// The services.
    pub sandbox: Arc<Sandbox>,
}

impl Line for SimulatedLine {
    fn send(&self, request: Request) -> BoxFuture<'static, Result<Response, Broken>> {
        let line = self.clone();
        Box::pin(async move { line.exchange(request).await })
    }
}

/// What a turned off computer waits for.
async fn nothing<T>() -> T {
    std::future::pending().await
}

impl SimulatedLine {
    async fn exchange(self, request: Request) -> Result<Response, Broken> {
        let what = format!("{} {}", request.method(), request.url().path());
        if !self.world.step(&what) {
            return nothing().await;
        }
        let request = http::Request::<reqwest::Body>::try_from(request).map_err(|_| cut("this is no request"))?;
        let (head, body) = request.into_parts();
        let snag = self.snag(&head);
        self.connect(snag).await?;
        let mut cuts = self.world.state().network.cuts.subscribe();
        tokio::select! {
            biased;
            Ok(()) = cuts.changed() => {}
            reply = self.converse(head, body, snag) => return reply,
        }
        if self.world.state().network.offline {
            tokio::time::sleep(GIVEN_UP).await;
            return Err(Broken::Unreachable("the system gave the connection up".into()));
        }
        nothing().await
    }

    /// Over a connection that was made.
    async fn converse(&self, head: Parts, body: reqwest::Body, snag: Option<How>) -> Result<Response, Broken> {
        let body = self.send_body(&head, body, snag).await?;
        let mut waiting = Waiting::new(self, http::Request::from_parts(head, body));
        self.pause().await;
        if !self.world.step("arrived") {
            return nothing().await;
        }
        let Some(request) = waiting.take() else {
            return nothing().await;
        };
        let reply = self.sandbox.call(request.map(Full::new)).await;
        if !self.world.step("answered") {
            return nothing().await;
        }
        self.pause().await;
        match reply {
            Ok(reply) => Ok(reply
                .map(|body| reqwest::Body::wrap_stream(body.into_data_stream()))
                .into()),
            Err(how) => Err(cut(&format!("{how:?}"))),
        }
    }

    /// What is bound to happen to this request.
    fn snag(&self, head: &Parts) -> Option<How> {
        let step = Sandbox::step_of(&head.method, &head.uri).map(|(_, step)| step);
        let mut state = self.world.state();
        let snag = state.weather.snag.as_mut().filter(|snag| Some(snag.step) == step)?;
        match &mut snag.times {
            Some(0) => return None,
            Some(times) => *times -= 1,
            None => {}
        }
        Some(snag.how)
    }

    async fn connect(&self, snag: Option<How>) -> Result<(), Broken> {
        self.pause().await;
        let Some(refusal) = self.refusal(snag) else {
            let mut state = self.world.state();
            let now = state.awake();
            state.network.gets_through(now);
            return Ok(());
        };
        if matches!(&refusal, Broken::Late) {
            tokio::time::sleep(CONNECT).await;
            return Err(Broken::Unreachable("the connection was not answered".into()));
        }
        Err(refusal)
    }

    /// Why a connection is not made.
    fn refusal(&self, snag: Option<How>) -> Option<Broken> {
        let mut state = self.world.state();
        let now = state.awake();
        state.network.count(now);
        if state.network.offline {
            return Some(Broken::Unreachable("the network is down".into()));
        }
        if let Some(refusal) = snag.and_then(How::refusal) {
            state.network.snags += 1;
            return Some(refusal);
        }
        let unreachable = state.weather.unreachable;
        if !state.happens(unreachable) {
            return None;
        }
        [How::Refused, How::NoName, How::NoAnswer, How::Untrusted][state.chance.random_range(0..4)].refusal()
    }

    /// Takes the body as a connection would, piece by piece. What arrived before it broke off arrives.
    async fn send_body(&self, head: &Parts, mut body: reqwest::Body, snag: Option<How>) -> Result<Bytes, Broken> {
        let mut sent = Vec::new();
        while let Some(frame) = body.frame().await {
            let Ok(frame) = frame else {
                self.arrive_broken(head, sent).await;
                return Err(cut("the body broke off"));
            };
            sent.extend_from_slice(frame.data_ref().map_or(&[][..], |data| data));
            if !self.world.step("sent") {
                return nothing().await;
            }
            if let Some(how) = self.breaks_off(snag) {
                return self.break_off(how, head, sent).await;
            }
            self.pause().await;
        }
        // Chance leaves requests without a body alone here: it may refuse their connection.
        match snag.filter(|how| how.refusal().is_none() && sent.is_empty()) {
            Some(how) => {
                self.world.state().network.snags += 1;
                self.break_off(how, head, sent).await
            }
            None => Ok(sent.into()),
        }
    }

    /// What happens behind a piece of a body: by chance, or because it is bound to.
    fn breaks_off(&self, snag: Option<How>) -> Option<How> {
        let mut state = self.world.state();
        let (stall, cut) = (state.weather.stall, state.weather.cut);
        let (stalls, cuts) = (state.happens(stall), state.happens(cut));
        let snag = snag.filter(|how| how.refusal().is_none());
        state.network.snags += u64::from(snag.is_some());
        snag.or_else(|| stalls.then_some(How::Stall))
            .or_else(|| cuts.then_some(How::Cut))
    }

    async fn break_off(&self, how: How, head: &Parts, sent: Vec<u8>) -> Result<Bytes, Broken> {
        if how == How::Stall {
            return nothing().await;
        }
        self.arrive_broken(head, sent).await;
        Err(cut("connection reset by peer"))
    }

    async fn arrive_broken(&self, head: &Parts, sent: Vec<u8>) {
        let broken = futures_util::stream::iter([
            Ok(http_body::Frame::data(Bytes::from(sent))),
            Err(std::io::Error::other("the body broke off")),
        ]);
        let request = http::Request::from_parts(head.clone(), http_body_util::StreamBody::new(broken));
        // Nobody waits for what the service says to it.
        let _ = self.sandbox.call(request).await;
    }

    async fn pause(&self) {
        let time = self.world.state().chance.random_range(1..40);
        tokio::time::sleep(Duration::from_millis(time)).await;
    }

    /// Serves, or drops, what was on its way when the computer went off.
    pub(crate) async fn land_all(&self) {
        let under_way = std::mem::take(&mut self.world.state().network.under_way);
        for request in under_way.into_values() {
            self.land(request).await;
        }
    }

    async fn land(&self, request: http::Request<Bytes>) {
        let lands = {
            let mut state = self.world.state();
            let lands = state.weather.lands;
            state.happens(lands)
        };
        if lands {
            self.world
                .note(&format!("{} {} lands", request.method(), request.uri().path()));
            // The connection is gone: nobody hears the answer, and one that never comes is not waited for.
            let _ = tokio::time::timeout(CONNECT, self.sandbox.call(request.map(Full::new))).await;
        }
    }
}

impl How {
    /// As a connection that is not made.
    fn refusal(self) -> Option<Broken> {
        match self {
            Self::Refused => Some(Broken::Unreachable("connection refused".into())),
            Self::NoName => Some(Broken::Unreachable("no such name".into())),
            Self::Untrusted => Some(Broken::Untrusted("invalid peer certificate: Expired".into())),
            Self::NoAnswer => Some(Broken::Late),
            Self::Cut | Self::Stall => None,
        }
    }
}

fn cut(why: &str) -> Broken {
    Broken::Cut(why.to_owned())
}

/// A whole request on its way. When whoever sent it no longer waits, it may still land.
struct Waiting<'a> {
    line: &'a SimulatedLine,
    number: u64,
}

impl<'a> Waiting<'a> {
    fn new(line: &'a SimulatedLine, request: http::Request<Bytes>) -> Self {
        let network = &mut line.world.state().network;
        network.last += 1;
        network.under_way.insert(network.last, request);
        Self {
            line,
            number: network.last,
        }
    }

    fn take(&mut self) -> Option<http::Request<Bytes>> {
        self.line.world.state().network.under_way.remove(&self.number)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let mut state = self.line.world.state();
        if state.is_off() {
            return;
        }
        if let Some(request) = state.network.under_way.remove(&self.number) {
            let late = Duration::from_millis(state.chance.random_range(0..LATEST));
            drop(state);
            let line = self.line.clone();
            tokio::spawn(async move {
                tokio::time::sleep(late).await;
                line.land(request).await;
            });
        }
    }
}
