//! Finds repeated ids, phones and accounts in a source while it is staged block by block.

use std::{io, path::Path};

use super::{
    nameless::NamelessRows,
    repeated_keys::{Occurrence, Occurrences},
};
use crate::{
    parallel::Workers,
    run::{Position, StagedBlock},
    wording::{counted, grouped, shortened},
};

const GROUPS_SHOWN: usize = 10;

#[derive(Debug)]
pub(crate) struct IdIndex {
    occurrences: Occurrences,
    nameless: NamelessRows,
}

/// The tag of a rejected row. Contacts have even tags.
const REJECTED: u32 = 1;

/// The tag of a rejected row without a readable id, beside a row of this id.
const NAMELESS: u32 = 3;

/// Rows with the same hash of the id, in file order.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct IdGroup {
    /// The numbers of the contacts.
    pub(crate) contacts: Vec<u64>,
    /// The numbers of the rejected rows.
    pub(crate) rejected: Vec<u64>,
    /// The numbers of rejected rows without a readable id, beside a row of this id.
    pub(crate) nameless: Vec<u64>,
    /// True if the content hashes of the contacts are equal.
    pub(crate) are_same: bool,
}

impl IdIndex {
    /// An empty index. A large one spills to a file in `directory`, or in the system's temporary directory.
    pub(crate) fn new(directory: Option<&Path>) -> Self {
        Self {
            occurrences: Occurrences::new(directory),
            nameless: NamelessRows::default(),
        }
    }

    /// Adds a contact by its number, with the hashes of its id and content.
    pub(crate) fn add(&mut self, number: u64, id: u64, content: u64) -> io::Result<()> {
        self.add_with(number, id, low_bits(content) & !REJECTED)
    }

    /// Adds the rows of a block that did not become contacts. `first`: the number of the block's first row.
    pub(crate) fn add_rejects(&mut self, block: &StagedBlock, first: u64) -> io::Result<()> {
        for &(row, id) in &block.rejected_ids {
            self.add_with(first + u64::from(row), id, REJECTED)?;
        }
        for (number, id) in self.nameless.beside(block, first) {
            self.add_with(number, id, NAMELESS)?;
        }
        Ok(())
    }

    fn add_with(&mut self, number: u64, key: u64, tag: u32) -> io::Result<()> {
        self.occurrences.add(Occurrence {
            key,
            // Staging refuses a run of 2^32 contacts.
            number: u32::try_from(number).unwrap_or(u32::MAX),
            tag,
        })
    }

    /// The groups with a contact and another row, in the order of the contacts.
    pub(crate) fn into_groups(self, workers: &Workers) -> io::Result<Vec<IdGroup>> {
        let mut groups = Vec::new();
        self.occurrences.for_each_group(workers, |group| {
            let of_tag = |tag| {
                let rows = group.iter().filter(move |it| it.tag == tag);
                rows.map(|it| it.number.into()).collect()
            };
            let contacts = || group.iter().filter(|it| it.tag & REJECTED == 0);
            if let Some(first) = contacts().next() {
                groups.push(IdGroup {
                    contacts: contacts().map(|it| it.number.into()).collect(),
                    rejected: of_tag(REJECTED),
                    nameless: of_tag(NAMELESS),
                    are_same: contacts().all(|it| it.tag == first.tag),
                });
            }
        })?;
        groups.sort_unstable();
        Ok(groups)
    }
}

#[expect(clippy::cast_possible_truncation, reason = "truncating a hash is fine")]
const fn low_bits(hash: u64) -> u32 {
    hash as u32
}

/// Finds phones and messenger accounts under several ids, probably the same customer twice. They are only
/// reported, because families and offices share them.
#[derive(Debug)]
pub(crate) struct ChatIndex {
    /// The number of an occurrence is that of its row, counted through all sources; its tag is a part of the hash of
    /// the row's id, and in the lowest bit, the spelling of the phone.
    occurrences: Occurrences,
    /// The number of row 0 of each source.
    starts: Vec<u32>,
    next: u32,
}

impl ChatIndex {
    /// An empty index. A large one spills to a file in `directory`, or in the system's temporary directory.
    pub(crate) fn new(directory: Option<&Path>) -> Self {
        Self {
            occurrences: Occurrences::new(directory),
            starts: Vec::new(),
            next: 0,
        }
    }

    pub(crate) fn add(&mut self, at: Position, block: &StagedBlock) -> io::Result<()> {
        let source = at.source as usize;
        while self.starts.len() <= source {
            self.starts.push(self.next);
        }
        let first_row = u32::try_from(at.first_row).unwrap_or(u32::MAX);
        let first = self.starts[source].saturating_add(first_row);
        self.next = first.saturating_add(block.row_count);
        for &(index, key) in &block.chat_hashes {
            let index = index as usize;
            let number = first.saturating_add(block.rows[index]);
            let tag = low_bits(block.id_hashes[index]) & !1 | u32::from(key & LONG != 0);
            let key = key & !LONG;
            self.occurrences.add(Occurrence { key, number, tag })?;
        }
        Ok(())
    }

    /// The groups of rows that share a phone or an account, in file order.
    pub(crate) fn into_groups(self, workers: &Workers) -> io::Result<SharedChats> {
        let (mut phones, mut respelt, mut accounts) = (Vec::new(), Vec::new(), Vec::new());
        self.occurrences.for_each_group(workers, |group| {
            let first = group[0];
            for other in &group[1..] {
                let pairs = match other.tag ^ first.tag {
                    // The same id.
                    0 | 1 => continue,
                    _ if first.key & ACCOUNT != 0 => &mut accounts,
                    tags if tags & 1 != 0 => &mut respelt,
                    _ => &mut phones,
                };
                pairs.push((first.number, other.number));
            }
        })?;
        let shared = |mut pairs: Vec<_>| {
            pairs.sort_unstable();
            pairs.dedup();
            let starts = self.starts.clone();
            SharedRows { pairs, starts }
        };
        Ok(SharedChats {
            phones: shared(phones),
            respelt: shared(respelt),
            accounts: shared(accounts),
        })
    }
}

/// The bit of a chat's hash that distinguishes an account from a phone.
const ACCOUNT: u64 = 1;

/// The bit of a phone's hash that distinguishes the long spelling from the short one.
const LONG: u64 = 2;

/// The hash of a phone, from a keyed hash of its digits in the short spelling.
pub(crate) const fn phone_hash(hash: u64, is_long: bool) -> u64 {
    let spelling = if is_long { LONG } else { 0 };
    hash & !ACCOUNT & !LONG | spelling
}

/// The hash of an account, from a keyed hash of its messenger and its id or name.
pub(crate) const fn account_hash(hash: u64) -> u64 {
    (hash | ACCOUNT) & !LONG
}

/// Rows with different ids and the same phone or messenger account.
#[derive(Debug)]
pub(crate) struct SharedChats {
    pub(crate) phones: SharedRows,
    /// The same phone in both spellings.
    pub(crate) respelt: SharedRows,
    pub(crate) accounts: SharedRows,
}

impl SharedChats {
    /// The first groups of each kind as text, with headings. Sources are named if there are several.
    pub(crate) fn sections(&self, sources: &[String]) -> [(&'static str, Vec<String>); 3] {
        [
            (
                "the same phone under different ids",
                self.phones.lines("phones", sources),
            ),
            (
                "the same WhatsApp in two spellings under different ids (52/521, 54/549, or 55 without the ninth digit)",
                self.respelt.lines("phones", sources),
            ),
            (
                "the same account of a messenger under different ids",
                self.accounts.lines("accounts", sources),
            ),
        ]
    }

    pub(crate) fn warnings(&self) -> impl Iterator<Item = String> {
        let kinds = [
            (&self.phones, "phone", ""),
            (&self.respelt, "phone", "in two spellings "),
            (&self.accounts, "account", ""),
        ];
        let shared = kinds.into_iter().filter(|kind| !kind.0.pairs.is_empty());
        shared.map(|(rows, noun, spelling)| {
            let what = counted(rows.groups().count() as u64, noun);
            format!("{what} {spelling}under different ids: messages may reach the wrong contact")
        })
    }
}

/// Rows with different ids and something in common.
#[derive(Debug)]
pub(crate) struct SharedRows {
    /// The first row of a group, and another row of it, counted through all sources.
    pairs: Vec<(u32, u32)>,
    starts: Vec<u32>,
}

impl SharedRows {
    /// The groups within this source.
    pub(crate) fn rows_of(&self, source: usize) -> Vec<Vec<u32>> {
        let Some(&start) = self.starts.get(source) else {
            return Vec::new();
        };
        let end = self.starts.get(source + 1).copied().unwrap_or(u32::MAX);
        let inside = |group: Vec<u32>| -> Vec<u32> {
            let numbers = group
                .into_iter()
                .filter(|number| (start..end).contains(number));
            numbers.map(|number| number - start).collect()
        };
        let groups = self.groups().map(inside);
        groups.filter(|group| group.len() > 1).collect()
    }

    /// All groups, across sources: each row with the number of its source.
    pub(crate) fn rows(&self) -> impl Iterator<Item = Vec<(usize, u32)>> {
        let locate = |number| self.locate(number);
        let groups = self.groups();
        groups.map(move |group| group.into_iter().map(locate).collect())
    }

    fn locate(&self, number: u32) -> (usize, u32) {
        let next = self.starts.partition_point(|start| *start <= number);
        let source = next.saturating_sub(1);
        let start = self.starts.get(source).copied().unwrap_or_default();
        (source, number - start)
    }

    fn lines(&self, things: &str, sources: &[String]) -> Vec<String> {
        group_lines(self.groups(), things, |&number| self.named(number, sources))
    }

    fn groups(&self) -> impl Iterator<Item = Vec<u32>> {
        self.pairs
            .chunk_by(|one, next| one.0 == next.0)
            .map(|group| {
                let others = group.iter().map(|(_, other)| *other);
                std::iter::once(group[0].0).chain(others).collect()
            })
    }

    fn named(&self, number: u32, sources: &[String]) -> String {
        match sources {
            [_, _, ..] => {
                let (source, row) = self.locate(number);
                let name = sources.get(source).map_or("", String::as_str);
                format!("{row} of {name}")
            }
            _ => number.to_string(),
        }
    }
}

/// `rows 2, 5` for each of the first groups, and the number of other `things`.
pub(crate) fn group_lines<T>(
    groups: impl IntoIterator<Item = Vec<T>>,
    things: &str,
    named: impl Fn(&T) -> String,
) -> Vec<String> {
    let mut groups = groups.into_iter();
    let line = |group: Vec<T>| format!("rows {}", shortened(group.iter().map(&named)));
    let mut lines: Vec<_> = groups.by_ref().take(GROUPS_SHOWN).map(line).collect();
    let more = groups.count();
    if more > 0 {
        lines.push(format!("… and {} more {things}", grouped(more as u64)));
    }
    lines
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    fn group(contacts: &[u64], rejected: &[u64], are_same: bool) -> IdGroup {
        IdGroup {
            contacts: contacts.to_vec(),
            rejected: rejected.to_vec(),
            nameless: Vec::new(),
            are_same,
        }
    }

    #[test]
    fn groups_are_found_by_hash_in_the_order_of_the_file() {
        let mut index = IdIndex::new(None);
        for (number, hash) in (0..).zip([7, 8, 9, 8, 7, 8]) {
            index.add(number, hash, 0).unwrap();
        }
        let rejects = StagedBlock {
            rejected_ids: vec![(0, 8), (1, 10), (2, 10)],
            ..StagedBlock::default()
        };
        index.add_rejects(&rejects, 6).unwrap();
        let expected = [group(&[0, 4], &[], true), group(&[1, 3, 5], &[6], true)];
        assert_eq!(index.into_groups(&Workers::new(1)).unwrap(), expected);
    }

    #[test]
    fn a_group_with_different_content_is_marked() {
        let mut index = IdIndex::new(None);
        for (number, (hash, content)) in (2..).zip([(7, 2), (8, 2), (7, 2), (8, 4), (8, 2)]) {
            index.add(number, hash, content).unwrap();
        }
        let expected = [group(&[2, 4], &[], true), group(&[3, 5, 6], &[], false)];
        assert_eq!(index.into_groups(&Workers::new(1)).unwrap(), expected);
    }

    /// A block of contacts, a row each, whose ids and phones have these hashes. That of a phone in the long spelling
    /// is odd.
    fn block(contacts: &[(u64, &[u64])]) -> StagedBlock {
        let mut block = StagedBlock::default();
        for (index, (id, phones)) in (0..).zip(contacts) {
            block.rows.push(index);
            block.id_hashes.push(*id);
            block.chat_hashes.extend(
                phones
                    .iter()
                    .map(|phone| (index, phone_hash(phone & !1, phone & 1 == 1))),
            );
            block.row_count += 1;
        }
        block
    }

    fn shared(sources: &[StagedBlock]) -> SharedChats {
        let mut index = ChatIndex::new(None);
        for (source, block) in (0..).zip(sources) {
            let at = Position {
                source,
                first_row: 2,
                ..Position::default()
            };
            index.add(at, block).unwrap();
        }
        index.into_groups(&Workers::new(1)).unwrap()
    }

    #[test]
    fn phones_of_one_id_are_not_shared() {
        let found = shared(&[block(&[
            (8, &[80]),
            (8, &[80, 81]),
            (10, &[88]),
            (12, &[96]),
        ])]);
        assert!(found.phones.rows_of(0).is_empty() && found.respelt.rows_of(0).is_empty());
    }

    #[test]
    fn phones_in_two_spellings_are_groups_of_their_own() {
        let found = shared(&[block(&[
            (8, &[80]),
            (10, &[81]),
            (12, &[80, 89]),
            (14, &[89]),
            (16, &[81]),
        ])]);
        assert_eq!(found.phones.rows_of(0), [vec![2, 4], vec![4, 5]]);
        assert_eq!(found.respelt.rows_of(0), [vec![2, 3, 6]]);
    }

    #[test]
    fn phones_that_the_same_rows_share_are_one_group() {
        let found = shared(&[block(&[
            (8, &[80, 88]),
            (10, &[80, 88]),
            (12, &[88]),
            (8, &[80]),
        ])])
        .phones;
        assert_eq!(found.rows_of(0), [vec![2, 3, 4]]);
        assert_eq!(
            found.lines("phones", &["a.csv".to_owned()]),
            ["rows 2, 3, 4"]
        );
    }

    #[test]
    fn sources_are_named_if_there_are_several() {
        let found = shared(&[
            block(&[(8, &[80]), (10, &[88])]),
            block(&[(12, &[88]), (14, &[80])]),
        ])
        .phones;
        let names = ["a.csv".to_owned(), "b.csv".to_owned()];
        assert!(found.rows_of(1).is_empty());
        assert_eq!(
            found.lines("phones", &names),
            ["rows 2 of a.csv, 3 of b.csv", "rows 3 of a.csv, 2 of b.csv"]
        );
    }

    #[test]
    fn of_many_rows_and_groups_the_first_are_listed() {
        let many: Vec<Vec<u64>> = (0..12).map(|first| (first..first + 13).collect()).collect();
        let lines = group_lines(many, "groups", u64::to_string);
        assert_eq!(lines.len(), 11);
        assert_eq!(lines[1], "rows 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 and 3 more");
        assert_eq!(lines[10], "… and 2 more groups");
    }
}
