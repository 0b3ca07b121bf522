//! Imports from a URL: what is checked at once, what happens later, and how the result reads.

use http::Method;
use serde_json::{Map, Value, json};
use url::Url;

use super::upload::{Status, Upload, agree_on_name};
use super::{Notion, SERVICE, shape};
use crate::clock::{Millis, iso_millis};
use crate::fetch;
use crate::lock::Locked;
use crate::reply::Stop;
use crate::vault::{Received, Terms};

impl Notion {
    /// What makes a create fail at once: no public address, no type, too large, no usable name.
    pub(super) async fn check_import(&self, body: &Map<String, Value>, upload: &mut Upload) -> Result<Url, Stop> {
        let address = body.get("external_url").and_then(Value::as_str);
        let url = address
            .and_then(fetch::loopback_url)
            .ok_or_else(|| shape::invalid("external_url should be a public https address (here: http on loopback)"))?;
        let head = fetch::fetch(Method::HEAD, &url).await;
        let head = head.map_err(|error| shape::invalid(&format!("external_url cannot be read: {error}")))?;
        let kind = head
            .content_type()
            .ok_or_else(|| shape::invalid("external_url tells no Content-Type"))?;
        if head
            .content_length()
            .is_some_and(|length| length > self.core.config.notion.max_file_size)
        {
            return Err(shape::invalid("the file is over the workspace's limit").into());
        }
        let name = upload.filename.take().or_else(|| fetch::file_name(&url));
        let kind = upload
            .content_type
            .take()
            .or(Some(kind))
            .filter(|kind| kind != "application/octet-stream");
        (upload.filename, upload.content_type) = agree_on_name(name, kind)?;
        if upload.filename.is_none() || upload.content_type.is_none() {
            return Err(shape::invalid("no valid name and type can be found").into());
        }
        Ok(url)
    }

    /// Fetches the bytes some time after the create was answered.
    pub(super) async fn import(&self, id: &str, url: &Url) {
        tokio::time::sleep(self.core.config.import_delay).await;
        let terms = Terms {
            limit: self.core.config.notion.max_file_size,
            sha1: false,
        };
        let received = match fetch::fetch(Method::GET, url).await {
            Ok(fetched) => self.core.vault.receive(fetched.chunks(), None, terms).await,
            Err(error) => Err(error),
        };
        let mut state = self.state.locked();
        let Some(upload) = state
            .uploads
            .get_mut(id)
            .filter(|upload| upload.status == Status::Pending)
        else {
            return;
        };
        let now = self.core.clock.now();
        let failure = match received {
            Ok(Received::Whole(blob)) => {
                upload.parts.insert(0, blob);
                self.finish(upload);
                upload.import_result = Some(json!({ "type": "success", "success": {}, "imported_time": time(now) }));
                return;
            }
            Ok(Received::TooLarge) => (
                "validation_error",
                "file_upload_invalid_size",
                "over the limit".to_owned(),
            ),
            Ok(Received::Broken(_)) => ("download_error", "download_error", "the download broke off".to_owned()),
            Err(error) => ("download_error", "download_error", error.to_string()),
        };
        upload.status = Status::Failed;
        let (kind, code, message) = failure;
        upload.import_result = Some(json!({
            "type": "error", "imported_time": time(now),
            "error": { "type": kind, "code": code, "message": message, "parameter": null, "status_code": null },
        }));
        self.core.meters.of(SERVICE).count(|counts| counts.rejected += 1);
    }
}

/// This one field has its zone as an offset.
fn time(at: Millis) -> String {
    iso_millis(at).replace('Z', "+00:00")
}
