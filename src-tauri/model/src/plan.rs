//! How a file is split: size of a part, number of parts, which bytes each part holds.
//!
//! Refuses plans that no service could take; the limits come from the definition.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::ids::PartNumber;

/// The most parts of one upload (S3 and Notion: 10,000).
pub const MOST_PARTS: u32 = 10_000;

/// What a service allows for parts, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PartLimits {
    /// The size to use when nothing speaks against it.
    pub preferred: u64,
    /// The smallest part, the last one excepted.
    pub smallest: u64,
    /// The largest part.
    pub largest: u64,
    /// A part's size is a multiple of this, the last one excepted.
    pub multiple_of: u64,
    /// The most parts of one upload.
    pub most: u32,
}

/// The split of one file. Parts are equal but for the last; an empty file is one empty part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export_to = "bindings.ts"))]
pub struct PartPlan {
    /// The whole file, in bytes.
    #[cfg_attr(test, ts(type = "number"))]
    pub size: u64,
    /// Every part but the last, in bytes; at least 1.
    #[cfg_attr(test, ts(type = "number"))]
    pub part_size: u64,
    /// How many parts, at least 1.
    pub count: u32,
}

/// Why a file cannot be split.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// Even the largest parts are not enough.
    #[error("the file needs more than {most} parts of {largest} bytes")]
    TooManyParts {
        /// The most parts allowed.
        most: u32,
        /// The largest part allowed, in bytes.
        largest: u64,
    },
    /// A part size of zero, or limits that contradict each other.
    #[error("the limits for parts contradict each other")]
    Contradiction,
}

impl PartPlan {
    /// The whole file as one part.
    pub const fn whole(size: u64) -> Self {
        Self {
            size,
            part_size: if size == 0 { 1 } else { size },
            count: 1,
        }
    }

    /// Parts of the size a service named.
    ///
    /// # Errors
    /// When the size is 0 or more than [`MOST_PARTS`] parts come out.
    pub fn of_size(size: u64, part_size: u64) -> Result<Self, PlanError> {
        if part_size == 0 {
            return Err(PlanError::Contradiction);
        }
        let count = u32::try_from(size.div_ceil(part_size).max(1)).unwrap_or(u32::MAX);
        if count > MOST_PARTS {
            return Err(PlanError::TooManyParts {
                most: MOST_PARTS,
                largest: part_size,
            });
        }
        Ok(Self { size, part_size, count })
    }

    /// Parts of the preferred size, made larger only as far as the number of parts asks for it.
    ///
    /// # Errors
    /// When no size within the limits is enough, or the limits contradict each other.
    pub fn within(size: u64, limits: PartLimits) -> Result<Self, PlanError> {
        let PartLimits {
            preferred,
            smallest,
            largest,
            multiple_of,
            most,
        } = limits;
        if multiple_of == 0 || most == 0 || smallest > largest || largest < multiple_of {
            return Err(PlanError::Contradiction);
        }
        let needed = size.div_ceil(u64::from(most));
        let wanted = preferred
            .max(needed)
            .max(smallest)
            .div_ceil(multiple_of)
            .saturating_mul(multiple_of);
        let part_size = wanted.min(largest / multiple_of * multiple_of);
        if part_size < needed {
            return Err(PlanError::TooManyParts { most, largest });
        }
        Self::of_size(size, part_size)
    }

    /// The bytes of a part; empty for a number past the last.
    pub fn range(&self, number: PartNumber) -> Range<u64> {
        let start = u64::from(number.index()).saturating_mul(self.part_size).min(self.size);
        start..start.saturating_add(self.part_size).min(self.size)
    }

    /// How many bytes a part holds.
    pub fn length(&self, number: PartNumber) -> u64 {
        let range = self.range(number);
        range.end - range.start
    }

    /// Every part's number in order.
    pub fn numbers(&self) -> impl Iterator<Item = PartNumber> + use<> {
        (0..self.count).map(PartNumber::from_index)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MIB: u64 = 1024 * 1024;
    const NOTION: PartLimits = PartLimits {
        preferred: 10 * MIB,
        smallest: 5 * MIB,
        largest: 20 * MIB,
        multiple_of: 1,
        most: 10_000,
    };

    #[test]
    fn an_empty_file_is_one_empty_part() {
        let plan = PartPlan::within(0, NOTION).unwrap();
        assert_eq!((plan.count, plan.range(PartNumber::FIRST)), (1, 0..0));
    }

    #[test]
    fn a_byte_over_a_part_makes_another_part() {
        let plan = PartPlan::within(10 * MIB + 1, NOTION).unwrap();
        assert_eq!((plan.count, plan.length(PartNumber::from_index(1))), (2, 1));
    }

    #[test]
    fn a_file_too_large_for_the_service_is_refused_with_the_limit() {
        let error = PartPlan::within(10_001 * 20 * MIB, NOTION).unwrap_err();
        assert_eq!(
            error,
            PlanError::TooManyParts {
                most: 10_000,
                largest: 20 * MIB
            }
        );
    }

    proptest! {
        #[test]
        fn parts_cover_every_byte_once(size in 0u64..200_000 * MIB, preferred in MIB..30 * MIB) {
            let limits = PartLimits { preferred, smallest: 5 * MIB, largest: 50 * MIB, multiple_of: 1024, most: 10_000 };
            let plan = PartPlan::within(size, limits).unwrap();
            let mut end = 0;
            for number in plan.numbers() {
                let range = plan.range(number);
                prop_assert_eq!(range.start, end);
                end = range.end;
                prop_assert!(number.get() == plan.count || range.end - range.start == plan.part_size);
            }
            prop_assert_eq!(end, size);
            prop_assert!(plan.part_size <= 50 * MIB && plan.part_size.is_multiple_of(1024));
        }
    }
}
