//! Addresses by the dozen: who may receive the file, and where an account may live.

use url::Url;

use crate::hosts::{HostPattern, check_base_url, check_link};
use crate::leaf::Syntax;
use skylift_model::FaultKind;

fn patterns() -> Vec<HostPattern> {
    ["*.amazonaws.com", "uploads.example.com"]
        .iter()
        .map(|text| HostPattern::read(text).unwrap())
        .collect()
}

fn may_receive(link: &str, base: &str) -> bool {
    let patterns = patterns();
    match check_link(link, &patterns.iter().collect::<Vec<_>>(), &Url::parse(base).unwrap()) {
        Ok(_) => true,
        Err(fault) => {
            assert_eq!(fault.kind, FaultKind::HostRefused);
            assert!(!fault.message.contains("sig="), "{}", fault.message);
            false
        }
    }
}

#[test]
fn declared_hosts_and_the_account_s_own_may_receive_files() {
    for link in [
        "https://bucket.s3.amazonaws.com/key?sig=1",
        "https://bucket.s3.us-east-1.amazonaws.com/a/b?sig=1",
        "https://BUCKET.S3.AMAZONAWS.COM/key",
        "https://bucket.s3.amazonaws.com:443/key",
        "https://uploads.example.com/x?sig=1",
        "https://UPLOADS.example.com/x",
        "https://api.example.com/own",
        "https://uploads.example.com",
        "https://uploads.example.com/a%20b?x=%0a",
    ] {
        assert!(may_receive(link, "https://api.example.com"), "{link}");
    }
}

#[test]
fn nobody_else_may_receive_files() {
    for link in [
        "http://bucket.s3.amazonaws.com/key?sig=1",
        "http://uploads.example.com/x",
        "http://api.example.com/own",
        "https://amazonaws.com/x",
        "https://evilamazonaws.com/x",
        "https://bucket.s3.amazonaws.com.evil.example/x",
        "https://amazonaws.com.evil.example/x",
        "https://evil.example/?bucket.s3.amazonaws.com",
        "https://evil.example/#bucket.s3.amazonaws.com",
        "https://evil.example/bucket.s3.amazonaws.com",
        "https://sub.uploads.example.com/x",
        "https://example.com/x",
        "https://uploads.example.com./x",
        "https://bucket.s3.amazonaws.com./x",
        "https://uploads.example.com:8443/x",
        "https://uploads.example.com:80/x",
        "https://user@uploads.example.com/x",
        "https://user:pass@uploads.example.com/x",
        "https://uploads.example.com@evil.example/x",
        "https://uploads.example.com%40evil.example/x",
        "https://uploads.example.com\\@evil.example/x",
        "https://evil.example\\.amazonaws.com/x",
        "https:\\\\uploads.example.com/x",
        "https://uploads.exa\tmple.com/x",
        "https://uploads.example.com/x\r\nHost: evil",
        " https://uploads.example.com/x",
        "https://uploads.example.com/x y",
        "https://127.0.0.1/x",
        "https://127.1/x",
        "https://2130706433/x",
        "https://0x7f000001/x",
        "https://0177.0.0.1/x",
        "https://localhost/x",
        "http://localhost/x",
        "https://169.254.169.254/latest/meta-data",
        "http://169.254.169.254/latest/meta-data",
        "https://[fd00:ec2::254]/x",
        "https://[::1]/x",
        "https://[::ffff:127.0.0.1]/x",
        "https://[fe80::1]/x",
        "https://10.0.0.1/x",
        "https://192.168.1.1/x",
        "https://172.16.0.1/x",
        "https://100.64.0.1/x",
        "https://0.0.0.0/x",
        "https://0/x",
        "https://255.255.255.255/x",
        "https://metadata.google.internal/x",
        "https://аmazonaws.com/x",
        "https://bucket.s3.аmazonaws.com/x",
        "https://bucket.s3.amazonaws。com.evil.example/x",
        "ftp://uploads.example.com/x",
        "file:///etc/passwd",
        "data:text/plain,x",
        "javascript:alert(1)",
        "//uploads.example.com/x",
        "uploads.example.com/x",
        "/x",
        "",
        "https://",
        "https:///x",
        "https://*.amazonaws.com/x",
    ] {
        assert!(!may_receive(link, "https://api.example.com"), "{link}");
    }
}

#[test]
fn with_an_account_on_this_computer_links_may_stay_on_it() {
    for base in [
        "http://127.0.0.1:9000",
        "http://localhost:9000/notion",
        "http://[::1]:9000",
    ] {
        for link in [
            "http://127.0.0.1:9001/x?sig=1",
            "http://localhost:9001/x",
            "http://[::1]:9001/x",
            "https://127.0.0.1/x",
        ] {
            assert!(may_receive(link, base), "{base} {link}");
        }
        assert!(may_receive("https://bucket.s3.amazonaws.com/x", base), "{base}");
        for link in [
            "http://evil.example/x",
            "http://10.0.0.1/x",
            "http://169.254.169.254/x",
            "http://127.0.0.1.evil.example/x",
            "http://a@127.0.0.1/x",
        ] {
            assert!(!may_receive(link, base), "{base} {link}");
        }
    }
}

#[test]
fn an_account_lives_at_https_or_on_this_computer() {
    for base in [
        "https://api.example.com",
        "https://api.example.com/v1/",
        "https://10.0.0.5:8443/notion",
        "http://127.0.0.1:8080",
        "http://127.8.8.8",
        "http://localhost:1234/archetype",
        "http://[::1]:9",
        " https://api.example.com ",
    ] {
        assert!(check_base_url(base).is_ok(), "{base}");
    }
    for base in [
        "http://api.example.com",
        "http://10.0.0.5",
        "http://localhost.evil.example",
        "http://127.0.0.1.nip.io",
        "http://[::ffff:127.0.0.1]",
        "https://169.254.169.254",
        "https://0.0.0.0",
        "https://[fe80::1]",
        "https://224.0.0.1",
        "https://me:pw@api.example.com",
        "https://api.example.com/?x=1",
        "https://api.example.com/#x",
        "https://api.example.com./",
        "ftp://api.example.com",
        "api.example.com",
        "https://",
        "",
        "https://api.example.com/a b",
    ] {
        let fault = check_base_url(base).unwrap_err();
        assert_eq!(fault.kind, FaultKind::Setup, "{base}");
        assert!(fault.hint.contains("https://"), "{base}: {fault:?}");
    }
}

#[test]
fn patterns_that_let_too_much_through_are_refused() {
    for text in [
        "*",
        "*.com",
        "*.",
        "",
        "https://x.example",
        "x.example/path",
        "x.example:443",
        "1.2.3.4",
        "a*.example.com",
        "*.*.example.com",
        "X.example",
        "x..example",
    ] {
        assert!(HostPattern::read(text).is_err(), "{text}");
    }
}
