//! The gate: the guards that a plan must pass before anything is sent.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::{
    api::NAMES_BY_HAND,
    characters::shown,
    normalize::LackingCountry,
    reject::is_rejects_file,
    run::{
        RunError, RunFile, StagedSource, Tally, sources,
        tally::{MAY_LACK_ROWS, NOT_SELECTED},
    },
    source::EncodingDoubt,
    wording::{counted, float, grouped},
};

/// A limit: a number or a percentage.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Bound {
    /// A number of rows or contacts.
    Count(u64),
    /// A percentage of them.
    Percent(f64),
}

impl Bound {
    /// True if `part` of `whole` exceeds the bound.
    pub(crate) fn is_exceeded(self, part: u64, whole: u64) -> bool {
        match self {
            Self::Count(count) => part > count,
            Self::Percent(percent) => part > 0 && float(part) * 100.0 > percent * float(whole),
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

/// The limits of the gate and the error budget.
#[expect(clippy::struct_field_names, reason = "the names of the flags")]
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Bounds {
    /// Limit of rejected rows, relative to all rows that are not blank.
    pub max_rejects: Bound,
    /// Limit of deleted contacts, relative to the account.
    pub max_delete: Bound,
    /// Limit of contacts that the server refuses, relative to those sent. Sending stops if it is exceeded.
    pub max_refused: Bound,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            max_rejects: Bound::Percent(50.0),
            max_delete: Bound::Percent(5.0),
            max_refused: Bound::Percent(10.0),
        }
    }
}

/// The guard that refuses a plan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case", tag = "reason")]
pub enum GateVerdict {
    #[error("{}", no_contact(*rows))]
    NoContact { rows: u64 },
    #[error("the source has {}, but none with an id in --ids", counted(*.rows, "row"))]
    NothingSelected { rows: u64 },
    #[error(
        "the source has {}, and run {run} of the same source had {}, and at most {bound} of them may be missing (--max-shrink)",
        counted(*.rows, "row"), grouped(*.before)
    )]
    TooFewRows {
        rows: u64,
        before: u64,
        /// The name of that run.
        run: String,
        bound: Bound,
    },
    #[error("{} of {} rows were rejected (limit {bound}, --max-rejects)", grouped(*.rejected), grouped(*.rows))]
    TooManyRejects {
        rejected: u64,
        rows: u64,
        bound: Bound,
    },
    #[error(
        "rejected rows without a readable id: {nameless}; any of the {delete} contacts to be deleted may belong to them"
    )]
    NamelessRejects { nameless: u64, delete: u64 },
    #[error(
        "rows of the source may be missing (see the warnings); any of the {delete} contacts to be deleted may be in them"
    )]
    MissingRows { delete: u64 },
    #[error(
        "{} of the account's {} contacts would be deleted (limit {bound}, --max-delete)",
        grouped(*.delete), grouped(*.snapshot)
    )]
    TooManyDeletes {
        delete: u64,
        #[serde(rename = "remote")]
        snapshot: u64,
        bound: Bound,
    },
    #[error(
        "the account kept changing while it was read, so the contacts missing from the source can't be determined"
    )]
    RestlessAccount,
    #[error(
        "{pairs} contacts would be created and deleted again, because their ids differ from the account's only in spelling (`{create}` and `{delete}`)"
    )]
    RespeltIds {
        pairs: u64,
        create: String,
        delete: String,
    },
    #[error("{}", owners_are_names(*names, *owners, example))]
    OwnersAreNames {
        names: u64,
        owners: u64,
        example: String,
        /// True if the names were not looked up among the account's employees yet.
        can_look_up: bool,
    },
    #[error("{doubt}")]
    UncertainEncoding { doubt: EncodingDoubt },
    #[error(
        "{lacking} of the {numbers} numbers in `{column}` are not valid international numbers, but national ones of {} (such as {example})",
        countries.join(" or ")
    )]
    NumbersWithoutCountry {
        column: String,
        lacking: u64,
        numbers: u64,
        example: String,
        countries: Vec<String>,
    },
    #[error("the token belongs to another account than the plan or the last run of this profile")]
    AnotherAccount { advice: String },
}

/// The message if no row became a contact. Blank and unselected rows are not counted.
fn no_contact(rows: u64) -> String {
    if rows == 0 {
        return "the source has no rows".to_owned();
    }
    format!("none of the {} rows is a valid contact", grouped(rows))
}

fn owners_are_names(names: u64, owners: u64, example: &str) -> String {
    format!(
        "{} of the {} owners to be sent look like names (such as {}), but responsible_user_id requires ids of employees",
        grouped(names),
        grouped(owners),
        shown(example)
    )
}

impl GateVerdict {
    /// The refusal of numbers without a country code.
    pub(crate) fn lacking_country(column: &str, lacking: LackingCountry) -> Self {
        Self::NumbersWithoutCountry {
            column: column.to_owned(),
            lacking: lacking.lacking,
            numbers: lacking.read,
            example: lacking.example,
            countries: lacking.countries,
        }
    }

    /// The hint on how to pass the gate.
    pub(crate) fn hint(&self) -> String {
        match self {
            Self::NoContact { rows: 0 } => "check that the source is complete".into(),
            Self::NoContact { .. } => {
                "the rejects file has the reasons; `wazzup-contacts check FILE` shows how each column is read".into()
            }
            Self::NothingSelected { .. } => {
                "compare the ids in --ids with the column that is read as id (`wazzup-contacts check FILE` shows it)".into()
            }
            Self::TooFewRows { .. } => {
                "check that the source is complete; if it is, add --max-shrink 100%".into()
            }
            Self::TooManyRejects { rejected, .. } => format!(
                "nothing was sent, not even the valid rows: fix the rows (the rejects file has the reasons) and import the whole file again, or add --max-rejects {rejected} to import without them"
            ),
            Self::NamelessRejects { .. } => {
                "fix those rows, or import with --mode upsert, which deletes nothing".into()
            }
            Self::MissingRows { .. } => {
                "correct the source or choose its sheet or header row as the warning says; if no row is missing, import with --mode upsert, and delete the others with `wazzup-contacts delete`".into()
            }
            Self::TooManyDeletes { delete, .. } => {
                format!(
                    "to delete them, add --max-delete {delete}; `import --dry-run` with it only lists them"
                )
            }
            Self::RestlessAccount => {
                "try again while no other program writes to the account, or import with --mode upsert, which deletes nothing".into()
            }
            Self::RespeltIds { create, delete, .. } => format!(
                "write the ids as the account does (`{delete}`, not `{create}`); if they are different contacts, import with --mode upsert and delete the others with `wazzup-contacts delete`"
            ),
            Self::OwnersAreNames { can_look_up, .. } => {
                let look_up = if *can_look_up {
                    "look up the ids with --owners match, or "
                } else {
                    ""
                };
                format!("{look_up}{NAMES_BY_HAND}; --owners as-written sends the names")
            }
            Self::UncertainEncoding { doubt } => {
                format!("import or plan the source with {}", doubt.options())
            }
            Self::NumbersWithoutCountry { countries, .. } => format!(
                "set the country with --region {}, or send them as written with --region none",
                countries.join(" or --region ")
            ),
            Self::AnotherAccount { advice } => advice.clone(),
        }
    }
}

/// True if a run covers only part of a source. The rows of a rejects file were rejected before, and a selection
/// may consist of the bad rows of a good file, so their number says nothing about the file or its mapping.
pub(crate) fn is_part_of_a_source(run: &RunFile) -> Result<bool, RunError> {
    let sources = sources::all(run)?;
    let is_of_rejects = |source: &StagedSource| is_rejects_file(&source.columns);
    let are_rejects = !sources.is_empty() && sources.iter().all(is_of_rejects);
    Ok(are_rejects || run.find_fact::<u64>(NOT_SELECTED)?.is_some())
}

/// The refusal of deletes if the source seems to have rows that were not read.
pub(crate) fn missing_rows(run: &RunFile, tally: &Tally) -> Result<Option<GateVerdict>, RunError> {
    let delete = tally.plan.delete;
    let are_missing = delete > 0 && run.find_fact::<bool>(MAY_LACK_ROWS)? == Some(true);
    Ok(are_missing.then_some(GateVerdict::MissingRows { delete }))
}

pub(crate) fn bounds_for(is_part: bool, bounds: Bounds) -> Bounds {
    if !is_part {
        return bounds;
    }
    Bounds {
        max_rejects: Bound::Percent(100.0),
        ..bounds
    }
}

/// Checks the counts of a plan: `snapshot` contacts in the snapshot, `nameless` rejected rows without a readable id.
pub(crate) fn verdict(
    tally: &Tally,
    snapshot: u64,
    nameless: u64,
    bounds: Bounds,
) -> Option<GateVerdict> {
    let rows = tally.rows.wanted();
    let (rejected, delete) = (tally.rows.rejected, tally.plan.delete);
    let bound = bounds.max_rejects;
    if rows == 0 && tally.rows.not_selected > 0 {
        let rows = tally.rows.not_selected;
        Some(GateVerdict::NothingSelected { rows })
    } else if tally.rows.contacts == 0 {
        Some(GateVerdict::NoContact { rows })
    } else if bound.is_exceeded(rejected, rows) {
        Some(GateVerdict::TooManyRejects {
            rejected,
            rows,
            bound,
        })
    } else if delete > 0 && nameless > 0 {
        Some(GateVerdict::NamelessRejects { nameless, delete })
    } else if bounds.max_delete.is_exceeded(delete, snapshot) {
        Some(GateVerdict::TooManyDeletes {
            delete,
            snapshot,
            bound: bounds.max_delete,
        })
    } else {
        None
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use crate::run::{Planned, Rows};

    #[test]
    fn counts_are_grouped_in_messages() {
        let verdict = GateVerdict::TooManyRejects {
            rejected: 9_153,
            rows: 12_000,
            bound: Bound::Count(0),
        };
        assert!(verdict.to_string().starts_with("9,153 of 12,000 rows"));
    }

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

    #[test]
    fn too_many_rejects_are_stopped_and_as_many_as_allowed_pass() {
        let bounds = Bounds::default();
        assert_eq!(verdict(&tally(50, 50, 0), 0, 0, bounds), None);
        assert!(matches!(
            verdict(&tally(51, 49, 0), 0, 0, bounds),
            Some(GateVerdict::TooManyRejects { rejected: 51, .. })
        ));
    }

    #[test]
    fn a_source_without_a_valid_contact_is_stopped() {
        for rejected in [0, 3] {
            assert_eq!(
                verdict(&tally(rejected, 0, 9), 9, 0, Bounds::default()),
                Some(GateVerdict::NoContact { rows: rejected })
            );
        }
    }

    #[test]
    fn too_many_deletes_are_stopped_unless_they_are_allowed() {
        let bounds = Bounds::default();
        assert_eq!(verdict(&tally(0, 9, 5), 100, 0, bounds), None);
        assert!(matches!(
            verdict(&tally(0, 9, 6), 100, 0, bounds),
            Some(GateVerdict::TooManyDeletes { delete: 6, .. })
        ));
        let allowed = Bounds {
            max_delete: Bound::Count(6),
            max_rejects: Bound::Count(0),
            ..bounds
        };
        assert_eq!(verdict(&tally(0, 9, 6), 100, 0, allowed), None);
        assert!(verdict(&tally(1, 9, 6), 100, 0, allowed).is_some());
    }

    #[test]
    fn rejects_without_a_readable_id_stop_deletes_and_nothing_else() {
        let bounds = Bounds::default();
        assert_eq!(
            verdict(&tally(1, 9, 1), 100, 1, bounds),
            Some(GateVerdict::NamelessRejects {
                nameless: 1,
                delete: 1
            })
        );
        assert_eq!(verdict(&tally(1, 9, 0), 100, 1, bounds), None);
        assert_eq!(verdict(&tally(1, 9, 1), 100, 0, bounds), None);
    }
}
