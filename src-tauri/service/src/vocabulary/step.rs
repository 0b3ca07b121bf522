//! Steps: one request each, and what its reply says.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use super::mode::Encoding;
use crate::build::Build;
use crate::exchange::{Algorithm, Step};
use crate::extract::{Condition, Source};
use crate::leaf::Leaf;
use crate::template::Template;
use crate::units::{Pause, Verb};

/// Steps by their names.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Steps {
    /// Tests a key without writing; may tell the limits of the plan.
    pub probe: Option<StepSpec>,
    /// Makes the record, and gives the session and presigned links.
    pub create: Option<StepSpec>,
    /// Carries bytes.
    pub part: Option<StepSpec>,
    /// Asks for fresh presigned links.
    pub refresh: Option<StepSpec>,
    /// Tells the service which parts it holds, so that it remembers.
    pub checkpoint: Option<StepSpec>,
    /// Says that everything was sent.
    pub complete: Option<StepSpec>,
    /// Asks how one known upload stands.
    pub status: Option<StepSpec>,
    /// Looks for a file whose identity was never learned.
    pub find: Option<StepSpec>,
    /// Puts the file where it belongs.
    pub attach: Option<StepSpec>,
    /// Drops a session and what it holds.
    pub abort: Option<StepSpec>,
    /// Deletes a file that was made.
    pub delete: Option<StepSpec>,
}

impl Steps {
    /// The step of this name.
    pub(crate) const fn get(&self, step: Step) -> Option<&StepSpec> {
        match step {
            Step::Probe => self.probe.as_ref(),
            Step::Create => self.create.as_ref(),
            Step::Part => self.part.as_ref(),
            Step::Refresh => self.refresh.as_ref(),
            Step::Checkpoint => self.checkpoint.as_ref(),
            Step::Complete => self.complete.as_ref(),
            Step::Status => self.status.as_ref(),
            Step::Find => self.find.as_ref(),
            Step::Attach => self.attach.as_ref(),
            Step::Abort => self.abort.as_ref(),
            Step::Delete => self.delete.as_ref(),
        }
    }
}

/// One request and what its reply says.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct StepSpec {
    /// The method. A part that goes to a presigned link takes the method the service named, if it named one.
    pub method: Leaf<Verb>,
    /// The path after base URL and prefix. A part without a path goes to its presigned link.
    pub path: Option<Leaf<Template>>,
    /// Whether the service leaves it undocumented.
    #[serde(default)]
    pub assumed: bool,
    /// The step is left out unless this holds.
    pub when: Option<OptionTest>,
    /// Whether it may be sent again without asking first when its answer was lost. Of Complete only.
    #[serde(default)]
    pub repeatable: bool,
    /// Pairs after the `?`; a list makes one pair for each item.
    #[serde(default)]
    pub query: BTreeMap<String, Leaf<Template>>,
    /// Headers.
    #[serde(default)]
    pub headers: BTreeMap<String, Leaf<Template>>,
    /// A JSON body. `{ each = "parts", item = ... }` makes a list with one item for each part.
    pub json: Option<Build>,
    /// A `multipart/form-data` body with the bytes in it.
    pub form: Option<Form>,
    /// An `application/x-www-form-urlencoded` body.
    pub urlencoded: Option<BTreeMap<String, Leaf<Template>>>,
    /// Whether the body is the bytes as they are.
    #[serde(default)]
    pub raw: bool,
    /// The statuses that are a success; every 2xx when left out.
    #[serde(default)]
    pub success: Vec<u16>,
    /// What to keep for later steps, as `{kept.NAME}`.
    #[serde(default)]
    pub keep: BTreeMap<String, Leaf<Source>>,
    /// Where presigned links stand.
    pub links: Option<LinkFields>,
    /// Where the split stands.
    pub plan: Option<PlanFields>,
    /// The proof for a part.
    pub token: Option<Leaf<Source>>,
    /// When the service forgets the upload (RFC 3339).
    pub expires_at: Option<Leaf<Source>>,
    /// The file is there when all of these hold; a success alone says so when the list is empty.
    pub ready: Option<Vec<Condition>>,
    /// The service gave up when all of these hold.
    pub failed: Option<Vec<Condition>>,
    /// The service surely does not have it when all of these hold.
    pub absent: Option<Vec<Condition>>,
    /// The file already is where Attach would put it when all of these hold.
    pub attached: Option<Vec<Condition>>,
    /// Why the service gave up.
    pub reason: Option<Leaf<Source>>,
    /// What the service says of the file it holds.
    pub result: Option<ResultFields>,
    /// How the file is found in a list. Of Find only.
    pub find: Option<Find>,
    /// The largest file of the account's plan. Of Probe only.
    pub largest_file: Option<Leaf<Source>>,
    /// What a test of the key tells. Of Probe only.
    #[serde(default)]
    pub findings: Vec<Finding>,
}

/// A test of an option.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct OptionTest {
    /// The option.
    pub option: String,
    /// The values of which it must have one; it only must be set when left out.
    pub one_of: Option<Vec<String>>,
}

/// A `multipart/form-data` body: the fields, then the bytes.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Form {
    /// Fields before the bytes, in order.
    #[serde(default)]
    pub field: Vec<FormPart>,
    /// The field that holds the bytes.
    pub file: String,
    /// The file name said with the bytes.
    pub filename: Leaf<Template>,
    /// The content type said with the bytes.
    pub content_type: Leaf<Template>,
}

/// A field of a form. A list makes one field for each item.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct FormPart {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: Leaf<Template>,
}

/// Where presigned links stand in a reply. With `list`, everything but `expires_in` is looked up in each item.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LinkFields {
    /// The list of parts; left out where there is one link.
    pub list: Option<Leaf<Source>>,
    /// The number of a part, as the service counts.
    pub number: Option<Leaf<Source>>,
    /// The address.
    pub url: Leaf<Source>,
    /// Where the part starts.
    pub offset: Option<Leaf<Source>>,
    /// How many bytes it has.
    pub length: Option<Leaf<Source>>,
    /// The method to use.
    pub method: Option<Leaf<Source>>,
    /// Headers to send exactly: an object of texts.
    pub headers: Option<Leaf<Source>>,
    /// When the link expires (RFC 3339).
    pub expires_at: Option<Leaf<Source>>,
    /// In how many seconds it expires; looked up in the whole reply.
    pub expires_in: Option<Leaf<Source>>,
    /// How long a link lives where the reply does not say.
    pub lifetime: Option<Leaf<Pause>>,
}

/// Where the split stands in a reply.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PlanFields {
    /// Bytes of every part but the last.
    pub size: Option<Leaf<Source>>,
    /// How many parts there are.
    pub count: Option<Leaf<Source>>,
}

/// What the service says of the file it holds.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ResultFields {
    /// Its identity, for the person.
    pub remote_id: Option<Leaf<Source>>,
    /// Its address, when it is no secret; dropped where it has a query.
    pub remote_url: Option<Leaf<Source>>,
    /// Bytes.
    pub size: Option<Leaf<Source>>,
    /// Checksums.
    #[serde(default)]
    pub checksum: Vec<StatedChecksum>,
    /// Fields for the receipt.
    #[serde(default)]
    pub reply: BTreeMap<String, Leaf<Source>>,
}

/// A checksum that the service states.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct StatedChecksum {
    /// Which.
    pub algorithm: Algorithm,
    /// Where it stands.
    pub at: Leaf<Source>,
    /// How it is written.
    #[serde(default)]
    pub encoding: Encoding,
}

/// How a file is found in a list.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Find {
    /// The list.
    pub list: Leaf<Source>,
    /// What must hold for an item; the first one is taken, and everything else of the step is looked up in it.
    pub matches: Vec<Condition>,
}

/// A sentence of what a test of the key told.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Finding {
    /// Where the value stands; the sentence is left out when it is missing.
    pub at: Leaf<Source>,
    /// The sentence, with `{}` for the value.
    pub text: String,
}
