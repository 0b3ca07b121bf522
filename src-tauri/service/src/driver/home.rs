//! Where requests go: the account's server with the definition's prefix, its headers, and the header that carries the
//! key.
//!
//! Refuses an address that a value would lead away from there.

use std::sync::Arc;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use skylift_model::{Fault, FaultKind};
use url::Url;

use super::Values;
use crate::definition::Definition;
use crate::exchange::{AccountFacts, Auth};
use crate::extract::protocol;
use crate::leaf::Leaf;
use crate::template::{Fillings, Template, as_text};
use crate::vocabulary::{OptionTest, Service, StepSpec};
use crate::{hosts, options};

/// What stays as it is in a path: the unreserved characters of RFC 3986.
const IN_PATH: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A definition at an account, with the options of an upload.
#[derive(Debug)]
pub(super) struct Home {
    pub(super) definition: Arc<Definition>,
    /// The account's server.
    pub(super) base: Url,
    /// Options of the upload and, below them, of the account.
    pub(super) options: Values,
}

/// A definition at an account, for a request without a file.
pub(super) struct Visit<'a> {
    pub(super) definition: &'a Definition,
    pub(super) base: Url,
    pub(super) options: Values,
}

impl Home {
    pub(super) fn new(definition: Arc<Definition>, account: &AccountFacts, upload: Values) -> Result<Self, Fault> {
        let Visit { base, mut options, .. } = Visit::new(&definition, account)?;
        options.extend(upload);
        Ok(Self {
            definition,
            base,
            options,
        })
    }

    /// Whether a step is not left out.
    pub(super) fn allows(&self, spec: &StepSpec) -> bool {
        allows(spec.when.as_ref(), &self.options)
    }
}

impl<'a> Visit<'a> {
    pub(super) fn new(definition: &'a Definition, account: &AccountFacts) -> Result<Self, Fault> {
        let specs = &definition.service().account_option;
        let options = options::typed(specs, &options::check(specs, &account.options, "account")?);
        let base = hosts::check_base_url(account.base_url.as_str())?;
        Ok(Self {
            definition,
            base,
            options,
        })
    }
}

/// Whether a test of an option holds.
pub(super) fn allows(test: Option<&OptionTest>, options: &Values) -> bool {
    test.is_none_or(|test| {
        let value = options.get(&test.option).map(as_text);
        value.is_some_and(|value| test.one_of.as_ref().is_none_or(|known| known.contains(&value)))
    })
}

/// The address of a path.
pub(super) fn address(
    service: &Service,
    base: &Url,
    path: &Leaf<Template>,
    fillings: &dyn Fillings,
) -> Result<Url, Fault> {
    let prefix = match &service.server.prefix {
        Some(prefix) => prefix.get().fill_text(fillings, in_path)?.unwrap_or_default(),
        None => String::new(),
    };
    let path = path.get().fill_text(fillings, in_path)?.unwrap_or_default();
    let full = format!("{}{prefix}{path}", base.path().trim_end_matches('/'));
    // The parser would take a segment of dots as a way up.
    if full.split('/').any(|segment| segment == "." || segment == "..") {
        return Err(Fault::new(
            FaultKind::HostRefused,
            "a value would lead the request to another address",
        ));
    }
    let mut url = base.clone();
    url.set_path(&full);
    hosts::check_api(&url, base)?;
    Ok(url)
}

fn in_path(value: &str) -> Result<String, Fault> {
    if value.is_empty() {
        return Err(protocol("an identity that a request needs is empty"));
    }
    Ok(utf8_percent_encode(value, IN_PATH).to_string())
}

/// The header that carries the key.
pub(super) fn auth(service: &Service, options: &Values) -> Option<Auth> {
    let chosen = service
        .auth
        .option
        .as_ref()
        .and_then(|name| options.get(name))
        .map(as_text);
    let fits = |id: &str| chosen.as_deref().is_none_or(|chosen| chosen == id);
    let scheme = service.auth.scheme.iter().find(|scheme| fits(scheme.id.text()))?;
    Some(Auth {
        header: scheme.header.to_ascii_lowercase(),
        prefix: scheme.prefix.clone(),
    })
}
