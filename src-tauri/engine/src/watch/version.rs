//! Whether a file is the version that the ledger knows. Pure.
//!
//! Size and times are compared first. Only where they leave a doubt (touched, copied over itself, renamed, restored from
//! a backup) the content is: then the file is read and its CRC32C compared with that of the bytes that were sent.

use crate::ports::SourceFacts;
use crate::store::Entry;

/// What a comparison says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Likeness {
    /// The same version.
    Same,
    /// The same, if the content has this CRC32C.
    Doubt(u32),
    /// Another version.
    Other,
}

/// Compares a file with what is known of its own path.
pub(crate) fn at_its_path(facts: &SourceFacts, known: &Entry) -> Likeness {
    let before = &known.facts;
    if facts.size != before.size {
        return Likeness::Other;
    }
    // Device and file number may change when a drive is connected again. The time of change cannot be set by hand, so
    // that it tells more, where there is one.
    if (facts.mtime_ns, facts.ctime_ns) == (before.mtime_ns, before.ctime_ns) && facts.ctime_ns != 0 {
        return Likeness::Same;
    }
    match known.crc32c {
        // Without a time of change, sizes and dates that agree are all there is to go by.
        Some(_) if facts.ctime_ns == 0 && facts.mtime_ns == before.mtime_ns => Likeness::Same,
        Some(crc32c) => Likeness::Doubt(crc32c),
        None if facts.mtime_ns == before.mtime_ns => Likeness::Same,
        None => Likeness::Other,
    }
}

/// Compares a file with what is known of the same file number under another name: a rename, a hard link, or another file
/// that got the number of a deleted one.
pub(crate) fn under_another_name(facts: &SourceFacts, known: &Entry) -> Likeness {
    let before = &known.facts;
    let alike = facts.file_id != 0 && (facts.file_id, facts.size) == (before.file_id, before.size);
    match known.crc32c {
        Some(crc32c) if alike => Likeness::Doubt(crc32c),
        None if alike && facts.mtime_ns == before.mtime_ns => Likeness::Same,
        _ => Likeness::Other,
    }
}

#[cfg(test)]
mod tests {
    use skylift_model::Timestamp;

    use super::*;
    use crate::store::Settled;

    const FACTS: SourceFacts = SourceFacts {
        size: 10,
        mtime_ns: 20,
        ctime_ns: 30,
        file_id: 40,
    };

    fn entry(crc32c: Option<u32>) -> Entry {
        Entry {
            state: Settled::Sent,
            facts: FACTS,
            crc32c,
            at: Timestamp(0),
            upload: None,
            pending: false,
        }
    }

    #[test]
    fn an_untouched_file_is_the_same_without_being_read() {
        assert_eq!(at_its_path(&FACTS, &entry(Some(1))), Likeness::Same);
        let on_another_device = SourceFacts { file_id: 99, ..FACTS };
        assert_eq!(at_its_path(&on_another_device, &entry(Some(1))), Likeness::Same);
    }

    #[test]
    fn a_file_of_another_size_is_another_version() {
        assert_eq!(
            at_its_path(&SourceFacts { size: 11, ..FACTS }, &entry(Some(1))),
            Likeness::Other
        );
    }

    #[test]
    fn a_touched_file_is_read() {
        for touched in [
            SourceFacts {
                mtime_ns: 21,
                ctime_ns: 31,
                ..FACTS
            },
            SourceFacts { ctime_ns: 31, ..FACTS },
        ] {
            assert_eq!(at_its_path(&touched, &entry(Some(7))), Likeness::Doubt(7));
        }
    }

    #[test]
    fn a_file_that_was_there_before_and_got_other_rights_is_still_the_same() {
        let changed = SourceFacts { ctime_ns: 31, ..FACTS };
        assert_eq!(at_its_path(&changed, &entry(None)), Likeness::Same);
        let written = SourceFacts {
            mtime_ns: 21,
            ..changed
        };
        assert_eq!(at_its_path(&written, &entry(None)), Likeness::Other);
    }

    #[test]
    fn a_renamed_file_is_read_and_a_reused_number_is_another_file() {
        let renamed = SourceFacts { ctime_ns: 31, ..FACTS };
        assert_eq!(under_another_name(&renamed, &entry(Some(7))), Likeness::Doubt(7));
        let touched_too = SourceFacts {
            mtime_ns: 50,
            ..renamed
        };
        assert_eq!(under_another_name(&touched_too, &entry(Some(7))), Likeness::Doubt(7));
        assert_eq!(under_another_name(&touched_too, &entry(None)), Likeness::Other);
        let reused = SourceFacts { size: 11, ..renamed };
        assert_eq!(under_another_name(&reused, &entry(Some(7))), Likeness::Other);
        let unknown = SourceFacts { file_id: 0, ..renamed };
        let of_unknown = Entry {
            facts: SourceFacts { file_id: 0, ..FACTS },
            ..entry(Some(7))
        };
        assert_eq!(under_another_name(&unknown, &of_unknown), Likeness::Other);
    }
}
