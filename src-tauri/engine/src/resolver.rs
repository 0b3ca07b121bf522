//! The look-up of names, so that a name that a service may give to storage never leads into the network of the person.
//!
//! Refuses addresses of this computer, of private networks and of what only a network's own machines may ask (cloud
//! metadata among it) for the hosts of presigned links, at each connection anew: what a name stood for when the link was
//! checked does not count. An account whose own server is private may have its storage there.

use std::collections::{HashMap, HashSet};
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard};

use futures_util::future::BoxFuture;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

/// What a name stands for, as somebody says it.
pub(crate) type LookUp = dyn Fn(String) -> BoxFuture<'static, io::Result<Vec<IpAddr>>> + Send + Sync;

/// Looks names up, and keeps in mind what they may lead to.
#[derive(Clone)]
pub(crate) struct Resolver {
    look_up: Arc<LookUp>,
    known: Arc<Mutex<Known>>,
}

#[derive(Default)]
struct Known {
    /// Names of links, with the own hosts of the accounts that were given them.
    links: HashMap<String, HashSet<String>>,
    /// Names that stood for private addresses alone when they were last looked up.
    private: HashSet<String>,
}

/// A name leads where a link may not.
#[derive(Debug, thiserror::Error)]
#[error("its name stands for an address inside a private network")]
pub(crate) struct LeadsInside;

impl Resolver {
    /// Asks the operating system.
    pub(crate) fn of_system() -> Self {
        Self::new(Arc::new(|name| {
            Box::pin(async move {
                let found = tokio::net::lookup_host((name, 0)).await?;
                Ok(found.map(|address| address.ip()).collect())
            })
        }))
    }

    /// Asks somebody else.
    pub(crate) fn new(look_up: Arc<LookUp>) -> Self {
        Self {
            look_up,
            known: Arc::default(),
        }
    }

    /// From now on, a name is that of a link of an account whose own host is `home`.
    pub(crate) fn is_link(&self, name: &str, home: &str) {
        // Links of an account to its own server go where its key goes.
        if name != home {
            self.known()
                .links
                .entry(name.to_owned())
                .or_default()
                .insert(home.to_owned());
        }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known
            .lock()
            .expect("nothing panics while it holds what is known of names")
    }

    /// What is left of the addresses of a name.
    fn permitted(&self, name: &str, found: Vec<IpAddr>) -> Result<Vec<IpAddr>, LeadsInside> {
        let mut known = self.known();
        if !found.is_empty() && found.iter().copied().all(is_inside) {
            known.private.insert(name.to_owned());
        } else {
            known.private.remove(name);
        }
        let is_private = |home: &String| match home.trim_matches(['[', ']']).parse() {
            Ok(address) => is_inside(address),
            Err(_) => known.private.contains(home),
        };
        let guarded = known.links.get(name).is_some_and(|homes| !homes.iter().all(is_private));
        if !guarded {
            return Ok(found);
        }
        let outside: Vec<_> = found.iter().copied().filter(|address| !is_inside(*address)).collect();
        if outside.is_empty() && !found.is_empty() {
            return Err(LeadsInside);
        }
        Ok(outside)
    }
}

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let (this, name) = (self.clone(), name.as_str().to_owned());
        Box::pin(async move {
            let found = (this.look_up)(name.clone()).await?;
            let permitted = this.permitted(&name, found)?;
            // The port is that of the request.
            let addresses: Addrs = Box::new(permitted.into_iter().map(|address| SocketAddr::new(address, 0)));
            Ok(addresses)
        })
    }
}

/// Whether an address is of this computer or of a network that not everybody can reach. `198.18.0.0/15` is not counted:
/// programs that send everything through a tunnel let every name stand for it.
fn is_inside(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_inside_v4(address),
        IpAddr::V6(address) => inner(address).map_or_else(|| is_inside_v6(address), is_inside_v4),
    }
}

fn is_inside_v4(address: Ipv4Addr) -> bool {
    let [first, second, ..] = address.octets();
    address.is_loopback()
        || address.is_private()
        || address.is_link_local()
        || address.is_multicast()
        || address.is_broadcast()
        || first == 0
        || (first == 100 && (64..128).contains(&second))
}

fn is_inside_v6(address: Ipv6Addr) -> bool {
    address.is_loopback()
        || address.is_unspecified()
        || address.is_multicast()
        || address.is_unicast_link_local()
        || address.is_unique_local()
}

/// The IPv4 address that an IPv6 address leads to: mapped, compatible, translated, or through a 6to4 tunnel.
fn inner(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let of = |high: u16, low: u16| Some(Ipv4Addr::from((u32::from(high) << 16) | u32::from(low)));
    match address.segments() {
        [0, 0, 0, 0, 0, 0xffff, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] | [0x2002, high, low, ..] => {
            of(high, low)
        }
        [0, 0, 0, 0, 0, 0, high, low] if high != 0 => of(high, low),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses(texts: &[&str]) -> Vec<IpAddr> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    #[test]
    fn addresses_inside_are_told_in_every_way_they_are_written() {
        for inside in [
            "127.0.0.1",
            "127.255.255.254",
            "0.0.0.0",
            "0.1.2.3",
            "10.1.2.3",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "100.127.255.255",
            "224.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::7f00:1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "64:ff9b::a9fe:a9fe",
            "2002:7f00:1::",
            "2002:c0a8:101::1",
            "fe80::1",
            "fc00::1",
            "fd00:ec2::254",
            "ff02::1",
        ] {
            assert!(is_inside(inside.parse().unwrap()), "{inside}");
        }
        for outside in [
            "8.8.8.8",
            "93.184.216.34",
            "100.63.255.255",
            "100.128.0.0",
            "172.15.255.255",
            "172.32.0.0",
            "198.18.0.1",
            "2606:4700::1111",
            "::ffff:8.8.8.8",
            "64:ff9b::808:808",
            "2002:808:808::1",
        ] {
            assert!(!is_inside(outside.parse().unwrap()), "{outside}");
        }
    }

    #[test]
    fn only_what_lies_outside_is_left_of_a_link() {
        let resolver = Resolver::of_system();
        let mixed = addresses(&["10.0.0.1", "8.8.8.8", "::1"]);
        assert_eq!(
            resolver.permitted("storage.example", mixed.clone()).unwrap(),
            mixed,
            "not a link yet"
        );
        resolver.is_link("storage.example", "api.example");
        assert_eq!(
            resolver.permitted("storage.example", mixed.clone()).unwrap(),
            addresses(&["8.8.8.8"])
        );
        assert!(resolver.permitted("storage.example", addresses(&["10.0.0.1"])).is_err());
        assert_eq!(
            resolver.permitted("storage.example", Vec::new()).unwrap(),
            Vec::<IpAddr>::new()
        );
        assert_eq!(
            resolver.permitted("api.example", mixed.clone()).unwrap(),
            mixed,
            "the account's own server"
        );
    }

    #[test]
    fn the_storage_of_a_private_server_may_be_private() {
        let private = || addresses(&["10.0.0.2"]);
        for home in ["10.0.0.1", "[::1]", "127.0.0.1", "nas.example"] {
            let resolver = Resolver::of_system();
            resolver.permitted("nas.example", addresses(&["10.0.0.1"])).unwrap();
            resolver.is_link("storage.example", home);
            assert_eq!(
                resolver.permitted("storage.example", private()).unwrap(),
                private(),
                "{home}"
            );
            // As soon as somebody else sends there, it is guarded.
            resolver.is_link("storage.example", "api.example");
            assert!(resolver.permitted("storage.example", private()).is_err());
        }
    }
}
