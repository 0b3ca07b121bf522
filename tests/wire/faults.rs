//! The 28 faults, how each is made on a wire, and what an upload may say of it.

use rand::RngExt;
use rand::rngs::StdRng;
use skylift_model::FaultKind as K;
use skylift_sandbox::{Service, Step};

use super::act::Act;
use super::front::{Link, Trouble};
use crate::crash::place::{PART, Way};

/// A fault.
#[derive(Clone, Copy, Debug)]
pub(super) struct FaultOf {
    pub(super) name: &'static str,
    how: How,
    /// What may be said of it where it does not pass by itself.
    pub(super) says: &'static [K],
    /// Whether it lasts longer than a person who runs the tests would wait.
    pub(super) is_slow: bool,
}

/// Ways to make it, of which one is taken.
#[derive(Clone, Copy, Debug)]
enum How {
    Link(&'static [Link]),
    Any(&'static [Act]),
    /// Only a request that carries the file meets it.
    Bytes(&'static [Act]),
}

const fn fault(name: &'static str, how: How, says: &'static [K]) -> FaultOf {
    FaultOf {
        name,
        how,
        says,
        is_slow: false,
    }
}

const fn slow(name: &'static str, how: How) -> FaultOf {
    FaultOf {
        name,
        how,
        says: &[],
        is_slow: true,
    }
}

const fn status(status: u16, header: &'static str) -> Act {
    Act::Status {
        status,
        header,
        heard: false,
    }
}

const fn heard(status: u16) -> Act {
    Act::Status {
        status,
        header: "",
        heard: true,
    }
}

/// All of them.
pub(super) const FAULTS: [FaultOf; 28] = [
    fault("refused", How::Link(&[Link::Refused]), &[]),
    fault("no such name", How::Link(&[Link::NoName]), &[]),
    slow("no answer to the connection", How::Link(&[Link::NoAnswer])),
    fault(
        "certificate not trusted",
        How::Link(&[Link::Stranger, Link::OtherHost, Link::Expired]),
        &[],
    ),
    fault(
        "reset while sending",
        How::Bytes(&[Act::CutAfter(0), Act::CutAfter(1), Act::CutAfter(PART / 2)]),
        &[],
    ),
    fault("reset after the request", How::Any(&[Act::CutBeforeReply]), &[]),
    slow("stalls while sending", How::Bytes(&[Act::Stall])),
    slow("a reply byte by byte", How::Any(&[Act::Drip])),
    fault("a reply that breaks off", How::Any(&[Act::Truncate]), &[]),
    fault("a reply of another length", How::Any(&[Act::WrongLength]), &[]),
    fault(
        "not HTTP",
        How::Any(&[Act::Garbage { heard: false }, Act::Garbage { heard: true }]),
        &[],
    ),
    fault("an early answer", How::Bytes(&[Act::Early]), &[]),
    fault("408", How::Any(&[status(408, "")]), &[]),
    fault("429 with a time", How::Any(&[status(429, "retry-after: 1\r\n")]), &[]),
    fault(
        "429 with nonsense",
        How::Any(&[
            status(429, "retry-after: 999999999999\r\n"),
            status(429, "retry-after: soon\r\n"),
        ]),
        &[K::RateLimited],
    ),
    fault("500", How::Any(&[status(500, ""), heard(500)]), &[]),
    fault(
        "502, 503, 504",
        How::Any(&[status(502, ""), status(503, ""), heard(504)]),
        &[],
    ),
    fault(
        "200 with an error inside",
        How::Any(&[Act::ErrorInside]),
        &[K::Protocol],
    ),
    fault("401, 403", How::Any(&[Act::Unauthorized]), &[K::SignIn]),
    fault(
        "404, 410",
        How::Any(&[status(404, ""), status(410, "")]),
        &[K::Gone, K::Refused, K::NotPermitted],
    ),
    fault(
        "409, 412",
        How::Any(&[status(409, ""), status(412, "")]),
        &[K::Conflict, K::Refused],
    ),
    fault(
        "a redirect to the same host",
        How::Any(&[Act::RedirectHere]),
        &[K::Redirect],
    ),
    fault(
        "a redirect to another host",
        How::Any(&[Act::RedirectElsewhere]),
        &[K::Redirect],
    ),
    fault("no ETag", How::Bytes(&[Act::NoEtag]), &[]),
    fault(
        "another checksum",
        How::Any(&[Act::WrongChecksum]),
        &[K::ChecksumMismatch],
    ),
    fault("a captive portal", How::Any(&[Act::Portal]), &[]),
    fault("407", How::Link(&[Link::SignIn]), &[]),
    fault(
        "a reply without an end",
        How::Any(&[Act::EndlessBody, Act::EndlessPieces, Act::EndlessHead, Act::Bomb]),
        &[],
    ),
];

/// What is asked of a service for each upload, in this order.
fn steps(way: Way) -> &'static [Step] {
    match (way.service, way.mode) {
        (Service::Rebilly, Some("raw")) => &[Step::Create, Step::Update],
        (Service::Rebilly, _) | (Service::Archetype, Some("form")) => &[Step::Create],
        (Service::Notion, Some("single")) => &[Step::Create, Step::Part],
        (Service::Andi, Some("single")) => &[Step::Create, Step::Part, Step::Status],
        _ => &[Step::Create, Step::Part, Step::Complete],
    }
}

impl FaultOf {
    /// How it happens this time.
    pub(super) fn trouble(&self, way: Way, chance: &mut StdRng) -> Trouble {
        let steps = steps(way);
        // Where nothing is asked for first, the request that creates is the one with the bytes.
        let bytes = if steps.contains(&Step::Part) {
            Step::Part
        } else {
            Step::Create
        };
        let at = chance.random_range(0..steps.len());
        let mut one_of = |acts: &[Act]| acts[chance.random_range(0..acts.len())];
        match self.how {
            How::Link(links) => Trouble::Link(
                links[chance.random_range(0..links.len())],
                at.checked_sub(1).map(|before| steps[before]),
            ),
            How::Any(acts) => Trouble::Request(one_of(acts), steps[at]),
            How::Bytes(acts) => Trouble::Request(one_of(acts), bytes),
        }
    }
}
