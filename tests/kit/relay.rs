//! A way to the sandbox that can be closed and opened again, while the sandbox keeps what it has.

use std::io;

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio::task::{JoinHandle, JoinSet};

/// The way. Presigned links lead over it too, because the sandbox takes its own address from each request.
pub struct Relay {
    runtime: Runtime,
    to: String,
    port: u16,
    door: Option<JoinHandle<()>>,
}

impl Relay {
    /// An open way to a sandbox at an address like `http://127.0.0.1:1234`.
    pub fn to(url: &str) -> Self {
        let mut relay = Self {
            runtime: Runtime::new().unwrap(),
            to: url.trim_start_matches("http://").to_owned(),
            port: 0,
            door: None,
        };
        relay.open();
        relay
    }

    /// An address of the sandbox, as it is over this way.
    pub fn over(&self, url: &str) -> String {
        url.replace(&self.to, &format!("127.0.0.1:{}", self.port))
    }

    /// Lets connections through, at the same port as ever.
    pub fn open(&mut self) {
        let listen = || self.runtime.block_on(TcpListener::bind(("127.0.0.1", self.port)));
        let listener = as_soon_as_free(listen);
        self.port = listener.local_addr().unwrap().port();
        self.door = Some(self.runtime.spawn(accept(listener, self.to.clone())));
    }

    /// Ends every connection and refuses new ones.
    pub fn close(&mut self) {
        let door = self.door.take().unwrap();
        door.abort();
        // An aborted task ends with an error that says so.
        let _ = self.runtime.block_on(door);
    }
}

/// Listens at a port that a listener of this test has just left: a process that begins meanwhile holds that one until it
/// is its own program.
pub fn as_soon_as_free<T>(mut listen: impl FnMut() -> io::Result<T>) -> T {
    loop {
        match listen() {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => std::thread::yield_now(),
            listener => return listener.unwrap(),
        }
    }
}

async fn accept(listener: TcpListener, to: String) {
    let mut connections = JoinSet::new();
    loop {
        let (mut here, _) = listener.accept().await.unwrap();
        let to = to.clone();
        connections.spawn(async move {
            if let Ok(mut there) = TcpStream::connect(to).await {
                // Either end may break off.
                let _ = copy_bidirectional(&mut here, &mut there).await;
            }
        });
    }
}
