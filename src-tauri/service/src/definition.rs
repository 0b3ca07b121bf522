//! A definition: parsed, checked, and asked what it says of a file, an account and itself.
//!
//! Refuses files with a mistake, all of which are named with line and remedy.

use std::sync::{Arc, LazyLock};

use skylift_model::api::{ModeView, Options, ServiceView};
use skylift_model::names::beginning;
use skylift_model::rate::{Allowance, Rate};
use skylift_model::{Fault, FaultKind};
use url::Url;

use crate::exchange::{FileFacts, Step};
use crate::limits;
use crate::options;
pub use crate::problem::Problem;
use crate::vocabulary::{Mode, Service, StepSpec};

/// A file service.
#[derive(Debug)]
pub struct Definition {
    /// Its identity, such as `notion`.
    pub id: String,
    /// Its name, such as `Notion`.
    pub name: String,
    service: Service,
}

/// Uploads of one account at once, unless the definition says.
const PARALLEL_UPLOADS: u16 = 4;

/// The definitions that come with Skylift.
const BUILT_IN: [&str; 5] = [
    include_str!("../definitions/andi.toml"),
    include_str!("../definitions/notion.toml"),
    include_str!("../definitions/empirical.toml"),
    include_str!("../definitions/rebilly.toml"),
    include_str!("../definitions/archetype.toml"),
];

/// The definitions that come with Skylift.
pub fn built_in() -> &'static [Arc<Definition>] {
    static PARSED: LazyLock<Vec<Arc<Definition>>> = LazyLock::new(|| {
        let parse = |text| Definition::parse(text).expect("the built-in definitions are checked by this crate's tests");
        BUILT_IN.into_iter().map(|text| Arc::new(parse(text))).collect()
    });
    &PARSED
}

/// The JSON Schema of definition files, for editors.
pub fn json_schema() -> serde_json::Value {
    crate::schema::json_schema()
}

impl Definition {
    /// Reads a definition.
    ///
    /// # Errors
    /// Every mistake in it, in the order of the file.
    ///
    /// # Examples
    /// ```
    /// let problems = skylift_service::definition::Definition::parse("id = 5").unwrap_err();
    /// assert!(problems.iter().any(|problem| problem.field == "id" && problem.line == 1));
    /// ```
    pub fn parse(text: &str) -> Result<Self, Vec<Problem>> {
        let service = crate::check::parse(text)?;
        Ok(Self {
            id: service.id.get().0.clone(),
            name: service.name.clone(),
            service,
        })
    }

    /// What the file says.
    pub(crate) fn service(&self) -> &Service {
        &self.service
    }

    /// A mode.
    pub(crate) fn mode(&self, id: &str) -> Option<&Mode> {
        self.service.mode.iter().find(|mode| mode.id.get().0 == id)
    }

    /// A step of a mode: its own, or a shared one that it names.
    pub(crate) fn step<'a>(&'a self, mode: &'a Mode, step: Step) -> Option<&'a StepSpec> {
        step_of(&self.service, mode, step)
    }

    /// The server unless an account names another.
    pub fn default_base_url(&self) -> &Url {
        &self.service.server.base_url.get().0
    }

    /// What the service allows one key at a server.
    pub fn allowance(&self, server: &Url) -> Allowance {
        let rate = self.service.limits.rate.as_ref().map(|rate| Rate {
            per_second: rate.per_second,
            burst: rate.burst,
        });
        Allowance {
            server: server.origin().ascii_serialization(),
            rate,
            uploads: usize::from(self.service.server.parallel_uploads.unwrap_or(PARALLEL_UPLOADS)),
        }
    }

    /// The definition for front ends.
    pub fn view(&self, user_added: bool) -> ServiceView {
        let service = &self.service;
        let mode = |mode: &Mode| ModeView {
            id: mode.id.get().0.clone(),
            about: mode.about.clone(),
            assumed: mode.assumed,
            import: mode.import,
        };
        ServiceView {
            id: self.id.clone(),
            name: self.name.clone(),
            about: service.about.clone(),
            key_help: service.auth.key_help.clone(),
            key_label: service.auth.key_label.clone(),
            documentation: service.documentation.clone(),
            base_url: self.default_base_url().as_str().trim_end_matches('/').to_owned(),
            user_added,
            account_options: service
                .account_option
                .iter()
                .map(crate::vocabulary::OptionSpec::view)
                .collect(),
            upload_options: service
                .upload_option
                .iter()
                .map(crate::vocabulary::OptionSpec::view)
                .collect(),
            modes: service.mode.iter().map(mode).collect(),
            limits: limits::in_words(service),
            assumed: assumed(service),
        }
    }

    /// Which way a file is sent: the forced one, or the first whose condition holds. Where none does, the last one,
    /// so that its limits say why the file is refused.
    ///
    /// # Errors
    /// When there is no such mode, or none for an address or a file.
    pub fn mode_for(&self, file: &FileFacts, forced: Option<&str>) -> Result<String, Fault> {
        let import = file.import_url.is_some();
        if let Some(forced) = forced {
            return self.forced_mode(forced, import);
        }
        let mut fitting = self
            .service
            .mode
            .iter()
            .filter(|mode| mode.import == import && !mode.only_forced);
        let found = fitting
            .clone()
            .find(|mode| limits::applies(mode, file))
            .or_else(|| fitting.next_back());
        found.map(|mode| mode.id.get().0.clone()).ok_or_else(|| {
            let (what, hint) = if import {
                ("cannot fetch an address by itself", "Download the file and upload it.")
            } else {
                ("only fetches addresses", "Use `skylift import` with an address.")
            };
            Fault::new(FaultKind::Setup, format!("{} {what}", self.name)).hint(hint)
        })
    }

    fn forced_mode(&self, forced: &str, import: bool) -> Result<String, Fault> {
        let known: Vec<_> = self.service.mode.iter().map(|mode| mode.id.get().0.as_str()).collect();
        let mode = self.mode(forced).ok_or_else(|| {
            Fault::new(
                FaultKind::Setup,
                format!("{} has no mode {:?}", self.name, beginning(forced)),
            )
            .hint(format!("Its modes are: {}.", known.join(", ")))
        })?;
        if mode.import != import {
            let hint = "Leave the mode out: `skylift import` takes addresses, `skylift upload` takes files.";
            let what = if mode.import {
                "takes an address instead of a file"
            } else {
                "takes a file, not an address"
            };
            return Err(Fault::new(FaultKind::Setup, format!("the mode {forced} {what}")).hint(hint));
        }
        Ok(forced.to_owned())
    }

    /// Checks account options and fills in defaults.
    ///
    /// # Errors
    /// A fault that names the option and says what would be right.
    pub fn check_account_options(&self, options: &Options) -> Result<Options, Fault> {
        options::check(&self.service.account_option, options, "account")
    }

    /// Checks upload options and fills in defaults.
    ///
    /// # Errors
    /// A fault that names the option and says what would be right.
    pub fn check_upload_options(&self, options: &Options) -> Result<Options, Fault> {
        options::check(&self.service.upload_option, options, "upload")
    }
}

/// A step of a mode: its own, or a shared one that it names.
pub(crate) fn step_of<'a>(service: &'a Service, mode: &'a Mode, step: Step) -> Option<&'a StepSpec> {
    let shared = || mode.uses.contains(&step).then(|| service.step.get(step)).flatten();
    mode.step.get(step).or_else(shared)
}

/// Every step there is.
pub(crate) const STEPS: [Step; 11] = [
    Step::Probe,
    Step::Create,
    Step::Part,
    Step::Refresh,
    Step::Checkpoint,
    Step::Complete,
    Step::Status,
    Step::Find,
    Step::Attach,
    Step::Abort,
    Step::Delete,
];

/// What is assumed, in sentences.
fn assumed(service: &Service) -> Vec<String> {
    let mut out = service.assumed.clone();
    for mode in service.mode.iter().filter(|mode| mode.assumed) {
        out.push(format!(
            "The mode {} follows no published documentation.",
            mode.id.text()
        ));
    }
    let shared = STEPS
        .into_iter()
        .filter_map(|step| Some((None, step, service.step.get(step)?)));
    let own = service.mode.iter().filter(|mode| !mode.assumed).flat_map(|mode| {
        STEPS
            .into_iter()
            .filter_map(move |step| Some((Some(mode.id.text()), step, mode.step.get(step)?)))
    });
    for (mode, step, _) in shared.chain(own).filter(|(_, _, spec)| spec.assumed) {
        let step = format!("{step:?}").to_lowercase();
        let of = mode.map(|mode| format!(" of the mode {mode}")).unwrap_or_default();
        out.push(format!("The step {step}{of} is not documented."));
    }
    let rules = service.errors.rule.iter().filter(|rule| rule.assumed).count();
    match rules {
        0 => {}
        1 => out.push("How one kind of error is told apart is not documented.".to_owned()),
        _ => out.push(format!("How {rules} kinds of errors are told apart is not documented.")),
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_definitions_are_sound() {
        for text in BUILT_IN {
            if let Err(problems) = Definition::parse(text) {
                let lines: Vec<_> = problems.iter().map(ToString::to_string).collect();
                panic!(
                    "{}\n{}",
                    text.lines().find(|line| line.starts_with("id")).unwrap(),
                    lines.join("\n")
                );
            }
        }
    }
}
