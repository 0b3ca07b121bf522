//! As much of blocks and pages as attaching needs. Every well-formed id is a page or a block somebody shared with the
//! integration; only what was appended is remembered.

use serde_json::{Map, Value, json};

use super::upload::Status;
use super::{Notion, SERVICE, minute, shape};
use crate::call::{Call, MAX_JSON};
use crate::lock::Locked;
use crate::reply::{self, Outcome, Stop};

/// Most blocks in one request (documented).
const MAX_CHILDREN: usize = 100;

impl Notion {
    /// `PATCH /v1/blocks/{id}/children`, `/v1/blocks/{id}` and `/v1/pages/{id}`.
    pub(super) async fn attach(&self, kind: &str, id: &str, children: bool, call: &mut Call) -> Outcome {
        let id = shape::dashed(id).ok_or_else(|| shape::invalid("the id is not a UUID"))?;
        let body = match call.json(MAX_JSON).await? {
            Ok(Some(Value::Object(body))) => body,
            Ok(_) => return Err(shape::invalid("body should be an object").into()),
            Err(error) => return Err(shape::error(400, "invalid_json", &error).into()),
        };
        if children {
            return self.append(&id, &body);
        }
        let whole = Value::Object(body);
        let uploads = named_uploads(&whole);
        self.check_uploads(&uploads)?;
        self.mark_attached(&uploads);
        Ok(reply::json(200, &self.page_or_block(kind, &id)))
    }

    fn append(&self, parent: &str, body: &Map<String, Value>) -> Outcome {
        let children = body.get("children").and_then(Value::as_array);
        let children = children.filter(|children| !children.is_empty() && children.len() <= MAX_CHILDREN);
        let children = children.ok_or_else(|| shape::invalid("children should be a list of 1 to 100 blocks"))?;
        for child in children {
            self.check_block(child)?;
        }
        let uploads: Vec<_> = children.iter().flat_map(named_uploads).collect();
        self.mark_attached(&uploads);
        let blocks: Vec<_> = children.iter().map(|child| self.block(parent, child)).collect();
        let mut state = self.state.locked();
        for block in &blocks {
            let id = block["id"].as_str().unwrap_or_default().to_owned();
            state.children.entry(parent.to_owned()).or_default().push(id.clone());
            state.blocks.insert(id, block.clone());
        }
        Ok(reply::json(200, &list(&blocks)))
    }

    /// A block of a file must name an upload that is there and of a type that fits.
    fn check_block(&self, child: &Value) -> Result<(), Stop> {
        let kind = child.get("type").and_then(Value::as_str);
        let kind = kind.or_else(|| {
            child
                .as_object()?
                .keys()
                .find(|key| *key != "object")
                .map(String::as_str)
        });
        let kind = kind.ok_or_else(|| shape::invalid("a block needs a type"))?;
        let uploads = named_uploads(child);
        self.check_uploads(&uploads)?;
        for id in &uploads {
            let content = self.find(id)?.content_type.unwrap_or_default();
            let fits = match kind {
                "image" => content.starts_with("image/"),
                "video" => content.starts_with("video/") || content == "application/mp4",
                "audio" => content.starts_with("audio/") || content == "application/mp4",
                "pdf" => content == "application/pdf",
                _ => true,
            };
            if !fits {
                return Err(shape::invalid(&format!("{content} does not fit a block of type {kind}")).into());
            }
        }
        Ok(())
    }

    fn check_uploads(&self, ids: &[String]) -> Result<(), Stop> {
        for id in ids {
            if self.find(id)?.status != Status::Uploaded {
                return Err(shape::invalid("the file upload is not uploaded, or has expired").into());
            }
        }
        Ok(())
    }

    fn mark_attached(&self, ids: &[String]) {
        let mut state = self.state.locked();
        for id in ids.iter().filter_map(|id| shape::dashed(id)) {
            if let Some(upload) = state.uploads.get_mut(&id) {
                upload.expiry = None;
            }
            self.core.objects.change(SERVICE, &id, |object| object.attached = true);
        }
    }

    fn block(&self, parent: &str, child: &Value) -> Value {
        let now = minute(self.core.clock.now());
        let mut block = child.clone();
        block["object"] = "block".into();
        block["id"] = self.core.ids.uuid().into();
        block["parent"] = json!({ "type": "page_id", "page_id": parent });
        block["created_time"] = now.clone().into();
        block["last_edited_time"] = now.into();
        block["has_children"] = false.into();
        block["in_trash"] = false.into();
        block
    }

    /// `GET` of a page, a block or children.
    pub(super) fn look_up(&self, kind: &str, id: &str, children: bool) -> Outcome {
        let id = shape::dashed(id).ok_or_else(|| shape::invalid("the id is not a UUID"))?;
        if !children {
            return Ok(reply::json(200, &self.page_or_block(kind, &id)));
        }
        let state = self.state.locked();
        let ids = state.children.get(&id).map(Vec::as_slice).unwrap_or_default();
        let blocks: Vec<_> = ids.iter().filter_map(|id| state.blocks.get(id).cloned()).collect();
        Ok(reply::json(200, &list(&blocks)))
    }

    fn page_or_block(&self, kind: &str, id: &str) -> Value {
        let state = self.state.locked();
        if let Some(block) = state.blocks.get(id) {
            return block.clone();
        }
        let has_children = state.children.contains_key(id);
        if kind == "pages" {
            json!({ "object": "page", "id": id, "in_trash": false, "properties": {}, "url": format!("https://www.notion.so/{id}") })
        } else {
            json!({
                "object": "block", "id": id, "type": "child_page", "child_page": { "title": "Sandbox" },
                "has_children": has_children, "in_trash": false,
            })
        }
    }
}

fn list(blocks: &[Value]) -> Value {
    json!({
        "object": "list", "results": blocks, "next_cursor": null, "has_more": false, "type": "block", "block": {},
    })
}

/// Every id under a key `file_upload`, however deep.
fn named_uploads(value: &Value) -> Vec<String> {
    match value {
        Value::Object(map) => {
            let own = map
                .get("file_upload")
                .and_then(|upload| upload.get("id"))
                .and_then(Value::as_str);
            own.map(str::to_owned)
                .into_iter()
                .chain(map.values().flat_map(named_uploads))
                .collect()
        }
        Value::Array(items) => items.iter().flat_map(named_uploads).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Vec::new(),
    }
}
