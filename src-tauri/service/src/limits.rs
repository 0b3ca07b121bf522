//! What a service takes: which mode a file is for, whether it may be sent at all, and the limits in words.
//!
//! Refuses a file before a byte is sent, with the limit and what to do.

use skylift_model::names::{extension, shown};
use skylift_model::{Fault, FaultKind};

use crate::exchange::FileFacts;
use crate::units::in_words as size;
use crate::vocabulary::{Mode, Service};

/// Whether a mode is chosen for a file.
pub(crate) fn applies(mode: &Mode, file: &FileFacts) -> bool {
    let when = &mode.when;
    let listed = |known: &Vec<String>| extension(&file.name).is_some_and(|extension| known.contains(&extension));
    when.size_min.as_ref().is_none_or(|min| file.size >= min.get().0)
        && when.size_max.as_ref().is_none_or(|max| file.size <= max.get().0)
        && when.empty.is_none_or(|empty| (file.size == 0) == empty)
        && when.extensions.as_ref().is_none_or(listed)
}

/// Checks a file against everything a service and a mode take.
///
/// # Errors
/// The limit that it breaks, and what to do.
pub(crate) fn check(
    service: &Service,
    mode: &Mode,
    file: &FileFacts,
    media_type: &str,
    largest_file: Option<u64>,
) -> Result<(), Fault> {
    check_name(service, &file.name)?;
    check_type(service, &file.name, media_type)?;
    if mode.import {
        Ok(())
    } else {
        check_size(service, mode, file.size, largest_file)
    }
}

fn check_size(service: &Service, mode: &Mode, bytes: u64, largest_file: Option<u64>) -> Result<(), Fault> {
    let (name, id) = (&service.name, mode.id.text());
    let too_large = |most: u64, whose: String| {
        let message = format!("the file has {}, {whose} takes at most {}", size(bytes), size(most));
        Err(Fault::new(FaultKind::TooLarge, message))
    };
    if let Some(most) = service
        .limits
        .file_max
        .as_ref()
        .map(|max| max.get().0)
        .filter(|most| bytes > *most)
    {
        return too_large(most, name.clone());
    }
    if let Some(most) = largest_file.filter(|most| bytes > *most) {
        return too_large(most, format!("this account's plan at {name}"));
    }
    if let Some(most) = mode
        .file_max
        .as_ref()
        .map(|max| max.get().0)
        .filter(|most| bytes > *most)
    {
        return too_large(most, format!("the mode {id} of {name}"));
    }
    match mode
        .file_min
        .as_ref()
        .map(|min| min.get().0)
        .filter(|least| bytes < *least)
    {
        Some(_) if bytes == 0 => Err(Fault::new(
            FaultKind::TooSmall,
            format!("the file is empty, which {name} does not take"),
        )),
        Some(least) => {
            let message = format!(
                "the file has {}, the mode {id} of {name} takes at least {}",
                size(bytes),
                size(least)
            );
            Err(Fault::new(FaultKind::TooSmall, message).hint("Leave the mode out, so that Skylift chooses another."))
        }
        None => Ok(()),
    }
}

fn check_name(service: &Service, name: &str) -> Result<(), Fault> {
    if name.is_empty() {
        return Err(Fault::new(FaultKind::NameRefused, "the file has no name"));
    }
    if matches!(name, "." | "..") {
        return Err(Fault::new(
            FaultKind::NameRefused,
            format!("{name:?} is a folder's name"),
        ));
    }
    // A name on disk is sent with its control characters escaped, so this one was typed or came out of an address.
    if name.contains(|c: char| c.is_control() || c == '/') {
        let message = "the name holds a slash, a line end or another control character";
        return Err(Fault::new(FaultKind::NameRefused, message));
    }
    let limits = &service.limits;
    for (length, most, unit) in [
        (name.len(), limits.name_max_bytes, "bytes"),
        (name.chars().count(), limits.name_max_chars, "characters"),
    ] {
        if let Some(most) = most.filter(|most| length > *most as usize) {
            let message = format!("the name has {length} {unit}, {} takes at most {most}", service.name);
            return Err(Fault::new(FaultKind::NameRefused, message));
        }
    }
    Ok(())
}

fn check_type(service: &Service, name: &str, media_type: &str) -> Result<(), Fault> {
    let kinds = |list: &[String]| list.join(", ");
    if let Some(known) = &service.limits.extensions {
        let hint = format!("It takes: {}.", kinds(known));
        match extension(name) {
            None => {
                let message = format!("the name has no extension, which {} tells types by", service.name);
                return Err(Fault::new(FaultKind::NameRefused, message).hint(hint));
            }
            Some(extension) if !known.contains(&extension) => {
                let message = format!("{} does not take {} files", service.name, ending(&extension));
                return Err(Fault::new(FaultKind::TypeRefused, message).hint(hint));
            }
            Some(_) => {}
        }
    }
    match &service.limits.media_types {
        Some(known) if !known.iter().any(|known| known == media_type) => {
            let message = format!("{} does not take files of type {media_type}", service.name);
            Err(Fault::new(FaultKind::TypeRefused, message).hint(format!("It takes: {}.", kinds(known))))
        }
        Some(_) | None => Ok(()),
    }
}

/// The most characters of an ending that are shown.
const LONGEST_ENDING: usize = 20;

/// An ending for people: whoever made the name chose it.
fn ending(extension: &str) -> String {
    let start: String = extension.chars().take(LONGEST_ENDING).collect();
    let more = if start == extension { "" } else { "..." };
    format!(".{}{more}", shown(start.as_bytes()))
}

/// The limits of a service, in sentences.
pub(crate) fn in_words(service: &Service) -> Vec<String> {
    let limits = &service.limits;
    let mut out = Vec::new();
    if let Some(max) = &limits.file_max {
        out.push(format!("A file may have up to {}.", size(max.get().0)));
    }
    for (most, unit) in [(limits.name_max_bytes, "bytes"), (limits.name_max_chars, "characters")] {
        if let Some(most) = most {
            out.push(format!("A name may have up to {most} {unit}."));
        }
    }
    for mode in &service.mode {
        if let Some(max) = &mode.file_max {
            out.push(format!(
                "The mode {} takes files up to {}.",
                mode.id.text(),
                size(max.get().0)
            ));
        }
        if mode.file_min.as_ref().is_some_and(|min| min.get().0 == 1) {
            out.push(format!("The mode {} takes no empty files.", mode.id.text()));
        }
    }
    for (what, list) in [("extensions", &limits.extensions), ("media types", &limits.media_types)] {
        if let Some(list) = list {
            out.push(format!("It takes these {what}: {}.", list.join(", ")));
        }
    }
    if let Some(rate) = &limits.rate {
        out.push(format!(
            "It answers {} requests a second, {} at once.",
            rate.per_second, rate.burst
        ));
    }
    if let Some(ttl) = &limits.session_ttl {
        out.push(format!("An upload that was begun is forgotten after {}.", ttl.text()));
    }
    out
}
