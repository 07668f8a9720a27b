//! Facts for the report that are stored in the run file beside the plan: the command, and notes about the source.

use serde::{Deserialize, Serialize};

use crate::{
    normalize::{CellChange, Edits},
    plan::index::{SharedChats, SharedRows},
};

/// The fact of a run file with its [`SourceNotes`].
pub(crate) const NOTES: &str = "notes";
/// The fact with the [`Invocation`] of the command that sent last.
pub(crate) const SENT_BY: &str = "sent_by";

/// Maximum number of groups of each kind.
const GROUPS_MAX: usize = 10_000;
/// Maximum number of rows of a group.
const ROWS_MAX: usize = 50;

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Invocation {
    /// The command line, which never contains the token.
    pub command_line: String,
    pub profile: String,
    /// The number or name of the account, if known.
    pub account_name: String,
    pub base_url: String,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SourceNotes {
    pub changes: Vec<CellChange>,
    /// Oddities, with the flags that help.
    pub hints: Vec<String>,
    /// Rows with the same phone and different ids.
    pub shared_phones: SharedGroups,
    /// Rows with the same phone in two spellings and different ids. Earlier builds didn't look for them.
    #[serde(default)]
    pub respelt_phones: SharedGroups,
    /// Rows with the same account of a messenger and different ids.
    pub shared_accounts: SharedGroups,
}

/// Groups of rows, each identified by its source's number and its own.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SharedGroups {
    /// The first groups, each with its first rows and its number of rows.
    pub groups: Vec<(Vec<(usize, u32)>, usize)>,
    pub count: usize,
}

impl SourceNotes {
    pub(crate) fn new(edits: &Edits, shared: &SharedChats) -> Self {
        Self {
            changes: edits.changes(),
            hints: edits.hints(),
            shared_phones: SharedGroups::of(&shared.phones),
            respelt_phones: SharedGroups::of(&shared.respelt),
            shared_accounts: SharedGroups::of(&shared.accounts),
        }
    }
}

impl SharedGroups {
    fn of(rows: &SharedRows) -> Self {
        // Iterates, because a large source may have millions of groups.
        let mut all = rows.rows();
        let first = all.by_ref().take(GROUPS_MAX);
        let groups: Vec<_> = first
            .map(|mut rows| {
                let all = rows.len();
                rows.truncate(ROWS_MAX);
                (rows, all)
            })
            .collect();
        let count = groups.len() + all.count();
        Self { groups, count }
    }
}
