//! The faults at work: what happens to each request.
//!
//! Rules compose: a request may be slow *and* lose half of its contacts *and* be cut off. Only one of them
//! can be its end, so the first rule that ends a request wins and later ones are not asked.
//! Chance is a pure function of the seed, the rule and the number of the request within the rule's scope:
//! the same requests in the same order meet the same faults.

use std::{collections::HashSet, time::Duration};

use super::{
    faults::{Fault, Faults, Rule, When},
    log::Request,
};

/// What happens to one request.
#[derive(Debug, Default)]
pub(super) struct Effects {
    /// How it ends, if not well.
    pub(super) end: Option<Fault>,
    pub(super) delay: Duration,
    pub(super) token_dies: bool,
    /// The status of the refusal, and the index of the contact to blame.
    pub(super) poison: Option<(u16, usize)>,
    /// Indices of contacts that are passed over.
    pub(super) unstored: HashSet<usize>,
}

/// The rules at work: how often each was asked, and what is left of the budget.
#[derive(Debug, Default)]
pub(super) struct Mischief {
    faults: Faults,
    asked: Vec<u64>,
    spent: u64,
}

impl Mischief {
    pub(super) fn new(faults: Faults) -> Self {
        Self {
            asked: vec![0; faults.rules.len()],
            faults,
            spent: 0,
        }
    }

    /// How many transient faults have happened.
    pub(super) fn spent(&self) -> u64 {
        self.spent
    }

    /// What happens to this request.
    pub(super) fn strike(&mut self, request: &Request) -> Effects {
        let mut effects = Effects::default();
        for place in 0..self.faults.rules.len() {
            if self.happens(place, request, &effects) {
                let fault = &self.faults.rules[place].fault;
                self.spent += u64::from(fault.is_transient());
                let dice = dice(self.faults.seed, place, self.asked[place] ^ 1 << 63);
                effects.add(fault, request, dice);
            }
        }
        effects
    }

    fn happens(&mut self, place: usize, request: &Request, so_far: &Effects) -> bool {
        let Rule { fault, when, scope } = &self.faults.rules[place];
        if !scope.holds(request) || !fault.concerns(request) {
            return false;
        }
        self.asked[place] += 1;
        let number = self.asked[place];
        if fault.ends_request() && so_far.end.is_some() {
            return false;
        }
        if fault.is_transient() && self.faults.budget.is_some_and(|most| self.spent >= most) {
            return false;
        }
        match when {
            When::Always => true,
            When::Between { first, last } => (*first..=*last).contains(&number),
            When::Chance(chance) => unit(dice(self.faults.seed, place, number)) < *chance,
            When::Request(picks) => picks(request),
        }
    }
}

impl Effects {
    fn add(&mut self, fault: &Fault, request: &Request, dice: u64) {
        match fault {
            Fault::Slow(delay) => self.delay += *delay,
            Fault::TokenDies => self.token_dies = true,
            Fault::Partial => self.unstored.extend(some_of(request.ids.len(), dice)),
            Fault::Unstored { ids } => {
                let indices = (0..).zip(&request.ids);
                let struck = indices.filter(|(_, id)| ids.contains(*id));
                self.unstored.extend(struck.map(|(index, _)| index));
            }
            Fault::Poison { ids, status } => {
                let index = request.ids.iter().position(|id| ids.contains(id));
                self.poison = self.poison.or(index.map(|index| (*status, index)));
            }
            end => self.end = Some(end.clone()),
        }
    }
}

/// About a third of the indices below `count`, never all and never none, for a count of two or more.
fn some_of(count: usize, dice: u64) -> impl Iterator<Item = usize> {
    let chosen = move |index: usize| mix(dice ^ index as u64).is_multiple_of(3);
    let certain = usize::try_from(dice % count as u64).unwrap_or(0);
    let spared = (certain + 1) % count;
    (0..count).filter(move |&index| index == certain || (chosen(index) && index != spared))
}

fn dice(seed: u64, rule: usize, number: u64) -> u64 {
    mix(mix(mix(seed) ^ rule as u64) ^ number)
}

/// A number in `0..1`.
#[expect(
    clippy::cast_precision_loss,
    reason = "53 bits are what a double holds"
)]
fn unit(dice: u64) -> f64 {
    (dice >> 11) as f64 / (1_u64 << 53) as f64
}

/// Scatters a number over all 64 bits (the finaliser of `SplitMix64`).
pub(super) fn mix(number: u64) -> u64 {
    let mut bits = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sandbox::Scope;

    fn post(ids: usize) -> Request {
        Request::example("POST", "/v2/contacts", ids)
    }

    #[test]
    fn a_rule_counts_the_requests_of_its_own_scope() {
        let rule = Fault::status(500).at(2).on(Scope::Method("POST"));
        let mut mischief = Mischief::new(Faults::new([rule]));
        let get = Request::example("GET", "/v2/contacts?offset=0", 0);
        let struck = [&get, &post(1), &get, &post(1), &post(1)]
            .map(|request| mischief.strike(request).end.is_some());
        assert_eq!(struck, [false, false, false, true, false]);
    }

    #[test]
    fn the_same_seed_strikes_the_same_requests_and_keeps_the_budget() {
        let strikes = |seed| {
            let mut mischief = Mischief::new(Faults::random(seed, 0.2, 7));
            let struck: Vec<_> = (0..200)
                .map(|_| format!("{:?}", mischief.strike(&post(100)).end))
                .collect();
            (struck, mischief.spent())
        };
        assert_eq!(strikes(1), strikes(1));
        assert_ne!(strikes(1), strikes(2));
        assert_eq!(strikes(1).1, 7);
    }

    #[test]
    fn chance_is_about_as_large_as_asked_for() {
        let mut mischief = Mischief::new(Faults::new([Fault::DropAfter.with_chance(0.1)]));
        let struck = (0..10_000)
            .filter(|_| mischief.strike(&post(1)).end.is_some())
            .count();
        assert!((900..1100).contains(&struck), "{struck}");
    }

    #[test]
    fn partial_never_passes_over_all_or_none() {
        let mut mischief = Mischief::new(Faults::new([Fault::Partial.always()]));
        for count in 2..120 {
            let passed_over = mischief.strike(&post(count)).unstored.len();
            assert!(
                (1..count).contains(&passed_over),
                "{passed_over} of {count}"
            );
        }
        assert!(mischief.strike(&post(1)).unstored.is_empty());
    }

    #[test]
    fn the_first_end_wins_and_the_rest_adds_up() {
        let millis = |ms| Fault::Slow(Duration::from_millis(ms)).always();
        let rules = [
            millis(2),
            Fault::DropAfter.always(),
            Fault::status(500).always(),
            millis(3),
            Fault::poison(["id-1"]).always(),
        ];
        let effects = Mischief::new(Faults::new(rules)).strike(&post(3));
        assert_eq!(effects.end, Some(Fault::DropAfter));
        assert_eq!(effects.delay, Duration::from_millis(5));
        assert_eq!(effects.poison, Some((400, 1)));
    }
}
