//! `skylift sandbox`: the five services on this computer, until stopped.

use std::collections::BTreeMap;

use anyhow::Context;
use serde_json::json;
use skylift_sandbox::{Config, Sandbox, Service};

use crate::args::SandboxArgs;
use crate::exit::Exit;
use crate::output;
use crate::setup::Setup;
use crate::signals::Signals;

/// Runs them and prints where they are.
pub(crate) async fn run(setup: &Setup, args: SandboxArgs) -> anyhow::Result<Exit> {
    let mut signals = Signals::listen()?;
    let config = Config {
        port: args.port,
        root: args.root,
        faults: args.faults,
        ..Config::default()
    };
    let sandbox = Sandbox::start(config).await.with_context(|| match args.port {
        0 => "the sandbox cannot start".to_owned(),
        port => format!("the sandbox cannot start on port {port}; choose another one, or 0 for a free one"),
    })?;
    let printed = if setup.json {
        tell_programs(&sandbox)
    } else {
        tell_people(&sandbox)
    };
    printed?;
    signals.first().await;
    sandbox.shutdown().await;
    Ok(Exit::Done)
}

fn control(sandbox: &Sandbox) -> String {
    format!("{}/_sandbox", sandbox.url())
}

fn tell_programs(sandbox: &Sandbox) -> std::io::Result<()> {
    let services: BTreeMap<_, _> = Service::ALL
        .into_iter()
        .map(|service| (service.name(), sandbox.base_url(service)))
        .collect();
    output::json(&json!({ "url": sandbox.url(), "services": services, "control": control(sandbox) }))
}

fn tell_people(sandbox: &Sandbox) -> std::io::Result<()> {
    output::print("Five services are listening, for this computer only. Ctrl-C ends them.\n\n")?;
    for service in Service::ALL {
        output::print(&format!("  {:<10}  {}", service.name(), sandbox.base_url(service)))?;
    }
    output::print(&format!(
        "\n  {:<10}  {}/ (stats, objects, faults)\n",
        "control",
        control(sandbox)
    ))?;
    output::print(&format!(
        "\nTry it in another terminal:\n\n  export SKYLIFT_KEY_TRY=test\n  skylift account add try --service andi --base-url {}\n  \
         skylift upload FILE --to try",
        sandbox.base_url(Service::Andi)
    ))
}
