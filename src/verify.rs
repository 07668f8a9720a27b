//! Compares the account with a run or a file, contact by contact and field by field.
//!
//! The expected contacts are in one run file. The snapshot of the account goes into another one and is read page
//! by page or by id, whichever takes fewer requests. Contacts are compared as in planning: fields that are missing
//! from the source can't differ.

use crate::{
    account::Reader,
    contact::{ChatType, Contact},
    plan::{
        PlanError, PlanOptions,
        chats::Replaced,
        diff::{Difference, difference},
        finder::{ContactFinder, FoundContact},
        snapshot::read_account,
    },
    run::{
        Decision, FieldChange, RunError, RunFile, Tally, blocks, changes, changes::ALL_DELETIONS,
        contacts, snapshot,
    },
};

#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(tag = "finding", rename_all = "lowercase")]
pub(crate) enum Finding {
    Same,
    /// The account's contact differs: `old` is the account's value, `new` the expected one.
    Differs {
        fields: Vec<FieldChange>,
    },
    Missing,
    /// The account still has a contact that should have been deleted.
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
    pub(crate) const fn is_clean(self) -> bool {
        self.differs + self.missing + self.remains == 0
    }

    fn add(&mut self, finding: &Finding) {
        *match finding {
            Finding::Same => &mut self.same,
            Finding::Differs { .. } => &mut self.differs,
            Finding::Missing => &mut self.missing,
            Finding::Remains => &mut self.remains,
        } += 1;
    }
}

/// Compares all contacts of `expected`, planned with these options, with the account. The account's snapshot goes
/// into the run file `actual`. Every finding is passed to `each`.
pub(crate) fn verify<E: From<RunError> + From<PlanError>>(
    account: Reader<'_>,
    actual: &RunFile,
    expected: &RunFile,
    options: &PlanOptions,
    mut each: impl FnMut(&str, &Finding) -> Result<(), E>,
) -> Result<VerifyCounts, E> {
    let are_compared = options.mode.compares();
    read_expected(account, actual, expected, are_compared)?;
    let mut finder = ContactFinder::new(actual, account)?;
    let mut counts = VerifyCounts::default();
    let mut report = |id: &str, finding: &Finding| {
        counts.add(finding);
        each(id, finding)
    };
    for block in 0..blocks::count(expected)? {
        for (json, decision) in contacts::expected(expected, block, are_compared)? {
            let contact = expected.contact(json.as_bytes())?;
            let replaced = match decision {
                Decision::Lossy => Replaced::Nothing,
                // A contact is sent with all its chats, including those that only the account has.
                Decision::Create | Decision::Update => Replaced::OfTypes(&ChatType::ALL),
                _ => Replaced::OfTypes(&options.cleared),
            };
            let finding = compare(actual, finder.find(&contact.id)?, &contact, replaced)?;
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
    found: FoundContact,
    expected: &Contact<'_>,
    replaced: Replaced<'_>,
) -> Result<Finding, RunError> {
    let found = match found {
        FoundContact::Readable(found) => found,
        FoundContact::Absent { .. } => return Ok(Finding::Missing),
        FoundContact::Unreadable(reason) => {
            let fields = vec![FieldChange {
                field: "contact".into(),
                old: format!("can't be read: {reason}"),
                new: "as expected".into(),
            }];
            return Ok(Finding::Differs { fields });
        }
    };
    let found = actual.contact(found.json.as_bytes())?;
    Ok(between(expected, &found, replaced))
}

/// Compares an expected contact with the account's.
pub(crate) fn between(
    expected: &Contact<'_>,
    found: &Contact<'_>,
    replaced: Replaced<'_>,
) -> Finding {
    match difference(expected, found, replaced) {
        Difference::Unchanged => Finding::Same,
        Difference::Changed { fields, .. } => Finding::Differs { fields },
    }
}

fn read_expected(
    account: Reader<'_>,
    actual: &RunFile,
    expected: &RunFile,
    are_compared: bool,
) -> Result<(), PlanError> {
    let tally = Tally::of(expected)?;
    let left_alone = if are_compared {
        0
    } else {
        tally.plan.unchanged
    };
    let blocks = blocks::count(expected)?;
    read_account(
        account,
        actual,
        (tally.rows.contacts + tally.plan.delete).saturating_sub(left_alone),
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
            for (json, _) in contacts::expected(expected, portion, are_compared)? {
                ids.push(expected.id_of(json.as_bytes())?.into_owned());
            }
            Ok(Some(ids))
        },
    )
}
