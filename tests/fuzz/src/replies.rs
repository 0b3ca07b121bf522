//! Replies of a service, in a talk over every step of the five definitions that come with Skylift.

use std::sync::{Arc, LazyLock};

use skylift_service::definition::{Definition, built_in};

use crate::conversation::{Conversation, Opening};
use crate::oracles::{Terms, check_fault};
use crate::upload::Upload;
use crate::{MEMORY_OF_A_BYTE, within_memory};

/// The files of the definitions, in their order.
const FILES: [&str; 5] = [
    include_str!("../../../src-tauri/service/definitions/andi.toml"),
    include_str!("../../../src-tauri/service/definitions/notion.toml"),
    include_str!("../../../src-tauri/service/definitions/empirical.toml"),
    include_str!("../../../src-tauri/service/definitions/rebilly.toml"),
    include_str!("../../../src-tauri/service/definitions/archetype.toml"),
];

/// The definition that an opening names, with its terms.
pub(crate) fn chosen(service: &str) -> (&'static Arc<Definition>, Terms) {
    static TERMS: LazyLock<Vec<Terms>> = LazyLock::new(|| FILES.map(Terms::of).into());
    let known = built_in().iter().position(|definition| definition.id == service);
    let index = known.unwrap_or(service.len() % FILES.len());
    (&built_in()[index], TERMS[index].clone())
}

/// Whatever a service answers: no panic, no request to another host, the key to nobody else, little memory, and the same
/// once more.
pub fn replies(input: &[u8]) {
    within_memory(input, MEMORY_OF_A_BYTE, || {
        let conversation = Conversation::read(input);
        let told = talk(&conversation);
        assert_eq!(talk(&conversation), told, "another time it came out otherwise");
    });
}

fn talk(conversation: &Conversation) -> String {
    let Conversation { opening, turns } = conversation;
    let (definition, terms) = chosen(&opening.service);
    match begin(definition, terms, opening) {
        Some(mut upload) => {
            for (step, reply) in turns {
                upload.hear(*step, reply);
            }
            upload.told
        }
        None => String::new(),
    }
}

fn begin(definition: &Arc<Definition>, terms: Terms, opening: &Opening) -> Option<Upload> {
    match Upload::begin(definition, terms, opening) {
        Ok(upload) => Some(upload),
        Err(fault) => {
            check_fault(&fault);
            None
        }
    }
}
