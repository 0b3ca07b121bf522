//! Counters: what arrived, how often, how much at once. They only ever grow until they are reset.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use serde::Serialize;

use crate::clock::Clock;
use crate::lock::Locked;
use crate::service::{Service, Step};

/// Everything counted so far; `GET /_sandbox/stats` is this as JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Stats {
    /// Per service, by name.
    pub services: BTreeMap<Service, ServiceStats>,
    /// TCP connections accepted, on all ports; in process every call is one.
    pub connections: u64,
    /// Keys seen where they must not be, all services together.
    pub leaked_keys: u64,
    /// File bytes received, all services together.
    pub file_bytes: u64,
    /// When the last file byte arrived, milliseconds since the Unix epoch; 0 if none did.
    pub last_file_byte_at: i64,
}

/// The counters of one service, its presigned storage included.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct ServiceStats {
    /// Requests by step, answered or not.
    pub requests: BTreeMap<Step, u64>,
    /// Requests in all.
    pub requests_total: u64,
    /// Uploads made known.
    pub creates: u64,
    /// Uploads ended well.
    pub completes: u64,
    /// Uploads given up.
    pub aborts: u64,
    /// Bodies with file content received whole.
    pub parts: u64,
    /// Of these, how many repeated a part that had already been received whole.
    pub repeats: u64,
    /// Bytes of these repeats.
    pub repeated_bytes: u64,
    /// Bytes of request bodies, all kinds.
    pub body_bytes: u64,
    /// Bytes of file content, whether the request ended well or not.
    pub file_bytes: u64,
    /// When the last file byte arrived, milliseconds since the Unix epoch; 0 if none did.
    pub last_file_byte_at: i64,
    /// Per upload and part number (the service's own numbers; 0 for a single PUT).
    pub part_counts: BTreeMap<String, BTreeMap<u32, PartCount>>,
    /// Requests refused by the service itself: replies of 400 and above that no fault made.
    pub rejected: u64,
    /// Requests hit by a fault.
    pub faults: u64,
    /// Keys seen where they must not be.
    pub leaked_keys: u64,
    /// Connections that carried a request for this service.
    pub connections: u64,
    /// Most requests under way at once.
    pub max_parallel: u64,
    /// Most requests with file content under way at once.
    pub max_parallel_parts: u64,
    /// Objects stored and complete.
    pub objects: u64,
    /// Uploads begun and not ended.
    pub sessions: u64,
}

/// What arrived of one part.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct PartCount {
    /// File bytes received for it, broken attempts included.
    pub bytes: u64,
    /// Times it was received whole.
    pub whole: u64,
}

pub(crate) struct Meters {
    services: [Meter; 5],
    connections: AtomicU64,
}

impl Meters {
    pub(crate) fn new(clock: &Arc<Clock>) -> Self {
        Meters {
            services: std::array::from_fn(|_| Meter::new(Arc::clone(clock))),
            connections: AtomicU64::new(0),
        }
    }

    pub(crate) fn of(&self, service: Service) -> &Meter {
        &self.services[service as usize]
    }

    pub(crate) fn connected(&self) {
        self.connections.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn snapshot(&self) -> Stats {
        let services: BTreeMap<_, _> = Service::ALL
            .into_iter()
            .map(|service| (service, self.of(service).snapshot()))
            .collect();
        Stats {
            connections: self.connections.load(Ordering::Relaxed),
            leaked_keys: services.values().map(|one| one.leaked_keys).sum(),
            file_bytes: services.values().map(|one| one.file_bytes).sum(),
            last_file_byte_at: services.values().map(|one| one.last_file_byte_at).max().unwrap_or(0),
            services,
        }
    }

    /// Back to zero, except what is under way.
    pub(crate) fn reset(&self) {
        self.connections.store(0, Ordering::Relaxed);
        self.services.iter().for_each(Meter::reset);
    }
}

pub(crate) struct Meter {
    clock: Arc<Clock>,
    counts: Mutex<ServiceStats>,
    body_bytes: AtomicU64,
    file_bytes: AtomicU64,
    last_file_byte_at: AtomicI64,
    under_way: Gauge,
    parts_under_way: Gauge,
}

impl Meter {
    fn new(clock: Arc<Clock>) -> Self {
        Meter {
            clock,
            counts: Mutex::default(),
            body_bytes: AtomicU64::new(0),
            file_bytes: AtomicU64::new(0),
            last_file_byte_at: AtomicI64::new(0),
            under_way: Gauge::default(),
            parts_under_way: Gauge::default(),
        }
    }

    /// Counts a request for as long as the guard lives.
    pub(crate) fn request(&self, step: Step, carries_file: bool) -> Running<'_> {
        let mut counts = self.counts.locked();
        counts.requests_total += 1;
        *counts.requests.entry(step).or_default() += 1;
        drop(counts);
        Running(
            self.under_way.enter(),
            carries_file.then(|| self.parts_under_way.enter()),
        )
    }

    pub(crate) fn body(&self, bytes: usize) {
        self.body_bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    pub(crate) fn file(&self, bytes: usize) {
        self.file_bytes.fetch_add(bytes as u64, Ordering::Relaxed);
        self.last_file_byte_at.store(self.clock.outside(), Ordering::Relaxed);
    }

    /// Books the end of one part's body, whole or not.
    pub(crate) fn part(&self, id: &str, number: u32, bytes: u64, whole: bool) {
        let mut counts = self.counts.locked();
        let part = counts
            .part_counts
            .entry(id.to_owned())
            .or_default()
            .entry(number)
            .or_default();
        part.bytes += bytes;
        if whole {
            part.whole += 1;
            let repeated = part.whole > 1;
            counts.parts += 1;
            if repeated {
                counts.repeats += 1;
                counts.repeated_bytes += bytes;
            }
        }
    }

    /// Changes one of the plain counters.
    pub(crate) fn count(&self, change: impl FnOnce(&mut ServiceStats)) {
        change(&mut self.counts.locked());
    }

    fn snapshot(&self) -> ServiceStats {
        let mut counts = self.counts.locked().clone();
        counts.body_bytes = self.body_bytes.load(Ordering::Relaxed);
        counts.file_bytes = self.file_bytes.load(Ordering::Relaxed);
        counts.last_file_byte_at = self.last_file_byte_at.load(Ordering::Relaxed);
        counts.max_parallel = self.under_way.most();
        counts.max_parallel_parts = self.parts_under_way.most();
        counts
    }

    fn reset(&self) {
        *self.counts.locked() = ServiceStats::default();
        self.body_bytes.store(0, Ordering::Relaxed);
        self.file_bytes.store(0, Ordering::Relaxed);
        self.last_file_byte_at.store(0, Ordering::Relaxed);
        self.under_way.reset();
        self.parts_under_way.reset();
    }
}

/// How many at once, and how many at most.
#[derive(Default)]
struct Gauge {
    now: AtomicU64,
    most: AtomicU64,
}

impl Gauge {
    fn enter(&self) -> Entered<'_> {
        let now = self.now.fetch_add(1, Ordering::Relaxed) + 1;
        self.most.fetch_max(now, Ordering::Relaxed);
        Entered(self)
    }

    fn most(&self) -> u64 {
        self.most.load(Ordering::Relaxed)
    }

    fn reset(&self) {
        self.most.store(self.now.load(Ordering::Relaxed), Ordering::Relaxed);
    }
}

struct Entered<'a>(&'a Gauge);

impl Drop for Entered<'_> {
    fn drop(&mut self) {
        self.0.now.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A request under way.
pub(crate) struct Running<'a>(
    #[expect(dead_code, reason = "counts down when dropped")] Entered<'a>,
    #[expect(dead_code, reason = "counts down when dropped")] Option<Entered<'a>>,
);
