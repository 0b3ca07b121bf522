//! Adding uploads: the walk runs beside the actor, the rows are written in one transaction.

use std::collections::HashMap;

use skylift_model::api::{AddedFile, Answer, NewImport, NewUploads, Options, Skipped};
use skylift_model::names::{RawPath, cut_address, shown};
use skylift_model::{Fault, FaultKind, FolderId, Phase, UploadId};
use skylift_service::driver::Job;
use skylift_service::exchange::FileFacts;
use url::Url;

use super::verbs::Verb;
use super::{Actor, Reply};
use crate::files;
use crate::intake::{self, Found, Intake};
use crate::ports::SourceFacts;
use crate::record::Record;
use crate::store::UploadRow;

/// Why a file is not sent again by itself.
const MAY_BE_THERE: &str = "An earlier upload of it may have arrived. Look at the service, then retry that upload, or remove \
                            it from the list and add the file again.";

/// Where an upload comes from.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    /// A person added the file.
    Added,
    /// A person gave an address.
    Import,
    /// It was found in a watched folder.
    Folder {
        /// The folder.
        id: FolderId,
        /// Whether whoever writes it may not be done yet.
        unfinished: bool,
    },
}

impl Actor {
    pub(super) fn add(&mut self, uploads: NewUploads, reply: Reply) {
        let intake = match self.intake(&uploads) {
            Ok(intake) => intake,
            Err(fault) => return self.answer(reply, Err(fault)),
        };
        let looked_at = self.setting.ports.files.clone();
        let walk = files::aside(self.setting.ports.aside, move || {
            (intake::collect(&intake, &uploads.paths, &*looked_at), intake)
        });
        self.beside(reply, walk, |actor, walked| {
            let (found, intake) = walked?;
            actor.take(found?, &intake)
        });
    }

    fn intake(&self, uploads: &NewUploads) -> Result<Intake, Fault> {
        self.intake_for(&uploads.account, uploads.options.clone(), uploads.mode.clone())
    }

    pub(super) fn intake_for(&self, account: &str, options: Options, mode: Option<String>) -> Result<Intake, Fault> {
        let (definition, facts) = self.account_facts(account)?;
        let kept = self.settings.get().accounts.get(account);
        Ok(Intake {
            service: definition.id.clone(),
            definition,
            account: facts,
            options,
            mode,
            largest_file: kept.and_then(|account| account.largest_file),
        })
    }

    fn take(&mut self, found: Found, intake: &Intake) -> Result<Answer, Fault> {
        let mut added = skylift_model::api::Added {
            added: Vec::with_capacity(found.files.len()),
            skipped: found.skipped,
        };
        // The same file in the same way to the same account goes on where it is, instead of going twice.
        let mut open = self.alike(intake, Phase::is_live);
        let failed = self.alike(intake, |phase| phase == Phase::Failed);
        for file in found.files {
            let same = (file.path.clone(), file.mode.clone());
            let (path, name, size) = (file.path.shown(), shown(file.name.as_bytes()), file.source.size);
            let live = open.get(&same).filter(|id| self.takes(**id, &file.source));
            let id = match (live, failed.get(&same).and_then(|id| self.given_up(*id, &file.source))) {
                (Some(id), _) => *id,
                (None, Some((_, true))) => {
                    let reason = MAY_BE_THERE.to_owned();
                    added.skipped.push(Skipped { path, reason });
                    continue;
                }
                (None, Some((id, false))) => {
                    self.apply_one(Verb::Retry, id)?;
                    id
                }
                (None, None) => self.insert(file, intake, Origin::Added)?,
            };
            open.insert(same, id);
            added.added.push(AddedFile { id, path, name, size });
        }
        Ok(Answer::Added(added))
    }

    /// Uploads of an account with the same options, by file and mode.
    fn alike(&self, intake: &Intake, is_wanted: impl Fn(Phase) -> bool) -> HashMap<(RawPath, String), UploadId> {
        let rows = self.records.values().map(|record| &record.row);
        let rows = rows.filter(|row| is_wanted(row.phase) && row.account == intake.account.name);
        let rows = rows.filter(|row| row.options == intake.options);
        rows.map(|row| ((row.path.clone(), row.mode.clone()), row.id)).collect()
    }

    /// A failed upload of a file as it is now, and whether that may have arrived all the same.
    fn given_up(&self, id: UploadId, source: &SourceFacts) -> Option<(UploadId, bool)> {
        let row = self.records.get(&id).map(|record| &record.row)?;
        let fault = row.fault.as_ref().filter(|_| row.source.still_are(source))?;
        Some((id, fault.kind == FaultKind::UnknownOutcome))
    }

    /// Whether an upload sends a file as it is now: one whose bytes are all sent takes no newer ones.
    pub(super) fn takes(&self, id: UploadId, source: &SourceFacts) -> bool {
        let record = self.records.get(&id);
        let sent = record.filter(|record| record.row.phase == Phase::Completing);
        sent.is_none_or(|record| record.row.source.still_are(source))
    }

    pub(super) fn insert(&mut self, file: intake::File, intake: &Intake, origin: Origin) -> Result<UploadId, Fault> {
        let now = self.now();
        self.ranks.1 += 1;
        let id = UploadId::at(u64::try_from(now.0).unwrap_or(0), self.setting.ports.chance.bytes());
        let row = UploadRow {
            id,
            account: intake.account.name.clone(),
            service: intake.service.clone(),
            path: file.path,
            import: origin == Origin::Import,
            source: file.source,
            name: file.name,
            relative: file.relative,
            options: intake.options.clone(),
            mode: file.mode,
            rank: self.ranks.1,
            added_at: now,
            phase: Phase::Queued,
            resume_phase: None,
            paused: false,
            hold_until: None,
            fault: None,
            attempts: 0,
            restarts: 0,
            session: None,
            outcome: None,
            crc32c: None,
            hashes: std::collections::BTreeMap::new(),
            verified: None,
            note: None,
            wire_bytes: 0,
            finished_at: None,
            root: file.root,
            folder: match origin {
                Origin::Folder { id, .. } => Some(id),
                Origin::Added | Origin::Import => None,
            },
            unfinished: matches!(origin, Origin::Folder { unfinished: true, .. }),
        };
        self.store.insert(&row)?;
        self.records.insert(id, Record::new(row, Vec::new()));
        self.line_up(id);
        self.feed.touch(id);
        Ok(id)
    }

    /// Adds an address that the service fetches by itself.
    pub(super) fn import(&mut self, import: &NewImport) -> Result<Answer, Fault> {
        let uploads = NewUploads {
            paths: Vec::new(),
            account: import.account.clone(),
            options: import.options.clone(),
            mode: None,
        };
        let prepared = self
            .intake(&uploads)
            .and_then(|intake| prepare(import, &intake).map(|file| (intake, file)));
        let (intake, file) = match prepared {
            Ok(prepared) => prepared,
            Err(fault) => {
                let skipped = vec![Skipped {
                    path: cut_address(&import.url),
                    reason: fault.sentence(),
                }];
                let refused = skylift_model::api::Added {
                    added: Vec::new(),
                    skipped,
                };
                return if fault.kind == FaultKind::Setup {
                    Err(fault)
                } else {
                    Ok(Answer::Added(refused))
                };
            }
        };
        let (path, name) = (cut_address(&import.url), shown(file.name.as_bytes()));
        let id = self.insert(file, &intake, Origin::Import)?;
        let added = vec![AddedFile {
            id,
            path,
            name,
            size: 0,
        }];
        Ok(Answer::Added(skylift_model::api::Added {
            added,
            skipped: Vec::new(),
        }))
    }
}

fn prepare(import: &NewImport, intake: &Intake) -> Result<intake::File, Fault> {
    let url = Url::parse(&import.url).map_err(|error| {
        Fault::new(
            FaultKind::Setup,
            format!("this is no address that can be imported: {error}"),
        )
    })?;
    let last = url
        .path_segments()
        .and_then(|mut segments| segments.next_back().map(str::to_owned));
    let name = import.name.clone().or(last).filter(|name| !name.is_empty());
    let name = name.ok_or_else(|| {
        Fault::new(FaultKind::NameRefused, "the address does not end in a name")
            .hint("Give the file a name; on the command line with --name.")
    })?;
    let facts = FileFacts {
        name: name.clone(),
        relative: name.clone(),
        size: 0,
        import_url: Some(import.url.clone()),
    };
    let mode = intake.definition.mode_for(&facts, None)?;
    let job = Job::new(
        intake.definition.clone(),
        &intake.account,
        facts,
        &intake.options,
        &mode,
        None,
    )?;
    if !job.flow().import {
        return Err(Fault::new(
            FaultKind::Setup,
            format!("{} cannot fetch an address by itself", intake.service),
        )
        .hint("Download the file and upload it."));
    }
    Ok(intake::File {
        path: RawPath::new(import.url.clone().into_bytes()),
        name: name.clone(),
        relative: name,
        mode,
        source: SourceFacts {
            size: 0,
            mtime_ns: 0,
            ctime_ns: 0,
            file_id: 0,
        },
        root: None,
    })
}
