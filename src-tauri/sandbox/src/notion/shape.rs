//! Notion's error bodies and ids. No state.

use serde_json::json;

use crate::clock::Millis;
use crate::reply::{self, Reply};

/// The integration's own user.
pub(super) const BOT: &str = "5a4d0b0c-0000-4000-8000-00000000b07a";

pub(super) fn error(status: u16, code: &str, message: &str) -> Reply {
    let body = json!({
        "object": "error", "status": status, "code": code, "message": message,
        "request_id": "00000000-0000-4000-8000-000000000000",
    });
    reply::json(status, &body)
}

pub(super) fn invalid(message: &str) -> Reply {
    error(400, "validation_error", message)
}

/// The limiter's answer: whole seconds, rounded up.
pub(super) fn slow_down(wait: Millis) -> Reply {
    let mut reply = error(429, "rate_limited", "slow down");
    reply::set(
        &mut reply,
        "retry-after",
        &(wait.unsigned_abs().div_ceil(1000)).max(1).to_string(),
    );
    reply
}

/// The body that goes with a status.
pub(crate) fn fault(status: u16) -> Reply {
    let (code, message) = match status {
        400 => ("validation_error", "the request is not valid"),
        401 => ("unauthorized", "API token is invalid."),
        403 => ("restricted_resource", "the integration may not do this"),
        404 => ("object_not_found", "there is no such object"),
        409 => ("conflict_error", "conflict while saving, try again"),
        429 => ("rate_limited", "slow down"),
        503 => ("service_unavailable", "try again later"),
        504 => ("gateway_timeout", "it took too long"),
        529 => ("service_overload", "too much to do"),
        _ => ("internal_server_error", "something went wrong"),
    };
    error(status, code, message)
}

/// An id with dashes, from one with or without.
pub(super) fn dashed(id: &str) -> Option<String> {
    let hex: String = id
        .chars()
        .filter(|letter| *letter != '-')
        .map(|letter| letter.to_ascii_lowercase())
        .collect();
    let good = hex.len() == 32 && hex.bytes().all(|byte| byte.is_ascii_hexdigit());
    good.then(|| {
        format!(
            "{}-{}-{}-{}-{}",
            &hex[..8],
            &hex[8..12],
            &hex[12..16],
            &hex[16..20],
            &hex[20..]
        )
    })
}
