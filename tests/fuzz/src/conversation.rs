//! An input as a talk with a service: which file goes where, and what the service answers to which step.
//!
//! Every input is one, so that a fuzzer is never idle; those in `corpus/` can be read and written by people:
//!
//! ```text
//! notion single 30 a.png
//! %%
//! create 200
//! date: Mon, 15 Apr 2024 13:23:30 GMT
//!
//! {"id":"a"}
//! ```

use memchr::memmem::Finder;
use skylift_service::exchange::{Reply, Step};

/// The most answers of one talk.
const MOST_TURNS: usize = 12;
/// Between two answers.
const BETWEEN: &[u8] = b"\n%%\n";

/// Every step.
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

/// A talk.
pub(crate) struct Conversation {
    /// Which service, mode, size and name.
    pub opening: Opening,
    /// What is answered, and to what.
    pub turns: Vec<(Step, Reply)>,
}

/// Which file goes where. What names nothing that there is chooses by its length.
pub(crate) struct Opening {
    /// The service.
    pub service: String,
    /// The mode.
    pub mode: String,
    /// Bytes of the file.
    pub size: u64,
    /// The name it is sent under.
    pub name: String,
}

impl Conversation {
    /// Reads an input.
    pub(crate) fn read(input: &[u8]) -> Self {
        let mut blocks = blocks(input);
        let opening = Opening::read(&String::from_utf8_lossy(blocks.next().unwrap_or_default()));
        Self {
            opening,
            turns: blocks.take(MOST_TURNS).map(turn).collect(),
        }
    }

    /// Reads the answers of an input that has no opening.
    pub(crate) fn answers(input: &[u8]) -> Vec<(Step, Reply)> {
        blocks(input).take(MOST_TURNS).map(turn).collect()
    }
}

impl Opening {
    fn read(text: &str) -> Self {
        let mut words = text.splitn(4, ' ');
        let mut word = || words.next().unwrap_or_default();
        let (service, mode, size, name) = (word(), word(), word(), word());
        Self {
            service: service.into(),
            mode: mode.into(),
            size: size.parse().unwrap_or(5),
            name: if name.is_empty() { "a.png" } else { name }.into(),
        }
    }
}

/// The blocks of an input, which `%%` parts.
pub(crate) fn blocks(input: &[u8]) -> impl Iterator<Item = &[u8]> {
    let (mut rest, finder) = (Some(input), Finder::new(BETWEEN));
    std::iter::from_fn(move || {
        let all = rest?;
        match finder.find(all) {
            Some(at) => {
                rest = Some(&all[at + BETWEEN.len()..]);
                Some(&all[..at])
            }
            None => rest.take(),
        }
    })
}

fn turn(block: &[u8]) -> (Step, Reply) {
    let (head, body) = match memchr::memmem::find(block, b"\n\n") {
        Some(at) => (&block[..at], &block[at + 2..]),
        None => (block, &[][..]),
    };
    // The transport reads header values in the same way.
    let head = String::from_utf8_lossy(head);
    let mut lines = head.lines();
    let (step, status) = lines.next().unwrap_or_default().split_once(' ').unwrap_or_default();
    let headers = lines.filter_map(|line| line.split_once(": "));
    let reply = Reply {
        status: status.parse().unwrap_or(200),
        headers: headers
            .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
            .collect(),
        body: body.to_vec(),
    };
    (step_of(step), reply)
}

fn step_of(name: &str) -> Step {
    let known = STEPS
        .into_iter()
        .find(|step| format!("{step:?}").to_lowercase() == name);
    known.unwrap_or(STEPS[name.len() % STEPS.len()])
}
