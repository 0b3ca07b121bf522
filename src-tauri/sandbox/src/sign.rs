//! Presigned URLs: made and verified as AWS Signature Version 4 in the query does it. Stores nothing.

use std::collections::BTreeSet;

use hmac::{Hmac, KeyInit, Mac};
use http::{HeaderMap, Method};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use sha2::{Digest, Sha256};

use crate::clock::{self, Millis};
use crate::keys::header;

const REGION: &str = "sandbox-1";
/// What SigV4 leaves as it is.
const UNRESERVED: AsciiSet = NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// A pair of storage credentials: the id stands in URLs, the secret signs.
pub(crate) struct Signer {
    pub(crate) id: String,
    pub(crate) secret: String,
}

/// What a presigned URL is for.
pub(crate) struct Grant<'a> {
    pub(crate) method: Method,
    /// `host` or `host:port`.
    pub(crate) host: &'a str,
    pub(crate) path: &'a str,
    /// Further query parameters, also signed.
    pub(crate) query: &'a [(&'a str, String)],
    /// Headers bound by the signature beside `host`: lower-case names.
    pub(crate) headers: &'a [(&'a str, &'a str)],
    pub(crate) from: Millis,
    pub(crate) seconds: u64,
}

/// Why storage refuses a URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refused {
    /// No signature, or one that is not complete.
    Unsigned,
    /// The request is not what was signed.
    Mismatch,
    /// Its time is over.
    Expired,
}

impl Signer {
    /// The URL a grant allows, without scheme and host.
    pub(crate) fn presign(&self, grant: &Grant<'_>) -> String {
        let date = clock::amz_date(grant.from);
        let mut signed: Vec<(&str, String)> = vec![("host", grant.host.to_owned())];
        signed.extend(grant.headers.iter().map(|(name, value)| (*name, (*value).to_owned())));
        signed.sort();
        let names = signed.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(";");
        let mut query: Vec<(String, String)> = grant
            .query
            .iter()
            .map(|(key, value)| ((*key).to_owned(), value.clone()))
            .collect();
        let scope = scope(&date);
        query.extend(
            [
                ("X-Amz-Algorithm", "AWS4-HMAC-SHA256".to_owned()),
                ("X-Amz-Credential", format!("{}/{scope}", self.id)),
                ("X-Amz-Date", date.clone()),
                ("X-Amz-Expires", grant.seconds.to_string()),
                ("X-Amz-SignedHeaders", names),
            ]
            .map(|(key, value)| (key.to_owned(), value)),
        );
        let canonical = canonical(&grant.method, grant.path, &query, &signed);
        let signature = self.signature(&date, &canonical);
        format!("{}?{}&X-Amz-Signature={signature}", grant.path, canonical_query(&query))
    }

    /// Checks a request against the signature in its query.
    pub(crate) fn verify(
        &self,
        method: &Method,
        path: &str,
        query: &[(String, String)],
        headers: &HeaderMap,
        now: Millis,
    ) -> Result<(), Refused> {
        let value = |name: &str| {
            query
                .iter()
                .find(|(key, _)| key == name)
                .map(|(_, value)| value.as_str())
        };
        let need = |name: &str| value(name).ok_or(Refused::Unsigned);
        let (date, signature) = (need("X-Amz-Date")?, need("X-Amz-Signature")?);
        let from = clock::parse_amz_date(date).ok_or(Refused::Unsigned)?;
        let seconds: i64 = need("X-Amz-Expires")?.parse().map_err(|_| Refused::Unsigned)?;
        if need("X-Amz-Algorithm")? != "AWS4-HMAC-SHA256"
            || need("X-Amz-Credential")? != format!("{}/{}", self.id, scope(date))
        {
            return Err(Refused::Mismatch);
        }
        let mut signed = Vec::new();
        for name in need("X-Amz-SignedHeaders")?.split(';').collect::<BTreeSet<_>>() {
            signed.push((name, header(headers, name).ok_or(Refused::Mismatch)?.trim().to_owned()));
        }
        let rest: Vec<_> = query
            .iter()
            .filter(|(key, _)| key != "X-Amz-Signature")
            .cloned()
            .collect();
        if !signed.iter().any(|(name, _)| *name == "host")
            || self.signature(date, &canonical(method, path, &rest, &signed)) != signature
        {
            return Err(Refused::Mismatch);
        }
        if now >= from + seconds * 1000 {
            Err(Refused::Expired)
        } else {
            Ok(())
        }
    }

    fn signature(&self, date: &str, canonical: &str) -> String {
        let to_sign = format!(
            "AWS4-HMAC-SHA256\n{date}\n{}\n{}",
            scope(date),
            hex::encode(Sha256::digest(canonical))
        );
        let day = date.get(..8).unwrap_or(date);
        let mut key = mac(format!("AWS4{}", self.secret).as_bytes(), day);
        for part in [REGION, "s3", "aws4_request"] {
            key = mac(&key, part);
        }
        hex::encode(mac(&key, &to_sign))
    }
}

fn scope(date: &str) -> String {
    format!("{}/{REGION}/s3/aws4_request", date.get(..8).unwrap_or(date))
}

fn mac(key: &[u8], text: &str) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

fn canonical(method: &Method, path: &str, query: &[(String, String)], headers: &[(&str, String)]) -> String {
    let lines: Vec<_> = headers
        .iter()
        .map(|(name, value)| format!("{name}:{value}\n"))
        .collect();
    let lines = lines.concat();
    let names = headers.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(";");
    format!(
        "{method}\n{path}\n{}\n{lines}\n{names}\nUNSIGNED-PAYLOAD",
        canonical_query(query)
    )
}

fn canonical_query(query: &[(String, String)]) -> String {
    let mut pairs: Vec<String> = query
        .iter()
        .map(|(key, value)| {
            format!(
                "{}={}",
                utf8_percent_encode(key, &UNRESERVED),
                utf8_percent_encode(value, &UNRESERVED)
            )
        })
        .collect();
    pairs.sort();
    pairs.join("&")
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn signer() -> Signer {
        Signer {
            id: "SANDBOX".into(),
            secret: "secret".into(),
        }
    }

    fn url(headers: &[(&str, &str)]) -> String {
        signer().presign(&Grant {
            method: Method::PUT,
            host: "127.0.0.1:9",
            path: "/storage/andi/a",
            query: &[("partNumber", "3".into()), ("uploadId", "u/1 é".into())],
            headers,
            from: 1_772_820_000_000,
            seconds: 60,
        })
    }

    fn query_of(url: &str) -> Vec<(String, String)> {
        url::form_urlencoded::parse(url.split_once('?').unwrap().1.as_bytes())
            .into_owned()
            .collect()
    }

    fn verify(url: &str, method: &Method, content_type: Option<&'static str>, late: i64) -> Result<(), Refused> {
        let mut headers = HeaderMap::new();
        headers.insert("host", HeaderValue::from_static("127.0.0.1:9"));
        if let Some(kind) = content_type {
            headers.insert("content-type", HeaderValue::from_static(kind));
        }
        let path = url.split_once('?').unwrap().0;
        signer().verify(method, path, &query_of(url), &headers, 1_772_820_000_000 + late)
    }

    #[test]
    fn what_was_signed_passes_until_it_expires() {
        assert_eq!(verify(&url(&[]), &Method::PUT, None, 59_999), Ok(()));
        assert_eq!(verify(&url(&[]), &Method::PUT, None, 60_000), Err(Refused::Expired));
    }

    #[test]
    fn anything_else_does_not_pass() {
        let good = url(&[("content-type", "text/plain")]);
        assert_eq!(verify(&good, &Method::PUT, Some("text/plain"), 0), Ok(()));
        assert_eq!(
            verify(&good, &Method::PUT, Some("text/html"), 0),
            Err(Refused::Mismatch)
        );
        assert_eq!(verify(&good, &Method::PUT, None, 0), Err(Refused::Mismatch));
        assert_eq!(
            verify(&good, &Method::GET, Some("text/plain"), 0),
            Err(Refused::Mismatch)
        );
        let other_part = good.replace("partNumber=3", "partNumber=4");
        assert_eq!(
            verify(&other_part, &Method::PUT, Some("text/plain"), 0),
            Err(Refused::Mismatch)
        );
        assert_eq!(
            verify("/storage/andi/a?x=1", &Method::PUT, None, 0),
            Err(Refused::Unsigned)
        );
    }

    #[test]
    fn an_independent_signer_makes_the_same_signature() {
        let bucket = rusty_s3::Bucket::new(
            "http://127.0.0.1:9".parse().unwrap(),
            rusty_s3::UrlStyle::Path,
            "storage",
            REGION,
        )
        .unwrap();
        let keys = rusty_s3::Credentials::new("SANDBOX", "secret");
        let put = bucket.put_object(Some(&keys), "andi/a");
        let url = rusty_s3::S3Action::sign(&put, std::time::Duration::from_secs(60)).to_string();
        let mut headers = HeaderMap::new();
        headers.insert("host", HeaderValue::from_static("127.0.0.1:9"));
        let now = clock::wall();
        assert_eq!(
            signer().verify(&Method::PUT, "/storage/andi/a", &query_of(&url), &headers, now),
            Ok(())
        );
    }
}
