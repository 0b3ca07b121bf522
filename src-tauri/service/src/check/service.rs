//! What holds for a definition as a whole: server, key, options, limits, table of errors.

use super::spots::join;
use super::{Findings, modes};
use crate::driver::OWN_HEADERS;
use crate::leaf::Leaf;
use crate::options::check_text;
use crate::template::{Hole, Template};
use crate::vocabulary::{Class, OptionSpec, OptionType, Service};

/// More modes or options than any window could show.
const MOST: usize = 50;

pub(super) fn check(service: &Service, findings: &mut Findings<'_>) {
    findings.leaf("id", &service.id);
    for (field, text) in [
        ("name", &service.name),
        ("about", &service.about),
        ("documentation", &service.documentation),
    ] {
        if text.trim().is_empty() {
            findings.add(field, "is empty", "fill it in; people read it");
        }
    }
    server(service, findings);
    auth(service, findings);
    options("account_option", &service.account_option, findings);
    options("upload_option", &service.upload_option, findings);
    shared_options(service, findings);
    limits(service, findings);
    if let Some(unless) = service.note.as_ref().and_then(|note| note.unless.as_ref()) {
        known_option(service, "note.unless", unless, findings);
    }
    modes::check(service, findings);
    errors(service, findings);
}

fn server(service: &Service, findings: &mut Findings<'_>) {
    let server = &service.server;
    findings.leaf("server.base_url", &server.base_url);
    for (index, host) in server.upload_hosts.iter().enumerate() {
        findings.leaf(&join("server.upload_hosts", &index.to_string()), host);
    }
    if let Some(prefix) = &server.prefix {
        path(service, "server.prefix", prefix, findings);
    }
    for (name, value) in &server.headers {
        let path = join("server.headers", name);
        set_header(service, &path, name, findings);
        only_options(service, &path, value, findings);
    }
    if server.parallel_uploads == Some(0) {
        findings.add("server.parallel_uploads", "is 0", "allow at least 1 upload at once");
    }
}

/// A path that is used without a file: only options may stand in it.
fn path(service: &Service, at: &str, template: &Leaf<Template>, findings: &mut Findings<'_>) {
    if !template.text().starts_with('/') {
        findings.add(at, format!("{:?} is no path", template.text()), "start it with /");
    }
    only_options(service, at, template, findings);
}

/// Notes a template that uses more than options.
pub(super) fn only_options(service: &Service, at: &str, template: &Leaf<Template>, findings: &mut Findings<'_>) {
    if !findings.leaf(at, template) {
        return;
    }
    for hole in template.get().holes() {
        if let Hole::Option(name) = hole {
            known_option(service, at, name, findings);
        } else {
            findings.add(
                at,
                format!("{hole:?} is not known here"),
                "use {option.NAME} of an account option",
            );
        }
    }
}

/// Notes a name that is no option.
pub(super) fn known_option(service: &Service, at: &str, name: &str, findings: &mut Findings<'_>) {
    let known: Vec<_> = service
        .account_option
        .iter()
        .chain(&service.upload_option)
        .map(|spec| spec.name.text())
        .collect();
    if !known.contains(&name) {
        let remedy = if known.is_empty() {
            "this file has no options".into()
        } else {
            format!("the options are {}", known.join(", "))
        };
        findings.add(at, format!("there is no option {name:?}"), remedy);
    }
}

/// Notes a header that a definition may not set: none, the transport's, or that of the key.
pub(super) fn set_header(service: &Service, at: &str, name: &str, findings: &mut Findings<'_>) {
    header_name(at, name, findings);
    let is_of_key = |header: &String| header.eq_ignore_ascii_case(name);
    if OWN_HEADERS.contains(&name.to_ascii_lowercase().as_str()) {
        findings.add(at, "is set by Skylift itself", "drop it");
    } else if service.auth.scheme.iter().any(|scheme| is_of_key(&scheme.header)) {
        findings.add(
            at,
            "carries the key",
            "drop it, or name another header in [[auth.scheme]]",
        );
    }
}

pub(super) fn header_name(at: &str, name: &str, findings: &mut Findings<'_>) {
    if http::HeaderName::from_bytes(name.as_bytes()).is_err() {
        findings.add(
            at,
            format!("{name:?} is no header"),
            "write a header's name, such as Content-Type",
        );
    }
}

fn auth(service: &Service, findings: &mut Findings<'_>) {
    let auth = &service.auth;
    for (index, scheme) in auth.scheme.iter().enumerate() {
        let at = join("auth.scheme", &index.to_string());
        findings.leaf(&join(&at, "id"), &scheme.id);
        header_name(&join(&at, "header"), &scheme.header, findings);
        if OWN_HEADERS.contains(&scheme.header.to_ascii_lowercase().as_str()) {
            findings.add(
                &join(&at, "header"),
                "is set by Skylift itself",
                "name the header of the key",
            );
        }
        if http::HeaderValue::from_str(&scheme.prefix).is_err() {
            let remedy = "write one line, such as \"Bearer \"";
            findings.add(&join(&at, "prefix"), "cannot stand in a header", remedy);
        }
    }
    let ids: Vec<_> = auth.scheme.iter().map(|scheme| scheme.id.text().to_owned()).collect();
    match (&auth.option, ids.len()) {
        (_, 0) => findings.add(
            "auth.scheme",
            "there is no scheme",
            "say which header carries the key in [[auth.scheme]]",
        ),
        (None, 1) => {}
        (None, _) => findings.add(
            "auth",
            "there are several schemes and nothing chooses",
            "name a choice option in auth.option",
        ),
        (Some(name), _) => {
            let option = service.account_option.iter().find(|option| option.name.text() == name);
            if option.is_none_or(|option| option.kind != OptionType::Choice || option.choices != ids) {
                let remedy = format!(
                    "add an account option {name} of type choice with the choices {}",
                    ids.join(", ")
                );
                findings.add(
                    "auth.option",
                    format!("no account option {name:?} chooses exactly these schemes"),
                    remedy,
                );
            }
        }
    }
}

fn options(at: &str, options: &[OptionSpec], findings: &mut Findings<'_>) {
    if options.len() > MOST {
        findings.add(at, "has too many options", format!("keep to {MOST}"));
    }
    for (index, option) in options.iter().enumerate() {
        let at = join(at, &index.to_string());
        let sound = findings.leaf(&join(&at, "name"), &option.name);
        if options[..index]
            .iter()
            .any(|other| other.name.text() == option.name.text())
        {
            findings.add(
                &at,
                format!("there are two options {:?}", option.name.text()),
                "rename or drop one",
            );
        }
        let choices = (option.kind == OptionType::Choice) != option.choices.is_empty();
        if !choices {
            findings.add(
                &join(&at, "choices"),
                "fits the type choice only, which needs it",
                "list the choices of a choice",
            );
        }
        if option.required && option.default.is_some() {
            findings.add(&join(&at, "required"), "contradicts the default", "drop one of the two");
        }
        if option.reads.is_some() && option.kind != OptionType::Text {
            findings.add(&join(&at, "reads"), "fits the type text only", "make it a text");
        }
        if let Some(default) = option.default.as_ref().filter(|_| sound) {
            let at = join(&at, "default");
            match check_text(option, default) {
                Ok(()) if option.kind == OptionType::Map => findings.add(&at, "is of a map, which has none", "drop it"),
                Ok(()) => {}
                Err(right) => findings.add(&at, format!("cannot be {default:?}"), format!("write {right}")),
            }
        }
    }
}

/// An option of an upload may stand above one of the account; then both must mean the same.
fn shared_options(service: &Service, findings: &mut Findings<'_>) {
    for (index, upload) in service.upload_option.iter().enumerate() {
        let at = join("upload_option", &index.to_string());
        match service
            .account_option
            .iter()
            .find(|account| account.name.text() == upload.name.text())
        {
            Some(account) if account.kind != upload.kind || account.reads != upload.reads => {
                findings.add(
                    &at,
                    "differs in type from the account option of that name",
                    "give both the same type",
                );
            }
            Some(_) if upload.default.is_some() => {
                findings.add(
                    &join(&at, "default"),
                    "would always win over the account option",
                    "drop it here",
                );
            }
            Some(_) | None => {}
        }
    }
}

fn limits(service: &Service, findings: &mut Findings<'_>) {
    let limits = &service.limits;
    findings.maybe("limits", "file_max", limits.file_max.as_ref());
    findings.maybe("limits", "session_ttl", limits.session_ttl.as_ref());
    let bad_extension = |extension: &&String| {
        extension.is_empty() || extension.contains('.') || **extension != extension.to_lowercase()
    };
    let listed = limits.extensions.iter().flatten();
    for extension in listed.filter(bad_extension) {
        findings.add(
            "limits.extensions",
            format!("{extension:?} is no extension"),
            "write it in lower case without a dot",
        );
    }
    for extension in service.types.keys().filter(bad_extension) {
        findings.add(
            &join("types", extension),
            format!("{extension:?} is no extension"),
            "write it in lower case without a dot",
        );
    }
    let media = limits
        .media_types
        .iter()
        .flatten()
        .map(|kind| ("limits.media_types".to_owned(), kind));
    let types = service
        .types
        .iter()
        .map(|(extension, kind)| (join("types", extension), kind));
    for (at, kind) in media.chain(types) {
        if !kind
            .split_once('/')
            .is_some_and(|(a, b)| !a.is_empty() && !b.is_empty() && !b.contains(['/', ';', ' ']))
        {
            findings.add(
                &at,
                format!("{kind:?} is no media type"),
                "write one without parameters, such as image/png",
            );
        }
    }
    if limits.name_max_bytes == Some(0) {
        findings.add("limits.name_max_bytes", "is 0", "a name has at least 1 byte");
    }
    if let Some(rate) = &limits.rate
        && !(rate.per_second > 0.0 && rate.per_second.is_finite() && rate.burst > 0)
    {
        findings.add(
            "limits.rate",
            "lets no request through",
            "give per_second and burst above 0",
        );
    }
}

fn errors(service: &Service, findings: &mut Findings<'_>) {
    findings.maybe("errors", "code", service.errors.code.as_ref());
    findings.maybe("errors", "message", service.errors.message.as_ref());
    for (index, header) in service.errors.retry_after.iter().enumerate() {
        header_name(
            &join("errors.retry_after", &index.to_string()),
            &header.header,
            findings,
        );
    }
    for (index, rule) in service.errors.rule.iter().enumerate() {
        let at = join("errors.rule", &index.to_string());
        findings.maybe(&at, "at", rule.at.as_ref());
        for mode in &rule.modes {
            if !service.mode.iter().any(|known| known.id.text() == mode) {
                findings.add(
                    &join(&at, "modes"),
                    format!("there is no mode {mode:?}"),
                    "name a mode of this file",
                );
            }
        }
        if rule.status.iter().any(|status| !(100..600).contains(status)) {
            findings.add(
                &join(&at, "status"),
                "holds a number that is no status",
                "write statuses from 100 to 599",
            );
        }
        if rule.at.is_some() && rule.equals.is_none() && rule.contains.is_none() {
            findings.add(&join(&at, "at"), "is looked at for nothing", "add equals or contains");
        }
        let narrow = rule.equals.is_some() || rule.contains.is_some();
        let success = rule.status.iter().any(|status| (200..300).contains(status));
        if success && !narrow {
            findings.add(
                &at,
                "would make every success an error",
                "add at and equals, or contains",
            );
        }
        if !narrow && rule.status.is_empty() && rule.class != Class::Fatal {
            findings.add(&at, "fits every error", "say status, or at and equals, or contains");
        }
    }
}
