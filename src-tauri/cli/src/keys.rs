//! Where keys come from: the environment, one line of standard input, or a person who types without being seen.
//!
//! Refuses to take a key from the arguments, and to print one.

use std::io::{BufRead, IsTerminal};

use anyhow::Context;
use skylift_engine::from_environment;
use skylift_model::Key;
use skylift_model::api::Command;
use skylift_model::secret::key_variable;

use crate::exit::wrong;

/// The command that lends the key of this process's environment to the engine, which may be another process.
pub(crate) fn lend(account: &str) -> Option<Command> {
    from_environment(account).map(|key| Command::LendKey {
        account: account.to_owned(),
        key,
    })
}

/// A key that is to be stored: from standard input, or asked for with `prompt`.
///
/// # Errors
/// When nobody can be asked, or nothing is entered.
pub(crate) fn read(account: &str, from_stdin: bool, prompt: &str) -> anyhow::Result<Key> {
    let key = if from_stdin {
        one_line()?
    } else if std::io::stdin().is_terminal() {
        Key::new(&rpassword::prompt_password(prompt).context("the key cannot be read from the terminal")?)
    } else {
        return Err(wrong(format!(
            "a key is needed. Pipe it in with --key-stdin, or set {}",
            key_variable(account)
        )));
    };
    if key.is_empty() {
        Err(wrong("no key was entered. Nothing was changed"))
    } else {
        Ok(key)
    }
}

fn one_line() -> anyhow::Result<Key> {
    let mut line = String::new();
    std::io::stdin()
        .lock()
        .read_line(&mut line)
        .context("the key cannot be read from standard input")?;
    Ok(Key::new(&line))
}
