//! `skylift service-unit`: the systemd user unit that runs Skylift on a server, written, shown or removed.
//!
//! Refuses to start or stop anything: it says which commands do.

use std::path::{Path, PathBuf};

use serde_json::json;

use crate::args::ServiceUnitCommand;
use crate::exit::{Exit, wrong};
use crate::output;
use crate::setup::Setup;

const NAME: &str = "skylift.service";

/// Writes, shows or removes the unit.
pub(crate) fn run(setup: &Setup, command: &ServiceUnitCommand) -> anyhow::Result<Exit> {
    let program = std::env::current_exe()?;
    match command {
        ServiceUnitCommand::Show => output::print(&unit(&program, setup.data_dir())?)?,
        ServiceUnitCommand::Install => install(setup, &program)?,
        ServiceUnitCommand::Remove => remove(setup)?,
    }
    Ok(Exit::Done)
}

fn install(setup: &Setup, program: &Path) -> anyhow::Result<()> {
    let path = place()?;
    let unit = unit(program, setup.data_dir())?;
    let trouble = |error| wrong(format!("{} cannot be written: {error}", path.display()));
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(trouble)?;
    }
    std::fs::write(&path, unit).map_err(trouble)?;
    if setup.json {
        return Ok(output::json(&json!({ "path": path, "done": "installed" }))?);
    }
    output::print(&format!("Written: {}", path.display()))?;
    output::print(
        "\nStart it, now and after each login:\n  systemctl --user daemon-reload\n  systemctl --user enable --now skylift\n\
         \nOn a server, also without a login:\n  loginctl enable-linger\n\
         \nHow it is:\n  systemctl --user status skylift\n  journalctl --user -u skylift",
    )?;
    Ok(())
}

fn remove(setup: &Setup) -> anyhow::Result<()> {
    let path = place()?;
    match std::fs::remove_file(&path) {
        Ok(()) => {}
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Err(wrong(format!("there is no unit at {}", path.display())));
        }
        Err(error) => return Err(wrong(format!("{} cannot be removed: {error}", path.display()))),
    }
    if setup.json {
        return Ok(output::json(&json!({ "path": path, "done": "removed" }))?);
    }
    output::print(&format!("Removed: {}", path.display()))?;
    output::print(
        "\nWhat runs still runs. To end it:\n  systemctl --user disable --now skylift\n  systemctl --user daemon-reload",
    )?;
    Ok(())
}

fn place() -> anyhow::Result<PathBuf> {
    let configuration = std::env::var_os("XDG_CONFIG_HOME").filter(|folder| !folder.is_empty());
    let home = || std::env::home_dir().map(|home| home.join(".config"));
    let folder = configuration.map(PathBuf::from).or_else(home);
    let folder = folder.ok_or_else(|| wrong("this user has no home folder. Set HOME or XDG_CONFIG_HOME"))?;
    Ok(folder.join("systemd/user").join(NAME))
}

/// The unit: it says when it is ready, is started again when it fails or no longer answers, and ends like Ctrl-C.
fn unit(program: &Path, data_dir: Option<&Path>) -> anyhow::Result<String> {
    let mut command = format!("{} run --quiet", quoted(program)?);
    if let Some(folder) = data_dir {
        let folder = std::path::absolute(folder)?;
        command = format!("{command} --data-dir {}", quoted(&folder)?);
    }
    Ok(format!(
        "\
[Unit]
Description=Skylift: uploads and watched folders
Documentation=man:systemd.service(5)

[Service]
Type=notify
NotifyAccess=main
ExecStart={command}
Restart=on-failure
RestartSec=10
# Started again when it has not answered for this long.
WatchdogSec=120
KillSignal=SIGINT
TimeoutStopSec=60
# The status of a Skylift that was asked to end.
SuccessExitStatus=130
# Keys come from the keychain of this user. Where a server has none, a drop-in may name a file of lines such as
# SKYLIFT_KEY_WORK=... that only this user can read: EnvironmentFile=%h/.config/skylift/keys

[Install]
WantedBy=default.target
"
    ))
}

/// A path as systemd reads it: in quotes, with its own signs escaped.
fn quoted(path: &Path) -> anyhow::Result<String> {
    let text = path
        .to_str()
        .filter(|text| !text.contains(['\n', '\r']))
        .ok_or_else(|| {
            wrong(format!(
                "a unit cannot name {}: it is no text of one line",
                path.display()
            ))
        })?;
    let mut quoted = String::from("\"");
    for letter in text.chars() {
        match letter {
            '"' | '\\' => quoted.extend(['\\', letter]),
            '%' => quoted.push_str("%%"),
            '$' => quoted.push_str("$$"),
            _ => quoted.push(letter),
        }
    }
    quoted.push('"');
    Ok(quoted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_with_signs_of_systemd_stay_paths() {
        let unit = unit(Path::new("/opt/my \"100%\" $x/skylift"), Some(Path::new("/data dir"))).unwrap();
        let expected = r#"ExecStart="/opt/my \"100%%\" $$x/skylift" run --quiet --data-dir "/data dir""#;
        assert!(unit.contains(expected), "{unit}");
    }
}
