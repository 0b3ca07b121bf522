//! Addresses by the hundred: who may receive the file, and where an account may live.

use url::Url;

use crate::hosts::{HostPattern, check_base_url, check_link};
use crate::leaf::Syntax;
use skylift_model::FaultKind;

/// What an address is meant for.
#[derive(Clone, Copy, Debug)]
enum Asks {
    /// A presigned link of an account at `https://api.example.com`, with the hosts of [`patterns`].
    Link,
    /// The same of an account on this computer.
    LinkAtHome,
    /// The server of an account.
    Base,
    /// A host that a definition declares.
    Pattern,
}

/// Whether it is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Yes,
    No,
}

use Asks::{Base, Link, LinkAtHome, Pattern};
use Verdict::{No, Yes};

const CASES: [(Asks, Verdict, &str, &str); 228] = [
    (
        Link,
        Yes,
        "https://bucket.s3.amazonaws.com/key?sig=1",
        "below a declared host",
    ),
    (
        Link,
        Yes,
        "https://bucket.s3.us-east-1.amazonaws.com/a/b?sig=1",
        "several names below it",
    ),
    (
        Link,
        Yes,
        "https://BUCKET.S3.AMAZONAWS.COM/key",
        "upper and lower case are the same host",
    ),
    (Link, Yes, "HTTPS://uploads.example.com/x", "so is the scheme"),
    (
        Link,
        Yes,
        "https://bucket.s3.amazonaws.com:443/key",
        "the usual port, written out",
    ),
    (Link, Yes, "https://uploads.example.com/x?sig=1", "a declared host"),
    (Link, Yes, "https://UPLOADS.example.com/x", "in other letters"),
    (Link, Yes, "https://api.example.com/own", "the account's own server"),
    (Link, Yes, "https://uploads.example.com", "without a path"),
    (
        Link,
        Yes,
        "https://uploads.example.com/a%20b?x=%0a",
        "escapes stay escaped",
    ),
    (
        Link,
        Yes,
        "https://uploads.example.com//x",
        "two slashes in the path are the path's",
    ),
    (Link, Yes, "https://uploads.example.com/../x", "climbs within the host"),
    (
        Link,
        Yes,
        "https://uploads.example.com/x#part",
        "a fragment is not sent",
    ),
    (
        Link,
        Yes,
        "https://uploads.example.com/?https://evil.example/",
        "another address as a value",
    ),
    (
        Link,
        Yes,
        "https://uploads.example.com/@evil.example/x",
        "an at sign in the path",
    ),
    (
        Link,
        Yes,
        "https://%75ploads.example.com/x",
        "an escaped letter is the letter",
    ),
    (
        Link,
        Yes,
        "https://ｕploads.example.com/x",
        "a full-width letter is the letter",
    ),
    (
        Link,
        Yes,
        "https://uploads。example。com/x",
        "an ideographic full stop is a dot",
    ),
    (
        Link,
        Yes,
        "https://xn--bcher-kva.amazonaws.com/x",
        "punycode below a declared host",
    ),
    (Link, Yes, "https://bücher.amazonaws.com/x", "the same in letters"),
    (
        Link,
        Yes,
        "https:uploads.example.com/x",
        "slashes left out, as a browser reads it",
    ),
    (
        Link,
        Yes,
        "https:///uploads.example.com/x",
        "a slash too many, as a browser reads it",
    ),
    (Link, No, "http://bucket.s3.amazonaws.com/key?sig=1", "not encrypted"),
    (Link, No, "http://uploads.example.com/x", "not encrypted"),
    (
        Link,
        No,
        "http://uploads.example.com:443/x",
        "not encrypted, at the port of what is",
    ),
    (Link, No, "http://api.example.com/own", "the own server, not encrypted"),
    (
        Link,
        No,
        "https://api.example.com:8443/own",
        "another port of the own host is another server",
    ),
    (Link, No, "https://amazonaws.com/x", "the domain itself is not below it"),
    (Link, No, "https://.amazonaws.com/x", "nothing before the dot"),
    (Link, No, "https://a..amazonaws.com/x", "an empty name in the middle"),
    (Link, No, "https://-.amazonaws.com/x", "a name that is a hyphen"),
    (Link, No, "https://a_b.amazonaws.com/x", "a name that is no host name"),
    (Link, No, "https://evilamazonaws.com/x", "ends alike"),
    (Link, No, "https://evil-uploads.example.com/x", "ends alike"),
    (
        Link,
        No,
        "https://bucket.s3.amazonaws.com.evil.example/x",
        "begins alike",
    ),
    (Link, No, "https://amazonaws.com.evil.example/x", "begins alike"),
    (
        Link,
        No,
        "https://evil.example/?bucket.s3.amazonaws.com",
        "named in the query",
    ),
    (
        Link,
        No,
        "https://evil.example/#bucket.s3.amazonaws.com",
        "named in the fragment",
    ),
    (
        Link,
        No,
        "https://evil.example/bucket.s3.amazonaws.com",
        "named in the path",
    ),
    (
        Link,
        No,
        "https://evil.example#@uploads.example.com/",
        "named after a fragment begins",
    ),
    (
        Link,
        No,
        "https://evil.example?@uploads.example.com/",
        "named after a query begins",
    ),
    (
        Link,
        No,
        "https://evil.example;uploads.example.com/x",
        "a semicolon is no host",
    ),
    (
        Link,
        No,
        "https://sub.uploads.example.com/x",
        "below a host that was declared alone",
    ),
    (Link, No, "https://example.com/x", "above a declared host"),
    (
        Link,
        No,
        "https://uploads.example.com./x",
        "a dot at the end is another name for certificates",
    ),
    (Link, No, "https://bucket.s3.amazonaws.com./x", "the same below"),
    (Link, No, "https://uploads.example.com%2e/x", "the dot escaped"),
    (Link, No, "https://uploads.example.com:8443/x", "a port of its own"),
    (
        Link,
        No,
        "https://uploads.example.com:80/x",
        "the port of what is not encrypted",
    ),
    (Link, No, "https://uploads.example.com:0/x", "a port that is none"),
    (Link, No, "https://uploads.example.com:99999/x", "a port that cannot be"),
    (Link, No, "https://uploads.example.com:port/x", "a port in letters"),
    (Link, No, "https://user@uploads.example.com/x", "a name in front"),
    (
        Link,
        No,
        "https://user:pass@uploads.example.com/x",
        "a name and a password in front",
    ),
    (Link, No, "https://:@uploads.example.com@evil.example/x", "two at signs"),
    (
        Link,
        No,
        "https://uploads.example.com@evil.example/x",
        "the declared host is only a name",
    ),
    (
        Link,
        No,
        "https://uploads.example.com:443@evil.example/x",
        "a name and a password that look like a host",
    ),
    (
        Link,
        No,
        "https://uploads.example.com%40evil.example/x",
        "an escaped at sign is no host",
    ),
    (
        Link,
        No,
        "https://uploads.example.com%2fevil.example/x",
        "an escaped slash is no host",
    ),
    (
        Link,
        No,
        "https://uploads.example.com%00.evil.example/x",
        "an escaped NUL is no host",
    ),
    (
        Link,
        No,
        "https://uploads.example.com\\@evil.example/x",
        "a backslash, which some read as a slash",
    ),
    (
        Link,
        No,
        "https://evil.example\\.amazonaws.com/x",
        "a backslash before the declared host",
    ),
    (Link, No, "https:\\\\uploads.example.com/x", "backslashes for slashes"),
    (Link, No, "https://uploads.example.com/x\\y", "a backslash in the path"),
    (Link, No, "https://uploads.exa\tmple.com/x", "a tab, which parsers drop"),
    (
        Link,
        No,
        "https://uploads.exa\nmple.com/x",
        "a line end, which parsers drop",
    ),
    (Link, No, "ht\ntps://uploads.example.com/x", "a line end in the scheme"),
    (
        Link,
        No,
        "https://uploads.example.com/x\r\nHost: evil",
        "a header in the path",
    ),
    (Link, No, "https://uploads.example.com/\u{0}", "a NUL"),
    (
        Link,
        No,
        "https://uploads.example.com/\u{85}",
        "a line end of other systems",
    ),
    (Link, No, " https://uploads.example.com/x", "a space in front"),
    (Link, No, "https://uploads.example.com/x ", "a space at the end"),
    (Link, No, "https://uploads.example.com/x y", "a space inside"),
    (
        Link,
        No,
        "https://uploads.example.com/\u{a0}",
        "a space that does not break",
    ),
    (
        Link,
        No,
        "https://uploads.example.com/\u{2028}",
        "a line end that few know",
    ),
    (Link, No, "https://127.0.0.1/x", "this computer"),
    (Link, No, "https://127.1/x", "this computer, short"),
    (Link, No, "https://2130706433/x", "this computer, as one number"),
    (Link, No, "https://0x7f000001/x", "this computer, in hexadecimal"),
    (Link, No, "https://0x7f.1/x", "this computer, partly in hexadecimal"),
    (Link, No, "https://0177.0.0.1/x", "this computer, in octal"),
    (Link, No, "https://017700000001/x", "this computer, as one octal number"),
    (Link, No, "https://127.0.0.1./x", "this computer, with a dot"),
    (
        Link,
        No,
        "https://１２７.0.0.1/x",
        "this computer, in full-width digits",
    ),
    (Link, No, "https://127。0。0。1/x", "this computer, with other dots"),
    (Link, No, "https://%31%32%37.0.0.1/x", "this computer, escaped"),
    (Link, No, "https://localhost/x", "this computer by name"),
    (Link, No, "http://localhost/x", "this computer by name, not encrypted"),
    (
        Link,
        No,
        "https://LOCALHOST/x",
        "this computer by name, in other letters",
    ),
    (Link, No, "https://localhost./x", "this computer by name, with a dot"),
    (
        Link,
        No,
        "https://localhost.localdomain/x",
        "this computer by a longer name",
    ),
    (
        Link,
        No,
        "https://169.254.169.254/latest/meta-data",
        "the metadata of a cloud",
    ),
    (
        Link,
        No,
        "http://169.254.169.254/latest/meta-data",
        "the same, not encrypted",
    ),
    (Link, No, "https://0xa9fea9fe/", "the same in hexadecimal"),
    (Link, No, "https://2852039166/", "the same as one number"),
    (Link, No, "https://0251.0376.0251.0376/", "the same in octal"),
    (Link, No, "https://[::ffff:169.254.169.254]/", "the same in IPv6"),
    (Link, No, "https://[fd00:ec2::254]/x", "the same of another cloud"),
    (Link, No, "https://metadata.google.internal/x", "the same by name"),
    (Link, No, "https://[::1]/x", "this computer in IPv6"),
    (
        Link,
        No,
        "https://[0:0:0:0:0:0:0:1]/x",
        "this computer in IPv6, at length",
    ),
    (Link, No, "https://[::]/x", "any address of this computer"),
    (Link, No, "https://[::ffff:127.0.0.1]/x", "IPv4 in IPv6"),
    (Link, No, "https://[::ffff:7f00:1]/x", "IPv4 in IPv6, in hexadecimal"),
    (Link, No, "https://[::127.0.0.1]/x", "IPv4 in IPv6, the old way"),
    (Link, No, "https://[64:ff9b::7f00:1]/x", "IPv4 behind a translator"),
    (Link, No, "https://[2002:7f00:1::]/x", "IPv4 in a tunnel"),
    (Link, No, "https://[fe80::1]/x", "on this link"),
    (Link, No, "https://[fe80::1%25eth0]/x", "on this link, with its card"),
    (Link, No, "https://[fc00::1]/x", "private"),
    (Link, No, "https://[ff02::1]/x", "to many"),
    (
        Link,
        No,
        "https://[2606:4700::1111]/x",
        "a public address is no declared host",
    ),
    (Link, No, "https://[::1/x", "brackets that do not match"),
    (Link, No, "https://[uploads.example.com]/x", "a name in brackets"),
    (Link, No, "https://10.0.0.1/x", "private"),
    (Link, No, "https://192.168.1.1/x", "private"),
    (Link, No, "https://172.16.0.1/x", "private"),
    (Link, No, "https://100.64.0.1/x", "of a provider's own network"),
    (Link, No, "https://198.18.0.1/x", "of a test network"),
    (Link, No, "https://0.0.0.0/x", "any address of this computer"),
    (Link, No, "https://0/x", "the same, short"),
    (Link, No, "https://255.255.255.255/x", "to everybody"),
    (Link, No, "https://224.0.0.1/x", "to many"),
    (Link, No, "https://8.8.8.8/x", "a public address is no declared host"),
    (Link, No, "https://256.0.0.1/x", "a number that cannot be"),
    (Link, No, "https://127.0.0.1.nip.io/x", "an address in somebody's name"),
    (Link, No, "https://аmazonaws.com/x", "a Cyrillic letter"),
    (Link, No, "https://bucket.s3.аmazonaws.com/x", "a Cyrillic letter below"),
    (
        Link,
        No,
        "https://uploads.examp\u{2113}e.com.evil.example/x",
        "a letter that becomes another",
    ),
    (
        Link,
        No,
        "https://bucket.s3.amazonaws。com.evil.example/x",
        "another dot",
    ),
    (
        Link,
        No,
        "https://xn--mazonaws-lyf.com/x",
        "punycode of what looks alike",
    ),
    (Link, No, "https://xn--.amazonaws.com/x", "punycode of nothing"),
    (Link, No, "https://uploads.example.com\u{202e}/x", "a mark of direction"),
    (Link, No, "https://faß.de/x", "another host"),
    (Link, No, "ftp://uploads.example.com/x", "another scheme"),
    (Link, No, "ws://uploads.example.com/x", "another scheme"),
    (Link, No, "wss://uploads.example.com/x", "another scheme, encrypted"),
    (Link, No, "file:///etc/passwd", "a file"),
    (
        Link,
        No,
        "file://uploads.example.com/etc/passwd",
        "a file of the declared host",
    ),
    (Link, No, "data:text/plain,x", "data"),
    (Link, No, "blob:https://uploads.example.com/x", "data of a page"),
    (Link, No, "javascript:alert(1)", "a program"),
    (
        Link,
        No,
        "view-source:https://uploads.example.com/",
        "an address in another",
    ),
    (
        Link,
        No,
        "https+unix://uploads.example.com/x",
        "a scheme that is made up",
    ),
    (Link, No, "//uploads.example.com/x", "no scheme"),
    (Link, No, "uploads.example.com/x", "no scheme and no slashes"),
    (Link, No, "/x", "only a path"),
    (Link, No, "?x", "only a query"),
    (Link, No, "", "nothing"),
    (Link, No, "https://", "no host"),
    (Link, No, "https://?x", "no host"),
    (Link, No, "https://*.amazonaws.com/x", "the pattern itself"),
    (Link, No, "https://uploads.example.com,evil.example/x", "two hosts"),
    (Link, No, "https://uploads.example.com|evil.example/x", "two hosts"),
    (Link, No, "https://uploads.example.com<script>/x", "no host"),
    (
        LinkAtHome,
        Yes,
        "http://127.0.0.1:9001/x?sig=1",
        "another port of this computer",
    ),
    (
        LinkAtHome,
        Yes,
        "http://127.8.8.8/x",
        "another address of this computer",
    ),
    (LinkAtHome, Yes, "http://localhost:9001/x", "this computer by name"),
    (LinkAtHome, Yes, "http://[::1]:9001/x", "this computer in IPv6"),
    (LinkAtHome, Yes, "https://127.0.0.1/x", "this computer, encrypted"),
    (
        LinkAtHome,
        Yes,
        "https://bucket.s3.amazonaws.com/x",
        "a declared host stays one",
    ),
    (LinkAtHome, No, "http://evil.example/x", "elsewhere"),
    (
        LinkAtHome,
        No,
        "http://bucket.s3.amazonaws.com/x",
        "a declared host, not encrypted",
    ),
    (LinkAtHome, No, "http://10.0.0.1/x", "private is not this computer"),
    (LinkAtHome, No, "http://192.168.0.1/x", "private is not this computer"),
    (LinkAtHome, No, "http://0.0.0.0/x", "any address"),
    (LinkAtHome, No, "http://169.254.169.254/x", "the metadata of a cloud"),
    (LinkAtHome, No, "http://127.0.0.1.evil.example/x", "begins alike"),
    (LinkAtHome, No, "http://localhost.evil.example/x", "begins alike"),
    (LinkAtHome, No, "http://a@127.0.0.1/x", "a name in front"),
    (LinkAtHome, No, "http://[::ffff:127.0.0.1]/x", "IPv4 in IPv6"),
    (LinkAtHome, No, "ftp://127.0.0.1/x", "another scheme"),
    (Base, Yes, "https://api.example.com", "a server"),
    (Base, Yes, "https://api.example.com/v1/", "with a prefix"),
    (
        Base,
        Yes,
        "https://10.0.0.5:8443/notion",
        "a private server that the person chose",
    ),
    (Base, Yes, "http://127.0.0.1:8080", "this computer"),
    (Base, Yes, "http://127.8.8.8", "this computer"),
    (Base, Yes, "http://localhost:1234/archetype", "this computer by name"),
    (Base, Yes, "http://[::1]:9", "this computer in IPv6"),
    (
        Base,
        Yes,
        " https://api.example.com ",
        "space around it is not part of it",
    ),
    (Base, No, "http://api.example.com", "the key for everybody to read"),
    (Base, No, "http://10.0.0.5", "the key for everybody to read"),
    (Base, No, "http://localhost.evil.example", "begins alike"),
    (Base, No, "http://127.0.0.1.nip.io", "an address in somebody's name"),
    (Base, No, "http://[::ffff:127.0.0.1]", "IPv4 in IPv6"),
    (Base, No, "https://[::ffff:10.0.0.1]", "IPv4 in IPv6"),
    (Base, No, "https://169.254.169.254", "the metadata of a cloud"),
    (Base, No, "https://0xa9fea9fe", "the same in hexadecimal"),
    (Base, No, "https://0.0.0.0", "any address"),
    (Base, No, "https://[::]", "any address"),
    (Base, No, "https://[fe80::1]", "on this link"),
    (Base, No, "https://224.0.0.1", "to many"),
    (Base, No, "https://255.255.255.255", "to everybody"),
    (Base, No, "https://me:pw@api.example.com", "a name and a password"),
    (Base, No, "https://api.example.com/?x=1", "a query"),
    (Base, No, "https://api.example.com/#x", "a fragment"),
    (Base, No, "https://api.example.com./", "a dot at the end"),
    (Base, No, "ftp://api.example.com", "another scheme"),
    (Base, No, "api.example.com", "no scheme"),
    (Base, No, "https://", "no host"),
    (Base, No, "", "nothing"),
    (Base, No, "https://api.example.com/a b", "a space"),
    (Base, No, "https://api.example.com\\@evil.example", "a backslash"),
    (Base, No, "https://api.exa\nmple.com", "a line end"),
    (Pattern, Yes, "uploads.example.com", "a host"),
    (Pattern, Yes, "*.example.com", "every host below one"),
    (Pattern, Yes, "*.s3.example.com", "deeper"),
    (Pattern, Yes, "xn--bcher-kva.example", "punycode"),
    (Pattern, Yes, "localhost", "one name"),
    (Pattern, No, "*", "everybody"),
    (Pattern, No, "*.com", "a whole top-level domain"),
    (Pattern, No, "*.", "nothing below nothing"),
    (Pattern, No, "", "nothing"),
    (Pattern, No, ".example.com", "a dot in front"),
    (Pattern, No, "https://x.example", "a scheme"),
    (Pattern, No, "x.example/path", "a path"),
    (Pattern, No, "x.example:443", "a port"),
    (Pattern, No, "1.2.3.4", "an address"),
    (Pattern, No, "0x7f.1", "an address"),
    (Pattern, No, "[::1]", "an address"),
    (Pattern, No, "a*.example.com", "a star inside"),
    (Pattern, No, "*.*.example.com", "two stars"),
    (Pattern, No, "X.example", "capitals"),
    (Pattern, No, "x..example", "an empty name"),
    (Pattern, No, "x.example.", "a dot at the end"),
    (Pattern, No, "-x.example", "a hyphen in front"),
    (Pattern, No, "bücher.example", "letters that are written as punycode"),
    (Pattern, No, "user@x.example", "a name in front"),
];

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

fn is_taken(asks: Asks, text: &str) -> bool {
    match asks {
        Link => may_receive(text, "https://api.example.com"),
        LinkAtHome => {
            let bases = [
                "http://127.0.0.1:9000",
                "http://localhost:9000/notion",
                "http://[::1]:9000",
            ];
            let taken = bases.map(|base| may_receive(text, base));
            assert!(taken.iter().all(|it| *it == taken[0]), "{text}: {taken:?}");
            taken[0]
        }
        Base => match check_base_url(text) {
            Ok(_) => true,
            Err(fault) => {
                assert_eq!(fault.kind, FaultKind::Setup, "{text}");
                assert!(fault.hint.contains("https://"), "{text}: {fault:?}");
                false
            }
        },
        Pattern => HostPattern::read(text).is_ok(),
    }
}

#[test]
fn files_and_keys_go_only_where_they_may() {
    let wrong: Vec<_> = CASES
        .iter()
        .filter(|(asks, verdict, text, _)| is_taken(*asks, text) != (*verdict == Yes))
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn a_refusal_stays_short_and_shows_no_tricks() {
    let long = format!("https://{}.example/x", "a.".repeat(6000));
    let base = Url::parse("https://api.example.com").unwrap();
    for link in [long.as_str(), "x://\u{202e}\u{1b}/x", "https://faß.example/x"] {
        let fault = check_link(link, &[], &base).unwrap_err();
        assert!(
            fault.message.is_ascii() && fault.message.len() < 400,
            "{}",
            fault.message
        );
    }
}
