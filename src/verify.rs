//! Compares the account with a run or a file, contact by contact and field by field.
//!
//! The expected contacts come from one run file; the snapshot of the account goes into another and is read page by page or
//! by id, whichever takes fewer requests. The comparison is the one used for planning: fields that the source does not have
//! can't differ.

use std::fmt;

use crate::{
    account::Reader,
    api::LookUp,
    contact::{ChatType, Contact, ContactField},
    plan::{
        PlanError,
        diff::{Difference, difference},
        present::{Finder, Present},
        snapshot::read_account,
    },
    run::{
        FieldChange, RunError, RunFile, SentBatches, Tally, blocks, changes,
        changes::ALL_DELETIONS, contacts, snapshot,
    },
    wording::{counted, grouped},
};

/// Contacts of a canary that are shown.
const DIFFERING_SHOWN: usize = 20;

/// The result for one contact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Finding {
    /// The account has the expected contact.
    Same,
    /// The account's contact differs: `old` is the account's value, `new` the expected one.
    Differs(Vec<FieldChange>),
    /// The account does not have it.
    Missing,
    /// The account still has it, although it should be deleted.
    Remains,
}

/// Number of contacts per finding.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub(crate) struct VerifyCounts {
    pub same: u64,
    pub differs: u64,
    pub missing: u64,
    pub remains: u64,
}

impl VerifyCounts {
    /// True if everything is as expected.
    pub(crate) const fn is_clean(self) -> bool {
        self.differs + self.missing + self.remains == 0
    }

    fn add(&mut self, finding: &Finding) {
        *match finding {
            Finding::Same => &mut self.same,
            Finding::Differs(_) => &mut self.differs,
            Finding::Missing => &mut self.missing,
            Finding::Remains => &mut self.remains,
        } += 1;
    }
}

/// Compares all contacts of `expected` with the account, whose snapshot goes into the run file `actual`, and passes every
/// finding to `each`. `cleared`: as for [`difference`].
pub(crate) fn verify<E: From<RunError> + From<PlanError>>(
    account: Reader<'_>,
    actual: &RunFile,
    expected: &RunFile,
    cleared: &[ChatType],
    mut each: impl FnMut(&str, &Finding) -> Result<(), E>,
) -> Result<VerifyCounts, E> {
    read_expected(account, actual, expected)?;
    let mut finder = Finder::new(actual, account)?;
    let mut counts = VerifyCounts::default();
    let mut report = |id: &str, finding: &Finding| {
        counts.add(finding);
        each(id, finding)
    };
    for block in 0..blocks::count(expected)? {
        for json in contacts::expected(expected, block)? {
            let contact = expected.contact(json.as_bytes())?;
            let finding = compare(actual, finder.find(&contact.id)?, &contact, cleared)?;
            report(&contact.id, &finding)?;
        }
    }
    changes::for_each_deletion(expected, ALL_DELETIONS, |deletion| {
        let finding = match snapshot::find(actual, &deletion.id)? {
            Some(_) => Finding::Remains,
            None => Finding::Same,
        };
        report(&deletion.id, &finding)
    })?;
    Ok(counts)
}

fn compare(
    actual: &RunFile,
    found: Present,
    expected: &Contact<'_>,
    cleared: &[ChatType],
) -> Result<Finding, RunError> {
    let found = match found {
        Present::Contact(found) => found,
        Present::Absent => return Ok(Finding::Missing),
        Present::Unreadable(reason) => {
            return Ok(Finding::Differs(vec![FieldChange {
                field: "contact".into(),
                old: format!("can't be read: {reason}"),
                new: "as expected".into(),
            }]));
        }
    };
    let found = actual.contact(found.json.as_bytes())?;
    Ok(between(expected, &found, cleared))
}

fn between(expected: &Contact<'_>, found: &Contact<'_>, cleared: &[ChatType]) -> Finding {
    match difference(expected, found, cleared) {
        Difference::Unchanged => Finding::Same,
        Difference::Changed { fields, .. } => Finding::Differs(fields),
    }
}

/// A canary that did not survive: the account does not have what was sent first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CanaryError {
    /// Number of contacts that arrived.
    arrived: usize,
    /// The contacts that differ, by id.
    differing: Vec<(String, Finding)>,
}

/// Reads the contacts back that were sent in batches from number `from` on, and compares them with what was sent. Links are
/// not compared, because the API shows its own.
pub(crate) fn check_canary(
    account: Reader<'_>,
    run: &RunFile,
    from: u64,
    cleared: &[ChatType],
) -> Result<Option<CanaryError>, PlanError> {
    let mut sent = Vec::new();
    for batch in SentBatches::from(run, from) {
        let arrived = batch?.into_iter().filter(|sent| sent.outcome.is_some());
        sent.extend(arrived);
    }
    let ids: Vec<_> = sent.iter().map(|sent| sent.id.clone()).collect();
    let mut differing = Vec::new();
    for (sent, found) in sent.iter().zip(account.contacts(&ids)?) {
        let sent_json = sent.after.as_deref().unwrap_or_default();
        let expected = run.contact(sent_json.as_bytes())?;
        let finding = match found {
            LookUp::Found(found) => without_link(between(&expected, &found, cleared)),
            LookUp::Unreadable(found) => Finding::Differs(vec![FieldChange {
                field: "contact".to_owned(),
                old: format!("one that can't be read ({})", found.reason),
                new: sent.id.clone(),
            }]),
            LookUp::Absent | LookUp::Unproven(_) => Finding::Missing,
        };
        if finding != Finding::Same {
            differing.push((sent.id.clone(), finding));
        }
    }
    let error = CanaryError {
        arrived: sent.len(),
        differing,
    };
    Ok((sent.is_empty() || !error.differing.is_empty()).then_some(error))
}

/// The finding apart from the link.
fn without_link(mut finding: Finding) -> Finding {
    if let Finding::Differs(fields) = &mut finding {
        fields.retain(|field| field.field != ContactField::Uri.as_str());
        if fields.is_empty() {
            return Finding::Same;
        }
    }
    finding
}

impl CanaryError {
    /// Advice for the user.
    pub(crate) const fn hint(&self) -> &'static str {
        if self.arrived == 0 {
            "see the rejects for the reasons, and continue without --canary to send the others anyway"
        } else {
            "put back what was sent, or continue without --canary if the differences do no harm"
        }
    }
}

impl fmt::Display for CanaryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.arrived == 0 {
            return f.write_str("stopped: none of the contacts that were sent first arrived");
        }
        write!(
            f,
            "stopped: of {} that were sent first, the account has {} otherwise",
            counted(self.arrived as u64, "contact"),
            grouped(self.differing.len() as u64)
        )?;
        for (id, finding) in self.differing.iter().take(DIFFERING_SHOWN) {
            match finding {
                Finding::Differs(fields) => {
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

fn read_expected(
    account: Reader<'_>,
    actual: &RunFile,
    expected: &RunFile,
) -> Result<(), PlanError> {
    let tally = Tally::of(expected)?;
    let blocks = blocks::count(expected)?;
    read_account(
        account,
        actual,
        tally.rows.contacts + tally.plan.delete,
        |portion| {
            if portion > blocks {
                return Ok(None);
            }
            let mut ids = Vec::new();
            if portion == blocks {
                changes::for_each_deletion(expected, ALL_DELETIONS, |deletion| {
                    ids.push(deletion.id);
                    Ok::<_, RunError>(())
                })?;
                return Ok(Some(ids));
            }
            for json in contacts::expected(expected, portion)? {
                ids.push(expected.contact(json.as_bytes())?.id.into_owned());
            }
            Ok(Some(ids))
        },
    )
}
