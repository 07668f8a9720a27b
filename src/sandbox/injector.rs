//! Applies the rules of [`Faults`] to each request.
//!
//! Rules compose: a request may be slow *and* lose half of its contacts *and* be cut off. Only one fault can end a
//! request: the first rule that does wins, and later ones are skipped. Each rule has its own random number
//! generator, seeded by the seed and the rule's position, so the same requests in the same order get the same
//! faults.

use std::{collections::HashSet, time::Duration};

use fastrand::Rng;

use super::{
    faults::Faults,
    injected_fault::{ErrorBody, InjectedFault, Rule, When},
    log::Request,
};

#[derive(Debug, Default)]
pub(super) struct Effects {
    pub(super) end: Option<InjectedFault>,
    pub(super) delay: Duration,
    pub(super) token_dies: bool,
    /// The contacts for which the batch is refused, in the order of the rules.
    pub(super) poison: Vec<Poisoned>,
    /// Indices of contacts that are not stored.
    pub(super) unstored: HashSet<usize>,
}

/// A contact for which a batch is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Poisoned {
    pub(super) index: usize,
    pub(super) status: u16,
    pub(super) body: ErrorBody,
}

/// The rules, with a counter and a generator for each, and the faults injected so far.
#[derive(Debug, Default)]
pub(super) struct FaultInjector {
    faults: Faults,
    counters: Vec<(u64, Rng)>,
    injected: u64,
}

impl FaultInjector {
    pub(super) fn new(faults: Faults) -> Self {
        let seeds = (0..faults.rules.len() as u64).map(|place| faults.seed ^ (place << 32));
        Self {
            counters: seeds.map(|seed| (0, Rng::with_seed(seed))).collect(),
            faults,
            injected: 0,
        }
    }

    /// Number of transient faults injected so far.
    pub(super) fn injected(&self) -> u64 {
        self.injected
    }

    pub(super) fn effects_on(&mut self, request: &Request) -> Effects {
        let mut effects = Effects::default();
        for (rule, (requests, rng)) in self.faults.rules.iter().zip(&mut self.counters) {
            let Rule { fault, when, scope } = rule;
            if !scope.holds(request) || !fault.concerns(request) {
                continue;
            }
            *requests += 1;
            let is_due = match when {
                When::Always => true,
                When::Between { first, last } => (*first..=*last).contains(requests),
                When::Chance(chance) => rng.f64() < *chance,
            };
            let is_over = fault.ends_request() && effects.end.is_some();
            let is_over_limit = self
                .faults
                .max_injected
                .is_some_and(|most| self.injected >= most);
            if is_due && !is_over && !(fault.is_transient() && is_over_limit) {
                self.injected += u64::from(fault.is_transient());
                effects.add(fault, request, rng);
            }
        }
        effects
    }
}

impl Effects {
    fn add(&mut self, fault: &InjectedFault, request: &Request, rng: &mut Rng) {
        let index_of = |id| request.ids.iter().position(|sent| sent == id);
        match fault {
            InjectedFault::Slow(delay) => self.delay += *delay,
            InjectedFault::TokenDies => self.token_dies = true,
            InjectedFault::Partial => self.unstored.extend(some_of(request.ids.len(), rng)),
            InjectedFault::Unstored { id } => self.unstored.extend(index_of(id)),
            InjectedFault::Poison { id, status, body } => {
                let (status, body) = (*status, *body);
                let found = index_of(id).map(|index| Poisoned {
                    index,
                    status,
                    body,
                });
                self.poison.extend(found);
            }
            end => self.end = Some(end.clone()),
        }
    }
}

/// About a third of the indices below `count`, at least one and never all.
fn some_of(count: usize, rng: &mut Rng) -> Vec<usize> {
    let chosen = rng.usize(1..=count.div_ceil(3));
    rng.choose_multiple(0..count, chosen)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    fn post(ids: usize) -> Request {
        Request::example("POST", "/v2/contacts", ids)
    }

    fn injector(rules: &[&str]) -> FaultInjector {
        FaultInjector::new(Faults::new(rules).unwrap())
    }

    #[test]
    fn a_rule_counts_the_requests_of_its_own_scope() {
        let mut injector = injector(&["POST:500@2"]);
        let get = Request::example("GET", "/v2/contacts?offset=0", 0);
        let hit = [&get, &post(1), &get, &post(1), &post(1)]
            .map(|request| injector.effects_on(request).end.is_some());
        assert_eq!(hit, [false, false, false, true, false]);
    }

    #[test]
    fn a_seed_determines_the_faults_and_the_maximum_limits_them() {
        let run = |seed| {
            let mut faults = Faults::new(["drop-before%20", "503%20", "truncate%20"]).unwrap();
            (faults.seed, faults.max_injected) = (seed, Some(7));
            let mut injector = FaultInjector::new(faults);
            let ends: Vec<_> = (0..200)
                .map(|_| format!("{:?}", injector.effects_on(&post(100)).end))
                .collect();
            (ends, injector.injected())
        };
        assert_eq!(run(1), run(1));
        assert_ne!(run(1), run(2));
        assert_eq!(run(1).1, 7);
    }

    #[test]
    fn a_fault_is_as_frequent_as_its_probability() {
        let mut injector = injector(&["drop-after%10"]);
        let hit = (0..10_000)
            .filter(|_| injector.effects_on(&post(1)).end.is_some())
            .count();
        assert!((900..1100).contains(&hit), "{hit}");
    }

    #[test]
    fn partial_never_leaves_out_all_or_none() {
        let mut injector = injector(&["partial"]);
        for count in 2..120 {
            let left_out = injector.effects_on(&post(count)).unstored.len();
            assert!((1..count).contains(&left_out), "{left_out} of {count}");
        }
        assert!(injector.effects_on(&post(1)).unstored.is_empty());
    }

    #[test]
    fn the_first_end_wins_and_the_other_faults_add_up() {
        let rules = [
            "slow=2ms",
            "drop-after",
            "500",
            "slow=3ms",
            "poison=id-2",
            "poison-409=id-1",
        ];
        let effects = injector(&rules).effects_on(&post(3));
        assert_eq!(effects.end, Some(InjectedFault::DropAfter));
        assert_eq!(effects.delay, Duration::from_millis(5));
        let poisoned = |index, status| Poisoned {
            index,
            status,
            body: ErrorBody::Json,
        };
        assert_eq!(effects.poison, [poisoned(2, 400), poisoned(1, 409)]);
    }
}
