//! The number of threads does not change what is staged.

use crate::{
    error::Error,
    mapping::{self, MappingOptions},
    normalize::{Normalizer, Required, RowRules},
    progress::Silent,
    run::{Position, StagedBlock},
    source::{Limits, ReadOptions},
    stage::{Keep, Sink, StageOptions, stage},
};
use proptest::prelude::*;
use rayon::ThreadPoolBuilder;

const HEADER: [&str; 12] = [
    "id",
    "responsible_user_id",
    "name",
    "uri",
    "whatsapp",
    "viber",
    "telegram",
    "instagram",
    "vk",
    "max",
    "chat_type_1",
    "chat_id_1",
];

/// A cell as people, spreadsheets and attackers fill it.
fn cell() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => Just(String::new()),
        3 => "[0-9]{9,13}".prop_map(|digits| digits),
        2 => "\\+?[78] ?\\(?9[0-9]{2}\\)? ?[0-9]{3}-[0-9]{2}-[0-9]{2}",
        2 => "[a-zA-Zа-яА-Я' ]{1,30}",
        1 => "@[a-z_]{1,12}",
        1 => "https://(t\\.me|vk\\.com|wa\\.me|instagram\\.com)/[a-z0-9+_/]{0,12}",
        1 => "(whatsapp|viber|telegram|telegroup|max|fax)",
        1 => ".{0,12}",
        1 => "[ж]{90,210}",
        1 => "[0-9],[0-9]{2,5}E\\+1[0-9]",
    ]
}

/// Rows whose first cells are mostly what they should be, so that many are accepted.
fn rows() -> impl Strategy<Value = Vec<Vec<String>>> {
    let first = prop_oneof![4 => "[a-zA-Z0-9/?#%-]{1,20}", 1 => cell()];
    let text = || prop_oneof![4 => "[а-яa-z]{1,20}", 1 => cell()];
    let rest = prop::collection::vec(cell(), HEADER.len() - 4);
    let row = (first, text(), text(), text(), rest)
        .prop_map(|(id, user, name, uri, rest)| [vec![id, user, name, uri], rest].concat());
    prop::collection::vec(row, 1..40)
}

fn csv(rows: &[Vec<String>]) -> Vec<u8> {
    let mut csv = csv::Writer::from_writer(Vec::new());
    csv.write_record(HEADER).unwrap();
    for row in rows {
        csv.write_record(row).unwrap();
    }
    csv.into_inner().unwrap()
}

/// All that was handed on, in order.
#[derive(Default)]
struct Kept(Vec<String>);

impl Sink for Kept {
    type Error = Error;

    fn take(&mut self, at: Position, block: StagedBlock) -> Result<(), Error> {
        self.0.push(format!("{at:?} {block:?}"));
        Ok(())
    }
}

fn staged(path: &std::path::Path, threads: usize) -> Vec<String> {
    let options = ReadOptions {
        limits: Limits {
            block_bytes: 200,
            ..Limits::default()
        },
        ..ReadOptions::new(&mapping::recognise)
    };
    let table = crate::source::open(path, &options).unwrap().remove(0);
    let mapping = mapping::resolve(&table.columns, &MappingOptions::default()).unwrap();
    let rules = RowRules {
        region: None,
        required: Required::All,
    };
    let normalizer = Normalizer::new(mapping, rules);
    let pool = ThreadPoolBuilder::new()
        .num_threads(threads)
        .build()
        .unwrap();
    let options = StageOptions {
        hash_seed: 7,
        ..StageOptions::new(Keep::Everything, Some(&pool))
    };
    let mut kept = Kept::default();
    stage(
        table,
        &normalizer,
        options,
        &mut Position::default(),
        &Silent,
        &mut kept,
    )
    .unwrap();
    kept.0
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn blocks_come_out_the_same_whatever_the_number_of_threads(rows in rows()) {
        let file = tempfile::NamedTempFile::with_suffix(".csv").unwrap();
        std::fs::write(file.path(), csv(&rows)).unwrap();
        let one = staged(file.path(), 1);
        for threads in [2, 5] {
            prop_assert_eq!(&staged(file.path(), threads), &one);
        }
    }
}
