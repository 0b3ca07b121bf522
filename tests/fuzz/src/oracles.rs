//! What must hold for everything that comes out of the driver, written down a second time and without its code.
//!
//! Refuses to ask the driver whether the driver is right: hosts are those that stand in the definition's file.

use http::{HeaderName, HeaderValue};
use percent_encoding::percent_decode_str;
use serde_json::Value;
use skylift_model::plan::MOST_PARTS;
use skylift_model::{Fault, FaultKind, PartPlan, SignedUrl};
use skylift_service::exchange::{Address, Algorithm, Body, Outcome, PartTarget, Reading, Request, Session, State};
use url::{Host, Url};

/// The longest sentence for a person.
const LONGEST_MESSAGE: usize = 1000;
/// The longest value that is kept of a reply.
const LONGEST_KEPT: usize = 1024;
/// The longest wait that a service can ask for: a day.
const LONGEST_WAIT: u64 = 24 * 3600 * 1000;
/// Headers that only the transport may set.
const OWN_HEADERS: [&str; 6] = [
    "host",
    "content-length",
    "transfer-encoding",
    "connection",
    "cookie",
    "expect",
];

/// Who may receive what, as a definition's file says.
#[derive(Clone)]
pub(crate) struct Terms {
    base: Url,
    upload_hosts: Vec<String>,
}

impl Terms {
    /// Reads them from the text of a definition, with the TOML parser alone.
    pub(crate) fn of(text: &str) -> Self {
        let table: toml::Table = text.parse().unwrap();
        let server = &table["server"];
        let hosts = server.get("upload_hosts").and_then(toml::Value::as_array);
        let hosts = hosts
            .into_iter()
            .flatten()
            .map(|host| host.as_str().unwrap().to_owned());
        Self {
            base: Url::parse(server["base_url"].as_str().unwrap().trim()).unwrap(),
            upload_hosts: hosts.collect(),
        }
    }

    fn may_receive(&self, link: &Url) -> bool {
        let at_home = |url: &Url| match url.host() {
            Some(Host::Domain(name)) => name == "localhost",
            Some(Host::Ipv4(address)) => address.octets()[0] == 127,
            Some(Host::Ipv6(address)) => address == std::net::Ipv6Addr::LOCALHOST,
            None => false,
        };
        if link.origin() == self.base.origin() || (at_home(&self.base) && at_home(link)) {
            return true;
        }
        let Some(Host::Domain(host)) = link.host() else {
            return false;
        };
        let declared = |known: &String| match known.strip_prefix('*') {
            Some(below) => host.ends_with(below) && host.len() > below.len(),
            None => host == known,
        };
        link.scheme() == "https" && link.port().is_none() && self.upload_hosts.iter().any(declared)
    }
}

/// Goes only where it may, with the key only to the API, and with nothing that a transport would trip over.
pub(crate) fn check_request(terms: &Terms, request: &Request) {
    match &request.address {
        Address::Api(url) => check_api(&terms.base, url),
        Address::Signed { link, home } => {
            assert_eq!(Some(&**home), terms.base.host_str());
            assert!(request.auth.is_none(), "the key goes to storage");
            let url = link_of(link);
            assert!(terms.may_receive(&url), "a file goes to {url}");
            for (name, _) in &request.headers {
                assert!(
                    !OWN_HEADERS.contains(&name.as_str()),
                    "a service sets the header {name}"
                );
            }
        }
    }
    if let Some(auth) = &request.auth {
        HeaderName::from_bytes(auth.header.as_bytes()).unwrap();
        HeaderValue::from_str(&auth.prefix).unwrap();
        // One that is there twice could be read as the other.
        assert!(
            request.headers.iter().all(|(name, _)| *name != auth.header),
            "two {}",
            auth.header
        );
    }
    for (name, _) in &request.headers {
        HeaderName::from_bytes(name.as_bytes()).unwrap();
    }
    assert!(["GET", "POST", "PUT", "PATCH", "DELETE"].contains(&request.method.as_str()));
    match &request.body {
        Body::Json(text) => drop(serde_json::from_str::<Value>(text).unwrap()),
        Body::Form { file, .. } => {
            let (kind, subtype) = file.content_type.split_once('/').unwrap();
            let sound = |word: &str| !word.is_empty() && word.bytes().all(|b| b.is_ascii_graphic() && b != b'/');
            assert!(sound(kind) && sound(subtype), "{:?}", file.content_type);
        }
        Body::Empty | Body::Bytes | Body::UrlEncoded(_) => {}
    }
}

fn check_api(base: &Url, url: &Url) {
    assert_eq!(url.origin(), base.origin());
    assert!(
        url.username().is_empty() && url.password().is_none() && url.fragment().is_none(),
        "{url}"
    );
    let prefix = base.path().trim_end_matches('/');
    assert!(
        url.path() == prefix || url.path().starts_with(&format!("{prefix}/")),
        "{url}"
    );
    assert_eq!(
        Url::parse(url.as_str()).unwrap(),
        *url,
        "another address for whoever reads it"
    );
    for segment in url.path_segments().into_iter().flatten() {
        let segment = percent_decode_str(segment).decode_utf8_lossy();
        assert!(segment != "." && segment != "..", "{url} climbs");
    }
}

fn link_of(link: &SignedUrl) -> Url {
    let text = link.expose();
    assert!(
        !text.contains(|c: char| c.is_control() || c.is_whitespace() || c == '\\'),
        "{text:?}"
    );
    let url = Url::parse(text).unwrap();
    assert!(url.username().is_empty() && url.password().is_none(), "{url}");
    url
}

/// What a reading gives on is short, fits the file, and holds no address that signs.
pub(crate) fn check_reading(terms: &Terms, reading: &Reading, size: u64, session: &Session) {
    let plan = reading.plan.unwrap_or(session.plan);
    check_plan(&plan, size);
    assert!(reading.targets.len() <= MOST_PARTS as usize);
    assert!(
        reading.targets.is_sorted_by_key(|target| target.number),
        "parts out of order"
    );
    let told = format!("{reading:?}");
    for target in &reading.targets {
        check_target(terms, target, &plan);
        let link = target.link.as_ref().unwrap().url.expose();
        let is_kept = reading.vars.values().any(|value| value.as_str() == Some(link));
        assert!(
            is_kept || !told.contains(link) || link_of(&SignedUrl::new(link.into())).query().is_none(),
            "a link is told: {told}"
        );
    }
    for (name, value) in &reading.vars {
        assert!(
            !value.is_null() && !value.is_array() && !value.is_object(),
            "{name}: {value}"
        );
        if let Some(text) = value.as_str() {
            assert!(text.len() <= LONGEST_KEPT, "{name} has {} bytes", text.len());
            assert!(!signs(text), "{name} is a secret");
        }
    }
    check_outcome(&reading.outcome);
    if let State::Failed(fault) = &reading.state {
        check_fault(fault);
    }
    for finding in &reading.findings {
        check_words(finding);
    }
}

fn check_plan(plan: &PartPlan, size: u64) {
    assert!(
        plan.size == size && plan.part_size > 0 && (1..=MOST_PARTS).contains(&plan.count),
        "{plan:?}"
    );
    assert_eq!(u64::from(plan.count), size.div_ceil(plan.part_size).max(1), "{plan:?}");
}

fn check_target(terms: &Terms, target: &PartTarget, plan: &PartPlan) {
    assert!(target.number.get() <= plan.count, "{target:?}");
    assert_eq!(target.range, plan.range(target.number));
    let link = target.link.as_ref().unwrap();
    assert!(terms.may_receive(&link_of(&link.url)), "{target:?}");
    for (name, value) in &link.headers {
        HeaderName::from_bytes(name.as_bytes()).unwrap();
        HeaderValue::from_str(value).unwrap();
        assert!(!OWN_HEADERS.contains(&name.as_str()), "{name}");
    }
}

fn check_outcome(outcome: &Outcome) {
    if let Some(url) = &outcome.remote_url {
        assert!(!signs(url), "{url}");
    }
    let kept = outcome.remote_id.iter().chain(outcome.reply.values());
    for text in kept {
        assert!(text.len() <= LONGEST_KEPT, "{} bytes", text.len());
    }
    for (algorithm, hex) in &outcome.checksums {
        let bytes = match algorithm {
            Algorithm::Crc32c => 4,
            Algorithm::Md5 => 16,
            Algorithm::Sha1 => 20,
            Algorithm::Sha256 => 32,
        };
        assert!(
            hex.len() == 2 * bytes && hex.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')),
            "{hex}"
        );
    }
}

/// Whether an address holds something that signs a request.
fn signs(text: &str) -> bool {
    Url::parse(text).is_ok_and(|url| {
        url.has_host() && (url.query().is_some() || !url.username().is_empty() || url.password().is_some())
    })
}

/// A fault says in a few plain words what is wrong, without an address; an unusual wait is cut.
pub(crate) fn check_fault(fault: &Fault) {
    let address = |word: &str| word.split_once("://").is_some_and(|(_, rest)| rest.len() > 1);
    // What a reply does not say is named as the definition names it, where it may look like an address.
    let names_a_place = fault.kind == FaultKind::Protocol && fault.message.starts_with("the reply does not say ");
    assert!(names_a_place || !fault.message.split(' ').any(address), "{fault:?}");
    check_echo(fault);
}

/// A fault that says again what was asked, which may be an address.
pub(crate) fn check_echo(fault: &Fault) {
    check_words(&fault.message);
    assert!(
        fault.retry_after_ms.is_none_or(|wait| wait <= LONGEST_WAIT),
        "{fault:?}"
    );
    let sound = |code: &String| code.len() <= 64 && code.bytes().all(|b| b.is_ascii_graphic());
    assert!(fault.service_code.as_ref().is_none_or(sound), "{fault:?}");
    assert!(fault.kind != FaultKind::Setup || !fault.message.is_empty());
}

fn check_words(text: &str) {
    assert!(
        !text.is_empty() && text.chars().count() <= LONGEST_MESSAGE,
        "{} characters: {text}",
        text.len()
    );
    assert!(!text.contains(deceives), "{text:?}");
}

/// Controls, line ends, marks of direction, and what draws nothing.
pub(crate) fn deceives(c: char) -> bool {
    let draws_nothing =
        "\u{ad}\u{61c}\u{115f}\u{1160}\u{180e}\u{2028}\u{2029}\u{3164}\u{feff}\u{ffa0}\u{fff9}\u{fffa}\u{fffb}";
    c.is_control()
        || draws_nothing.contains(c)
        || matches!(u32::from(c), 0x200b..=0x200f | 0x202a..=0x202e | 0x2060..=0x206f | 0xe0000..=0xe0fff)
}

/// A request with everything in it, secrets too.
pub(crate) fn written(request: &Request) -> String {
    let url = match &request.address {
        Address::Api(url) => url.to_string(),
        Address::Signed { link, .. } => link.expose().to_owned(),
    };
    format!("{url} {request:?}")
}
