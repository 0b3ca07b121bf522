//! An upload in the making, driven as the engine drives it: what replies say is kept, and every request that could be
//! sent next is built and looked at.
//!
//! Refuses to be lenient: every request, reading and fault is held against the oracles.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::Arc;

use skylift_model::api::{OptionKind, OptionView, Options};
use skylift_model::{Fault, PartNumber, Timestamp};
use skylift_service::definition::Definition;
use skylift_service::driver::{Job, probe_request, read_probe};
use skylift_service::exchange::{
    AccountFacts, Algorithm, Call, FileFacts, PartAck, PartTarget, Reading, Reply, Request, Session, Step,
};

use crate::conversation::{Opening, STEPS};
use crate::oracles::{Terms, check_fault, check_reading, check_request, written};

/// When everything happens.
pub(crate) const NOW: Timestamp = Timestamp(1_800_000_000_000);
/// Bytes of any file.
const CRC32C: u32 = 0x1234_5678;
/// Asked for at once.
const MOST_WANTED: usize = 3;
/// What fits every option of text, that of a page included.
const TEXT: &str = "123456789abcdef0123456789abcdef0";

/// An upload in the making.
pub(crate) struct Upload {
    definition: Arc<Definition>,
    account: AccountFacts,
    terms: Terms,
    job: Job,
    size: u64,
    session: Session,
    targets: BTreeMap<PartNumber, PartTarget>,
    acks: BTreeMap<PartNumber, PartAck>,
    hashes: BTreeMap<Algorithm, String>,
    taken: BTreeSet<String>,
    /// Everything that came out, so that two runs can be compared.
    pub told: String,
}

impl Upload {
    /// Begins an upload as its opening says.
    ///
    /// # Errors
    /// What the driver refuses.
    pub(crate) fn begin(definition: &Arc<Definition>, terms: Terms, opening: &Opening) -> Result<Self, Fault> {
        let account = account(definition);
        let view = definition.view(false);
        let modes = view.modes;
        let mode = modes.iter().find(|mode| mode.id == opening.mode);
        let mode = mode.unwrap_or(&modes[opening.mode.len() % modes.len()]);
        let file = FileFacts {
            name: opening.name.clone(),
            relative: format!("folder/{}", opening.name),
            size: if mode.import { 0 } else { opening.size },
            import_url: mode.import.then(|| "https://files.example/a.png".to_owned()),
        };
        let size = file.size;
        let options = filled(&view.upload_options, |_| true);
        let job = Job::new(definition.clone(), &account, file, &options, &mode.id, None)?;
        let session = job.begin(None)?;
        let hash = |algorithm, bytes| (algorithm, "ab".repeat(bytes));
        let mut upload = Self {
            definition: definition.clone(),
            account,
            terms,
            job,
            size,
            session,
            targets: BTreeMap::new(),
            acks: BTreeMap::new(),
            hashes: [
                hash(Algorithm::Sha1, 20),
                hash(Algorithm::Sha256, 32),
                hash(Algorithm::Md5, 16),
            ]
            .into(),
            taken: ["taken".to_owned()].into(),
            told: String::new(),
        };
        upload.aim();
        Ok(upload)
    }

    /// Has a reply read, as that to a step, and looks at what comes out.
    pub(crate) fn hear(&mut self, step: Step, reply: &Reply) {
        let read = if step == Step::Probe {
            read_probe(&self.definition, reply, NOW)
        } else {
            self.with_call(|job, call| job.read(step, call, reply, NOW))
        };
        match read {
            Ok(reading) => {
                writeln!(self.told, "{step:?}: {reading:?}").unwrap();
                check_reading(&self.terms, &reading, self.size, &self.session);
                if step != Step::Probe {
                    self.keep(step, reading);
                    for request in self.requests() {
                        writeln!(self.told, "{}", written(&request)).unwrap();
                    }
                }
            }
            Err(fault) => {
                check_fault(&fault);
                writeln!(self.told, "{step:?}: {fault:?}").unwrap();
            }
        }
    }

    /// Every request that could be sent next, each of them looked at.
    pub(crate) fn requests(&self) -> Vec<Request> {
        let steps = STEPS.into_iter().filter(|step| *step != Step::Probe);
        let asked = steps.map(|step| self.with_call(|job, call| job.request(step, call)));
        let probe = probe_request(&self.definition, &self.account).transpose();
        let mut requests = Vec::new();
        for asked in asked.chain(probe) {
            match asked {
                Ok(request) => {
                    check_request(&self.terms, &request);
                    requests.push(request);
                }
                Err(fault) => check_fault(&fault),
            }
        }
        requests
    }

    fn with_call<T>(&self, ask: impl FnOnce(&Job, &Call<'_>) -> T) -> T {
        let parts: Vec<_> = self.acks.values().cloned().collect();
        let wanted: Vec<_> = self.session.plan.numbers().take(MOST_WANTED).collect();
        let target = self
            .targets
            .values()
            .find(|target| !self.acks.contains_key(&target.number));
        let call = Call {
            session: &self.session,
            target: target.or_else(|| self.targets.values().next()),
            parts: &parts,
            wanted: &wanted,
            crc32c: Some(CRC32C),
            hashes: &self.hashes,
            taken: &self.taken,
        };
        ask(&self.job, &call)
    }

    fn keep(&mut self, step: Step, reading: Reading) {
        let Reading {
            vars,
            plan,
            targets,
            token,
            ..
        } = reading;
        self.session.vars.extend(vars);
        if let Some(plan) = plan {
            self.session.plan = plan;
            self.targets.clear();
            self.acks.clear();
        }
        if step == Step::Part
            && let Some(target) = self
                .targets
                .values()
                .find(|target| !self.acks.contains_key(&target.number))
        {
            let number = target.number;
            let ack = PartAck {
                number,
                token: token.unwrap_or_default(),
                crc32c: CRC32C,
                checkpointed: number.get() % 2 == 0,
            };
            self.acks.insert(number, ack);
        }
        self.targets
            .extend(targets.into_iter().map(|target| (target.number, target)));
        self.aim();
    }

    /// Where parts go that need no link.
    fn aim(&mut self) {
        let numbers: Vec<_> = self.session.plan.numbers().take(MOST_WANTED).collect();
        let targets = self.job.api_targets(&self.session, &numbers).unwrap_or_default();
        self.targets
            .extend(targets.into_iter().map(|target| (target.number, target)));
    }
}

/// An account with all options that must be filled in.
pub(crate) fn account(definition: &Definition) -> AccountFacts {
    AccountFacts {
        name: "mine".into(),
        base_url: definition.default_base_url().clone(),
        options: filled(&definition.view(false).account_options, |option| option.required),
    }
}

/// Options with something that fits.
fn filled(options: &[OptionView], which: impl Fn(&OptionView) -> bool) -> Options {
    let fill = |option: &OptionView| {
        let value = match option.kind {
            OptionKind::Integer => "7".to_owned(),
            OptionKind::Boolean => "true".to_owned(),
            OptionKind::Choice => option.choices.first().cloned().unwrap_or_default(),
            OptionKind::List => "a,b".to_owned(),
            OptionKind::Map => return (format!("{}.a", option.name.trim_end_matches(".KEY")), "b".to_owned()),
            OptionKind::Text => TEXT.to_owned(),
        };
        (option.name.clone(), value)
    };
    options.iter().filter(|option| which(option)).map(fill).collect()
}
