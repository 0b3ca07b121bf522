//! What placeholders stand for at one request: the file, the options, what replies said, and one part.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use skylift_model::{Fault, FaultKind, PartNumber};

use super::{Job, Values};
use crate::exchange::{Algorithm, Call};
use crate::quirk;
use crate::template::{Each, Fillings, Hole, as_text};
use crate::vocabulary::{Checksum, Encoding};

/// What placeholders stand for at one request.
pub(super) struct Scene<'a> {
    job: &'a Job,
    call: &'a Call<'a>,
    part: Option<Part<'a>>,
}

/// One part, for the placeholders `part.*`.
#[derive(Clone, Copy)]
struct Part<'a> {
    number: PartNumber,
    token: Option<&'a str>,
}

impl<'a> Scene<'a> {
    pub(super) fn new(job: &'a Job, call: &'a Call<'a>) -> Self {
        let part = call.target.map(|target| Part {
            number: target.number,
            token: None,
        });
        Self { job, call, part }
    }

    fn checksum(&self) -> Option<String> {
        let Checksum {
            algorithm,
            encoding,
            asked_by,
        } = self.job.mode().checksum.as_ref()?;
        if let Some(kept) = asked_by {
            let asked = as_text(self.call.session.vars.get(kept)?);
            let name = serde_json::to_value(algorithm).ok()?;
            if !asked.eq_ignore_ascii_case(name.as_str()?) {
                return None;
            }
        }
        let bytes = self.hash(*algorithm)?;
        Some(match encoding {
            Encoding::Hex => hex::encode(bytes),
            Encoding::Base64 => STANDARD.encode(bytes),
        })
    }

    /// The checksum of the whole file that goes with Complete, in hex: a service that takes it has compared it.
    pub(super) fn stated(&self) -> Option<(Algorithm, String)> {
        let algorithm = self.job.mode().checksum.as_ref()?.algorithm;
        self.checksum()?;
        Some((algorithm, hex::encode(self.hash(algorithm)?)))
    }

    fn hash(&self, algorithm: Algorithm) -> Option<Vec<u8>> {
        match algorithm {
            Algorithm::Crc32c => self.call.crc32c.map(|crc| crc.to_be_bytes().to_vec()),
            Algorithm::Sha1 | Algorithm::Sha256 | Algorithm::Md5 => hex::decode(self.call.hashes.get(&algorithm)?).ok(),
        }
    }

    fn first(&self) -> u32 {
        self.job.mode().parts.as_ref().map_or(1, |parts| parts.first)
    }
}

impl Fillings for Scene<'_> {
    fn value(&self, hole: &Hole) -> Option<Value> {
        let (file, session) = (&self.job.file, self.call.session);
        match hole {
            Hole::FileName => Some(file.name.clone().into()),
            Hole::FilePlainName => quirk::plain_name(&file.name).map(Value::from),
            Hole::FileDirectory => file.relative.rsplit_once('/').map(|(directory, _)| directory.into()),
            Hole::FileSize => Some(file.size.into()),
            Hole::FileType => Some(self.job.media_type.clone().into()),
            Hole::FileKind => Some(quirk::kind(&self.job.media_type).into()),
            Hole::FileUrl => file.import_url.clone().map(Value::from),
            Hole::FileChecksum => self.checksum().map(Value::from),
            Hole::FileHash(algorithm) => self.hash(*algorithm).map(|bytes| hex::encode(bytes).into()),
            Hole::Option(name) => self.job.home.options.get(name).cloned(),
            Hole::Kept(name) => session.vars.get(name).cloned(),
            Hole::PartNumber => self.part.map(|part| (part.number.index() + self.first()).into()),
            Hole::PartOffset => self.part.map(|part| session.plan.range(part.number).start.into()),
            Hole::PartLength => self.part.map(|part| session.plan.length(part.number).into()),
            Hole::PartToken => self.part.and_then(|part| part.token).map(Value::from),
            Hole::PartsCount => Some(session.plan.count.into()),
            Hole::PartsSize => Some(session.plan.part_size.into()),
        }
    }

    fn missing(&self, hole: &Hole) -> Fault {
        missing(hole)
    }

    fn each(&self, each: Each) -> Vec<Box<dyn Fillings + '_>> {
        let scene = |number, token| {
            let part = Some(Part { number, token });
            Box::new(Self { part, ..*self }) as Box<dyn Fillings + '_>
        };
        let acks = self.call.parts.iter();
        match each {
            Each::Wanted => self.call.wanted.iter().map(|number| scene(*number, None)).collect(),
            Each::Parts => acks.map(|ack| scene(ack.number, Some(&ack.token))).collect(),
            Each::NotCheckpointed => acks
                .filter(|ack| !ack.checkpointed)
                .map(|ack| scene(ack.number, Some(&ack.token)))
                .collect(),
        }
    }
}

/// What placeholders stand for at a request without a file: the account's options.
pub(super) struct Bare<'a>(pub(super) &'a Values);

impl Fillings for Bare<'_> {
    fn value(&self, hole: &Hole) -> Option<Value> {
        if let Hole::Option(name) = hole {
            self.0.get(name).cloned()
        } else {
            None
        }
    }

    fn missing(&self, hole: &Hole) -> Fault {
        missing(hole)
    }

    fn each(&self, _: Each) -> Vec<Box<dyn Fillings + '_>> {
        Vec::new()
    }
}

fn missing(hole: &Hole) -> Fault {
    if let Hole::Option(name) = hole {
        return Fault::new(FaultKind::Setup, format!("the option {name} must be filled in"))
            .hint(format!("Fill it in; on the command line with --option {name}=..."));
    }
    if let Hole::Kept(name) = hole {
        return Fault::new(
            FaultKind::Protocol,
            format!("the service never said {name}, which this step needs"),
        );
    }
    Fault::new(
        FaultKind::Setup,
        format!("the definition uses {hole:?} where it is not known"),
    )
}
