//! Which keys open a service, and where a key was seen that must not be there. Never prints one.

use std::collections::{HashMap, HashSet};
use std::sync::Mutex;

use http::{HeaderMap, Uri, header};

use crate::lock::Locked;
use crate::service::Service;

/// Keys shorter than this are not searched for: they would be found everywhere.
const SHORTEST_SEARCHED: usize = 8;

/// Headers that carry credentials at one service or another; presigned storage must never see them.
const CREDENTIAL_HEADERS: [&str; 5] = [
    "authorization",
    "x-api-key",
    "reb-apikey",
    "cookie",
    "proxy-authorization",
];

/// Why a request may not go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Denied {
    /// No key, or none in the form this service wants.
    Missing,
    /// A key the service does not know.
    Wrong,
    /// A key that may not do this.
    Forbidden,
}

pub(crate) struct KeyRing {
    allowed: Vec<String>,
    seen: Mutex<HashMap<String, HashSet<Service>>>,
}

impl KeyRing {
    pub(crate) fn new(allowed: Vec<String>) -> Self {
        KeyRing {
            allowed,
            seen: Mutex::default(),
        }
    }

    /// Decides about the key a request came with and remembers it.
    pub(crate) fn check(&self, service: Service, key: Option<&str>, writes: bool) -> Result<(), Denied> {
        let key = key
            .map(str::trim)
            .filter(|key| !key.is_empty())
            .ok_or(Denied::Missing)?;
        self.seen.locked().entry(key.to_owned()).or_default().insert(service);
        let known = if self.allowed.is_empty() {
            !key.starts_with("wrong")
        } else {
            self.allowed.iter().any(|allowed| allowed == key)
        };
        match (known, writes && key.starts_with("readonly")) {
            (false, _) => Err(Denied::Wrong),
            (true, true) => Err(Denied::Forbidden),
            (true, false) => Ok(()),
        }
    }

    /// Whether a request to presigned storage carries any credential.
    pub(crate) fn leaked_to_storage(&self, uri: &Uri, headers: &HeaderMap) -> bool {
        CREDENTIAL_HEADERS.iter().any(|name| headers.contains_key(*name)) || self.found(uri, headers, |_| true)
    }

    /// Whether a request to a service carries a key of another one, or any key in its address.
    pub(crate) fn leaked_to_service(&self, service: Service, uri: &Uri, headers: &HeaderMap) -> bool {
        let foreign = |homes: &HashSet<Service>| self.allowed.is_empty() && !homes.contains(&service);
        self.found(uri, &HeaderMap::new(), |_| true) || self.found(uri, headers, foreign)
    }

    /// Whether a remembered key, of those whose homes satisfy the condition, is anywhere in the head of a request.
    fn found(&self, uri: &Uri, headers: &HeaderMap, condition: impl Fn(&HashSet<Service>) -> bool) -> bool {
        let seen = self.seen.locked();
        let mut keys = seen
            .iter()
            .filter(|(key, homes)| key.len() >= SHORTEST_SEARCHED && condition(homes))
            .map(|(key, _)| key);
        let address = uri.to_string();
        keys.any(|key| {
            address.contains(key.as_str())
                || headers.iter().any(|(name, value)| {
                    name != header::HOST && String::from_utf8_lossy(value.as_bytes()).contains(key.as_str())
                })
        })
    }
}

/// The value of a header as text, if it has one.
pub(crate) fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// The token behind `Bearer `.
pub(crate) fn bearer(headers: &HeaderMap) -> Option<&str> {
    header(headers, "authorization")?.strip_prefix("Bearer ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: &'static str, value: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(
            http::HeaderName::from_static(name),
            http::HeaderValue::from_static(value),
        )])
    }

    #[test]
    fn any_key_opens_unless_it_says_otherwise() {
        let ring = KeyRing::new(Vec::new());
        assert_eq!(ring.check(Service::Andi, None, true), Err(Denied::Missing));
        assert_eq!(ring.check(Service::Andi, Some("  "), true), Err(Denied::Missing));
        assert_eq!(ring.check(Service::Andi, Some("wrong-one"), true), Err(Denied::Wrong));
        assert_eq!(
            ring.check(Service::Andi, Some("readonly-one"), true),
            Err(Denied::Forbidden)
        );
        assert_eq!(ring.check(Service::Andi, Some("readonly-one"), false), Ok(()));
        assert_eq!(ring.check(Service::Andi, Some("anything"), true), Ok(()));
        assert_eq!(
            KeyRing::new(vec!["k".into()]).check(Service::Andi, Some("anything"), true),
            Err(Denied::Wrong)
        );
    }

    #[test]
    fn a_key_is_found_wherever_it_leaks_to() {
        let ring = KeyRing::new(Vec::new());
        ring.check(Service::Andi, Some("canary-andi-key"), true).unwrap();
        let plain = Uri::from_static("/storage/andi/1");
        assert!(!ring.leaked_to_storage(&plain, &headers("accept", "*/*")));
        assert!(ring.leaked_to_storage(&plain, &headers("cookie", "a=b")));
        assert!(ring.leaked_to_storage(&plain, &headers("referer", "x canary-andi-key")));
        assert!(ring.leaked_to_storage(&Uri::from_static("/s?k=canary-andi-key"), &HeaderMap::new()));
        assert!(!ring.leaked_to_service(Service::Andi, &plain, &headers("x-api-key", "canary-andi-key")));
        assert!(ring.leaked_to_service(
            Service::Notion,
            &plain,
            &headers("authorization", "Bearer canary-andi-key")
        ));
        assert!(ring.leaked_to_service(
            Service::Andi,
            &Uri::from_static("/a?k=canary-andi-key"),
            &HeaderMap::new()
        ));
    }
}
