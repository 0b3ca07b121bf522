//! Definitions that a person adds: mistakes are told with line and remedy, and what is sound behaves.

use std::sync::Arc;

use skylift_service::definition::Definition;
use skylift_service::exchange::{Reply, Step};

use crate::conversation::{Conversation, Opening};
use crate::oracles::{Terms, check_fault};
use crate::upload::Upload;
use crate::{MEMORY_OF_TOML, within_memory};

/// What the made-up service answers unless the input says.
const ANSWERS: &[u8] = include_bytes!("answers.txt");

/// Whatever a definition says: every mistake has its line and its remedy, and a sound one sends nothing astray whatever
/// its service answers. The answers may follow the definition after a line `%%%%`.
pub fn definitions(input: &[u8]) {
    within_memory(input, MEMORY_OF_TOML, || {
        let at = memchr::memmem::find(input, b"\n%%%%\n");
        let (text, answers) = at.map_or((input, ANSWERS), |at| (&input[..at], &input[at + 6..]));
        // A file that is no text is refused before it is parsed.
        let Ok(text) = std::str::from_utf8(text) else { return };
        match Definition::parse(text) {
            Ok(definition) => drive(text, &Arc::new(definition), &Conversation::answers(answers)),
            Err(problems) => {
                assert!(!problems.is_empty());
                let lines = text.lines().count().max(1);
                assert!(problems.is_sorted_by_key(|problem| (problem.line, problem.column)));
                for problem in problems {
                    assert!((1..=lines + 1).contains(&problem.line), "{problem:?}");
                    assert!(problem.column > 0 && !problem.problem.is_empty(), "{problem:?}");
                    assert!(!problem.remedy.is_empty(), "{problem:?}");
                }
            }
        }
    });
}

fn drive(text: &str, definition: &Arc<Definition>, answers: &[(Step, Reply)]) {
    let terms = Terms::of(text);
    for mode in definition.view(true).modes {
        for size in [0, 5, 30 << 20] {
            let opening = Opening {
                service: String::new(),
                mode: mode.id.clone(),
                size,
                name: "a.png".into(),
            };
            match Upload::begin(definition, terms.clone(), &opening) {
                Ok(mut upload) => {
                    upload.requests();
                    for (step, reply) in answers {
                        upload.hear(*step, reply);
                    }
                }
                Err(fault) => check_fault(&fault),
            }
        }
    }
}
