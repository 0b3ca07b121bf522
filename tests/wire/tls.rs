//! Certificates of a test's own making: two that the program is told to trust, and three that it must not.

use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs::default_provider;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::server::TlsStream;

use super::front::Link;

/// A host that is not this computer. Only the proxy knows the way there.
pub(super) const DISTANT: &str = "service.example";

/// Two authorities, of which one is trusted, and what they have signed.
const MAKE: &str = r"
set -e
for ca in good bad; do
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=$ca -keyout $ca.key -out $ca.pem
done
mkdir issued && : >index && echo 01 >serial
printf '[ca]\ndefault_ca=d\n[d]\ndatabase=index\nserial=serial\nnew_certs_dir=issued\ndefault_md=sha256\npolicy=p\nunique_subject=no\n[p]\ncommonName=supplied\n' >ca.cnf
make() { # NAME CA HOST FROM TO
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=$3 -keyout $1.key -out $1.csr
  printf 'subjectAltName=DNS:%s\nextendedKeyUsage=serverAuth\n' $3 >$1.ext
  openssl ca -batch -config ca.cnf -cert $2.pem -keyfile $2.key -in $1.csr -out $1.pem -notext -extfile $1.ext -startdate $4 -enddate $5
}
make trusted good localhost 20200101000000Z 20480101000000Z
make distant good service.example 20200101000000Z 20480101000000Z
make stranger bad localhost 20200101000000Z 20480101000000Z
make other good other.example 20200101000000Z 20480101000000Z
make expired good localhost 20200101000000Z 20210101000000Z
";

/// What the front shows.
#[derive(Clone)]
pub(super) struct Tls {
    folder: PathBuf,
}

impl Tls {
    /// Makes all of them in a folder.
    pub(super) fn make(folder: &Path) -> Self {
        std::fs::create_dir(folder).unwrap();
        let made = Command::new("bash")
            .args(["-c", MAKE])
            .current_dir(folder)
            .output()
            .unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        Self {
            folder: folder.to_owned(),
        }
    }

    /// The authority that the program is to trust.
    pub(super) fn authority(&self) -> PathBuf {
        self.folder.join("good.pem")
    }

    /// Begins a conversation, with what a fault wants to be shown.
    pub(super) async fn accept(&self, stream: TcpStream, link: Option<Link>) -> io::Result<TlsStream<TcpStream>> {
        let name = match link {
            Some(Link::Stranger) => "stranger",
            Some(Link::OtherHost) => "other",
            Some(Link::Expired) => "expired",
            Some(Link::SignIn) => "distant",
            _ => "trusted",
        };
        let file = |ending: &str| self.folder.join(format!("{name}.{ending}"));
        let chain = CertificateDer::pem_file_iter(file("pem"))
            .unwrap()
            .map(Result::unwrap)
            .collect();
        let key = PrivateKeyDer::from_pem_file(file("key")).unwrap();
        let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .unwrap();
        TlsAcceptor::from(Arc::new(config)).accept(stream).await
    }
}
