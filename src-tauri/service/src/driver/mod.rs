//! The driver: one upload's definition, account, file and options, turned into requests, and replies turned into what
//! they mean.
//!
//! Refuses a file that a limit forbids before a request is built, and every request to a host that was not declared.

mod classify;
mod home;
mod links;
mod pause;
mod read;
mod request;
mod result;
mod scene;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use skylift_model::api::Options;
use skylift_model::plan::{MOST_PARTS, PartLimits};
use skylift_model::rate::Allowance;
use skylift_model::{Fault, FaultKind, PartNumber, PartPlan, Timestamp};

use crate::definition::{Definition, STEPS};
use crate::exchange::{
    AccountFacts, Algorithm, Call, FileFacts, Flow, PartTarget, Reading, Reply, Request, Session, Step,
};
use crate::vocabulary::{Mode, Parts, Split, StepSpec};
use crate::{hosts, limits, options, quirk};
use home::Home;
pub(crate) use links::OWN_HEADERS;

/// How many times over a part could be sent while its link lives.
const LIVES_FOR: u64 = 4;
/// Parts of one upload at once, unless the definition says.
const PARALLEL_PARTS: u16 = 4;
/// How long to look at Status, unless the definition says.
const POLL_FOR: Duration = Duration::from_secs(600);
/// Pauses between looks at Status, unless the definition says.
const POLL: [Duration; 5] = [
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(4),
    Duration::from_secs(8),
    Duration::from_secs(15),
];

/// One upload: everything about it is checked.
#[derive(Debug)]
pub struct Job {
    home: Home,
    mode: usize,
    file: FileFacts,
    media_type: String,
    flow: Flow,
}

impl Job {
    /// Checks a file, its options and its mode against the definition, before a byte is sent.
    ///
    /// # Errors
    /// What the service would refuse, and what to do.
    ///
    /// # Examples
    /// ```
    /// use skylift_service::definition::built_in;
    /// use skylift_service::driver::Job;
    /// use skylift_service::exchange::{AccountFacts, FileFacts};
    ///
    /// let definition = built_in().iter().find(|definition| definition.id == "archetype").unwrap().clone();
    /// let account = AccountFacts {
    ///     name: "lab".into(),
    ///     base_url: definition.default_base_url().clone(),
    ///     options: Default::default(),
    /// };
    /// let file = FileFacts { name: "a.csv".into(), relative: "a.csv".into(), size: 10, import_url: None };
    /// let mode = definition.mode_for(&file, None).unwrap();
    /// let job = Job::new(definition, &account, file, &Default::default(), &mode, None).unwrap();
    /// assert_eq!(job.begin(None).unwrap().plan.count, 1);
    /// ```
    pub fn new(
        definition: Arc<Definition>,
        account: &AccountFacts,
        file: FileFacts,
        options: &Options,
        mode: &str,
        largest_file: Option<u64>,
    ) -> Result<Self, Fault> {
        definition.mode_for(&file, Some(mode))?;
        let specs = &definition.service().upload_option;
        let options = options::typed(specs, &options::check(specs, options, "upload")?);
        let home = Home::new(definition, account, options)?;
        let service = home.definition.service();
        let index = service
            .mode
            .iter()
            .position(|known| known.id.text() == mode)
            .unwrap_or_default();
        let mode = &service.mode[index];
        let media_type = quirk::media_type(&file.name, &service.types);
        limits::check(service, mode, &file, &media_type, largest_file)?;
        if let Some(url) = &file.import_url {
            hosts::check_import(url, mode.https_only, &home.base)?;
        }
        planned(mode, file.size, u64::MAX)?;
        let flow = flow(&home, mode);
        Ok(Self {
            mode: index,
            file,
            media_type,
            flow,
            home,
        })
    }

    /// What the service allows the key of the account.
    pub fn allowance(&self) -> Allowance {
        self.home.definition.allowance(&self.home.base)
    }

    /// The service and the address of its server.
    pub fn server(&self) -> String {
        format!("{} {}", self.home.definition.id, self.home.base)
    }

    /// How the mode runs.
    pub fn flow(&self) -> &Flow {
        &self.flow
    }

    /// The session before a request was sent: the split where it is decided here, and nothing else. Where links do not
    /// live long and the line is slow (`speed`: bytes a second of one part, where it is known), parts are smaller.
    ///
    /// # Errors
    /// When the file cannot be split.
    pub fn begin(&self, speed: Option<u64>) -> Result<Session, Fault> {
        let fits = speed.zip(self.life_of_links()).map_or(u64::MAX, |(speed, life)| {
            speed.saturating_mul(life.as_secs()) / LIVES_FOR
        });
        Ok(Session {
            vars: BTreeMap::new(),
            plan: planned(self.mode(), self.file.size, fits)?,
            expires_at: None,
            begun_at: None,
            remote_id: None,
            server: Some(self.server()),
            asked: false,
        })
    }

    /// The request of a step.
    ///
    /// # Errors
    /// When the mode has no such step, or something that the request needs is unset.
    pub fn request(&self, step: Step, call: &Call<'_>) -> Result<Request, Fault> {
        request::build(self, step, self.spec(step)?, call)
    }

    /// What the reply to a step means.
    ///
    /// # Errors
    /// What went wrong and what to do about it.
    pub fn read(&self, step: Step, call: &Call<'_>, reply: &Reply, now: Timestamp) -> Result<Reading, Fault> {
        read::read(self, step, self.spec(step)?, call, reply, now)
    }

    /// Where parts go in modes that send them to the API itself; nothing where a reply gives presigned links.
    pub fn api_targets(&self, session: &Session, numbers: &[PartNumber]) -> Option<Vec<PartTarget>> {
        self.spec(Step::Part).ok()?.path.as_ref()?;
        let target = |number: &PartNumber| PartTarget {
            number: *number,
            range: session.plan.range(*number),
            link: None,
        };
        Some(numbers.iter().map(target).collect())
    }

    /// How long presigned links live, where the definition says.
    fn life_of_links(&self) -> Option<Duration> {
        let specs = [Step::Create, Step::Refresh]
            .into_iter()
            .filter_map(|step| self.spec(step).ok());
        let lives = specs.filter_map(|spec| spec.links.as_ref()?.lifetime.as_ref());
        lives.map(|life| life.get().0).min()
    }

    fn mode(&self) -> &Mode {
        &self.home.definition.service().mode[self.mode]
    }

    fn spec(&self, step: Step) -> Result<&StepSpec, Fault> {
        let spec = self
            .home
            .definition
            .step(self.mode(), step)
            .filter(|spec| self.home.allows(spec));
        spec.ok_or_else(|| {
            let message = format!(
                "the mode {} of {} has no step {step:?}",
                self.mode().id.text(),
                self.home.definition.name
            );
            Fault::new(FaultKind::Setup, message)
        })
    }
}

/// The request that tests a key without writing, where the service has one.
///
/// # Errors
/// When the account's options do not fit the definition.
pub fn probe_request(definition: &Definition, account: &AccountFacts) -> Result<Option<Request>, Fault> {
    request::probe(&home::Visit::new(definition, account)?)
}

/// What the reply to [`probe_request`] means.
///
/// # Errors
/// What went wrong and what to do about it.
pub fn read_probe(definition: &Definition, reply: &Reply, now: Timestamp) -> Result<Reading, Fault> {
    read::probe(definition, reply, now)
}

/// The split, in parts of at most `fits` bytes as far as the limits allow.
fn planned(mode: &Mode, size: u64, fits: u64) -> Result<PartPlan, Fault> {
    match &mode.parts {
        Some(parts) if parts.split == Split::Client => {
            let mut limits = part_limits(parts);
            limits.preferred = limits.preferred.min(fits);
            PartPlan::within(size, limits).map_err(|error| Fault::new(FaultKind::TooLarge, error.to_string()))
        }
        Some(_) | None => Ok(PartPlan::whole(size)),
    }
}

fn part_limits(parts: &Parts) -> PartLimits {
    let bytes = |leaf: &Option<crate::leaf::Leaf<crate::units::Bytes>>| leaf.as_ref().map(|leaf| leaf.get().0);
    let smallest = bytes(&parts.min).unwrap_or(1);
    PartLimits {
        preferred: bytes(&parts.preferred).unwrap_or(smallest),
        smallest,
        largest: bytes(&parts.max).unwrap_or(u64::MAX),
        multiple_of: bytes(&parts.multiple_of).unwrap_or(1),
        most: parts.most.unwrap_or(MOST_PARTS),
    }
}

fn flow(home: &Home, mode: &Mode) -> Flow {
    let definition = &home.definition;
    let service = definition.service();
    let has = |step: &Step| definition.step(mode, *step).is_some_and(|spec| home.allows(spec));
    let pause = |leaf: &crate::leaf::Leaf<crate::units::Pause>| leaf.get().0;
    let note = service
        .note
        .as_ref()
        .filter(|note| note.unless.as_ref().is_none_or(|name| !home.options.contains_key(name)));
    let parallel = mode
        .parts
        .as_ref()
        .map_or(1, |parts| parts.parallel.unwrap_or(PARALLEL_PARTS));
    Flow {
        steps: STEPS.into_iter().filter(has).collect(),
        import: mode.import,
        last_part_completes: mode.last_part_completes,
        parallel_parts: usize::from(parallel),
        complete_repeatable: definition
            .step(mode, Step::Complete)
            .is_some_and(|spec| spec.repeatable),
        status_optional: mode.status_optional,
        poll: if mode.poll.is_empty() {
            POLL.to_vec()
        } else {
            mode.poll.iter().map(pause).collect()
        },
        poll_for: mode.poll_for.as_ref().map_or(POLL_FOR, pause),
        drain: mode.drain.as_ref().map_or(Duration::ZERO, pause),
        whole_hash: mode
            .checksum
            .as_ref()
            .map(|checksum| checksum.algorithm)
            .filter(|it| *it != Algorithm::Crc32c),
        note: note.map(|note| note.text.clone()),
    }
}

/// Typed option values by name.
type Values = BTreeMap<String, Value>;
