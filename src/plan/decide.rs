//! Create, update, unchanged or rejected: each staged contact against the snapshot.

use crate::{
    contact::Contact,
    normalize,
    plan::{
        Mode, PlanContext, PlanError,
        diff::{Difference, difference},
        duplicates,
        origins::Origins,
    },
    reject::{Problem, RejectCode},
    run::{Change, Contacts, RejectedAt, RejectedRow, RemoteContact, Removal, RunError, letter},
};

/// Which contacts of the snapshot the source has.
#[derive(Debug, Default)]
struct Seen(Vec<u64>);

impl Seen {
    fn mark(&mut self, seq: u64) {
        let word = usize::try_from(seq / 64).unwrap_or(usize::MAX);
        if self.0.len() <= word {
            self.0.resize(word + 1, 0);
        }
        self.0[word] |= 1 << (seq % 64);
    }

    fn holds(&self, seq: u64) -> bool {
        usize::try_from(seq / 64)
            .ok()
            .and_then(|word| self.0.get(word))
            .is_some_and(|word| word >> (seq % 64) & 1 == 1)
    }
}

/// Decides on every contact, and writes it down.
pub(super) fn decide(context: &PlanContext<'_>, has_snapshot: bool) -> Result<(), PlanError> {
    let mut decision = Decision {
        context,
        has_snapshot,
        origins: Origins::of(context.run)?,
        seen: Seen::default(),
        merged: Vec::new(),
    };
    let blind = without_looking(context.options.mode);
    for block in 0..context.run.block_count()? {
        let (_, mut letters) = context.run.letters(block)?;
        if let Some(action) = blind
            && !letters.contains(&letter::PARTIAL)
        {
            // Nothing hangs on what the contacts say: they need not be read.
            for undecided in letters.iter_mut().filter(|it| **it == letter::COMPLETE) {
                *undecided = action;
            }
            context.run.set_letters(block, &letters)?;
            continue;
        }
        let mut contacts = context.run.contacts(block)?;
        decision.block(&mut contacts)?;
        context.run.set_letters(block, &contacts.letters)?;
    }
    duplicates::hand_back(context.run, &decision.merged)?;
    if context.options.mode == Mode::Mirror {
        decision.removals()?;
    }
    Ok(())
}

/// What a mode does with a complete contact whatever the account has.
const fn without_looking(mode: Mode) -> Option<u8> {
    match mode {
        Mode::Create => Some(letter::CREATE),
        Mode::Update => Some(letter::UPDATE),
        Mode::Upsert | Mode::Mirror | Mode::Undo => None,
    }
}

struct Decision<'a> {
    context: &'a PlanContext<'a>,
    has_snapshot: bool,
    origins: Origins,
    seen: Seen,
    /// Rows that were merged into contacts that are rejected, and what is wrong with those.
    merged: Vec<(u64, Vec<Problem>)>,
}

impl Decision<'_> {
    fn block(&mut self, contacts: &mut Contacts) -> Result<(), RunError> {
        let run = self.context.run;
        let Some(last) = contacts.len().checked_sub(1) else {
            return Ok(());
        };
        let mut merged = run
            .changes(contacts.first_seq, contacts.first_seq + last as u64)?
            .into_iter()
            .peekable();
        for index in 0..=last {
            let seq = contacts.first_seq + index as u64;
            let staged = merged
                .next_if(|(changed, _)| *changed == seq)
                .and_then(|(_, change)| change.json);
            let letter = match contacts.letters[index] {
                undecided @ (letter::COMPLETE | letter::PARTIAL) => {
                    self.contact(contacts, index, staged.as_deref(), undecided)?
                }
                decided => {
                    self.protect(contacts, index)?;
                    decided
                }
            };
            contacts.letters[index] = letter;
        }
        Ok(())
    }

    /// The letter for one contact; `merged` is what the rows of its group became together.
    fn contact(
        &mut self,
        contacts: &Contacts,
        index: usize,
        merged: Option<&str>,
        undecided: u8,
    ) -> Result<u8, RunError> {
        let run = self.context.run;
        let complete = undecided == letter::COMPLETE;
        if complete && let Some(letter) = without_looking(self.context.options.mode) {
            return Ok(letter);
        }
        let local = run.contact(merged.map_or_else(|| contacts.json(index), str::as_bytes))?;
        let remote = if self.has_snapshot {
            run.remote(&local.id)?
        } else {
            None
        };
        match (remote, self.context.options.mode) {
            (Some(remote), _) => self.existing(contacts, index, &local, &remote),
            (None, Mode::Update | Mode::Undo) => {
                let reason = format!(
                    "the account has no contact with the id `{}`: import it with --mode upsert or create",
                    local.id
                );
                let problem = Problem {
                    column: Some(self.origins.id_column(contacts.source)),
                    code: RejectCode::NotFound,
                    reason,
                };
                self.reject(contacts, index, &local, &[problem])
            }
            (None, _) if complete => Ok(letter::CREATE),
            (None, _) => self.reject(contacts, index, &local, &self.missing(contacts, &local)),
        }
    }

    /// The contact is in the account.
    fn existing<'c>(
        &mut self,
        contacts: &Contacts,
        index: usize,
        local: &Contact<'c>,
        remote: &'c RemoteContact,
    ) -> Result<u8, RunError> {
        let run = self.context.run;
        self.seen.mark(remote.seq);
        let account = run.contact(remote.json.as_bytes())?;
        let Difference::Changed { fields, merged } =
            difference(local, &account, &self.context.options.cleared)
        else {
            return Ok(letter::UNCHANGED);
        };
        let problems: Vec<_> = self
            .missing(contacts, &merged)
            .into_iter()
            .filter(|problem| problem.code != RejectCode::UriMissing)
            .collect();
        if !problems.is_empty() {
            return self.reject(contacts, index, local, &problems);
        }
        let json = Some(run.json(&merged)?);
        let seq = contacts.first_seq + index as u64;
        run.set_change(
            seq,
            &Change {
                remote: Some(remote.seq),
                fields,
                json,
            },
        )?;
        Ok(letter::UPDATE)
    }

    /// The contact comes back, and so do all rows that it was made of.
    fn reject(
        &mut self,
        contacts: &Contacts,
        index: usize,
        local: &Contact<'_>,
        problems: &[Problem],
    ) -> Result<u8, RunError> {
        let run = self.context.run;
        let seq = contacts.first_seq + index as u64;
        run.add_reject(&RejectedRow {
            source: contacts.source,
            row: contacts.row(index),
            seq: Some(seq),
            id: Some(&local.id),
            at: RejectedAt::Plan,
            problems,
        })?;
        let merged = run.merged_into(seq)?.into_iter();
        self.merged
            .extend(merged.map(|seq| (seq, problems.to_vec())));
        Ok(letter::REJECTED)
    }

    /// A row that was merged or rejected still names a contact that the source has.
    fn protect(&mut self, contacts: &Contacts, index: usize) -> Result<(), RunError> {
        if self.context.options.mode != Mode::Mirror {
            return Ok(());
        }
        let id = self
            .context
            .run
            .contact(contacts.json(index))?
            .id
            .into_owned();
        if let Some(remote) = self.context.run.remote(&id)? {
            self.seen.mark(remote.seq);
        }
        Ok(())
    }

    /// What a contact of a block lacks that is to be created.
    fn missing(&self, contacts: &Contacts, contact: &Contact<'_>) -> Vec<Problem> {
        let column = |field| self.origins.column(contacts.source, field);
        let missing = contact.missing();
        missing
            .map(|field| normalize::missing(field, column(field)))
            .collect()
    }

    /// Contacts of the account that the source has not are to be deleted.
    fn removals(&mut self) -> Result<(), RunError> {
        let run = self.context.run;
        run.for_each_rejected_remote(|seq| self.seen.mark(seq))?;
        let mut seq = 0;
        run.for_each_remote(|remote| {
            if self.seen.holds(remote.seq) {
                return Ok(());
            }
            run.add_removal(&Removal {
                seq,
                id: remote.id,
                remote: Some(remote.seq),
            })?;
            seq += 1;
            Ok(())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_seen_is_remembered_and_nothing_else() {
        let mut seen = Seen::default();
        for seq in [0, 63, 64, 1_000] {
            seen.mark(seq);
        }
        let held: Vec<_> = (0..2_000).filter(|&seq| seen.holds(seq)).collect();
        assert_eq!(held, [0, 63, 64, 1_000]);
    }
}
