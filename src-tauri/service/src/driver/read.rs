//! Reading a reply: judged first, then everything the definition says stands in it.
//!
//! Refuses to fill in what a reply leaves out.

use serde_json::Value;
use skylift_model::sabotage::{self, Bug};
use skylift_model::{Fault, FaultKind, Timestamp};

use super::classify::{self, Setting, Verdicted};
use super::scene::Scene;
use super::{Job, links, result};
use crate::build::Build;
use crate::definition::Definition;
use crate::exchange::{Call, Reading, Reply, State, Step};
use crate::extract::{Document, plain, protocol, whole};
use crate::template::{Fillings, Hole};
use crate::units::in_words;
use crate::vocabulary::{Find, Service, StepSpec};
use crate::words;

/// The most items of a list that a file is looked for in.
const MOST_ITEMS: usize = 10_000;
/// The longest proof for a part, in bytes: there may be 10,000 of them, and an `ETag` has fewer than 100.
const LONGEST_TOKEN: usize = 4 * 1024;

/// What the reply to a step means.
pub(super) fn read(
    job: &Job,
    step: Step,
    spec: &StepSpec,
    call: &Call<'_>,
    reply: &Reply,
    now: Timestamp,
) -> Result<Reading, Fault> {
    let mut document = Document::new(reply);
    let setting = Setting {
        service: job.home.definition.service(),
        mode: Some(job.mode().id.text()),
        step,
        success: &spec.success,
        on_link: spec.path.is_none(),
        in_session: in_session(job, step),
        askable: job.flow.has(Step::Status) || job.flow.has(Step::Find),
    };
    match classify::judge(&setting, &document, now)? {
        Verdicted::Success => {}
        Verdicted::Pending | Verdicted::Nothing => return Ok(Reading::default()),
    }
    document.check_values().map_err(|fault| with_status(fault, reply))?;
    let scene = Scene::new(job, call);
    let mut reading = Reading::default();
    if let Some(find) = &spec.find {
        let theirs = |item: &Value| is_taken(item, spec, reply, call);
        document.json = found(find, &document, &scene, theirs)?;
        reading.state = if document.json.is_some() {
            State::Ready
        } else {
            State::Absent
        };
        if document.json.is_none() {
            return Ok(reading);
        }
    }
    success(job, step, spec, call, &document, now, &mut reading).map_err(|fault| with_status(fault, reply))?;
    Ok(reading)
}

fn success(
    job: &Job,
    step: Step,
    spec: &StepSpec,
    call: &Call<'_>,
    document: &Document<'_>,
    now: Timestamp,
    reading: &mut Reading,
) -> Result<(), Fault> {
    let service = job.home.definition.service();
    reading.vars = result::vars(&spec.keep, document)?;
    let layout = links::read(job, step, spec, call, document, now)?;
    (reading.plan, reading.targets) = (layout.plan, layout.targets);
    if let Some(source) = spec.token.as_ref().filter(|_| !sabotage::is(Bug::BelieveAnyYes)) {
        let value = document.need(source, "the proof for a part")?;
        reading.token = value.as_ref().map(token).transpose()?;
    }
    // What this reply said counts for its own conditions too.
    let mut session = call.session.clone();
    session.vars.extend(reading.vars.clone());
    let own = Call {
        session: &session,
        ..*call
    };
    let own = Scene::new(job, &own);
    let holds = |conditions: &Option<Vec<_>>| {
        conditions
            .as_ref()
            .is_some_and(|list: &Vec<_>| document.holds(list, &own))
    };
    if holds(&spec.failed) {
        reading.state = State::Failed(failed(service, spec, document));
    } else if holds(&spec.absent) {
        reading.state = State::Absent;
    } else if holds(&spec.ready) {
        reading.state = State::Ready;
    }
    reading.attached = holds(&spec.attached);
    if let Some(fields) = &spec.result {
        reading.outcome = result::outcome(fields, document)?;
    }
    if step == Step::Complete
        && sends_checksum(spec)
        && let Some((algorithm, hex)) = own.stated()
    {
        // What the reply itself states counts for more than that ours was accepted.
        reading.outcome.checksums.entry(algorithm).or_insert(hex);
    }
    reading.expires_at = expiry(service, step, spec, document, now);
    Ok(())
}

/// The proof for a part, which is short enough to keep.
fn token(value: &Value) -> Result<String, Fault> {
    let token = plain(value).filter(|token| token.len() <= LONGEST_TOKEN);
    token.ok_or_else(|| protocol("the reply gives something long or nested where the proof for a part was promised"))
}

/// Whether a checksum of the whole file is sent along, so that a success confirms it.
fn sends_checksum(spec: &StepSpec) -> bool {
    let templates = spec.json.iter().flat_map(Build::templates);
    templates
        .flat_map(|(template, _)| template.get().holes())
        .any(|hole| *hole == Hole::FileChecksum)
}

/// Whether a step is about a session that the service may have forgotten.
fn in_session(job: &Job, step: Step) -> bool {
    job.flow.has(Step::Create)
        && match step {
            Step::Part | Step::Refresh | Step::Checkpoint | Step::Complete | Step::Status | Step::Abort => true,
            Step::Probe | Step::Create | Step::Find | Step::Attach | Step::Delete => false,
        }
}

/// The first item of a list that matches.
fn found(
    find: &Find,
    document: &Document<'_>,
    scene: &dyn Fillings,
    theirs: impl Fn(&Value) -> bool,
) -> Result<Option<Value>, Fault> {
    let items = document.list(&find.list, "list of files")?;
    let matches = |item: &&Value| {
        find.matches
            .iter()
            .all(|condition| condition.holds(document, Some(item), scene))
    };
    let mut ours = items
        .iter()
        .take(MOST_ITEMS)
        .filter(matches)
        .filter(|item| !theirs(item));
    Ok(ours.next().cloned())
}

/// Whether an item of a list belongs to another upload.
fn is_taken(item: &Value, spec: &StepSpec, reply: &Reply, call: &Call<'_>) -> bool {
    let document = Document {
        reply,
        json: Some(item.clone()),
    };
    let outcome = spec.result.as_ref().map(|fields| result::outcome(fields, &document));
    let id = outcome.and_then(Result::ok).and_then(|outcome| outcome.remote_id);
    id.is_some_and(|id| call.taken.contains(&id))
}

fn failed(service: &Service, spec: &StepSpec, document: &Document<'_>) -> Fault {
    let why = document.text(spec.reason.as_ref()).as_deref().and_then(words::clean);
    let message = match why {
        Some(why) => format!("{} gave up on the file: {why}", service.name),
        None => format!("{} gave up on the file", service.name),
    };
    Fault::new(FaultKind::Refused, message)
}

fn expiry(
    service: &Service,
    step: Step,
    spec: &StepSpec,
    document: &Document<'_>,
    now: Timestamp,
) -> Option<Timestamp> {
    let stated = document
        .text(spec.expires_at.as_ref())
        .and_then(|at| Timestamp::parse(&at));
    let stated = stated.map(|at| super::pause::by_our_clock(document.reply, at, now));
    let usual = || {
        service
            .limits
            .session_ttl
            .as_ref()
            .filter(|_| step == Step::Create)
            .map(|ttl| now.after(ttl.get().0))
    };
    stated.or_else(usual)
}

fn with_status(fault: Fault, reply: &Reply) -> Fault {
    if fault.status.is_some() {
        fault
    } else {
        fault.status(reply.status)
    }
}

/// What the reply to a test of the key means.
pub(super) fn probe(definition: &Definition, reply: &Reply, now: Timestamp) -> Result<Reading, Fault> {
    let service = definition.service();
    let document = Document::new(reply);
    let Some(spec) = &service.step.probe else {
        return Ok(Reading::default());
    };
    let setting = Setting {
        service,
        mode: None,
        step: Step::Probe,
        success: &spec.success,
        on_link: false,
        in_session: false,
        askable: false,
    };
    if classify::judge(&setting, &document, now)? != Verdicted::Success {
        let unknown = format!(
            "{} has no way to test this key; the first upload will tell.",
            definition.name
        );
        return Ok(Reading {
            findings: vec![unknown],
            ..Reading::default()
        });
    }
    document.check_values().map_err(|fault| with_status(fault, reply))?;
    if document.json.is_none() {
        return Err(
            protocol(format!("{} answered with something that is no JSON", definition.name)).status(reply.status),
        );
    }
    let largest_file = match &spec.largest_file {
        Some(source) => document
            .need(source, "the largest file of the plan")?
            .as_ref()
            .and_then(whole),
        None => None,
    };
    let said = spec.findings.iter().filter_map(|finding| {
        let value = document.text(Some(&finding.at)).as_deref().and_then(words::clean)?;
        Some(finding.text.replace("{}", &value))
    });
    let limit = largest_file.map(|most| format!("Files may have up to {} in this plan.", in_words(most)));
    Ok(Reading {
        findings: said.chain(limit).collect(),
        largest_file,
        ..Reading::default()
    })
}
