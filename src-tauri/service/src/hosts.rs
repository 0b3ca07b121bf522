//! Who may receive what: the API's own origin the key, declared upload hosts the file, nobody else anything.
//!
//! Refuses plain http but to this computer, names and passwords in addresses, and addresses that a service has no
//! business to send a file to.

use std::net::{Ipv4Addr, Ipv6Addr};

use skylift_model::{Fault, FaultKind};
use url::{Host, Url};

use crate::leaf::{Flaw, Syntax};

/// The longest address that is looked at; presigned ones have about 2 KiB.
const LONGEST: usize = 16 * 1024;

/// The longest name of a host, in bytes.
const LONGEST_HOST: usize = 253;

/// A host that may receive files: `uploads.example.com`, or `*.example.com` for every host below it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostPattern {
    suffix: String,
    below: bool,
}

impl Syntax for HostPattern {
    const DESCRIPTION: &'static str =
        "A host such as `uploads.example.com`, or `*.example.com` for every host below it.";

    fn read(text: &str) -> Result<Self, Flaw> {
        let remedy = "write a host without scheme, port or path, such as \"uploads.example.com\" or \"*.example.com\"";
        let refuse = |why: &str| Err(Flaw::new(format!("{text:?} {why}"), remedy));
        let (suffix, below) = text.strip_prefix("*.").map_or((text, false), |suffix| (suffix, true));
        if below && !suffix.contains('.') {
            return refuse("would let a whole top-level domain receive files");
        }
        match Url::parse(&format!("https://{suffix}/")).as_ref().map(Url::host) {
            Ok(Some(Host::Domain(host))) if host == suffix && is_plain(host) => Ok(Self {
                suffix: host.to_owned(),
                below,
            }),
            Ok(Some(Host::Ipv4(_) | Host::Ipv6(_))) => refuse("is an IP address"),
            Ok(Some(Host::Domain(_)) | None) | Err(_) => refuse("is no host"),
        }
    }
}

/// Letters, digits, hyphens and single dots inside; nothing that a pattern could be hidden in.
fn is_plain(host: &str) -> bool {
    let label = |label: &str| {
        !label.is_empty()
            && !label.starts_with('-')
            && label
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
    };
    host.split('.').all(label)
}

impl HostPattern {
    /// Whether a host fits; a name that merely ends alike does not.
    pub fn fits(&self, host: &str) -> bool {
        if !self.below {
            return host == self.suffix;
        }
        host.strip_suffix(&self.suffix)
            .and_then(|rest| rest.strip_suffix('.'))
            .is_some_and(is_plain)
    }
}

/// The base URL of a definition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BaseUrl(pub Url);

impl Syntax for BaseUrl {
    const DESCRIPTION: &'static str =
        "Scheme, host, and any prefix that comes before every path: `https://api.example.com`.";

    fn read(text: &str) -> Result<Self, Flaw> {
        check_base_url(text)
            .map(Self)
            .map_err(|fault| Flaw::new(fault.message, fault.hint))
    }
}

/// Reads the base URL of an account: https, or http to this computer.
///
/// # Errors
/// A fault that says what is wrong with it.
pub fn check_base_url(text: &str) -> Result<Url, Fault> {
    let refuse = |why: String| {
        let hint = "Write a base URL such as https://api.example.com; http:// is accepted for loopback addresses only.";
        Fault::new(FaultKind::Setup, why).hint(hint)
    };
    let text = text.trim();
    let url = parse(text).map_err(|why| refuse(format!("the base URL {why}")))?;
    if url.query().is_some() || url.fragment().is_some() {
        return Err(refuse("the base URL has a query or a fragment".into()));
    }
    match url.scheme() {
        "https" => {}
        "http" if is_loopback(&url) => {}
        "http" => {
            return Err(refuse(
                "a base URL with http:// would send the key for everybody to read".into(),
            ));
        }
        scheme => return Err(refuse(format!("the base URL starts with {scheme}://"))),
    }
    if is_nobody(&url) {
        return Err(refuse("the base URL names an address that no service has".into()));
    }
    Ok(url)
}

/// Reads a presigned link of a service: it must point at an upload host of the definition or at the account's own
/// server. With an account on this computer, http to this computer is allowed too.
///
/// # Errors
/// [`FaultKind::HostRefused`], naming the host but never the address.
pub fn check_link(text: &str, upload_hosts: &[&HostPattern], base: &Url) -> Result<Url, Fault> {
    let refuse = |why: String| Fault::new(FaultKind::HostRefused, why);
    let url = parse(text).map_err(|why| refuse(format!("the upload address {why}")))?;
    if url.origin() == base.origin() {
        return Ok(url);
    }
    if is_loopback(base) && is_loopback(&url) && matches!(url.scheme(), "http" | "https") {
        return Ok(url);
    }
    let host = url.host_str().unwrap_or_default();
    if url.scheme() != "https" {
        return Err(refuse(format!("the upload address at {host} is not https")));
    }
    if url.port().is_some() {
        return Err(refuse(format!("the upload address at {host} names a port of its own")));
    }
    match url.host() {
        Some(Host::Domain(domain)) if upload_hosts.iter().any(|pattern| pattern.fits(domain)) => Ok(url),
        Some(Host::Domain(_)) => Err(refuse(format!(
            "the service names {host} to receive the file, which its definition does not allow"
        ))),
        Some(Host::Ipv4(_) | Host::Ipv6(_)) | None => Err(refuse(format!(
            "the service names the bare address {host} to receive the file"
        ))),
    }
}

/// Whether an API address stays on the account's own server and below its prefix.
///
/// # Errors
/// [`FaultKind::HostRefused`] when a value led the address elsewhere.
pub fn check_api(url: &Url, base: &Url) -> Result<(), Fault> {
    let prefix = base.path().trim_end_matches('/');
    let below = url
        .path()
        .strip_prefix(prefix)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    if url.origin() == base.origin() && below {
        return Ok(());
    }
    Err(Fault::new(
        FaultKind::HostRefused,
        "a value of the service's reply would lead the key to another address",
    ))
}

/// Reads the address of a file that a service shall fetch by itself.
///
/// # Errors
/// A fault that says what is wrong with it.
pub fn check_import(text: &str, https_only: bool, base: &Url) -> Result<(), Fault> {
    let refuse =
        |why: String| Fault::new(FaultKind::Setup, why).hint("Give an address that anybody can open, with https://.");
    let url = parse(text).map_err(|why| refuse(format!("the address to import {why}")))?;
    match url.scheme() {
        "https" => Ok(()),
        "http" if !https_only || is_loopback(base) => Ok(()),
        scheme => Err(refuse(format!(
            "the service does not fetch addresses that start with {scheme}://"
        ))),
    }
}

/// A URL with a host and nothing hidden in it.
fn parse(text: &str) -> Result<Url, String> {
    if text.len() > LONGEST {
        return Err(format!("has more than {LONGEST} bytes"));
    }
    // The parser drops tabs and line ends and reads `\` as `/`: what a person or a log shows would not be what is used.
    if text.chars().any(|c| c.is_control() || c.is_whitespace() || c == '\\') {
        return Err("holds a space, a line end or a backslash".into());
    }
    let url = Url::parse(text).map_err(|error| format!("is none: {error}"))?;
    match url.host_str() {
        None | Some("") => return Err("has no host".into()),
        Some(host) if host.len() > LONGEST_HOST => return Err("has a host with a longer name than any can have".into()),
        Some(_) => {}
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("holds a name or a password".into());
    }
    Ok(url)
}

/// Whether an address is on this computer.
pub fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// Addresses that no service has: unspecified, link-local (cloud metadata among them), multicast, broadcast.
fn is_nobody(url: &Url) -> bool {
    let v4 = |a: Ipv4Addr| a.is_unspecified() || a.is_link_local() || a.is_multicast() || a.is_broadcast();
    let v6 = |a: Ipv6Addr| {
        a.is_unspecified() || a.is_unicast_link_local() || a.is_multicast() || a.to_ipv4_mapped().is_some()
    };
    match url.host() {
        Some(Host::Ipv4(address)) => v4(address),
        Some(Host::Ipv6(address)) => v6(address),
        Some(Host::Domain(name)) => name.ends_with('.'),
        None => true,
    }
}
