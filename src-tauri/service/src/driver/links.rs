//! Presigned links and the split, as a reply gives them.
//!
//! Refuses a link to a host that was not declared, and a list of parts that does not tile the file exactly.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;
use skylift_model::plan::MOST_PARTS;
use skylift_model::{Fault, PartNumber, PartPlan, SignedUrl, Timestamp};

use super::request::carries;
use super::{Job, pause};
use crate::exchange::{Call, Link, PartTarget, Step};
use crate::extract::{Document, Source, plain, protocol, whole};
use crate::hosts;
use crate::leaf::Leaf;
use crate::vocabulary::{LinkFields, Split, StepSpec};

/// The most headers a service may name for a link.
const MOST_HEADERS: usize = 32;
/// The longest of them.
const LONGEST_HEADER: usize = 8 * 1024;
/// Headers that the transport owns, or that would carry more than was agreed to.
pub(crate) const OWN_HEADERS: [&str; 11] = [
    "host",
    "content-length",
    "transfer-encoding",
    "connection",
    "cookie",
    "proxy-authorization",
    "upgrade",
    "expect",
    "keep-alive",
    "te",
    "trailer",
];

/// The split and the links of a reply.
#[derive(Default)]
pub(super) struct Layout {
    pub(super) plan: Option<PartPlan>,
    pub(super) targets: Vec<PartTarget>,
}

/// One item of the list.
struct Item {
    number: PartNumber,
    offset: Option<u64>,
    length: Option<u64>,
    link: Link,
}

/// Checks that a link points at a host that may receive files.
pub(super) fn check_link(job: &Job, url: &str) -> Result<(), Fault> {
    let service = job.home.definition.service();
    let patterns: Vec<_> = service.server.upload_hosts.iter().map(Leaf::get).collect();
    hosts::check_link(url, &patterns, &job.home.base).map(|_| ())
}

/// Reads the split and the links.
pub(super) fn read(
    job: &Job,
    step: Step,
    spec: &StepSpec,
    call: &Call<'_>,
    document: &Document<'_>,
    now: Timestamp,
) -> Result<Layout, Fault> {
    let reader = Reader { job, document, now };
    match &spec.links {
        Some(fields) if fields.list.is_some() => {
            let items = reader.items(fields)?;
            if step == Step::Refresh {
                refreshed(call, items)
            } else {
                begun(job, spec, document, items)
            }
        }
        Some(fields) => {
            let link = reader.link(fields, document.json.as_ref())?;
            let range = 0..job.file.size;
            let target = PartTarget {
                number: PartNumber::FIRST,
                range,
                link: Some(link),
            };
            Ok(Layout {
                plan: None,
                targets: vec![target],
            })
        }
        None if spec.plan.is_some() => begun(job, spec, document, Vec::new()),
        None => Ok(Layout::default()),
    }
}

/// Fresh links: for parts that were asked for, and as long as those are.
fn refreshed(call: &Call<'_>, items: Vec<Item>) -> Result<Layout, Fault> {
    let mut targets = BTreeMap::new();
    for item in items {
        if !call.wanted.contains(&item.number) {
            return Err(protocol(format!(
                "the service gave an address for part {}, which was not asked for",
                item.number
            )));
        }
        let target = tile(&call.session.plan, item)?;
        targets.insert(target.number, target);
    }
    Ok(Layout {
        plan: None,
        targets: targets.into_values().collect(),
    })
}

/// The split of a new session, and its links.
fn begun(job: &Job, spec: &StepSpec, document: &Document<'_>, items: Vec<Item>) -> Result<Layout, Fault> {
    let plan = plan(job, spec, document, &items)?;
    let listed = items.len();
    let mut targets = BTreeMap::new();
    for item in items {
        let target = tile(&plan, item)?;
        if targets.insert(target.number, target).is_some() {
            return Err(protocol("the service lists a part twice"));
        }
    }
    let whole_list = job
        .mode()
        .parts
        .as_ref()
        .is_some_and(|parts| parts.split == Split::ServerList);
    if whole_list && listed != plan.count as usize {
        return Err(protocol(format!("the service lists {listed} of {} parts", plan.count)));
    }
    Ok(Layout {
        plan: Some(plan),
        targets: targets.into_values().collect(),
    })
}

fn plan(job: &Job, spec: &StepSpec, document: &Document<'_>, items: &[Item]) -> Result<PartPlan, Fault> {
    let number = |source: Option<&Leaf<Source>>, what: &str| match source {
        Some(source) => match document.need(source, what)? {
            Some(value) => whole(&value)
                .map(Some)
                .ok_or_else(|| protocol(format!("the reply gives {what} that is none"))),
            None => Ok(None),
        },
        None => Ok(None),
    };
    let fields = spec.plan.as_ref();
    let size = number(fields.and_then(|fields| fields.size.as_ref()), "a size of parts")?;
    let count = number(fields.and_then(|fields| fields.count.as_ref()), "a number of parts")?;
    let plan = match size.or_else(|| implied_size(job, count, items)) {
        Some(size) => PartPlan::of_size(job.file.size, size),
        None => {
            return Err(protocol(
                "the service says neither how large parts are nor how many there are",
            ));
        }
    };
    let plan = plan.map_err(|error| protocol(format!("the service names a split that cannot be: {error}")))?;
    match count {
        Some(count) if count != u64::from(plan.count) => Err(protocol(format!(
            "the service counts {count} parts, but {} come out",
            plan.count
        ))),
        Some(_) | None => Ok(plan),
    }
}

/// The size of parts where the service does not state it: the first part's length, or the whole file as one part.
fn implied_size(job: &Job, count: Option<u64>, items: &[Item]) -> Option<u64> {
    let first = items
        .iter()
        .find(|item| item.number == PartNumber::FIRST)
        .and_then(|item| item.length);
    let one = count.map_or(items.len() == 1, |count| count == 1);
    first.or_else(|| one.then_some(job.file.size)).map(|size| size.max(1))
}

/// A part where it belongs: its number, offset and length must be those of the plan.
fn tile(plan: &PartPlan, item: Item) -> Result<PartTarget, Fault> {
    let Item {
        number,
        offset,
        length,
        link,
    } = item;
    let range = plan.range(number);
    if number.get() > plan.count {
        return Err(protocol(format!("the service names part {number} of {}", plan.count)));
    }
    if offset.is_some_and(|offset| offset != range.start)
        || length.is_some_and(|length| length != range.end - range.start)
    {
        return Err(protocol(format!("the service's part {number} does not fit the file")));
    }
    Ok(PartTarget {
        number,
        range,
        link: Some(link),
    })
}

struct Reader<'a> {
    job: &'a Job,
    document: &'a Document<'a>,
    now: Timestamp,
}

impl Reader<'_> {
    fn items(&self, fields: &LinkFields) -> Result<Vec<Item>, Fault> {
        let Some(list) = &fields.list else {
            return Err(protocol("the reply holds no list of parts"));
        };
        let items = self.document.list(list, "list of parts")?;
        if items.len() > MOST_PARTS as usize {
            return Err(protocol(format!("the service lists more than {MOST_PARTS} parts")));
        }
        items.iter().map(|item| self.item(fields, item)).collect()
    }

    fn item(&self, fields: &LinkFields, item: &Value) -> Result<Item, Fault> {
        let number = |source: &Option<Leaf<Source>>, what: &str| match source {
            Some(source) => match self.document.need_in(Some(item), source, what)? {
                Some(value) => whole(&value)
                    .map(Some)
                    .ok_or_else(|| protocol(format!("the reply gives {what} that is none"))),
                None => Ok(None),
            },
            None => Ok(None),
        };
        let first = self.job.mode().parts.as_ref().map_or(1, |parts| parts.first);
        let stated = number(&fields.number, "a part number")?.and_then(|number| u32::try_from(number).ok());
        let index = stated
            .and_then(|number| number.checked_sub(first))
            .filter(|index| *index < MOST_PARTS);
        let index = index.ok_or_else(|| protocol("the service names a part number that cannot be"))?;
        Ok(Item {
            number: PartNumber::from_index(index),
            offset: number(&fields.offset, "an offset")?,
            length: number(&fields.length, "a length")?,
            link: self.link(fields, Some(item))?,
        })
    }

    fn link(&self, fields: &LinkFields, json: Option<&Value>) -> Result<Link, Fault> {
        let url = self.document.need_in(json, &fields.url, "an upload address")?;
        let url = url
            .as_ref()
            .and_then(plain)
            .ok_or_else(|| protocol("the reply gives no upload address"))?;
        check_link(self.job, &url)?;
        let method = match &fields.method {
            Some(source) => self
                .document
                .need_in(json, source, "a method")?
                .as_ref()
                .and_then(plain),
            None => None,
        };
        let method = match method {
            Some(name) => {
                Some(carries(&name).ok_or_else(|| protocol("the service names a method that carries no file"))?)
            }
            None => None,
        };
        Ok(Link {
            url: SignedUrl::new(url),
            method,
            headers: self.headers(fields, json)?,
            expires_at: self.expiry(fields, json)?,
        })
    }

    fn headers(&self, fields: &LinkFields, json: Option<&Value>) -> Result<Vec<(String, String)>, Fault> {
        let Some(source) = &fields.headers else {
            return Ok(Vec::new());
        };
        let Some(Value::Object(named)) = self.document.need_in(json, source, "headers")? else {
            return Ok(Vec::new());
        };
        let sound = |(name, value): (&String, &Value)| {
            let value = value.as_str().filter(|value| value.len() <= LONGEST_HEADER)?;
            http::HeaderName::from_bytes(name.as_bytes()).ok()?;
            http::HeaderValue::from_str(value).ok()?;
            Some((name.to_ascii_lowercase(), value.to_owned()))
        };
        let headers: Option<Vec<_>> = named.iter().map(sound).collect();
        let headers = headers.filter(|headers| headers.len() <= MOST_HEADERS);
        let headers = headers.ok_or_else(|| protocol("the service names headers that cannot be sent"))?;
        Ok(headers
            .into_iter()
            .filter(|(name, _)| !OWN_HEADERS.contains(&name.as_str()))
            .collect())
    }

    fn expiry(&self, fields: &LinkFields, json: Option<&Value>) -> Result<Option<Timestamp>, Fault> {
        if let Some(source) = &fields.expires_at
            && let Some(at) = self.document.need_in(json, source, "when an address expires")?
        {
            let at = at.as_str().and_then(Timestamp::parse);
            return Ok(at.map(|at| pause::by_our_clock(self.document.reply, at, self.now)));
        }
        if let Some(source) = &fields.expires_in
            && let Some(seconds) = self
                .document
                .need(source, "how long an address lives")?
                .as_ref()
                .and_then(whole)
        {
            return Ok(Some(self.now.after(Duration::from_secs(seconds))));
        }
        Ok(fields
            .lifetime
            .as_ref()
            .map(|lifetime| self.now.after(lifetime.get().0)))
    }
}
