//! Requests: address, headers and body of a step, filled in.
//!
//! Refuses to put the key on anything but the API, and to let a service choose headers that the transport owns.

use http::Method;
use serde_json::Value;
use skylift_model::{Fault, FaultKind, SignedUrl};
use url::Url;

use super::home::{self, Visit};
use super::links::check_link;
use super::scene::{Bare, Scene};
use super::{Job, Values};
use crate::exchange::{Address, Body, Call, FormFile, Request, Step};
use crate::template::{Fillings, as_it_is, as_text};
use crate::vocabulary::{Form, Service, StepSpec};

/// The request of a step.
pub(super) fn build(job: &Job, step: Step, spec: &StepSpec, call: &Call<'_>) -> Result<Request, Fault> {
    let scene = Scene::new(job, call);
    let service = job.home.definition.service();
    if spec.path.is_none() {
        return to_link(job, step, spec, call, &scene);
    }
    to_api(service, &job.home.base, &job.home.options, step, spec, &scene)
}

/// The request that tests a key, where the definition has one.
pub(super) fn probe(visit: &Visit<'_>) -> Result<Option<Request>, Fault> {
    let service = visit.definition.service();
    let Some(spec) = service
        .step
        .probe
        .as_ref()
        .filter(|spec| home::allows(spec.when.as_ref(), &visit.options))
    else {
        return Ok(None);
    };
    to_api(
        service,
        &visit.base,
        &visit.options,
        Step::Probe,
        spec,
        &Bare(&visit.options),
    )
    .map(Some)
}

fn to_api(
    service: &Service,
    base: &Url,
    options: &Values,
    step: Step,
    spec: &StepSpec,
    fillings: &dyn Fillings,
) -> Result<Request, Fault> {
    let path = spec
        .path
        .as_ref()
        .ok_or_else(|| Fault::new(FaultKind::Setup, format!("the step {step:?} has no path")))?;
    let mut url = home::address(service, base, path, fillings)?;
    for (name, value) in &spec.query {
        if let Some(value) = value.get().fill(fillings)? {
            let pairs = items(&value);
            url.query_pairs_mut()
                .extend_pairs(pairs.iter().map(|value| (name, value)));
        }
    }
    let mut headers = Vec::new();
    for (name, value) in service.server.headers.iter().chain(&spec.headers) {
        if let Some(value) = value.get().fill_text(fillings, as_it_is)? {
            headers.push((name.to_ascii_lowercase(), value));
        }
    }
    let auth = home::auth(service, options);
    let body = body(spec, fillings)?;
    Ok(Request {
        step,
        method: spec.method.get().0.clone(),
        address: Address::Api(url),
        headers,
        auth,
        body,
    })
}

fn to_link(job: &Job, step: Step, spec: &StepSpec, call: &Call<'_>, scene: &Scene<'_>) -> Result<Request, Fault> {
    let link = call.target.and_then(|target| target.link.as_ref());
    let link = link.ok_or_else(|| Fault::new(FaultKind::Gone, "there is no address at hand for this part"))?;
    check_link(job, link.url.expose())?;
    let mut headers: Vec<_> = link
        .headers
        .iter()
        .map(|(name, value)| (name.to_ascii_lowercase(), value.clone()))
        .collect();
    for (name, value) in &spec.headers {
        let name = name.to_ascii_lowercase();
        if !headers.iter().any(|(known, _)| *known == name)
            && let Some(value) = value.get().fill_text(scene, as_it_is)?
        {
            headers.push((name, value));
        }
    }
    Ok(Request {
        step,
        method: link.method.clone().unwrap_or_else(|| spec.method.get().0.clone()),
        address: Address::Signed {
            link: SignedUrl::new(link.url.expose().to_owned()),
            home: job.home.base.host_str().unwrap_or_default().to_owned(),
        },
        headers,
        auth: None,
        body: body(spec, scene)?,
    })
}

fn body(spec: &StepSpec, fillings: &dyn Fillings) -> Result<Body, Fault> {
    if let Some(json) = &spec.json {
        return Ok(json
            .make(fillings)?
            .map_or(Body::Empty, |value| Body::Json(value.to_string())));
    }
    if let Some(form) = &spec.form {
        return form_body(form, fillings);
    }
    if let Some(pairs) = &spec.urlencoded {
        let mut out = url::form_urlencoded::Serializer::new(String::new());
        for (name, value) in pairs {
            if let Some(value) = value.get().fill(fillings)? {
                out.extend_pairs(items(&value).iter().map(|value| (name, value)));
            }
        }
        return Ok(Body::UrlEncoded(out.finish()));
    }
    Ok(if spec.raw { Body::Bytes } else { Body::Empty })
}

fn form_body(form: &Form, fillings: &dyn Fillings) -> Result<Body, Fault> {
    let mut fields = Vec::new();
    for field in &form.field {
        if let Some(value) = field.value.get().fill(fillings)? {
            fields.extend(items(&value).into_iter().map(|value| (field.name.clone(), value)));
        }
    }
    let text = |template: &crate::leaf::Leaf<crate::template::Template>| {
        template
            .get()
            .fill_text(fillings, as_it_is)
            .map(Option::unwrap_or_default)
    };
    let file = FormFile {
        field: form.file.clone(),
        filename: text(&form.filename)?,
        content_type: text(&form.content_type)?,
    };
    Ok(Body::Form { fields, file })
}

/// A list as its items, anything else as one.
fn items(value: &Value) -> Vec<String> {
    match value {
        Value::Array(items) => items.iter().map(as_text).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_) => vec![as_text(value)],
    }
}

/// The methods that carry a file to a presigned link.
pub(super) fn carries(method: &str) -> Option<Method> {
    match method.to_ascii_uppercase().as_str() {
        "PUT" => Some(Method::PUT),
        "POST" => Some(Method::POST),
        _ => None,
    }
}
