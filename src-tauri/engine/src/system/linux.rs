//! The system bus of Linux: logind says when the computer wakes, `NetworkManager` when there is a network again. Both may
//! be missing, come later or go: what they do not say is found out without them.

use futures_util::StreamExt;
use tokio::sync::mpsc::UnboundedSender;
use zbus::message::Body;
use zbus::proxy::{Builder, CacheProperties};
use zbus::zvariant::Value;
use zbus::{Connection, Proxy};

use crate::ports::SystemEvent;

const NETWORK_MANAGER: &str = "org.freedesktop.NetworkManager";
/// `NetworkManager`'s numbers for its state, from "connected to this link alone" upwards.
const CONNECTED: u32 = 50;
/// What else changes when another way to services is there: from Wi-Fi to a cable, or after a sign-in page.
const WAYS: [&str; 2] = ["PrimaryConnection", "Connectivity"];

/// Tells what the system bus says for as long as somebody listens. A bus that ends says no more.
pub(super) async fn hear(to: UnboundedSender<SystemEvent>) {
    if let Err(error) = listen(&to).await {
        tracing::debug!(%error, "the system bus does not tell of sleep and network");
    }
}

async fn listen(to: &UnboundedSender<SystemEvent>) -> zbus::Result<()> {
    let bus = Connection::system().await?;
    let logind = "org.freedesktop.login1";
    let logind = proxy(
        &bus,
        logind,
        "/org/freedesktop/login1",
        "org.freedesktop.login1.Manager",
    )
    .await?;
    let path = "/org/freedesktop/NetworkManager";
    let manager = proxy(&bus, NETWORK_MANAGER, path, NETWORK_MANAGER).await?;
    let properties = proxy(&bus, NETWORK_MANAGER, path, "org.freedesktop.DBus.Properties").await?;
    let mut sleeps = logind.receive_signal("PrepareForSleep").await?;
    let mut states = manager.receive_signal("StateChanged").await?;
    let of_manager = [(0, NETWORK_MANAGER)];
    let mut changes = properties
        .receive_signal_with_args("PropertiesChanged", &of_manager)
        .await?;
    loop {
        let event = tokio::select! {
            () = to.closed() => return Ok(()),
            Some(message) = sleeps.next() => wakes(&message.body()).then_some(SystemEvent::Woke),
            Some(message) = states.next() => connects(&message.body()).then_some(SystemEvent::NetworkChanged),
            Some(message) = changes.next() => leads(&message.body()).then_some(SystemEvent::NetworkChanged),
        };
        if let Some(event) = event {
            // Nobody may listen any more; the next turn ends then.
            let _ = to.send(event);
        }
    }
}

/// Somebody on the bus, who need not be there yet.
async fn proxy(
    bus: &Connection,
    name: &'static str,
    path: &'static str,
    what: &'static str,
) -> zbus::Result<Proxy<'static>> {
    let builder = Builder::new(bus).destination(name)?.path(path)?.interface(what)?;
    builder.cache_properties(CacheProperties::No).build().await
}

/// `PrepareForSleep` says yes before a sleep and no after it.
fn wakes(body: &Body) -> bool {
    body.deserialize().is_ok_and(|sleeps: bool| !sleeps)
}

fn connects(body: &Body) -> bool {
    body.deserialize().is_ok_and(|state: u32| state >= CONNECTED)
}

fn leads(body: &Body) -> bool {
    let changed = body.deserialize::<(&str, std::collections::HashMap<&str, Value<'_>>, Vec<&str>)>();
    changed.is_ok_and(|(_, changed, _)| WAYS.iter().any(|way| changed.contains_key(way)))
}
