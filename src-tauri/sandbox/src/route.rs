//! From an address to who must answer: control, files to import, a service, or presigned storage.

use http::Uri;
use percent_encoding::percent_decode_str;
use url::form_urlencoded;

use crate::service::Service;

/// Which port a request came in on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Door {
    Main,
    /// The S3 server's own port.
    S3,
}

/// Who answers, with the rest of the path, decoded.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Target {
    /// `/_sandbox/...`.
    Control(Vec<String>),
    /// `/andi/...` and the others.
    Api(Service, Vec<String>),
    /// `/storage/andi/...`, or `/andi/...` at the S3 port.
    Storage(Service, Vec<String>),
    Nobody,
}

pub(crate) fn target(door: Door, uri: &Uri) -> Target {
    let mut path = segments(uri.path());
    if path.is_empty() {
        return Target::Nobody;
    }
    let first = path.remove(0);
    match (door, first.as_str()) {
        (Door::Main, "_sandbox") => Target::Control(path),
        (Door::Main, "storage") if !path.is_empty() => {
            let service = path.remove(0);
            service
                .parse()
                .map_or(Target::Nobody, |service| Target::Storage(service, path))
        }
        (Door::Main, name) => name
            .parse()
            .map_or(Target::Nobody, |service| Target::Api(service, path)),
        (Door::S3, name) => name
            .parse()
            .map_or(Target::Nobody, |service| Target::Storage(service, path)),
    }
}

/// Decoded segments; empty ones are dropped, so that a trailing slash means nothing.
fn segments(path: &str) -> Vec<String> {
    let parts = path.split('/').filter(|part| !part.is_empty());
    parts
        .map(|part| percent_decode_str(part).decode_utf8_lossy().into_owned())
        .collect()
}

/// Decoded pairs of the query.
pub(crate) fn query(uri: &Uri) -> Vec<(String, String)> {
    form_urlencoded::parse(uri.query().unwrap_or("").as_bytes())
        .into_owned()
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(door: Door, address: &'static str) -> Target {
        target(door, &Uri::from_static(address))
    }

    #[test]
    fn every_prefix_has_its_owner() {
        assert_eq!(of(Door::Main, "/_sandbox/stats"), Target::Control(vec!["stats".into()]));
        assert_eq!(
            of(Door::Main, "/andi/api/a%20b/"),
            Target::Api(Service::Andi, vec!["api".into(), "a b".into()])
        );
        assert_eq!(
            of(Door::Main, "/storage/andi/1?x=2"),
            Target::Storage(Service::Andi, vec!["1".into()])
        );
        assert_eq!(
            of(Door::S3, "/andi/1"),
            Target::Storage(Service::Andi, vec!["1".into()])
        );
        assert_eq!(of(Door::Main, "/"), Target::Nobody);
        assert_eq!(of(Door::Main, "/storage/nobody/1"), Target::Nobody);
    }
}
