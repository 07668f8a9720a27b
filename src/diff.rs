//! Compares two states of an account: two backups, or a backup and the account.
//!
//! Each state is an indexed snapshot in a run file of its own. Almost all contacts are equal as JSON text and need
//! not be parsed.

use std::collections::{BTreeSet, HashMap};

use serde::Serialize;

use crate::{
    contact::{ChatType, ContactField},
    plan::diff::changes,
    run::{
        FieldChange, RunError, RunFile, SnapshotContact, SnapshotRecord, blocks, contacts, rejects,
        snapshot::{self, SnapshotWriter},
    },
};

pub(crate) struct AccountState {
    run: RunFile,
    /// The chat types with columns; `None` if all types and fields have columns.
    chat_types: Option<BTreeSet<ChatType>>,
    /// Contacts that exist but can't be shown: the reasons, by id.
    hidden: HashMap<String, String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "change", rename_all = "lowercase")]
pub(crate) enum ContactDiff {
    /// Only in the newer state.
    Created { name: String },
    /// Only in the older state.
    Gone { name: String },
    /// In both states, with different values.
    Changed {
        name: String,
        fields: Vec<FieldChange>,
    },
    /// In one state, but its row was rejected or the server can't return it.
    NotCompared { reason: String },
}

/// Number of contacts per kind of difference.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct DiffCounts {
    pub before: u64,
    pub after: u64,
    pub created: u64,
    pub gone: u64,
    pub changed: u64,
    /// The changed contacts with another owner.
    pub moved: u64,
    pub unchanged: u64,
    pub not_compared: u64,
}

impl DiffCounts {
    /// True if both states are equal, as far as they are readable.
    pub(crate) const fn is_same(self) -> bool {
        self.created + self.gone + self.changed == 0
    }

    fn add(&mut self, difference: &ContactDiff) {
        *match difference {
            ContactDiff::Created { .. } => &mut self.created,
            ContactDiff::Gone { .. } => &mut self.gone,
            ContactDiff::NotCompared { .. } => &mut self.not_compared,
            ContactDiff::Changed { fields, .. } => {
                self.moved += u64::from(fields.iter().any(is_move));
                &mut self.changed
            }
        } += 1;
    }
}

pub(crate) fn is_move(change: &FieldChange) -> bool {
    change.field == ContactField::ResponsibleUserId.as_str()
}

impl AccountState {
    /// The staged contacts of a file, without rejected and merged rows. `chat_types`: `None` for a file with all
    /// columns.
    pub(crate) fn of_staged(
        run: RunFile,
        chat_types: Option<BTreeSet<ChatType>>,
    ) -> Result<Self, RunError> {
        let mut writer = SnapshotWriter::anew(&run)?;
        for block in 0..blocks::count(&run)? {
            for (json, _) in contacts::expected(&run, block, true)? {
                let contact = run.contact(json.as_bytes())?;
                writer.add(&SnapshotRecord::new(&contact.id, &contact))?;
            }
        }
        writer.finish(&[])?;
        let mut hidden = HashMap::new();
        rejects::for_each_id(&run, |id| {
            hidden.insert(id, "its row was rejected".to_owned());
            Ok(())
        })?;
        Ok(Self {
            run,
            chat_types,
            hidden,
        })
    }

    pub(crate) fn of_listed(run: RunFile) -> Result<Self, RunError> {
        let unreadable = snapshot::unreadable(&run)?.into_iter();
        let unreadable = unreadable.filter_map(|it| Some((it.id?, it.reason)));
        Ok(Self {
            hidden: unreadable.collect(),
            run,
            chat_types: None,
        })
    }

    fn has_columns_for(&self, chat_type: ChatType) -> bool {
        let types = self.chat_types.as_ref();
        types.is_none_or(|types| types.contains(&chat_type))
    }
}

/// Passes every difference to `each`, with the contact's id: first the contacts of `old`, then new ones.
pub(crate) fn diff<E: From<RunError>>(
    old: &AccountState,
    new: &AccountState,
    mut each: impl FnMut(&str, &ContactDiff) -> Result<(), E>,
) -> Result<DiffCounts, E> {
    let mut counts = DiffCounts {
        before: snapshot::count(&old.run)?,
        after: snapshot::count(&new.run)?,
        ..DiffCounts::default()
    };
    snapshot::for_each(&old.run, |was| {
        let Some(difference) = change_of(old, new, &was)? else {
            counts.unchanged += 1;
            return Ok(());
        };
        counts.add(&difference);
        each(&was.id, &difference)
    })?;
    snapshot::for_each(&new.run, |now| {
        if snapshot::find(&old.run, &now.id)?.is_some() {
            return Ok(());
        }
        let difference = match old.hidden.get(&now.id) {
            Some(reason) => ContactDiff::NotCompared {
                reason: reason.clone(),
            },
            None => ContactDiff::Created {
                name: name_of(&new.run, &now)?,
            },
        };
        counts.add(&difference);
        each(&now.id, &difference)
    })?;
    for (id, reason) in &new.hidden {
        if snapshot::find(&old.run, id)?.is_none() {
            let reason = reason.clone();
            let difference = ContactDiff::NotCompared { reason };
            counts.add(&difference);
            each(id, &difference)?;
        }
    }
    Ok(counts)
}

/// The change to a contact of `old`, if it changed.
fn change_of(
    old: &AccountState,
    new: &AccountState,
    was: &SnapshotContact,
) -> Result<Option<ContactDiff>, RunError> {
    let Some(now) = snapshot::find(&new.run, &was.id)? else {
        return Ok(Some(match new.hidden.get(&was.id) {
            Some(reason) => ContactDiff::NotCompared {
                reason: reason.clone(),
            },
            None => ContactDiff::Gone {
                name: name_of(&old.run, was)?,
            },
        }));
    };
    if was.json == now.json {
        return Ok(None);
    }
    let (mut was, mut now) = (
        old.run.contact(was.json.as_bytes())?,
        new.run.contact(now.json.as_bytes())?,
    );
    for contact in [&mut was, &mut now] {
        let chats = &mut contact.contact_data;
        chats.retain(|chat| {
            [old, new]
                .iter()
                .all(|it| it.has_columns_for(chat.chat_type))
        });
    }
    let mut fields = changes(&was, &now);
    let has_links = !was.uri_is_unknown() && !now.uri_is_unknown();
    // A file that is not a backup may lack the column.
    let is_whole = old.chat_types.is_none() && new.chat_types.is_none();
    fields.retain(|change| match &*change.field {
        "uri" => has_links,
        "contact_data" => true,
        _ => is_whole || !change.old.is_empty() && !change.new.is_empty(),
    });
    let name = if now.name.is_empty() {
        was.name
    } else {
        now.name
    };
    Ok((!fields.is_empty()).then(|| ContactDiff::Changed {
        name: name.into_owned(),
        fields,
    }))
}

fn name_of(run: &RunFile, contact: &SnapshotContact) -> Result<String, RunError> {
    Ok(run.contact(contact.json.as_bytes())?.name.into_owned())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;
    use crate::contact::{Chat, Contact};

    /// Name, owner and chats of each contact.
    type Model = BTreeMap<String, (String, String, Vec<String>)>;

    fn model() -> impl Strategy<Value = Model> {
        let chats = prop::sample::subsequence(vec!["1".to_owned(), "2".to_owned()], 0..=2);
        let contact = ("[AB]?", "[78]", chats.prop_shuffle());
        prop::collection::btree_map("[a-f]", contact, 0..6)
    }

    fn state(model: &Model, directory: &std::path::Path, name: &str) -> AccountState {
        let run = RunFile::create(&directory.join(name)).unwrap();
        let mut writer = SnapshotWriter::anew(&run).unwrap();
        for (id, (name, owner, chats)) in model {
            let chats = chats
                .iter()
                .map(|id| Chat::by_id(ChatType::Vk, id.as_str()));
            let contact = Contact {
                id: id.into(),
                name: name.into(),
                responsible_user_id: owner.into(),
                contact_data: chats.collect(),
                ..Contact::default()
            };
            writer.add(&SnapshotRecord::new(id, &contact)).unwrap();
        }
        writer.finish(&[]).unwrap();
        AccountState::of_listed(run).unwrap()
    }

    fn sorted(chats: &[String]) -> Vec<&String> {
        let mut chats: Vec<_> = chats.iter().collect();
        chats.sort();
        chats
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

        #[test]
        fn every_difference_is_found_and_nothing_else(old in model(), new in model()) {
            let directory = tempfile::tempdir().unwrap();
            let [was, now] = [(&old, "old.run"), (&new, "new.run")].map(|(model, name)| state(model, directory.path(), name));
            let mut found = BTreeMap::new();
            let counts = diff(&was, &now, |id, difference| {
                let kind = match difference {
                    ContactDiff::Created { .. } => vec!["created".to_owned()],
                    ContactDiff::Gone { .. } => vec!["gone".to_owned()],
                    ContactDiff::Changed { fields, .. } => fields.iter().map(|it| it.field.clone()).collect(),
                    ContactDiff::NotCompared { .. } => Vec::new(),
                };
                assert_eq!(found.insert(id.to_owned(), kind), None, "{id}");
                Ok::<_, RunError>(())
            });
            let counts = counts.unwrap();
            let mut expected = BTreeMap::new();
            for id in old.keys().chain(new.keys()) {
                let kind = match (old.get(id), new.get(id)) {
                    (None, _) => vec!["created"],
                    (_, None) => vec!["gone"],
                    (Some(was), Some(now)) => {
                        let fields = [
                            ("responsible_user_id", was.1 != now.1),
                            ("name", was.0 != now.0),
                            ("contact_data", sorted(&was.2) != sorted(&now.2)),
                        ];
                        fields.into_iter().filter(|it| it.1).map(|it| it.0).collect()
                    }
                };
                if !kind.is_empty() {
                    expected.insert(id.clone(), kind.into_iter().map(str::to_owned).collect());
                }
            }
            prop_assert_eq!(found, expected);
            prop_assert_eq!(counts.before, counts.gone + counts.changed + counts.unchanged);
            prop_assert_eq!(counts.after, counts.created + counts.changed + counts.unchanged);
        }
    }
}
