//! Decides on each staged contact by comparing it with the snapshot: create, update, unchanged or rejected.
//!
//! An unreadable contact of the account is left alone: no row is created over it, and a mirror doesn't delete it.

use std::collections::HashMap;

use crate::{
    contact::{Contact, ContactField},
    normalize,
    plan::{
        Mode, PlanContext, PlanError,
        chats::{self, Replaced},
        decision_notes::{DecisionNotes, OwnerCounts},
        diff::{Difference, difference, exact_difference},
        duplicates,
        finder::{ContactFinder, FoundContact},
        kept::KeptContacts,
        links::Links,
    },
    reject::{Problem, RejectCode, RejectedAt},
    run::{
        Change, Contacts, Decision, RunError, RunSources, SnapshotContact, blocks, changes,
        contacts, rejects, snapshot,
    },
};

/// Decides on every contact, and records the decisions.
pub(super) fn decide<'a>(
    context: &PlanContext<'a>,
    links: Links<'_>,
) -> Result<DecisionNotes<'a>, PlanError> {
    let run = context.run;
    let mut decider = Decider {
        context,
        links,
        sources: RunSources::of(run)?,
        finder: ContactFinder::new(run, context.account)?,
        kept: KeptContacts::default(),
        merged: Vec::new(),
        notes: DecisionNotes {
            owners: OwnerCounts::new(context.owners),
            ..DecisionNotes::default()
        },
    };
    let blind = context.options.mode.blind_decision();
    for block in 0..blocks::count(run)? {
        let (_, mut decisions) = contacts::decisions(run, block)?;
        if let Some(decision) = blind
            && !decisions.contains(&Decision::Partial)
            && !decisions.contains(&Decision::Lossy)
            && !decider.notes.owners.is_needed()
        {
            // The decision doesn't depend on the contacts' content, so it is not read.
            for undecided in decisions.iter_mut().filter(|it| it.is_undecided()) {
                *undecided = decision;
            }
            contacts::set_decisions(run, block, &decisions)?;
            continue;
        }
        let mut contacts = Contacts::read(run, block)?;
        decider.block(&mut contacts)?;
        contacts::set_decisions(run, block, &contacts.decisions)?;
    }
    duplicates::reject_merged(run, &decider.merged)?;
    if context.options.mode == Mode::Mirror {
        decider.kept.delete_others(run, &mut decider.notes.unsent)?;
    }
    Ok(decider.notes)
}

struct Decider<'p, 'a> {
    context: &'p PlanContext<'a>,
    links: Links<'p>,
    sources: RunSources,
    finder: ContactFinder<'p>,
    kept: KeptContacts,
    /// Rows that were merged into rejected contacts, and the problems of these contacts.
    merged: Vec<(u64, Vec<Problem>)>,
    notes: DecisionNotes<'a>,
}

impl Decider<'_, '_> {
    fn block(&mut self, contacts: &mut Contacts) -> Result<(), PlanError> {
        let changes = changes::of(self.context.run, contacts.seqs())?;
        for index in 0..contacts.len() {
            if contacts.decisions[index].is_undecided() {
                contacts.decisions[index] = self.contact(contacts, index, &changes)?;
            } else {
                self.protect(contacts, index)?;
            }
        }
        Ok(())
    }

    /// The decision on one contact. `changes` has contacts that were merged from several rows.
    fn contact(
        &mut self,
        contacts: &Contacts,
        index: usize,
        changes: &HashMap<u64, Change>,
    ) -> Result<Decision, PlanError> {
        let run = self.context.run;
        let is_complete = contacts.decisions[index] == Decision::Complete;
        let json = contacts.json_with(index, changes);
        if is_complete && let Some(decision) = self.context.options.mode.blind_decision() {
            if self.notes.owners.is_needed() {
                let owner = run.contact(json)?.responsible_user_id;
                self.count_new_owner(contacts, &owner);
            }
            return Ok(decision);
        }
        let id = run.id_of(json)?;
        if let Some(seq) = snapshot::find_equal(run, &id, json)?
            && self.kept.claim(seq, false)
        {
            // Most contacts of a nightly import take this path, without being read.
            return Ok(Decision::Unchanged);
        }
        let found = self.finder.find(&id)?;
        Ok(self.compare(contacts, index, run.contact(json)?, &found)?)
    }

    /// The decision on a contact that may differ from the account's contact `found`.
    fn compare(
        &mut self,
        contacts: &Contacts,
        index: usize,
        mut local: Contact<'_>,
        found: &FoundContact,
    ) -> Result<Decision, RunError> {
        let (code, reason) = match (found, self.context.options.mode) {
            // An unreadable contact also exists.
            (FoundContact::Readable(_) | FoundContact::Unreadable(_), Mode::Missing) => {
                return Ok(Decision::Unchanged);
            }
            (FoundContact::Readable(found), _) => {
                if self.kept.claim(found.seq, local.id != found.id) {
                    return self.existing(contacts, index, &local, found);
                }
                let reason = format!(
                    "the account treats this id as `{}`, which another row has: keep one of them",
                    found.id
                );
                (RejectCode::DuplicateId, reason)
            }
            (FoundContact::Unreadable(reason), _) => {
                let reason =
                    format!("the account's contact can't be read, so it is left alone: {reason}");
                (RejectCode::ContactUnreadable, reason)
            }
            (FoundContact::Absent { .. }, Mode::Update | Mode::Undo) => {
                let problem = self.not_found(contacts.source, &local.id);
                return self.reject(contacts, index, &local, &[problem]);
            }
            (FoundContact::Absent { respelt }, _) => {
                let decision = self.absent(contacts, index, &mut local)?;
                if let Some(listed) = respelt
                    && decision == Decision::Create
                {
                    self.notes.respelt_ids.add(&local.id, listed);
                }
                return Ok(decision);
            }
        };
        let problem = Problem {
            column: Some(self.sources.id_column(contacts.source)),
            code,
            reason,
        };
        self.reject(contacts, index, &local, &[problem])
    }

    /// The decision on a contact that is missing from the account.
    fn absent(
        &mut self,
        contacts: &Contacts,
        index: usize,
        local: &mut Contact<'_>,
    ) -> Result<Decision, RunError> {
        if contacts.decisions[index] == Decision::Complete {
            self.count_new_owner(contacts, &local.responsible_user_id);
            return Ok(Decision::Create);
        }
        self.links.complete(local)?;
        let problems = self.missing(contacts.source, local.missing());
        if !problems.is_empty() {
            return self.reject(contacts, index, local, &problems);
        }
        self.count_new_owner(contacts, &local.responsible_user_id);
        let run = self.context.run;
        let change = Change {
            snapshot: None,
            fields: Vec::new(),
            json: Some(run.json(local)?),
        };
        changes::set(run, contacts.seq(index), &change)?;
        Ok(Decision::Create)
    }

    fn existing<'c>(
        &mut self,
        contacts: &Contacts,
        index: usize,
        local: &Contact<'c>,
        found: &'c SnapshotContact,
    ) -> Result<Decision, RunError> {
        let run = self.context.run;
        let account = run.contact(found.json.as_bytes())?;
        let compare = if self.context.options.mode == Mode::Update {
            // Complete rows are sent as they are, without reading the account.
            exact_difference
        } else {
            let respelt = chats::respelt(&local.contact_data, &account.contact_data);
            if let Some((number, in_account)) = respelt {
                self.notes.respelt_numbers.add(number, in_account);
            }
            difference
        };
        let is_lossy = contacts.decisions[index] == Decision::Lossy;
        let replaced = if is_lossy {
            Replaced::Nothing
        } else {
            Replaced::OfTypes(&self.context.options.cleared)
        };
        let Difference::Changed { fields, mut merged } = compare(local, &account, replaced) else {
            if is_lossy {
                // The account may have more chats than the row. Only an update has the contact before it.
                let change = Change {
                    snapshot: None,
                    fields: Vec::new(),
                    json: Some(found.json.clone()),
                };
                changes::set(run, contacts.seq(index), &change)?;
            }
            return Ok(Decision::Unchanged);
        };
        let missing = merged.missing().filter(|field| *field != ContactField::Uri);
        let problems = self.missing(contacts.source, missing);
        if !problems.is_empty() {
            return self.reject(contacts, index, local, &problems);
        }
        if merged.responsible_user_id != account.responsible_user_id {
            self.notes.owners.add(&merged.responsible_user_id);
        }
        self.notes.without_link += u64::from(!self.links.complete(&mut merged)?);
        // The server may spell it differently.
        merged.id.clone_from(&account.id);
        let change = Change {
            snapshot: Some(found.seq),
            fields,
            json: Some(run.json(&merged)?),
        };
        changes::set(run, contacts.seq(index), &change)?;
        self.notes.unsent.add(&account);
        Ok(Decision::Update)
    }

    /// Rejects the contact and all rows that were merged into it.
    fn reject(
        &mut self,
        contacts: &Contacts,
        index: usize,
        local: &Contact<'_>,
        problems: &[Problem],
    ) -> Result<Decision, RunError> {
        let run = self.context.run;
        let seq = contacts.seq(index);
        let rejected = contacts.rejected(index, &local.id, RejectedAt::Plan, problems);
        rejects::add(run, &rejected)?;
        let merged = rejects::merged_into(run, seq)?.into_iter();
        self.merged
            .extend(merged.map(|seq| (seq, problems.to_vec())));
        Ok(Decision::Rejected)
    }

    fn not_found(&self, source: u32, id: &str) -> Problem {
        Problem {
            column: Some(self.sources.id_column(source)),
            code: RejectCode::NotFound,
            reason: format!(
                "the account has no contact with the id `{id}`: import it with --mode upsert or create"
            ),
        }
    }

    /// Counts an owner that is sent without a comparison. A backup restores the owners that the account had.
    fn count_new_owner(&mut self, contacts: &Contacts, owner: &str) {
        if !self.sources.is_backup(contacts.source) {
            self.notes.owners.add(owner);
        }
    }

    /// Marks the contact of an already decided row as seen, so that a mirror doesn't delete it. The owner of an
    /// update that was decided without the account may be a change.
    fn protect(&mut self, contacts: &Contacts, index: usize) -> Result<(), RunError> {
        let run = self.context.run;
        let is_update =
            self.notes.owners.is_needed() && contacts.decisions[index] == Decision::Update;
        if is_update {
            let owner = run.contact(contacts.json(index))?.responsible_user_id;
            self.count_new_owner(contacts, &owner);
        }
        if self.context.options.mode != Mode::Mirror {
            return Ok(());
        }
        let id = run.id_of(contacts.json(index))?;
        if let Some(found) = snapshot::find(run, &id)? {
            self.kept.mark(found.seq);
        }
        Ok(())
    }

    /// The problems of a row without these fields.
    fn missing(&self, source: u32, fields: impl Iterator<Item = ContactField>) -> Vec<Problem> {
        let column = |field| self.sources.column(source, field);
        fields
            .map(|field| normalize::missing(field, column(field)))
            .collect()
    }
}
