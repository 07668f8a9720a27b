//! Notes about a plan for the user before anything is sent: updates without a link, owners that are names,
//! unreadable contacts, and contacts with fields that can't be sent.

use std::collections::BTreeSet;

use super::gate::GateVerdict;
use crate::{
    contact::{Contact, reading::UnreadableContact},
    employees::OwnerRule,
    run::{RunError, RunFile, snapshot},
    wording::counted,
};

/// Notes about the decisions.
#[derive(Clone, Debug, Default)]
pub(super) struct DecisionNotes<'a> {
    /// Number of updates without a link.
    pub(super) without_link: u64,
    pub(super) unsent: UnsentFields,
    /// `WhatsApp` numbers that have another spelling in the account, which stays.
    pub(super) respelt_numbers: Respelt,
    /// Ids of contacts to be created that differ only in spelling from ids of the account.
    pub(super) respelt_ids: Respelt,
    pub(super) owners: OwnerCounts<'a>,
}

/// The owners in a plan. Nothing is counted without a rule.
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

    /// Refuses a plan in which most owners are names.
    pub(super) fn verdict(&self) -> Option<GateVerdict> {
        let rule = self.rule.filter(|_| self.names * 2 > self.owners)?;
        Some(GateVerdict::OwnersAreNames {
            names: self.names,
            owners: self.owners,
            example: self.example.clone(),
            can_look_up: rule.can_look_up(),
        })
    }
}

/// Contacts with fields that can't be sent and that will be updated or deleted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct UnsentFields {
    pub(super) contacts: u64,
    pub(super) names: BTreeSet<String>,
}

impl UnsentFields {
    pub(super) fn add(&mut self, contact: &Contact<'_>) {
        let names = contact.unknown_names();
        self.contacts += u64::from(!names.is_empty());
        self.names.extend(names);
    }
}

/// Contacts with a value that has another spelling in the account.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Respelt {
    contacts: u64,
    /// The first value, and the account's spelling of it.
    example: (String, String),
}

impl Respelt {
    pub(super) fn add(&mut self, value: &str, in_account: &str) {
        if self.contacts == 0 {
            self.example = (value.to_owned(), in_account.to_owned());
        }
        self.contacts += 1;
    }

    fn warning_about_ids(&self) -> Option<String> {
        let (id, in_account) = &self.example;
        (self.contacts > 0).then(|| {
            format!(
                "{} to be created whose id differs only in spelling from one of the account (such as `{id}`, in the account \
                 `{in_account}`): unless they are different contacts, write the ids as the account does",
                counted(self.contacts, "contact")
            )
        })
    }

    fn warning_about_numbers(&self) -> Option<String> {
        let (number, in_account) = &self.example;
        (self.contacts > 0).then(|| {
            format!(
                "{} with another spelling of the same WhatsApp number than in the account, which is left as it is \
                 (such as {number}, in the account {in_account}); --mode update sends the spelling of the file",
                counted(self.contacts, "contact")
            )
        })
    }
}

/// Warnings about unreadable contacts, spellings that stay, and fields that can't be sent.
pub(super) fn warnings(run: &RunFile, notes: &DecisionNotes<'_>) -> Result<Vec<String>, RunError> {
    let unsent = &notes.unsent;
    let mut warnings = unreadable_warnings(&snapshot::unreadable(run)?);
    warnings.extend(notes.respelt_ids.warning_about_ids());
    warnings.extend(notes.respelt_numbers.warning_about_numbers());
    if unsent.contacts > 0 {
        let names: Vec<_> = unsent.names.iter().map(String::as_str).collect();
        warnings.push(format!(
            "{} to be updated or deleted with undocumented fields ({}): the API refuses requests with \
             such fields, so they are not sent; the change may remove them, and `undo` can't restore them",
            counted(unsent.contacts, "contact"),
            names.join(", ")
        ));
    }
    Ok(warnings)
}

/// A line for each of the first unreadable contacts.
pub(super) fn unreadable_warnings(unreadable: &[UnreadableContact]) -> Vec<String> {
    const SHOWN: usize = 10;
    let shown = unreadable.iter().take(SHOWN);
    let mut lines: Vec<_> = shown
        .map(|contact| format!("left alone, because it can't be read: {contact}"))
        .collect();
    let more = unreadable.len().saturating_sub(SHOWN);
    if more > 0 {
        lines.push(format!(
            "… and {} that can't be read",
            counted(more as u64, "more contact")
        ));
    }
    lines
}
