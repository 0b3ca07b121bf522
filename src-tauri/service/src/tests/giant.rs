//! Files at the edge of what anybody has: split within the limits of every service, or refused in words.

use skylift_model::FaultKind;
use skylift_model::plan::MOST_PARTS;

use super::*;

const TIB: u64 = 1 << 40;

#[test]
fn a_file_of_5_tib_has_a_plan_that_the_service_takes_or_is_refused_with_its_limit() {
    for definition in built_in() {
        for mode in definition.service().mode.iter().filter(|mode| !mode.import) {
            let mode_id = mode.id.text();
            let name = if definition.id == "archetype" {
                "giant.csv"
            } else {
                "giant.pdf"
            };
            let own: &[_] = if definition.id == "empirical" {
                &[("project_id", "12")]
            } else {
                &[]
            };
            let job = Job::new(
                definition.clone(),
                &account(definition, own),
                file(name, 5 * TIB),
                &options(&[]),
                mode_id,
                None,
            );
            let at = format!("{} {mode_id}", definition.id);
            match job {
                Ok(job) => {
                    let plan = job.begin(None).unwrap().plan;
                    assert!(plan.count <= MOST_PARTS && plan.size == 5 * TIB, "{at}: {plan:?}");
                    let last = plan.numbers().last().unwrap();
                    assert_eq!(plan.range(last).end, 5 * TIB, "{at}");
                }
                Err(fault) => {
                    println!("{at}: {}", fault.message);
                    assert_eq!(fault.kind, FaultKind::TooLarge, "{at}: {}", fault.message);
                }
            }
        }
    }
}
