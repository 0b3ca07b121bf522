//! Attachments: what binds a file to a customer, an invoice and so on, and keeps it from being deleted.

use http::Method;
use serde_json::{Map, Value, json};

use super::files::{matches, page};
use super::shape::{Invalid, fault, invalid};
use super::{Rebilly, SERVICE};
use crate::call::{Call, MAX_JSON};
use crate::clock::{Millis, iso_seconds};
use crate::lock::Locked;
use crate::reply::{self, Outcome, Stop};

/// What a file can be attached to (documented).
const RELATED: [&str; 8] = [
    "customer",
    "dispute",
    "transaction",
    "order",
    "plan",
    "product",
    "invoice",
    "comment",
];

#[derive(Clone)]
pub(super) struct Attachment {
    id: String,
    pub(super) file_id: String,
    related_type: String,
    related_id: String,
    name: Option<String>,
    description: Option<String>,
    created_at: Millis,
}

impl Attachment {
    fn to_json(&self) -> Value {
        json!({
            "id": self.id, "fileId": self.file_id, "relatedType": self.related_type, "relatedId": self.related_id,
            "name": self.name, "description": self.description, "createdTime": iso_seconds(self.created_at),
            "updatedTime": iso_seconds(self.created_at), "_links": [],
        })
    }

    fn values(&self, field: &str) -> Vec<String> {
        match field {
            "id" => vec![self.id.clone()],
            "fileId" => vec![self.file_id.clone()],
            "relatedType" => vec![self.related_type.clone()],
            "relatedId" => vec![self.related_id.clone()],
            _ => Vec::new(),
        }
    }
}

impl Rebilly {
    /// `/attachments` and `/attachments/{id}`.
    pub(super) async fn attachment(&self, rest: &[&str], call: &mut Call) -> Outcome {
        match (call.method.clone(), rest) {
            (Method::GET, []) => {
                let mut all: Vec<_> = self.state.locked().attachments.values().cloned().collect();
                if let Some(filter) = call.query("filter") {
                    all.retain(|attachment| matches(filter, |field| attachment.values(field)));
                }
                page(call, all.iter().map(Attachment::to_json).collect())
            }
            (Method::POST, []) => {
                let id = format!("att_{}", self.core.ids.base32(26));
                let answer = self.bind(id.clone(), call).await?;
                Ok(reply::json(201, &answer))
            }
            (Method::GET, [id]) => Ok(reply::json(200, &self.attached(id)?.to_json())),
            (Method::PUT, [id]) => {
                let status = if self.attached(id).is_ok() { 200 } else { 201 };
                let answer = self.bind((*id).to_owned(), call).await?;
                Ok(reply::json(status, &answer))
            }
            (_, [id]) => {
                let file_id = self.attached(id)?.file_id;
                self.state.locked().attachments.remove(*id);
                self.mark(&file_id);
                Ok(reply::empty(204))
            }
            _ => Err(fault(404).into()),
        }
    }

    fn attached(&self, id: &str) -> Result<Attachment, Stop> {
        self.state
            .locked()
            .attachments
            .get(id)
            .cloned()
            .ok_or_else(|| fault(404).into())
    }

    async fn bind(&self, id: String, call: &mut Call) -> Result<Value, Stop> {
        let Ok(Some(Value::Object(body))) = call.json(MAX_JSON).await? else {
            return Err(invalid(&[Invalid::new("body", "must be a JSON object")]).into());
        };
        let attachment = self.read(id, &body)?;
        let answer = attachment.to_json();
        let file_id = attachment.file_id.clone();
        self.state
            .locked()
            .attachments
            .insert(attachment.id.clone(), attachment);
        self.mark(&file_id);
        Ok(answer)
    }

    fn read(&self, id: String, body: &Map<String, Value>) -> Result<Attachment, Stop> {
        let text = |name: &str| body.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        let (file_id, related_type, related_id) = (text("fileId"), text("relatedType"), text("relatedId"));
        let mut wrong = Vec::new();
        if !self.state.locked().files.contains_key(&file_id) {
            wrong.push(Invalid::new("fileId", "there is no such file"));
        }
        if !RELATED.contains(&related_type.as_str()) {
            wrong.push(Invalid::new("relatedType", "cannot be attached to"));
        }
        if related_id.is_empty() {
            wrong.push(Invalid::new("relatedId", "is required"));
        }
        if !wrong.is_empty() {
            return Err(invalid(&wrong).into());
        }
        let optional = |name: &str| body.get(name).and_then(Value::as_str).map(str::to_owned);
        let (name, description) = (optional("name"), optional("description"));
        let created_at = self.core.clock.now();
        Ok(Attachment {
            id,
            file_id,
            related_type,
            related_id,
            name,
            description,
            created_at,
        })
    }

    /// Notes with the object whether anything holds it.
    fn mark(&self, file_id: &str) {
        let held = self
            .state
            .locked()
            .attachments
            .values()
            .any(|attachment| attachment.file_id == file_id);
        self.core
            .objects
            .change(SERVICE, file_id, |object| object.attached = held);
    }
}
