//! The gate: may this plan be carried out? Asked before the first request that changes anything.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::run::Tally;

/// A bound: so many, or so many in a hundred.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Bound {
    /// So many.
    Count(u64),
    /// So many in a hundred.
    Percent(f64),
}

impl Bound {
    /// Is `part` of `whole` more than the bound allows?
    #[must_use]
    #[expect(
        clippy::cast_precision_loss,
        reason = "counts of rows are far below 2^52"
    )]
    pub(crate) fn is_exceeded(self, part: u64, whole: u64) -> bool {
        match self {
            Self::Count(count) => part > count,
            Self::Percent(percent) => part > 0 && part as f64 * 100.0 > percent * whole as f64,
        }
    }
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Count(count) => write!(f, "{count}"),
            Self::Percent(percent) => write!(f, "{percent}%"),
        }
    }
}

impl From<Bound> for String {
    fn from(bound: Bound) -> Self {
        bound.to_string()
    }
}

impl TryFrom<String> for Bound {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl FromStr for Bound {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is neither a number (100) nor a percentage (5%)");
        match text.strip_suffix('%') {
            Some(number) => match number.trim().parse() {
                Ok(percent) if (0.0..=100.0).contains(&percent) => Ok(Self::Percent(percent)),
                _ => Err(wrong()),
            },
            None => text.trim().parse().map(Self::Count).map_err(|_| wrong()),
        }
    }
}

/// What the gate allows.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Bounds {
    /// Rejected rows, of all rows that are not blank.
    pub max_rejects: Bound,
    /// Deleted contacts, of the account's.
    pub max_delete: Bound,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            max_rejects: Bound::Percent(50.0),
            max_delete: Bound::Percent(5.0),
        }
    }
}

/// Why the gate says no.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "reason")]
pub enum GateVerdict {
    /// The source has no valid contact.
    NoContact {
        /// How many rows it has, blank ones left out.
        rows: u64,
    },
    /// Too many rows were rejected: probably the wrong file, sheet or mapping.
    TooManyRejects {
        /// Rejected rows.
        rejected: u64,
        /// All rows that are not blank.
        rows: u64,
        /// What is allowed.
        bound: Bound,
    },
    /// Contacts would be deleted, and rejected rows whose id can't be read could be those very contacts.
    NamelessRejects {
        /// Rejected rows without a readable id.
        nameless: u64,
        /// Contacts that would be deleted.
        delete: u64,
    },
    /// Too many contacts would be deleted.
    TooManyDeletes {
        /// Contacts that would be deleted.
        delete: u64,
        /// Contacts in the account.
        remote: u64,
        /// What is allowed.
        bound: Bound,
    },
    /// The account is to be mirrored, and others write to it as fast as it is read.
    RestlessAccount,
    /// The plan was made for another account than the token's, or the profile now points to another one.
    AnotherAccount {
        /// What is to be done about it.
        advice: String,
    },
}

impl fmt::Display for GateVerdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoContact { rows: 0 } => f.write_str("the source has no rows"),
            Self::NoContact { rows } => write!(f, "none of the {rows} rows is a valid contact"),
            Self::TooManyRejects { rejected, rows, bound } => {
                write!(f, "{rejected} of {rows} rows were rejected, and --max-rejects allows {bound}")
            }
            Self::NamelessRejects { nameless, delete } => write!(
                f,
                "rejected rows without a readable id: {nameless}; any of the {delete} contacts that would be deleted may be theirs"
            ),
            Self::TooManyDeletes { delete, remote, bound } => write!(
                f,
                "{delete} of the account's {remote} contacts would be deleted, and --max-delete allows {bound}"
            ),
            Self::RestlessAccount => f.write_str(
                "the account changed each time that it was read, so nobody can tell which of its contacts the source has not",
            ),
            Self::AnotherAccount { .. } => f.write_str("the token belongs to another account than the plan or the last run of this profile"),
        }
    }
}

impl GateVerdict {
    /// What would let it pass.
    #[must_use]
    pub(crate) fn hint(&self) -> String {
        match self {
            Self::NoContact { .. } => {
                "look at the mapping and the rejected rows with `wazzup-contacts check FILE`".into()
            }
            Self::TooManyRejects { rejected, .. } => format!(
                "nothing was sent, not even the valid rows: mend the rows (`wazzup-contacts check FILE` explains them) and import the whole file again, or allow them with --max-rejects {rejected}"
            ),
            Self::NamelessRejects { .. } => {
                "mend those rows, or import with --mode upsert, which deletes nothing".into()
            }
            Self::TooManyDeletes { delete, .. } => {
                format!(
                    "see them with --dry-run; if they are really to go, allow them with --max-delete {delete}"
                )
            }
            Self::RestlessAccount => {
                "try again when nobody else writes to the account, or import with --mode upsert, which deletes nothing".into()
            }
            Self::AnotherAccount { advice } => advice.clone(),
        }
    }
}

/// The counts that the gate looks at.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Facts {
    /// What the plan says.
    pub tally: Tally,
    /// Contacts in the snapshot.
    pub remote: u64,
    /// Rejected rows whose id can't be read.
    pub nameless: u64,
}

/// What the gate says to a plan, from its counts alone.
#[must_use]
pub(crate) fn verdict(facts: &Facts, bounds: Bounds) -> Option<GateVerdict> {
    let Facts {
        tally,
        remote,
        nameless,
    } = *facts;
    let rows = tally.rows.read - tally.rows.blank;
    let (rejected, delete) = (tally.rows.rejected, tally.plan.delete);
    if tally.rows.contacts == 0 {
        return Some(GateVerdict::NoContact { rows });
    }
    if bounds.max_rejects.is_exceeded(rejected, rows) {
        return Some(GateVerdict::TooManyRejects {
            rejected,
            rows,
            bound: bounds.max_rejects,
        });
    }
    if delete > 0 && nameless > 0 {
        return Some(GateVerdict::NamelessRejects { nameless, delete });
    }
    if bounds.max_delete.is_exceeded(delete, remote) {
        return Some(GateVerdict::TooManyDeletes {
            delete,
            remote,
            bound: bounds.max_delete,
        });
    }
    None
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use crate::run::{Planned, Rows};

    fn tally(rejected: u64, contacts: u64, delete: u64) -> Tally {
        Tally {
            rows: Rows {
                read: rejected + contacts,
                rejected,
                contacts,
                ..Rows::default()
            },
            plan: Planned {
                create: contacts,
                delete,
                ..Planned::default()
            },
            ..Tally::default()
        }
    }

    #[test]
    fn bounds_are_written_as_a_number_or_a_percentage() {
        assert_eq!("7".parse(), Ok(Bound::Count(7)));
        assert_eq!("2.5%".parse(), Ok(Bound::Percent(2.5)));
        for wrong in ["", "%", "-1", "101%", "many"] {
            assert!(wrong.parse::<Bound>().is_err(), "{wrong}");
        }
        assert_eq!(
            serde_json::to_string(&Bound::Percent(5.0)).unwrap(),
            "\"5%\""
        );
    }

    fn ask(tally: Tally, remote: u64, nameless: u64, bounds: Bounds) -> Option<GateVerdict> {
        let facts = Facts {
            tally,
            remote,
            nameless,
        };
        verdict(&facts, bounds)
    }

    #[test]
    fn too_many_rejects_are_stopped_and_as_many_as_allowed_pass() {
        let bounds = Bounds::default();
        assert_eq!(ask(tally(50, 50, 0), 0, 0, bounds), None);
        assert!(matches!(
            ask(tally(51, 49, 0), 0, 0, bounds),
            Some(GateVerdict::TooManyRejects { rejected: 51, .. })
        ));
    }

    #[test]
    fn a_source_without_a_valid_contact_is_stopped() {
        for rejected in [0, 3] {
            assert_eq!(
                ask(tally(rejected, 0, 9), 9, 0, Bounds::default()),
                Some(GateVerdict::NoContact { rows: rejected })
            );
        }
    }

    #[test]
    fn too_many_deletes_are_stopped_unless_they_are_allowed() {
        let bounds = Bounds::default();
        assert_eq!(ask(tally(0, 9, 5), 100, 0, bounds), None);
        assert!(matches!(
            ask(tally(0, 9, 6), 100, 0, bounds),
            Some(GateVerdict::TooManyDeletes { delete: 6, .. })
        ));
        let allowed = Bounds {
            max_delete: Bound::Count(6),
            max_rejects: Bound::Count(0),
        };
        assert_eq!(ask(tally(0, 9, 6), 100, 0, allowed), None);
        assert!(ask(tally(1, 9, 6), 100, 0, allowed).is_some());
    }

    #[test]
    fn rejects_without_a_readable_id_stop_deletes_and_nothing_else() {
        let bounds = Bounds::default();
        assert_eq!(
            ask(tally(1, 9, 1), 100, 1, bounds),
            Some(GateVerdict::NamelessRejects {
                nameless: 1,
                delete: 1
            })
        );
        assert_eq!(ask(tally(1, 9, 0), 100, 1, bounds), None);
        assert_eq!(ask(tally(1, 9, 1), 100, 0, bounds), None);
    }
}
