//! The words of `--mode` and `--on-duplicate`, with their help.

use clap::{ValueEnum, builder::PossibleValue};

use crate::plan::{Mode, duplicates::OnDuplicate};

impl ValueEnum for Mode {
    fn value_variants<'a>() -> &'a [Self] {
        // `Undo` is left out: only the command `undo` makes such a plan.
        &[Self::Upsert, Self::Create, Self::Update, Self::Mirror]
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        let help = match self {
            Self::Upsert => "Create what is not there, update what differs",
            Self::Create => "Create everything, without looking first",
            Self::Update => {
                "Update everything, without looking first if the source has all required fields"
            }
            Self::Mirror => "As upsert, and delete contacts that the source does not have",
            Self::Undo => return None,
        };
        Some(PossibleValue::new(self.as_str()).help(help))
    }
}

impl ValueEnum for OnDuplicate {
    fn value_variants<'a>() -> &'a [Self] {
        &[Self::Reject, Self::First, Self::Last, Self::Merge]
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        let (name, help) = match self {
            Self::Reject => ("reject", "Reject all of them"),
            Self::First => ("first", "Use the first row"),
            Self::Last => ("last", "Use the last row"),
            Self::Merge => (
                "merge",
                "One contact with the chats of all rows and the first non-empty value of every other field",
            ),
        };
        Some(PossibleValue::new(name).help(help))
    }
}
