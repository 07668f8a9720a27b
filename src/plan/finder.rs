//! Finds the account's contact for an id of the source, even if the server spells the id differently.
//!
//! A server may fold letter case, Unicode normalization or leading zeros, and then treats `ABC` as the contact
//! that it lists as `abc`. This is tested once for each kind of difference, by looking up an id that is listed
//! only in another spelling.

use std::collections::HashMap;

use crate::{
    account::Reader,
    api::{ApiError, ApiErrorKind, LookUp},
    contact::spelling::{Respelling, folded, respelling},
    plan::PlanError,
    run::{RunError, RunFile, SnapshotContact, snapshot},
};

/// The account's contact for an id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum FoundContact {
    /// It exists, possibly with another spelling.
    Readable(SnapshotContact),
    /// It exists but can't be read, for this reason.
    Unreadable(String),
    Absent {
        /// The listed id that differs only in spelling, if the server tells the two apart.
        respelt: Option<String>,
    },
}

impl FoundContact {
    pub(crate) fn contact(self) -> Option<SnapshotContact> {
        match self {
            Self::Readable(contact) => Some(contact),
            Self::Unreadable(_) | Self::Absent { .. } => None,
        }
    }
}

/// Finds contacts in the snapshot of a run.
pub(crate) struct ContactFinder<'a> {
    run: &'a RunFile,
    account: Reader<'a>,
    /// The reasons why contacts are unreadable, by id.
    unreadable: HashMap<String, String>,
    /// The contacts whose ids differ from their [`folded`] spelling: the hash of that spelling and the number,
    /// sorted. Filled on demand.
    respelt: Option<Vec<(u32, u32)>>,
    /// Whether the server folds a kind of difference.
    folds: HashMap<Respelling, bool>,
}

impl<'a> ContactFinder<'a> {
    pub(crate) fn new(run: &'a RunFile, account: Reader<'a>) -> Result<Self, RunError> {
        let unreadable = snapshot::unreadable(run)?.into_iter();
        let named = unreadable.filter_map(|it| Some((it.id?, it.reason)));
        Ok(Self {
            run,
            account,
            unreadable: named.collect(),
            respelt: None,
            folds: HashMap::new(),
        })
    }

    pub(crate) fn find(&mut self, id: &str) -> Result<FoundContact, PlanError> {
        if let Some(found) = snapshot::find(self.run, id)? {
            return Ok(FoundContact::Readable(found));
        }
        if let Some(reason) = self.unreadable.get(id) {
            return Ok(FoundContact::Unreadable(reason.clone()));
        }
        let Some(candidate) = self.respelt(id)? else {
            return Ok(FoundContact::Absent { respelt: None });
        };
        Ok(match respelling(id, &candidate.id) {
            Some(kind) if self.folds(kind, id, &candidate.id)? => FoundContact::Readable(candidate),
            _ => FoundContact::Absent {
                respelt: Some(candidate.id),
            },
        })
    }

    /// The contact whose id differs from this one only in spelling.
    fn respelt(&mut self, id: &str) -> Result<Option<SnapshotContact>, RunError> {
        let folded_id = folded(id);
        if folded_id != id
            && let Some(found) = snapshot::find(self.run, &folded_id)?
        {
            return Ok(Some(found));
        }
        let respelt = match &mut self.respelt {
            Some(respelt) => respelt,
            unread => unread.insert(respelt_contacts(self.run)?),
        };
        let wanted = short_hash(&folded_id);
        let start = respelt.partition_point(|(hash, _)| *hash < wanted);
        for (_, seq) in respelt[start..].iter().take_while(|it| it.0 == wanted) {
            let candidate = snapshot::by_seq(self.run, (*seq).into())?;
            if respelling(id, &candidate.id).is_some() {
                return Ok(Some(candidate));
            }
        }
        Ok(None)
    }

    fn folds(&mut self, kind: Respelling, id: &str, listed: &str) -> Result<bool, PlanError> {
        if let Some(folds) = self.folds.get(&kind) {
            return Ok(*folds);
        }
        let folds = match self.account.client.look_up(id)? {
            // A guess would create contacts that exist.
            LookUp::Inconclusive(detail) => {
                return Err(ApiError::from(ApiErrorKind::Inconclusive { detail }).into());
            }
            LookUp::Found(contact) => contact.id == listed,
            LookUp::Absent | LookUp::Unreadable(_) => false,
        };
        self.folds.insert(kind, folds);
        Ok(folds)
    }
}

/// Takes 80 MB for ten million contacts.
fn respelt_contacts(run: &RunFile) -> Result<Vec<(u32, u32)>, RunError> {
    let mut contacts = Vec::new();
    snapshot::for_each(run, |contact| {
        let folded_id = folded(&contact.id);
        if folded_id != contact.id
            && let Ok(seq) = u32::try_from(contact.seq)
        {
            contacts.push((short_hash(&folded_id), seq));
        }
        Ok::<_, RunError>(())
    })?;
    contacts.sort_unstable();
    Ok(contacts)
}

#[expect(clippy::cast_possible_truncation, reason = "truncating a hash is fine")]
fn short_hash(folded: &str) -> u32 {
    hash(folded) as u32
}

/// The hash of a folded id. Collisions are detected by comparing the ids.
pub(super) fn hash(folded: &str) -> u64 {
    xxhash_rust::xxh3::xxh3_64(folded.as_bytes())
}
