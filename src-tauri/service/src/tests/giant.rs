//! Files at the edge of what anybody has: split within the limits of every service, or refused in words.

use super::*;
use crate::leaf::Leaf;
use crate::units::Bytes;
use crate::vocabulary::{Mode, Split};
use skylift_model::FaultKind;

const TIB: u64 = 1 << 40;
/// Of a mode that says nothing else.
const MOST_PARTS: u32 = 10_000;

fn bytes(limit: Option<&Leaf<Bytes>>) -> Option<u64> {
    limit.map(|limit| limit.get().0)
}

/// The largest file that the definition lets a mode take, where it says so.
fn largest(definition: &Definition, mode: &Mode) -> Option<u64> {
    let limits = [&definition.service().limits.file_max, &mode.file_max];
    limits.into_iter().filter_map(|limit| bytes(limit.as_ref())).min()
}

/// The plan is one that the definition allows, read without the help of what makes plans.
fn assert_within(mode: &Mode, plan: &PartPlan, at: &str) {
    let Some(parts) = mode.parts.as_ref().filter(|parts| parts.split == Split::Client) else {
        // In one piece, or in those that the service is about to name.
        return assert_eq!(plan.count, 1, "{at}: {plan:?}");
    };
    let [min, max, multiple] = [&parts.min, &parts.max, &parts.multiple_of].map(|limit| bytes(limit.as_ref()));
    assert!(plan.count <= parts.most.unwrap_or(MOST_PARTS), "{at}: {plan:?}");
    assert!(plan.part_size >= min.unwrap_or(1), "{at}: {plan:?}");
    assert!(plan.part_size <= max.unwrap_or(u64::MAX), "{at}: {plan:?}");
    assert_eq!(plan.part_size % multiple.unwrap_or(1), 0, "{at}: {plan:?}");
    assert_eq!(
        u64::from(plan.count),
        plan.size.div_ceil(plan.part_size),
        "{at}: {plan:?}"
    );
}

fn job(definition: &Arc<Definition>, mode: &Mode, size: u64) -> Result<Job, Fault> {
    let (name, own): (_, &[_]) = match definition.id.as_str() {
        "archetype" => ("giant.csv", &[]),
        "empirical" => ("giant.pdf", &[("project_id", "12")]),
        _ => ("giant.pdf", &[]),
    };
    Job::new(
        definition.clone(),
        &account(definition, own),
        file(name, size),
        &options(&[]),
        mode.id.text(),
        None,
    )
}

#[test]
fn a_giant_file_has_a_plan_that_the_service_takes_or_is_refused_with_its_limit() {
    for definition in built_in() {
        for mode in definition.service().mode.iter().filter(|mode| !mode.import) {
            let at = format!("{} {}", definition.id, mode.id.text());
            let largest = largest(definition, mode);
            if let Some(largest) = largest.filter(|largest| *largest < 5 * TIB) {
                let fault = job(definition, mode, 5 * TIB).err().unwrap();
                println!("{at}: {}", fault.message);
                assert_eq!(fault.kind, FaultKind::TooLarge, "{at}: {}", fault.message);
                assert!(job(definition, mode, largest + 1).is_err(), "{at}");
            }
            let size = largest.unwrap_or(u64::MAX).min(5 * TIB);
            let plan = job(definition, mode, size).unwrap().begin(None).unwrap().plan;
            assert_within(mode, &plan, &at);
            let last = plan.numbers().last().unwrap();
            assert_eq!((plan.size, plan.range(last).end), (size, size), "{at}");
        }
    }
}
