//! Counts the owners that a plan would create or change, and those of them that are names rather than ids.

use super::gate::GateVerdict;
use crate::employees::OwnerRule;

/// The owners of a plan. Nothing is counted without a rule.
#[derive(Clone, Debug, Default)]
pub(super) struct OwnerCounts<'a> {
    rule: Option<&'a OwnerRule>,
    owners: u64,
    names: u64,
    /// The first name.
    example: String,
}

impl<'a> OwnerCounts<'a> {
    pub(super) fn new(rule: Option<&'a OwnerRule>) -> Self {
        Self {
            rule,
            ..Self::default()
        }
    }

    pub(super) const fn is_needed(&self) -> bool {
        self.rule.is_some()
    }

    /// Counts the owner of a contact to be sent.
    pub(super) fn add(&mut self, owner: &str) {
        let Some(rule) = self.rule.filter(|_| !owner.is_empty()) else {
            return;
        };
        self.owners += 1;
        if rule.is_name(owner) {
            if self.names == 0 {
                owner.clone_into(&mut self.example);
            }
            self.names += 1;
        }
    }

    /// Refuses a plan most of whose owners are names.
    pub(super) fn verdict(self) -> Option<GateVerdict> {
        let rule = self.rule.filter(|_| self.names * 2 > self.owners)?;
        Some(GateVerdict::OwnersAreNames {
            names: self.names,
            owners: self.owners,
            example: self.example,
            can_look_up: rule.can_look_up(),
        })
    }
}
