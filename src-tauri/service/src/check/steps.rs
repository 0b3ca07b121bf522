//! What holds for a step: its path and body, the placeholders it may use, and what it reads from the reply.

use std::collections::{BTreeMap, BTreeSet};

use super::Findings;
use super::modes::steps_of;
use super::service::{known_option, set_header};
use super::spots::join;
use crate::definition::STEPS;
use crate::exchange::Step;
use crate::extract::{Condition, Source};
use crate::leaf::Leaf;
use crate::template::{Each, Hole, Template};
use crate::vocabulary::{LinkFields, Mode, Service, StepSpec};

/// Checks the steps of a mode, shared ones included, for what the mode makes of them.
pub(super) fn own(service: &Service, mode: &Mode, at: &str, findings: &mut Findings<'_>) {
    let kept = kept_names(service, mode);
    for (step, spec) in steps_of(service, mode) {
        let name = format!("{step:?}").to_lowercase();
        let own = mode.step.get(step).is_some();
        let at = if own {
            join(&join(at, "step"), &name)
        } else {
            join("step", &name)
        };
        let mut look = Look {
            service,
            mode: Some(mode),
            step,
            spec,
            at: &at,
            kept: &kept,
            findings,
        };
        if own {
            look.shape();
        }
        look.placeholders();
    }
}

/// Checks the shared steps for what holds of them in every mode.
pub(super) fn shared(service: &Service, findings: &mut Findings<'_>) {
    let kept = BTreeSet::new();
    for (step, spec) in STEPS
        .into_iter()
        .filter_map(|step| Some((step, service.step.get(step)?)))
    {
        let at = join("step", &format!("{step:?}").to_lowercase());
        let used = service.mode.iter().any(|mode| mode.uses.contains(&step));
        if !used && step != Step::Probe {
            findings.add(&at, "is used by no mode", "name it in the uses of a mode, or drop it");
        }
        let mut look = Look {
            service,
            mode: None,
            step,
            spec,
            at: &at,
            kept: &kept,
            findings,
        };
        look.shape();
        if step == Step::Probe {
            look.placeholders();
        }
    }
}

/// The names of everything that some step of a mode keeps.
pub(super) fn kept_names(service: &Service, mode: &Mode) -> BTreeSet<String> {
    steps_of(service, mode)
        .flat_map(|(_, spec)| spec.keep.keys().cloned())
        .collect()
}

struct Look<'a, 't> {
    service: &'a Service,
    mode: Option<&'a Mode>,
    step: Step,
    spec: &'a StepSpec,
    at: &'a str,
    kept: &'a BTreeSet<String>,
    findings: &'a mut Findings<'t>,
}

impl Look<'_, '_> {
    fn add(&mut self, field: &str, problem: impl Into<String>, remedy: impl Into<String>) {
        self.findings.add(&join(self.at, field), problem, remedy);
    }

    /// What holds wherever the step is used.
    fn shape(&mut self) {
        let spec = self.spec;
        self.findings.leaf(&join(self.at, "method"), &spec.method);
        self.path();
        self.body();
        self.reply();
        for name in spec.headers.keys() {
            set_header(
                self.service,
                &join(&join(self.at, "headers"), name),
                name,
                self.findings,
            );
        }
        if spec.success.iter().any(|status| !(200..300).contains(status)) {
            self.add(
                "success",
                "holds a status that is no success",
                "write statuses from 200 to 299",
            );
        }
        if let Some(test) = &spec.when {
            known_option(self.service, &join(self.at, "when.option"), &test.option, self.findings);
        }
        if spec.repeatable && self.step != Step::Complete {
            self.add("repeatable", "is asked of complete only", "drop it");
        }
        if spec.find.is_some() != (self.step == Step::Find) {
            self.add(
                "find",
                "belongs to the step find, which needs it",
                "say where the list stands and what must match",
            );
        }
        if self.step != Step::Probe && (spec.largest_file.is_some() || !spec.findings.is_empty()) {
            self.add("findings", "are told by the step probe only", "move them there");
        }
    }

    fn path(&mut self) {
        match &self.spec.path {
            None if self.step != Step::Part => self.add("path", "is missing", "only a part may go to a link instead"),
            Some(path) if !path.text().starts_with('/') || path.text().contains(['?', '#', ' ', '\\']) => {
                self.add(
                    "path",
                    format!("{:?} is no path", path.text()),
                    "start it with /, and put pairs into query",
                );
            }
            Some(path) if path.text().split('/').any(|segment| segment == "." || segment == "..") => {
                self.add("path", "leads upwards", "write the whole path");
            }
            Some(path) if path.result().is_ok_and(has_optional) => {
                self.add("path", "has a placeholder that may be unset", "drop the ? from it");
            }
            Some(_) | None => {}
        }
    }

    fn body(&mut self) {
        let spec = self.spec;
        let bodies = [
            spec.json.is_some(),
            spec.form.is_some(),
            spec.urlencoded.is_some(),
            spec.raw,
        ];
        if bodies.iter().filter(|body| **body).count() > 1 {
            self.findings.add(
                self.at,
                "has several bodies",
                "keep one of json, form, urlencoded and raw",
            );
        }
        if (spec.form.is_some() || spec.raw) && self.step != Step::Part {
            self.add(
                if spec.raw { "raw" } else { "form" },
                "carries bytes, which only the step part does",
                "use json or urlencoded",
            );
        }
        if self.step == Step::Part && !(spec.form.is_some() || spec.raw) && self.mode.is_none_or(|mode| !mode.import) {
            self.findings
                .add(self.at, "carries no bytes", "add raw = true or a form");
        }
        let nested = spec.json.iter().flat_map(|json| json.lists());
        for (each, nested) in nested.collect::<Vec<_>>() {
            let at = join(self.at, "json");
            if self.findings.leaf(&at, each) && (*each.get() == Each::Wanted) != (self.step == Step::Refresh) {
                self.findings.add(
                    &at,
                    "wanted parts belong to refresh",
                    "use wanted there, and parts elsewhere",
                );
            }
            if nested {
                self.findings.add(
                    &at,
                    "has a list of parts inside a list of parts",
                    "take one of them out",
                );
            }
        }
    }

    fn reply(&mut self) {
        let spec = self.spec;
        let sources = [
            ("token", &spec.token),
            ("expires_at", &spec.expires_at),
            ("reason", &spec.reason),
            ("largest_file", &spec.largest_file),
        ];
        for (field, source) in sources {
            self.findings.maybe(self.at, field, source.as_ref());
        }
        self.sources("keep", &spec.keep);
        if let Some(links) = &spec.links {
            self.links(links);
        }
        if let Some(plan) = &spec.plan {
            self.findings.maybe(self.at, "plan.size", plan.size.as_ref());
            self.findings.maybe(self.at, "plan.count", plan.count.as_ref());
        }
        for (index, finding) in spec.findings.iter().enumerate() {
            self.findings
                .leaf(&join(&join(self.at, "findings"), &format!("{index}.at")), &finding.at);
        }
        if let Some(result) = &spec.result {
            self.findings
                .maybe(self.at, "result.remote_id", result.remote_id.as_ref());
            self.findings
                .maybe(self.at, "result.remote_url", result.remote_url.as_ref());
            self.findings.maybe(self.at, "result.size", result.size.as_ref());
            self.sources("result.reply", &result.reply);
            for (index, stated) in result.checksum.iter().enumerate() {
                self.findings
                    .leaf(&join(self.at, &format!("result.checksum.{index}.at")), &stated.at);
            }
        }
    }

    fn sources(&mut self, field: &str, sources: &BTreeMap<String, Leaf<Source>>) {
        for (name, source) in sources {
            self.findings.leaf(&join(&join(self.at, field), name), source);
        }
    }

    fn links(&mut self, links: &LinkFields) {
        let at = join(self.at, "links");
        self.findings.leaf(&join(&at, "url"), &links.url);
        for (field, source) in [
            ("list", &links.list),
            ("number", &links.number),
            ("offset", &links.offset),
            ("length", &links.length),
            ("method", &links.method),
            ("headers", &links.headers),
            ("expires_at", &links.expires_at),
            ("expires_in", &links.expires_in),
        ] {
            self.findings.maybe(&at, field, source.as_ref());
        }
        self.findings.maybe(&at, "lifetime", links.lifetime.as_ref());
        if links.list.is_some() != links.number.is_some() {
            self.findings.add(
                &at,
                "names only one of list and number",
                "a list of parts needs both, one link neither",
            );
        }
        if !matches!(self.step, Step::Create | Step::Refresh) {
            self.findings
                .add(&at, "are read from create and refresh only", "move them there");
        }
    }

    /// What each placeholder may be, in this step of this mode.
    fn placeholders(&mut self) {
        let spec = self.spec;
        let mut templates: Vec<(String, &Leaf<Template>, bool)> = Vec::new();
        let mut keep = |field: &str, template| templates.push((join(self.at, field), template, false));
        spec.path.iter().for_each(|path| keep("path", path));
        spec.query
            .iter()
            .for_each(|(name, value)| keep(&join("query", name), value));
        spec.headers
            .iter()
            .for_each(|(name, value)| keep(&join("headers", name), value));
        spec.urlencoded
            .iter()
            .flatten()
            .for_each(|(name, value)| keep(&join("urlencoded", name), value));
        if let Some(form) = &spec.form {
            keep("form.filename", &form.filename);
            keep("form.content_type", &form.content_type);
            form.field
                .iter()
                .enumerate()
                .for_each(|(index, field)| keep(&format!("form.field.{index}.value"), &field.value));
        }
        let json = spec.json.iter().flat_map(|json| json.templates());
        templates.extend(json.map(|(template, in_list)| (join(self.at, "json"), template, in_list)));
        for (at, template, in_list) in templates {
            self.template(&at, template, in_list);
        }
        for (field, conditions) in [
            ("ready", &spec.ready),
            ("failed", &spec.failed),
            ("absent", &spec.absent),
            ("attached", &spec.attached),
        ] {
            self.conditions(field, conditions.as_deref().unwrap_or_default());
        }
        if let Some(find) = &spec.find {
            self.findings.leaf(&join(self.at, "find.list"), &find.list);
            self.conditions("find.matches", &find.matches);
        }
    }

    fn conditions(&mut self, field: &str, conditions: &[Condition]) {
        for (index, condition) in conditions.iter().enumerate() {
            let at = join(&join(self.at, field), &index.to_string());
            self.findings.leaf(&join(&at, "at"), &condition.at);
            let tests = [
                condition.equals.is_some(),
                condition.one_of.is_some(),
                condition.set.is_some(),
            ];
            if tests.iter().filter(|test| **test).count() != 1 {
                self.findings
                    .add(&at, "is no test", "say exactly one of equals, one_of and set");
            }
            if let Some(equals) = &condition.equals {
                self.template(&join(&at, "equals"), equals, false);
            }
        }
    }

    fn template(&mut self, at: &str, template: &Leaf<Template>, in_list: bool) {
        if !self.findings.leaf(at, template) {
            return;
        }
        for hole in template.get().holes() {
            self.hole(at, hole, in_list);
        }
    }

    fn hole(&mut self, at: &str, hole: &Hole, in_list: bool) {
        match hole {
            Hole::Option(name) => known_option(self.service, at, name, self.findings),
            Hole::Kept(name) => self.kept(at, name),
            Hole::PartNumber | Hole::PartOffset | Hole::PartLength => {
                let remedy = "use it in the step part, or in { each = ..., item = ... }";
                self.demand(
                    in_list || self.step == Step::Part,
                    at,
                    "there is no one part here",
                    remedy,
                );
            }
            Hole::PartToken => {
                let remedy = "use it in { each = \"parts\", item = ... }";
                let known = in_list && self.step != Step::Refresh;
                self.demand(known, at, "there is no proof of a part here", remedy);
            }
            Hole::FileUrl => {
                let import = self.mode.is_some_and(|mode| mode.import);
                let remedy = "use it in a mode with import = true";
                self.demand(import, at, "there is no address to import here", remedy);
            }
            Hole::FileChecksum => {
                let said = self.mode.is_some_and(|mode| mode.checksum.is_some());
                self.demand(said, at, "the mode says no checksum", "add [mode.checksum]");
            }
            Hole::FileName
            | Hole::FilePlainName
            | Hole::FileDirectory
            | Hole::FileSize
            | Hole::FileType
            | Hole::FileKind
            | Hole::FileHash(_)
            | Hole::PartsCount
            | Hole::PartsSize => {
                let remedy = "use {option.NAME} only";
                self.demand(
                    self.step != Step::Probe,
                    at,
                    "there is no file when a key is tested",
                    remedy,
                );
            }
        }
    }

    fn demand(&mut self, holds: bool, at: &str, problem: &str, remedy: &str) {
        if !holds {
            self.findings.add(at, problem, remedy);
        }
    }

    fn kept(&mut self, at: &str, name: &str) {
        if !self.kept.contains(name) {
            let known: Vec<_> = self.kept.iter().map(String::as_str).collect();
            let known = if known.is_empty() {
                "nothing".into()
            } else {
                known.join(", ")
            };
            self.findings.add(
                at,
                format!("no step keeps {name:?}"),
                format!("steps of this mode keep: {known}"),
            );
        }
    }
}

fn has_optional(template: &Template) -> bool {
    template
        .0
        .iter()
        .any(|piece| matches!(piece, crate::template::Piece::Hole { optional: true, .. }))
}
