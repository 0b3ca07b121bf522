//! The rules in force and how often each was met and hit. Refuses to know what a fault does.

use std::sync::Mutex;

use serde::Serialize;

use super::{FaultKind, FaultRule};
use crate::lock::Locked;
use crate::service::{Service, Step};

/// One rule and its counters.
#[derive(Debug, Clone, Serialize)]
pub struct RuleReport {
    /// The rule.
    pub rule: FaultRule,
    /// Requests it was aimed at.
    pub met: u64,
    /// Requests it hit.
    pub hit: u64,
}

/// A rule that hits the request at hand.
#[derive(Debug, Clone)]
pub(crate) struct Firing {
    pub(crate) kind: FaultKind,
    pub(crate) after: bool,
    pub(crate) early: bool,
}

pub(crate) struct Board {
    inner: Mutex<Inner>,
}

struct Inner {
    rules: Vec<RuleReport>,
    random: u64,
}

impl Board {
    pub(crate) fn new(rules: Vec<FaultRule>, seed: u64) -> Self {
        let board = Board {
            inner: Mutex::new(Inner {
                rules: Vec::new(),
                random: seed,
            }),
        };
        board.set(rules);
        board
    }

    /// Replaces all rules; counters start at zero.
    pub(crate) fn set(&self, rules: Vec<FaultRule>) {
        self.inner.locked().rules = rules
            .into_iter()
            .map(|rule| RuleReport { rule, met: 0, hit: 0 })
            .collect();
    }

    pub(crate) fn report(&self) -> Vec<RuleReport> {
        self.inner.locked().rules.clone()
    }

    /// Everything that hits this request: any number of delays and throttles, and the first of the other kinds.
    pub(crate) fn fire(&self, service: Service, step: Step) -> Vec<Firing> {
        let mut inner = self.inner.locked();
        let Inner { rules, random } = &mut *inner;
        let mut firing: Vec<Firing> = Vec::new();
        let mut settled = false;
        for report in rules.iter_mut().filter(|report| aims_at(&report.rule, service, step)) {
            let gentle = matches!(report.rule.kind, FaultKind::Delay(_) | FaultKind::Slow(_));
            if (gentle || !settled) && hits(report, random) {
                settled |= !gentle;
                firing.push(Firing {
                    kind: report.rule.kind.clone(),
                    after: report.rule.after,
                    early: report.rule.early,
                });
            }
        }
        firing
    }
}

fn aims_at(rule: &FaultRule, service: Service, step: Step) -> bool {
    rule.service.is_none_or(|aim| aim == service) && rule.step.is_none_or(|aim| step.is_hit_by(aim))
}

fn hits(report: &mut RuleReport, random: &mut u64) -> bool {
    report.met += 1;
    let rule = &report.rule;
    let spent = rule.times.is_some_and(|times| report.hit >= times);
    if spent || report.met <= rule.skip || rule.chance.is_some_and(|chance| draw(random) >= chance) {
        return false;
    }
    report.hit += 1;
    true
}

/// The next number in [0, 1).
fn draw(random: &mut u64) -> f64 {
    *random = random.wrapping_add(1);
    let bits = u32::try_from(crate::ids::mix(*random) >> 32).expect("the upper half of 64 bits");
    f64::from(bits) / (f64::from(u32::MAX) + 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hits_of(spec: &str, requests: usize) -> Vec<bool> {
        let board = Board::new(vec![spec.parse().unwrap()], 7);
        (0..requests)
            .map(|_| !board.fire(Service::Andi, Step::Part).is_empty())
            .collect()
    }

    #[test]
    fn a_window_skips_then_hits_then_is_spent() {
        assert_eq!(
            hits_of("andi:part:hang:skip=1:times=2", 5),
            [false, true, true, false, false]
        );
        assert_eq!(hits_of("*:*:hang", 2), [true, true]);
        assert_eq!(hits_of("andi:create:hang", 2), [false, false]);
    }

    #[test]
    fn chance_is_repeatable_and_about_right() {
        let hits = hits_of("andi:part:hang:chance=0.25", 4000);
        assert_eq!(hits, hits_of("andi:part:hang:chance=0.25", 4000));
        let count = hits.iter().filter(|hit| **hit).count();
        assert!((800..1200).contains(&count), "{count}");
    }

    #[test]
    fn a_delay_goes_together_with_another_fault() {
        let rules = ["*:*:delay=1ms", "*:*:hang", "*:*:portal"].map(|spec| spec.parse().unwrap());
        let firing = Board::new(rules.to_vec(), 1).fire(Service::Notion, Step::Create);
        assert_eq!(firing.len(), 2);
        assert_eq!(firing[1].kind, FaultKind::Hang);
    }
}
