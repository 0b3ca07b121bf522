//! What holds for modes: that they have the steps their flow needs, and that their limits do not contradict each other.

use super::spots::join;
use super::{Findings, steps};
use crate::definition::{STEPS, step_of};
use crate::exchange::{Algorithm, Step};
use crate::leaf::Leaf;
use crate::units::Bytes;
use crate::vocabulary::{Mode, Parts, Service, Split};

pub(super) fn check(service: &Service, findings: &mut Findings<'_>) {
    if service.mode.is_empty() {
        findings.add("mode", "there is no mode", "say how a file is sent in [[mode]]");
    }
    for (index, mode) in service.mode.iter().enumerate() {
        let at = join("mode", &index.to_string());
        findings.leaf(&join(&at, "id"), &mode.id);
        if service.mode[..index]
            .iter()
            .any(|other| other.id.text() == mode.id.text())
        {
            findings.add(
                &at,
                format!("there are two modes {:?}", mode.id.text()),
                "rename or drop one",
            );
        }
        Look {
            service,
            mode,
            at: &at,
            findings,
        }
        .all();
    }
    steps::shared(service, findings);
}

struct Look<'a, 't> {
    service: &'a Service,
    mode: &'a Mode,
    at: &'a str,
    findings: &'a mut Findings<'t>,
}

impl Look<'_, '_> {
    fn all(&mut self) {
        self.sizes();
        self.pauses();
        self.uses();
        if let Some(parts) = &self.mode.parts {
            self.parts(parts);
        }
        self.flow();
        self.checksum();
        steps::own(self.service, self.mode, self.at, self.findings);
    }

    fn has(&self, step: Step) -> bool {
        step_of(self.service, self.mode, step).is_some()
    }

    fn add(&mut self, field: &str, problem: impl Into<String>, remedy: impl Into<String>) {
        self.findings.add(&join(self.at, field), problem, remedy);
    }

    fn sizes(&mut self) {
        let (mode, when) = (self.mode, &self.mode.when);
        for (field, leaf) in [
            ("file_min", &mode.file_min),
            ("file_max", &mode.file_max),
            ("when.size_min", &when.size_min),
            ("when.size_max", &when.size_max),
        ] {
            self.findings.maybe(self.at, field, leaf.as_ref());
        }
        for (field, (least, most)) in [
            ("file_min", (&mode.file_min, &mode.file_max)),
            ("when.size_min", (&when.size_min, &when.size_max)),
        ] {
            if let (Some(least), Some(most)) = (bytes(least.as_ref()), bytes(most.as_ref()))
                && least > most
            {
                self.add(field, "is above the largest size", "make it smaller than the largest");
            }
        }
        if let (Some(limit), Some(chosen)) = (bytes(mode.file_max.as_ref()), bytes(when.size_max.as_ref()))
            && chosen > limit
        {
            self.add(
                "when.size_max",
                "is above file_max, so files would be chosen and then refused",
                "lower it to file_max",
            );
        }
    }

    fn pauses(&mut self) {
        for (index, pause) in self.mode.poll.iter().enumerate() {
            self.findings
                .leaf(&join(&join(self.at, "poll"), &index.to_string()), pause);
        }
        self.findings.maybe(self.at, "poll_for", self.mode.poll_for.as_ref());
        self.findings.maybe(self.at, "drain", self.mode.drain.as_ref());
    }

    fn uses(&mut self) {
        for step in &self.mode.uses {
            let name = format!("{step:?}").to_lowercase();
            if self.service.step.get(*step).is_none() {
                self.add(
                    "uses",
                    format!("there is no shared step {name}"),
                    format!("write [step.{name}]"),
                );
            } else if self.mode.step.get(*step).is_some() {
                self.add(
                    "uses",
                    format!("the mode has its own step {name}"),
                    "drop one of the two",
                );
            }
        }
    }

    fn parts(&mut self, parts: &Parts) {
        for (field, leaf) in [
            ("parts.preferred", &parts.preferred),
            ("parts.min", &parts.min),
            ("parts.max", &parts.max),
            ("parts.multiple_of", &parts.multiple_of),
        ] {
            self.findings.maybe(self.at, field, leaf.as_ref());
        }
        if parts.first > 1 {
            self.add(
                "parts.first",
                format!("is {}", parts.first),
                "services count from 0 or from 1",
            );
        }
        if parts
            .most
            .is_some_and(|most| most == 0 || most > skylift_model::plan::MOST_PARTS)
        {
            self.add("parts.most", "is out of range", "write 1 to 10000");
        }
        if parts.parallel == Some(0) {
            self.add("parts.parallel", "is 0", "allow at least 1 part at once");
        }
        if parts.split == Split::Client {
            self.client_split(parts);
        }
    }

    fn client_split(&mut self, parts: &Parts) {
        let size = |leaf: &Option<Leaf<Bytes>>| bytes(leaf.as_ref());
        let Some(preferred) = size(&parts.preferred) else {
            if parts.preferred.is_none() {
                self.add(
                    "parts.preferred",
                    "is missing",
                    "say how large a part shall be, where Skylift decides",
                );
            }
            return;
        };
        let (least, most) = (size(&parts.min).unwrap_or(1), size(&parts.max).unwrap_or(u64::MAX));
        let step = size(&parts.multiple_of).unwrap_or(1);
        if preferred < least || preferred > most {
            self.add(
                "parts.preferred",
                "is outside of min and max",
                "choose a size between the two",
            );
        }
        if step == 0 || preferred % step.max(1) != 0 {
            self.add(
                "parts.multiple_of",
                "does not divide the preferred size",
                "choose sizes that fit",
            );
        }
        let all = most.saturating_mul(u64::from(parts.most.unwrap_or(skylift_model::plan::MOST_PARTS)));
        let limit = bytes(self.service.limits.file_max.as_ref()).or(bytes(self.mode.file_max.as_ref()));
        if limit.is_some_and(|limit| limit > all) {
            self.add(
                "parts.max",
                "is too small for the largest file",
                "raise it, or lower file_max",
            );
        }
    }

    /// The steps without which the mode could not end.
    fn flow(&mut self) {
        let mode = self.mode;
        let (create, part) = (self.has(Step::Create), self.has(Step::Part));
        if mode.import && !create && !part {
            self.add(
                "step",
                "has no step that asks the service to fetch",
                "write the step create",
            );
        }
        if !mode.import && !part {
            self.add(
                "step",
                "has no step part, which carries the bytes",
                "write the step part",
            );
        }
        let to_link = self.part_to_link();
        if to_link && !self.gives_links(Step::Create) && !self.gives_links(Step::Refresh) {
            self.add(
                "step.part",
                "has no path, and no step gives it a link",
                "give it a path, or create.links",
            );
        }
        if to_link && self.service.server.upload_hosts.is_empty() {
            self.findings.add(
                "server.upload_hosts",
                "is empty, so no link could be used",
                "list the hosts that links name",
            );
        }
        if mode.parts.as_ref().is_some_and(|parts| parts.split != Split::Client) && !self.gives_plan() {
            self.add(
                "step.create",
                "does not say how the file is split",
                "add plan, or links with list, number and length",
            );
        }
        for step in [Step::Create, Step::Refresh] {
            if mode.parts.is_some() && self.gives_one_link(step) {
                self.add(
                    &format!("step.{}.links", format!("{step:?}").to_lowercase()),
                    "gives one address for the whole file, which is sent in parts",
                    "say where the list of parts stands in list, or drop [mode.parts]",
                );
            }
        }
        if mode.last_part_completes && !self.has(Step::Status) && !self.has(Step::Find) {
            self.add(
                "last_part_completes",
                "leaves a lost answer unsettled",
                "add the step status or find",
            );
        }
        if !self.says_ready() {
            self.add(
                "step",
                "never says when the file is there",
                "add ready to the last step, or a step status with ready",
            );
        }
    }

    fn part_to_link(&self) -> bool {
        step_of(self.service, self.mode, Step::Part).is_some_and(|spec| spec.path.is_none())
    }

    fn gives_links(&self, step: Step) -> bool {
        step_of(self.service, self.mode, step).is_some_and(|spec| spec.links.is_some())
    }

    fn gives_one_link(&self, step: Step) -> bool {
        let spec = step_of(self.service, self.mode, step);
        spec.is_some_and(|spec| spec.links.as_ref().is_some_and(|links| links.list.is_none()))
    }

    fn gives_plan(&self) -> bool {
        step_of(self.service, self.mode, Step::Create)
            .is_some_and(|spec| spec.plan.is_some() || spec.links.as_ref().is_some_and(|links| links.length.is_some()))
    }

    /// Whether some step that comes last says that the file is there.
    fn says_ready(&self) -> bool {
        let last = [Step::Status, Step::Complete, Step::Part, Step::Create];
        let says = |step: &Step| step_of(self.service, self.mode, *step).is_some_and(|spec| spec.ready.is_some());
        let last_of_all = last.into_iter().skip(1).find(|step| self.has(*step));
        says(&Step::Status) || last_of_all.is_some_and(|step| says(&step))
    }

    fn checksum(&mut self) {
        let Some(checksum) = &self.mode.checksum else { return };
        if checksum.algorithm != Algorithm::Crc32c && self.mode.parts.is_some() {
            let remedy = "use crc32c, which is combined from the parts";
            self.add(
                "checksum.algorithm",
                "needs the whole file in order, which parts are not",
                remedy,
            );
        }
        if let Some(kept) = &checksum.asked_by
            && !steps::kept_names(self.service, self.mode).contains(kept)
        {
            self.add(
                "checksum.asked_by",
                format!("no step keeps {kept:?}"),
                "name a value that a step keeps",
            );
        }
    }
}

fn bytes(leaf: Option<&Leaf<Bytes>>) -> Option<u64> {
    leaf.and_then(|leaf| leaf.result().ok()).map(|bytes| bytes.0)
}

/// Every step of a mode, shared ones included.
pub(super) fn steps_of<'a>(
    service: &'a Service,
    mode: &'a Mode,
) -> impl Iterator<Item = (Step, &'a crate::vocabulary::StepSpec)> {
    STEPS
        .into_iter()
        .filter_map(move |step| Some((step, step_of(service, mode, step)?)))
}
