//! What a reply that is no success means: the definition's table first, then the status.
//!
//! Refuses to believe a success that is a web page, and puts the service's own words in a form that is safe to show.

use skylift_model::sabotage::{self, Bug};
use skylift_model::{Fault, FaultKind, Timestamp, Verdict};

use super::pause;
use crate::exchange::{Reply, Step};
use crate::extract::{Document, header, plain, protocol};
use crate::vocabulary::{Class, Rule, Service};
use crate::words;

/// How much of a body is looked through for a text.
const LOOKED_THROUGH: usize = 64 * 1024;

/// What must be known of a request to judge its reply.
pub(super) struct Setting<'a> {
    pub(super) service: &'a Service,
    pub(super) mode: Option<&'a str>,
    pub(super) step: Step,
    /// The statuses that are a success; every 2xx when empty.
    pub(super) success: &'a [u16],
    /// Whether it went to a presigned link.
    pub(super) on_link: bool,
    /// Whether it was about a session that the service may have forgotten.
    pub(super) in_session: bool,
    /// Whether the service can be asked how the upload stands.
    pub(super) askable: bool,
}

/// What a reply is, before it is read.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdicted {
    /// A success, to be read.
    Success,
    /// The service does not know it yet, or cannot tell.
    Pending,
    /// Nothing is left to do: what should be dropped is not there.
    Nothing,
}

/// Judges a reply.
pub(super) fn judge(setting: &Setting<'_>, document: &Document<'_>, now: Timestamp) -> Result<Verdicted, Fault> {
    let reply = document.reply;
    let rule = setting
        .service
        .errors
        .rule
        .iter()
        .find(|rule| fits(rule, setting, document));
    if let Some(rule) = rule {
        return by_class(setting, document, now, rule.class, rule.message.as_deref());
    }
    match reply.status {
        200..=299 if is_page(reply) && !sabotage::is(Bug::BelieveAnyYes) => {
            let message = format!("a web page came instead of an answer from {}", setting.service.name);
            Err(Fault::new(FaultKind::CaptivePortal, message).status(reply.status))
        }
        200..=299 if setting.success.is_empty() || setting.success.contains(&reply.status) => Ok(Verdicted::Success),
        // The word of whatever stands in front of the service, which knows of no upload.
        404 | 410 if is_page(reply) && (setting.in_session || drops(setting.step)) => {
            by_class(setting, document, now, Class::Retry, None)
        }
        404 | 410 if drops(setting.step) => Ok(Verdicted::Nothing),
        407 => Err(Fault::proxy_sign_in().status(407)),
        511 => {
            let message = "the network asks to sign in before it lets anything through";
            Err(Fault::new(FaultKind::CaptivePortal, message).status(511))
        }
        300..=399 => {
            let message = format!("{} answered with a redirect ({})", host_in_words(setting), reply.status);
            Err(Fault::new(FaultKind::Redirect, message).status(reply.status))
        }
        100..=299 => {
            let message = format!(
                "{} answered {}, which means nothing here",
                setting.service.name, reply.status
            );
            Err(protocol(message).status(reply.status))
        }
        status => by_class(setting, document, now, by_status(setting, status), None),
    }
}

const fn drops(step: Step) -> bool {
    matches!(step, Step::Abort | Step::Delete)
}

fn fits(rule: &Rule, setting: &Setting<'_>, document: &Document<'_>) -> bool {
    let status = document.reply.status;
    let listed = if rule.status.is_empty() {
        !(200..300).contains(&status)
    } else {
        rule.status.contains(&status)
    };
    listed
        && (rule.steps.is_empty() || rule.steps.contains(&setting.step))
        && (rule.modes.is_empty()
            || setting
                .mode
                .is_some_and(|mode| rule.modes.iter().any(|known| known == mode)))
        && says(rule, document)
}

fn says(rule: &Rule, document: &Document<'_>) -> bool {
    if rule.at.is_none() && rule.equals.is_none() && rule.contains.is_none() {
        return true;
    }
    let text = match &rule.at {
        Some(at) => document.find(at.get()).as_ref().and_then(plain),
        None => Some(body_text(document.reply)),
    };
    text.is_some_and(|text| {
        rule.equals.as_ref().is_none_or(|wanted| *wanted == text)
            && rule
                .contains
                .as_ref()
                .is_none_or(|wanted| text.contains(wanted.as_str()))
    })
}

fn body_text(reply: &Reply) -> String {
    String::from_utf8_lossy(&reply.body[..reply.body.len().min(LOOKED_THROUGH)]).into_owned()
}

/// What a status means where the definition does not say.
fn by_status(setting: &Setting<'_>, status: u16) -> Class {
    match status {
        408 | 425 | 500..=506 | 508..=599 => Class::Retry,
        429 => Class::RateLimited,
        // A presigned link that is no longer good is refused like a bad key.
        401 | 403 if setting.on_link => Class::RefreshUrl,
        401 => Class::SignIn,
        403 => Class::NotPermitted,
        404 | 410 if setting.in_session => Class::Gone,
        409 => Class::Conflict,
        413 => Class::TooLarge,
        415 => Class::TypeRefused,
        402 | 507 => Class::Quota,
        _ => Class::Fatal,
    }
}

fn by_class(
    setting: &Setting<'_>,
    document: &Document<'_>,
    now: Timestamp,
    class: Class,
    message: Option<&str>,
) -> Result<Verdicted, Fault> {
    let Some(kind) = kind(class) else {
        return Ok(Verdicted::Pending);
    };
    let reply = document.reply;
    let mut fault = Fault::new(kind, sentence(setting, document, class, message)).status(reply.status);
    fault.service_code = service_code(setting.service, document);
    if matches!(class, Class::Retry | Class::RateLimited) {
        fault.retry_after_ms = pause::asked(&setting.service.errors, reply, now);
    }
    // A service that forgets a session when it is completed answers like this to a repeat: it is asked, not begun anew.
    if class == Class::Gone && setting.step == Step::Complete && setting.askable {
        fault = fault.verdict(Verdict::Ask);
    }
    Err(fault)
}

const fn kind(class: Class) -> Option<FaultKind> {
    Some(match class {
        Class::Retry => FaultKind::Server,
        Class::RateLimited => FaultKind::RateLimited,
        Class::RefreshUrl => FaultKind::UrlExpired,
        Class::SignIn => FaultKind::SignIn,
        Class::NotPermitted => FaultKind::NotPermitted,
        Class::AlreadyDone => FaultKind::AlreadyDone,
        Class::Gone => FaultKind::Gone,
        Class::Conflict => FaultKind::Conflict,
        Class::TooLarge => FaultKind::TooLarge,
        Class::TooSmall => FaultKind::TooSmall,
        Class::TypeRefused => FaultKind::TypeRefused,
        Class::NameRefused => FaultKind::NameRefused,
        Class::Quota => FaultKind::Quota,
        Class::Corrupt => FaultKind::ChecksumMismatch,
        Class::Fatal => FaultKind::Refused,
        Class::Pending => return None,
    })
}

/// What happened, and what the service says about it.
fn sentence(setting: &Setting<'_>, document: &Document<'_>, class: Class, message: Option<&str>) -> String {
    let who = host_in_words(setting);
    let what = match class {
        Class::Retry => "has trouble",
        Class::RateLimited => "asks to slow down",
        Class::RefreshUrl => "no longer takes the address it gave",
        Class::SignIn => "does not accept the key",
        Class::NotPermitted => "does not permit this with the key",
        Class::AlreadyDone => "may have this already",
        Class::Gone => "no longer knows this upload",
        Class::Conflict => "has something in the way",
        Class::TooLarge => "finds the file too large",
        Class::TooSmall => "finds the file too small",
        Class::TypeRefused => "does not take this type of file",
        Class::NameRefused => "does not take this name",
        Class::Quota => "has no room left",
        Class::Corrupt => "received other bytes than were sent",
        Class::Pending | Class::Fatal => "refused the request",
    };
    let status = document.reply.status;
    let own = message
        .map(str::to_owned)
        .or_else(|| service_message(setting.service, document));
    match own {
        Some(own) => format!("{who} {what} ({status}): {own}"),
        None => format!("{who} {what} ({status})"),
    }
}

fn host_in_words(setting: &Setting<'_>) -> String {
    if setting.on_link {
        format!("the storage of {}", setting.service.name)
    } else {
        setting.service.name.clone()
    }
}

/// The service's own code: where the definition says it stands, or the `Code` of an S3-style error.
fn service_code(service: &Service, document: &Document<'_>) -> Option<String> {
    let stated = document.text(service.errors.code.as_ref());
    stated
        .or_else(|| words::tag(&body_text(document.reply), "Code").map(str::to_owned))
        .as_deref()
        .and_then(words::code)
}

/// The service's own message, cleaned.
pub(super) fn service_message(service: &Service, document: &Document<'_>) -> Option<String> {
    let stated = document.text(service.errors.message.as_ref());
    let stated = stated.or_else(|| words::tag(&body_text(document.reply), "Message").map(str::to_owned));
    stated.as_deref().and_then(words::clean)
}

/// Whether a reply is a web page, as networks show that ask to sign in. An empty one is none: Google's storage calls its
/// empty answers `text/html`.
fn is_page(reply: &Reply) -> bool {
    let declared = header(reply, "content-type").is_some_and(|kind| kind.to_ascii_lowercase().starts_with("text/html"));
    let start: Vec<u8> = reply
        .body
        .iter()
        .copied()
        .skip_while(u8::is_ascii_whitespace)
        .take(14)
        .collect();
    let start = start.to_ascii_lowercase();
    !start.is_empty() && (declared || start.starts_with(b"<!doctype html") || start.starts_with(b"<html"))
}
