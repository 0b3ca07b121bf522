//! Archetype's error bodies, in its main and in its legacy envelope, and its way of naming parts. No state.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::call::{Call, MAX_JSON};
use crate::reply::{self, Reply, Stop};

/// The main envelope.
pub(super) fn error(status: u16, code: &str, message: &str) -> Reply {
    let entry = json!({
        "code": code, "message": message, "suggestion": "",
        "error_uid": "err-00000000-0000-4000-8000-000000000000",
    });
    reply::json(status, &json!({ "errors": [entry] }))
}

pub(super) fn bad_part_token(message: &str) -> Reply {
    error(400, "invalid_part_token", message)
}

pub(super) fn no_upload() -> Reply {
    error(404, "upload_not_found", "there is no such upload")
}

pub(super) fn no_file() -> Reply {
    error(404, "NOT_FOUND", "there is no such file")
}

pub(super) fn conflict(message: &str) -> Reply {
    error(409, "upload_conflict", message)
}

pub(super) fn missing(field: &str) -> Reply {
    error(400, "missing_parameter", &format!("{field} missing"))
}

/// The body that goes with a status nobody meant. Refused keys use the legacy envelope.
pub(crate) fn fault(status: u16) -> Reply {
    match status {
        400 => error(400, "missing_parameter", "num_bytes missing"),
        401 => reply::json(401, &json!({ "detail": "invalid api key" })),
        403 => error(403, "forbidden", "the key may not do this"),
        404 => no_upload(),
        409 => conflict("the upload is in another state"),
        413 => error(413, "invalid_file_size", "the file is too large"),
        429 => error(429, "rate_limited", "too many requests"),
        _ => error(status, "internal_error", "something went wrong"),
    }
}

/// The body, which must be a JSON object; an empty one counts as `{}`.
pub(super) async fn object(call: &mut Call) -> Result<Map<String, Value>, Stop> {
    match call.json(MAX_JSON).await? {
        Ok(Some(Value::Object(body))) => Ok(body),
        Ok(None) => Ok(Map::new()),
        Ok(Some(_)) | Err(_) => Err(error(400, "invalid_parameter", "the body must be a JSON object").into()),
    }
}

/// `parts` of checkpoint and complete: entries in the order sent, and tokens by part number. The same number with two
/// tokens is an error.
pub(super) fn tokens(body: &Map<String, Value>) -> Result<(usize, BTreeMap<u32, String>), Stop> {
    let parts = body
        .get("parts")
        .and_then(Value::as_array)
        .ok_or_else(|| missing("parts"))?;
    let mut tokens = BTreeMap::new();
    for part in parts {
        let number = part
            .get("part_number")
            .and_then(Value::as_u64)
            .ok_or_else(|| missing("part_number"))?;
        let token = part
            .get("part_token")
            .and_then(Value::as_str)
            .ok_or_else(|| missing("part_token"))?;
        let number = u32::try_from(number).map_err(|_| error(400, "invalid_part_number", "out of range"))?;
        let old = tokens.insert(number, token.to_owned());
        if old.is_some_and(|old| old != token) {
            return Err(bad_part_token(&format!("part {number} is named twice with different tokens")).into());
        }
    }
    Ok((parts.len(), tokens))
}
