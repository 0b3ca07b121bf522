//! Everything that can keep an upload from moving: what happened, what it means, what to do about it.
//!
//! Owns the words that people read; refuses to hold anything secret, so no URL and no key ever enters a text here.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::time::Timestamp;

/// What happened. The names are part of the command line's contract (`fault.kind`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export_to = "bindings.ts"))]
#[serde(rename_all = "snake_case")]
pub enum FaultKind {
    /// The service could not be reached at all: no route, no name, connection refused.
    Offline,
    /// The connection broke, or an answer was not HTTP.
    Network,
    /// No byte moved for too long.
    Timeout,
    /// The service answered 5xx or asked for another try.
    Server,
    /// Too many requests.
    RateLimited,
    /// A presigned URL has expired.
    UrlExpired,
    /// The key was refused or is missing.
    SignIn,
    /// The key is good but may not do this.
    NotPermitted,
    /// The upload is no longer known to the service.
    Gone,
    /// The service says it is already done.
    AlreadyDone,
    /// Something else on the service stands in the way.
    Conflict,
    /// The file is over a limit of the service or the plan.
    TooLarge,
    /// The file is under a limit, such as an empty file where none is taken.
    TooSmall,
    /// This type of file is not taken.
    TypeRefused,
    /// The name is not taken: too long, or without an extension.
    NameRefused,
    /// No room left on the service.
    Quota,
    /// The service refused the request for another reason.
    Refused,
    /// A reply that does not say what the definition promises.
    Protocol,
    /// A page that asks to sign in to the network, instead of the service.
    CaptivePortal,
    /// A redirect, which is never followed with a key or a file.
    Redirect,
    /// A reply named a host that may not receive the file.
    HostRefused,
    /// The file changed while it was sent.
    SourceChanged,
    /// The file is not there.
    SourceMissing,
    /// The file is there but cannot be read.
    SourceUnreadable,
    /// The service holds other bytes than were read.
    ChecksumMismatch,
    /// The service may or may not have finished, and it cannot be asked.
    UnknownOutcome,
    /// The keychain is missing, locked or refuses.
    Keychain,
    /// The queue cannot be written: disk full or database trouble.
    Storage,
    /// An account, an option or a definition is wrong.
    Setup,
}

/// What to do. Chosen by the transport or the definition's error table, acted on by the engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export_to = "bindings.ts"))]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Try again after a pause that grows; counts as an attempt.
    Retry,
    /// Wait for the network; counts as nothing.
    Wait,
    /// Wait as long as the service said; counts as nothing.
    Slow,
    /// Fetch fresh presigned URLs and try again.
    RefreshUrl,
    /// The remote session is lost: begin again with a new one.
    Restart,
    /// Ask the service how the upload stands before doing anything else.
    Ask,
    /// The key needs the person.
    SignIn,
    /// Give up and say why.
    Reject,
}

/// One thing that went wrong, in words and in codes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export_to = "bindings.ts"))]
#[error("{message}")]
pub struct Fault {
    /// What happened.
    pub kind: FaultKind,
    /// What to do.
    pub verdict: Verdict,
    /// One sentence for the person: what is wrong. Never holds a URL or a key.
    pub message: String,
    /// One sentence for the person: the next step. Empty when there is none.
    pub hint: String,
    /// The HTTP status, when there was a reply.
    pub status: Option<u16>,
    /// The service's own code for it, such as `rate_limited`.
    pub service_code: Option<String>,
    /// How long the service asked to wait, in milliseconds from its reply.
    #[cfg_attr(test, ts(type = "number | null"))]
    pub retry_after_ms: Option<u64>,
}

impl Fault {
    /// A fault with the usual verdict and hint of its kind.
    pub fn new(kind: FaultKind, message: impl Into<String>) -> Self {
        let (verdict, hint) = usual(kind);
        Self {
            kind,
            verdict,
            message: message.into(),
            hint: hint.into(),
            status: None,
            service_code: None,
            retry_after_ms: None,
        }
    }

    /// The proxy of this network asks for a name and a password.
    pub fn proxy_sign_in() -> Self {
        Self::new(
            FaultKind::CaptivePortal,
            "the proxy of this network asks to sign in before it lets anything through",
        )
        .hint("Enter its name and password in the proxy settings of this computer; the upload goes on by itself.")
    }

    /// The same fault with another next step.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = hint.into();
        self
    }

    /// The same fault, acted on differently.
    #[must_use]
    pub fn verdict(mut self, verdict: Verdict) -> Self {
        self.verdict = verdict;
        self
    }

    /// The same fault with the HTTP status it came with.
    #[must_use]
    pub fn status(mut self, status: u16) -> Self {
        self.status = Some(status);
        self
    }

    /// What is wrong and the next step, as sentences.
    ///
    /// # Examples
    /// ```
    /// use skylift_model::{Fault, FaultKind};
    ///
    /// let fault = Fault::new(FaultKind::TooLarge, "the file is over 5 MiB").hint("Split it.");
    /// assert_eq!(fault.sentence(), "The file is over 5 MiB. Split it.");
    /// ```
    pub fn sentence(&self) -> String {
        let mut letters = self.message.trim().chars();
        let first = letters.next().into_iter().flat_map(char::to_uppercase);
        let mut text: String = first.chain(letters).collect();
        if !text.ends_with(['.', '!', '?']) {
            text.push('.');
        }
        if !self.hint.is_empty() {
            text.push(' ');
            text.push_str(&self.hint);
        }
        text
    }

    /// How long the service asked to wait.
    pub fn retry_after(&self) -> Option<Duration> {
        self.retry_after_ms.map(Duration::from_millis)
    }

    /// When to go on, if the service said so at `now`.
    pub fn until(&self, now: Timestamp) -> Option<Timestamp> {
        self.retry_after().map(|wait| now.after(wait))
    }
}

/// What a kind of fault usually means and asks for.
const fn usual(kind: FaultKind) -> (Verdict, &'static str) {
    use FaultKind as K;
    match kind {
        K::Offline => (Verdict::Wait, "Goes on by itself when the connection is back."),
        K::CaptivePortal => (
            Verdict::Wait,
            "Open a web page to sign in to this network; the upload goes on by itself.",
        ),
        K::Network | K::Timeout | K::Server | K::Protocol => (Verdict::Retry, "Skylift tries again by itself."),
        K::RateLimited => (Verdict::Slow, "Goes on by itself when the service allows it."),
        K::UrlExpired => (Verdict::RefreshUrl, "Skylift asks for a fresh address by itself."),
        K::SignIn => (
            Verdict::SignIn,
            "Enter a valid key for this account; the upload then goes on.",
        ),
        K::Keychain => (
            Verdict::SignIn,
            "Unlock the keychain, or set the key in the environment (see `skylift doctor`).",
        ),
        K::NotPermitted => (
            Verdict::Reject,
            "Give the key the permission it lacks, or use another key; then retry.",
        ),
        K::Gone => (Verdict::Restart, "Skylift begins the upload again by itself."),
        K::AlreadyDone => (Verdict::Ask, "Skylift asks the service how the upload stands."),
        K::Conflict => (
            Verdict::Reject,
            "Cancel or finish what is open under this name on the service; then retry.",
        ),
        K::TooLarge => (
            Verdict::Reject,
            "Make the file smaller, or use a plan or a service that takes it.",
        ),
        K::TooSmall => (
            Verdict::Reject,
            "This service does not take an empty file; leave it out.",
        ),
        K::TypeRefused => (Verdict::Reject, "Convert the file to a type that the service takes."),
        K::NameRefused => (Verdict::Reject, "Rename the file, then add it again."),
        K::Quota => (
            Verdict::Reject,
            "Make room on the service or raise the plan; then retry.",
        ),
        K::Refused => (Verdict::Reject, "Correct what the service names, then retry."),
        K::Redirect => (
            Verdict::Reject,
            "Check the account's base URL; redirects are never followed.",
        ),
        K::HostRefused => (
            Verdict::Reject,
            "Check the account's base URL and the definition's upload hosts.",
        ),
        K::SourceChanged => (Verdict::Restart, "Skylift sends the new version from the start."),
        K::SourceMissing => (Verdict::Reject, "Put the file back or plug the drive in, then retry."),
        K::SourceUnreadable => (Verdict::Reject, "Allow Skylift to read the file, then retry."),
        K::ChecksumMismatch => (Verdict::Reject, "Retry: the file is sent again from the start."),
        K::UnknownOutcome => (
            Verdict::Reject,
            "Look on the service whether the file is there before you retry.",
        ),
        K::Storage => (Verdict::Retry, "Free some disk space; Skylift goes on by itself."),
        K::Setup => (Verdict::Reject, "Correct the account or the definition, then retry."),
    }
}
