//! The doors: accepting connections and ending them, gracefully or not. What happens in between is `serve`'s business.

use std::convert::Infallible;
use std::io;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::Request;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use crate::app::App;
use crate::lock::Locked;
use crate::route::Door;
use crate::serve::{self, Broken};
use crate::service::Service;

/// Not a status line by any reading.
const GARBAGE: &[u8] = b"\x00\x01SSH-2.0-this is not HTTP\r\n\xff\xfe\r\n\r\n";
/// How long to wait when the system cannot accept: usually out of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// What one connection remembers between requests.
#[derive(Default)]
pub(crate) struct Link {
    ending: Mutex<Option<Broken>>,
    /// One bit per service it carried a request for.
    services: AtomicU8,
}

impl Link {
    /// Whether this is the connection's first request for the service.
    pub(crate) fn is_new_for(&self, service: Service) -> bool {
        let bit = 1 << (service as u8);
        self.services.fetch_or(bit, Ordering::Relaxed) & bit == 0
    }

    /// Asks for the connection to end this way as soon as the request at hand is over.
    fn end(&self, how: Broken) {
        *self.ending.locked() = Some(how);
    }
}

/// Accepts until it is dropped; its connections end with it.
pub(crate) async fn accept(listener: TcpListener, door: Door, app: Arc<App>) -> Infallible {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    app.core.meters.connected();
                    connections.spawn(converse(stream, door, Arc::clone(&app)));
                }
                Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
            },
            Some(_) = connections.join_next(), if !connections.is_empty() => {}
        }
    }
}

async fn converse(stream: TcpStream, door: Door, app: Arc<App>) {
    // Small replies must not wait for an acknowledgement; without the option they are only slower.
    let _ = stream.set_nodelay(true);
    let link = Arc::new(Link::default());
    let service = service_fn(|request: Request<Incoming>| {
        let (app, link) = (Arc::clone(&app), Arc::clone(&link));
        let request = request.map(|body| body.map_err(io::Error::other).boxed_unsync());
        Box::pin(async move {
            let answer = serve::answer(&app, &link, door, request).await;
            answer.inspect_err(|how| link.end(*how))
        })
    });
    let mut connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
    // However it ended, the stream is still there to be ended as asked.
    let ended = std::future::poll_fn(|context| connection.poll_without_shutdown(context)).await;
    let stream = connection.into_parts().io.into_inner();
    let how = *link.ending.locked();
    // The client may be gone by now, which is no news.
    let _ = finish(stream, how, ended.is_ok()).await;
}

async fn finish(mut stream: TcpStream, how: Option<Broken>, orderly: bool) -> io::Result<()> {
    match how {
        Some(Broken::Reset) => stream.set_zero_linger(),
        Some(Broken::Garbage) => {
            stream.write_all(GARBAGE).await?;
            stream.shutdown().await
        }
        None if orderly => stream.shutdown().await,
        None => Ok(()),
    }
}
