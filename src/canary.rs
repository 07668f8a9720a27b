//! Reads back the first contacts that were sent, before all others are sent.

use std::{collections::HashSet, fmt};

use crate::{
    account::Reader,
    api::LookUp,
    contact::{ChatType, ContactField},
    plan::{PlanError, chats::Replaced},
    run::{ChosenContacts, FieldChange, Outcome, RunFile, SentBatches, sent},
    verify::{Finding, between},
    wording::{counted, grouped},
};

/// Number of a canary's contacts of one kind in a message.
const DIFFERING_SHOWN: usize = 20;

/// The canary failed: the account does not have the contacts that were sent first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CanaryError {
    arrived: usize,
    /// The contacts that the server refused or did not store, each with the reason.
    refused: Vec<(String, String)>,
    /// The differing contacts, by id.
    differing: Vec<(String, Finding)>,
}

/// Reads back the contacts that were sent, and compares them with what was sent. Links are not compared, because the API
/// returns its own.
pub(crate) fn check_canary(
    account: Reader<'_>,
    run: &RunFile,
    chosen: &ChosenContacts,
) -> Result<Option<CanaryError>, PlanError> {
    let mut sent = Vec::new();
    for number in chosen.batches(0) {
        let batch = SentBatches::from(run, number).next().transpose()?;
        let contacts = batch.into_iter().flatten();
        sent.extend(contacts.filter(|it| chosen.has(number, it.seq)));
    }
    let (sent, others): (Vec<_>, Vec<_>) = sent.into_iter().partition(|it| it.outcome.is_some());
    let mut refused = Vec::new();
    if !others.is_empty() {
        let others: HashSet<_> = others.into_iter().map(|it| it.id).collect();
        let failures = sent::failures(run)?.into_iter();
        let failed = failures.filter(|it| it.outcome == Outcome::Failed && others.contains(&it.id));
        refused.extend(failed.map(|it| (it.id, it.reason.unwrap_or_default())));
    }
    let ids: Vec<_> = sent.iter().map(|sent| sent.id.clone()).collect();
    let mut differing = Vec::new();
    for (sent, found) in sent.iter().zip(account.contacts(&ids)?) {
        let sent_json = sent.after.as_deref().unwrap_or_default();
        let expected = run.contact(sent_json.as_bytes())?;
        let finding = match found {
            LookUp::Found(found) => without_link(between(
                &expected,
                &found,
                Replaced::OfTypes(&ChatType::ALL),
            )),
            LookUp::Unreadable(found) => Finding::Differs {
                fields: vec![FieldChange {
                    field: "contact".to_owned(),
                    old: format!("one that can't be read ({})", found.reason),
                    new: sent.id.clone(),
                }],
            },
            LookUp::Absent | LookUp::Inconclusive(_) => Finding::Missing,
        };
        if finding != Finding::Same {
            differing.push((sent.id.clone(), finding));
        }
    }
    let error = CanaryError {
        arrived: sent.len(),
        refused,
        differing,
    };
    let has_failed = sent.is_empty() || !error.refused.is_empty() || !error.differing.is_empty();
    Ok(has_failed.then_some(error))
}

fn without_link(mut finding: Finding) -> Finding {
    if let Finding::Differs { fields } = &mut finding {
        fields.retain(|field| field.field != ContactField::Uri.as_str());
        if fields.is_empty() {
            return Finding::Same;
        }
    }
    finding
}

impl CanaryError {
    pub(crate) const fn hint(&self) -> &'static str {
        if self.differing.is_empty() {
            "see the rejects for the reasons; to send the others anyway, continue without --canary"
        } else {
            "undo the run, or continue without --canary if the differences are harmless"
        }
    }
}

impl fmt::Display for CanaryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.arrived == 0 {
            return f.write_str(
                "stopped: the canary failed, because none of the first contacts was accepted",
            );
        }
        write!(
            f,
            "stopped: the canary failed: of the first {} sent, ",
            counted((self.arrived + self.refused.len()) as u64, "contact"),
        )?;
        let count = |contacts: usize| grouped(contacts as u64);
        match (self.refused.len(), self.differing.len()) {
            (0, differing) => write!(f, "{} differ in the account", count(differing))?,
            (refused, 0) => write!(f, "{} did not arrive in the account", count(refused))?,
            (refused, differing) => write!(
                f,
                "{} did not arrive in the account, and {} differ there",
                count(refused),
                count(differing)
            )?,
        }
        for (id, reason) in self.refused.iter().take(DIFFERING_SHOWN) {
            write!(f, "\n  {id}  {reason}")?;
        }
        for (id, finding) in self.differing.iter().take(DIFFERING_SHOWN) {
            match finding {
                Finding::Differs { fields } => {
                    for FieldChange { field, old, new } in fields {
                        write!(f, "\n  {id}  {field}: has {old}, sent {new}")?;
                    }
                }
                _ => write!(f, "\n  {id}  is missing")?,
            }
        }
        Ok(())
    }
}

impl std::error::Error for CanaryError {}
