//! Canned replies for every step of every service, mistakes in definitions, hostile replies, hosts.

mod andi;
mod archetype;
mod empirical;
mod faults;
mod giant;
mod hostile;
mod hosts;
mod limits;
mod mistakes;
mod notion;
mod readme;
mod rebilly;
mod schema;
mod sixth;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::{Value, json};
use skylift_model::api::Options;
use skylift_model::{Fault, PartNumber, PartPlan, SignedUrl, Timestamp};

use crate::definition::{Definition, built_in};
use crate::driver::Job;
use crate::exchange::{
    AccountFacts, Address, Algorithm, Body, Call, FileFacts, Link, PartAck, PartTarget, Reading, Reply, Request,
    Session, Step,
};

const NOW: Timestamp = Timestamp(1_800_000_000_000);
const MIB: u64 = 1 << 20;

fn definition(id: &str) -> Arc<Definition> {
    built_in()
        .iter()
        .find(|definition| definition.id == id)
        .expect("a built-in service")
        .clone()
}

fn options(pairs: &[(&str, &str)]) -> Options {
    pairs
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}

fn account(definition: &Definition, pairs: &[(&str, &str)]) -> AccountFacts {
    AccountFacts {
        name: "mine".into(),
        base_url: definition.default_base_url().clone(),
        options: options(pairs),
    }
}

fn file(name: &str, size: u64) -> FileFacts {
    FileFacts {
        name: name.into(),
        relative: name.into(),
        size,
        import_url: None,
    }
}

fn import(url: &str, name: &str) -> FileFacts {
    FileFacts {
        name: name.into(),
        relative: name.into(),
        size: 0,
        import_url: Some(url.into()),
    }
}

/// One upload in the making, with everything a call may need.
struct Trial {
    job: Job,
    session: Session,
    parts: Vec<PartAck>,
    wanted: Vec<PartNumber>,
    target: Option<PartTarget>,
    crc32c: Option<u32>,
    hashes: BTreeMap<Algorithm, String>,
    taken: BTreeSet<String>,
}

impl Trial {
    fn try_new(
        id: &str,
        mode: Option<&str>,
        file: FileFacts,
        own: &[(&str, &str)],
        up: &[(&str, &str)],
    ) -> Result<Self, Fault> {
        let definition = definition(id);
        let account = account(&definition, own);
        Self::of(definition, &account, mode, file, up)
    }

    fn of(
        definition: Arc<Definition>,
        account: &AccountFacts,
        mode: Option<&str>,
        file: FileFacts,
        up: &[(&str, &str)],
    ) -> Result<Self, Fault> {
        let mode = definition.mode_for(&file, mode)?;
        let job = Job::new(definition, account, file, &options(up), &mode, None)?;
        let session = job.begin(None)?;
        let (parts, wanted, target) = (Vec::new(), Vec::new(), None);
        Ok(Self {
            job,
            session,
            parts,
            wanted,
            target,
            crc32c: None,
            hashes: BTreeMap::new(),
            taken: BTreeSet::new(),
        })
    }

    fn new(id: &str, mode: Option<&str>, file: FileFacts, own: &[(&str, &str)], up: &[(&str, &str)]) -> Self {
        Self::try_new(id, mode, file, own, up).unwrap()
    }

    fn kept(mut self, pairs: &[(&str, Value)]) -> Self {
        self.session
            .vars
            .extend(pairs.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
        self
    }

    fn call(&self) -> Call<'_> {
        Call {
            session: &self.session,
            target: self.target.as_ref(),
            parts: &self.parts,
            wanted: &self.wanted,
            crc32c: self.crc32c,
            hashes: &self.hashes,
            taken: &self.taken,
        }
    }

    fn wire(&self, step: Step) -> String {
        wire(&self.job.request(step, &self.call()).unwrap())
    }

    fn read(&self, step: Step, reply: &Reply) -> Result<Reading, Fault> {
        self.job.read(step, &self.call(), reply, NOW)
    }

    fn reads(&self, step: Step, status: u16, body: Value) -> Reading {
        self.read(step, &reply(status, &[], body)).unwrap()
    }

    /// Points the next part at the API itself.
    fn part(mut self, number: u32) -> Self {
        let number = PartNumber::new(number).unwrap();
        self.target = self
            .job
            .api_targets(&self.session, &[number])
            .and_then(|mut targets| targets.pop());
        self
    }

    /// Points the next part at a presigned link.
    fn linked(mut self, url: &str, headers: &[(&str, &str)]) -> Self {
        let headers = headers
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        let link = Link {
            url: SignedUrl::new(url.into()),
            method: None,
            headers,
            expires_at: None,
        };
        let range = self.session.plan.range(PartNumber::FIRST);
        self.target = Some(PartTarget {
            number: PartNumber::FIRST,
            range,
            link: Some(link),
        });
        self
    }

    fn split(mut self, size: u64, part_size: u64) -> Self {
        self.session.plan = PartPlan::of_size(size, part_size).unwrap();
        self
    }
}

fn ack(number: u32, token: &str, checkpointed: bool) -> PartAck {
    PartAck {
        number: PartNumber::new(number).unwrap(),
        token: token.into(),
        crc32c: 0,
        checkpointed,
    }
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "canned values are written where they are used"
)]
fn reply(status: u16, headers: &[(&str, &str)], body: Value) -> Reply {
    let headers = headers
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    let body = if body.is_null() {
        Vec::new()
    } else {
        body.to_string().into_bytes()
    };
    Reply { status, headers, body }
}

fn text(status: u16, body: &str) -> Reply {
    Reply {
        status,
        headers: Vec::new(),
        body: body.into(),
    }
}

/// A request as one would write it down: the key is shown as `KEY`.
fn wire(request: &Request) -> String {
    let url = match &request.address {
        Address::Api(url) => url.to_string(),
        Address::Signed { link, .. } => format!("<{}>", link.expose()),
    };
    let mut lines = vec![format!("{} {url}", request.method)];
    lines.extend(
        request
            .auth
            .iter()
            .map(|auth| format!("{}: {}KEY", auth.header, auth.prefix)),
    );
    lines.extend(request.headers.iter().map(|(name, value)| format!("{name}: {value}")));
    match &request.body {
        Body::Empty => {}
        Body::Json(json) => lines.push(json.clone()),
        Body::UrlEncoded(text) => lines.push(text.clone()),
        Body::Bytes => lines.push("BYTES".into()),
        Body::Form { fields, file } => {
            lines.extend(fields.iter().map(|(name, value)| format!("{name}={value}")));
            lines.push(format!(
                "{}=BYTES as {:?} of {}",
                file.field, file.filename, file.content_type
            ));
        }
    }
    lines.join("\n")
}

fn lines(lines: &[&str]) -> String {
    lines.join("\n")
}

/// A JSON body as it is written on the wire.
#[expect(
    clippy::needless_pass_by_value,
    reason = "canned values are written where they are used"
)]
fn body(value: Value) -> String {
    value.to_string()
}

fn nothing() -> Value {
    json!(null)
}
