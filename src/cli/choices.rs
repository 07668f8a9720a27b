//! The words and the help of choices that the core defines. The core does not know the command line.

use clap::{ValueEnum, builder::PossibleValue};

use crate::{
    employees::Owners,
    mapping::BackupLayout,
    plan::{Mode, duplicates::OnDuplicate},
};

/// Makes some variants of an enum the values of an option.
macro_rules! choices {
    ($choice:ty { $($variant:ident, $word:literal, $help:literal;)+ }) => {
        impl ValueEnum for $choice {
            fn value_variants<'a>() -> &'a [Self] {
                &[$(Self::$variant),+]
            }

            fn to_possible_value(&self) -> Option<PossibleValue> {
                $(if *self == Self::$variant {
                    return Some(PossibleValue::new($word).help($help));
                })+
                None
            }
        }
    };
}

choices!(Mode {
    Upsert, "upsert", "Create missing contacts and update those that differ";
    Create, "create", "Create all contacts without reading the account";
    Update, "update", "Update all contacts, without reading the account if the source has all required fields";
    Mirror, "mirror", "Like upsert, and delete contacts that are not in the source";
    Missing, "missing", "Create missing contacts and leave all others alone";
});

choices!(OnDuplicate {
    Reject, "reject", "Reject all of them";
    First, "first", "Use the first row";
    Last, "last", "Use the last row";
    Merge, "merge", "One contact with the chats of all rows and the first non-empty value of every other field";
});

choices!(Owners {
    Guard, "guard", "Stop if most owners look like names";
    Match, "match", "Replace names and email addresses with the ids of the account's employees";
    AsWritten, "as-written", "Send them unchanged";
});

choices!(BackupLayout {
    Wide, "wide", "A group of columns for each chat";
    Columns, "columns", "A column for each messenger";
    Long, "long", "A row for each chat";
});
