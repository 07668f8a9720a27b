//! Which ids and which phones a source repeats; noted while it is staged, a block at a time.

use std::{io, path::Path};

use super::sightings::{Sighting, Sightings};
use crate::{
    run::{Position, StagedBlock},
    wording::grouped,
};

/// Rows of a group that are named.
const ROWS_SHOWN: usize = 10;

/// Groups that are listed.
const GROUPS_SHOWN: usize = 10;

/// Finds contacts whose ids were seen before.
#[derive(Debug)]
pub(crate) struct IdIndex(Sightings);

impl IdIndex {
    /// An empty index; a large one is kept on the disk of `directory`, or of the system's temporary files.
    #[must_use]
    pub(crate) fn new(directory: Option<&Path>) -> Self {
        Self(Sightings::new(directory))
    }

    /// Notes an id's hash and the number of its contact, or of its row.
    pub(crate) fn add(&mut self, number: u64, hash: u64) -> io::Result<()> {
        self.add_content(number, hash, 0)
    }

    /// As [`Self::add`], with a hash of what the contact says, for [`Self::into_repeats`].
    pub(crate) fn add_content(&mut self, number: u64, hash: u64, content: u64) -> io::Result<()> {
        #[expect(clippy::cast_possible_truncation, reason = "a part of a hash is one")]
        let tag = content as u32;
        self.0.add(Sighting {
            key: hash,
            // A run of 2^32 contacts is refused when it is staged.
            place: u32::try_from(number).unwrap_or(u32::MAX),
            tag,
        })
    }

    /// Every group of numbers with one hash, in order, and whether all of it says the same.
    pub(crate) fn into_repeats(self) -> io::Result<Vec<(Vec<u64>, bool)>> {
        let mut repeats = Vec::new();
        self.0.for_each_group(|group| {
            let numbers: Vec<u64> = group.iter().map(|it| it.place.into()).collect();
            repeats.push((numbers, group.iter().all(|it| it.tag == group[0].tag)));
        })?;
        repeats.sort_unstable();
        Ok(repeats)
    }

    /// Every group of numbers with one hash, in order.
    pub(crate) fn into_groups(self) -> io::Result<Vec<Vec<u64>>> {
        let mut groups: Vec<Vec<u64>> = Vec::new();
        self.0.for_each_group(|group| {
            groups.push(group.iter().map(|it| it.place.into()).collect());
        })?;
        groups.sort_unstable();
        Ok(groups)
    }
}

/// Finds phones that stand under different ids: probably one customer twice. Nothing is done about it, because
/// families and offices share phones.
#[derive(Debug)]
pub(crate) struct PhoneIndex {
    /// The place is a row, counted through all sources; the tag is a part of the hash of that row's id.
    sightings: Sightings,
    /// For each source the place of its row 0.
    starts: Vec<u32>,
    next: u32,
}

impl PhoneIndex {
    /// An empty index; a large one is kept on the disk of `directory`, or of the system's temporary files.
    #[must_use]
    pub(crate) fn new(directory: Option<&Path>) -> Self {
        Self {
            sightings: Sightings::new(directory),
            starts: Vec::new(),
            next: 0,
        }
    }

    /// Notes the phones of a block.
    pub(crate) fn add(&mut self, at: Position, block: &StagedBlock) -> io::Result<()> {
        let source = at.source as usize;
        while self.starts.len() <= source {
            self.starts.push(self.next);
        }
        let first_row = u32::try_from(at.first_row).unwrap_or(u32::MAX);
        let first = self.starts[source].saturating_add(first_row);
        self.next = first.saturating_add(block.row_count);
        for &(index, key) in &block.phone_hashes {
            let index = index as usize;
            let place = first.saturating_add(block.rows[index]);
            #[expect(clippy::cast_possible_truncation, reason = "a part of a hash is one")]
            let tag = block.id_hashes[index] as u32;
            self.sightings.add(Sighting { key, place, tag })?;
        }
        Ok(())
    }

    /// The groups, in order.
    pub(crate) fn into_groups(self) -> io::Result<SharedPhones> {
        let mut pairs = Vec::new();
        self.sightings.for_each_group(|group| {
            let first = group[0];
            let others = group[1..].iter().filter(|it| it.tag != first.tag);
            pairs.extend(others.map(|it| (first.place, it.place)));
        })?;
        pairs.sort_unstable();
        pairs.dedup();
        Ok(SharedPhones {
            pairs,
            starts: self.starts,
        })
    }
}

/// Rows with one phone and different ids.
#[derive(Debug)]
pub(crate) struct SharedPhones {
    /// The first place of a phone, and another one.
    pairs: Vec<(u32, u32)>,
    starts: Vec<u32>,
}

impl SharedPhones {
    /// The rows of each group that are in this source, where they are several.
    #[must_use]
    pub(crate) fn rows_of(&self, source: usize) -> Vec<Vec<u32>> {
        let Some(&start) = self.starts.get(source) else {
            return Vec::new();
        };
        let end = self.starts.get(source + 1).copied().unwrap_or(u32::MAX);
        let inside = |group: Vec<u32>| -> Vec<u32> {
            let places = group
                .into_iter()
                .filter(|place| (start..end).contains(place));
            places.map(|place| place - start).collect()
        };
        let groups = self.groups().map(inside);
        groups.filter(|group| group.len() > 1).collect()
    }

    /// How many phones there are that stand under different ids.
    #[must_use]
    pub(crate) fn count(&self) -> u64 {
        self.groups().count() as u64
    }

    /// The first groups for people, and how many more there are. Sources are named where there are several.
    #[must_use]
    pub(crate) fn lines(&self, sources: &[String]) -> Vec<String> {
        group_lines(self.groups(), "phones", |&place| self.named(place, sources))
    }

    fn groups(&self) -> impl Iterator<Item = Vec<u32>> {
        self.pairs
            .chunk_by(|one, next| one.0 == next.0)
            .map(|group| {
                let others = group.iter().map(|(_, other)| *other);
                std::iter::once(group[0].0).chain(others).collect()
            })
    }

    fn named(&self, place: u32, sources: &[String]) -> String {
        let source = self.starts.partition_point(|start| *start <= place);
        match sources {
            [_, _, ..] => {
                let source = source.saturating_sub(1);
                let name = sources.get(source).map_or("", String::as_str);
                format!("{} of {name}", place - self.starts[source])
            }
            _ => place.to_string(),
        }
    }
}

/// `rows 2, 5` for each of the first groups, and how many more `things` there are.
#[must_use]
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

/// `2, 5, 9` or, of many, the first ones and how many more there are.
pub(super) fn shortened(rows: impl ExactSizeIterator<Item = String>) -> String {
    let more = rows.len().saturating_sub(ROWS_SHOWN);
    let shown: Vec<_> = rows.take(ROWS_SHOWN).collect();
    let more = if more > 0 {
        format!(" and {} more", grouped(more as u64))
    } else {
        String::new()
    };
    shown.join(", ") + &more
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn groups_are_found_by_hash_in_the_order_of_the_file() {
        let mut index = IdIndex::new(None);
        for (number, hash) in (0..).zip([7, 8, 9, 8, 7, 8]) {
            index.add(number, hash).unwrap();
        }
        assert_eq!(index.into_groups().unwrap(), [vec![0, 4], vec![1, 3, 5]]);
    }

    #[test]
    fn a_group_whose_contacts_say_different_things_is_known() {
        let mut index = IdIndex::new(None);
        for (number, (hash, content)) in (2..).zip([(7, 1), (8, 1), (7, 1), (8, 2), (8, 1)]) {
            index.add_content(number, hash, content).unwrap();
        }
        let repeats = index.into_repeats().unwrap();
        assert_eq!(repeats, [(vec![2, 4], true), (vec![3, 5, 6], false)]);
    }

    /// A block of contacts, a row each, whose ids and phones have these hashes.
    fn block(contacts: &[(u64, &[u64])]) -> StagedBlock {
        let mut block = StagedBlock::default();
        for (index, (id, phones)) in (0..).zip(contacts) {
            block.rows.push(index);
            block.id_hashes.push(*id);
            block
                .phone_hashes
                .extend(phones.iter().map(|phone| (index, *phone)));
            block.row_count += 1;
        }
        block
    }

    fn shared(sources: &[StagedBlock]) -> SharedPhones {
        let mut index = PhoneIndex::new(None);
        for (source, block) in (0..).zip(sources) {
            let at = Position {
                source,
                first_row: 2,
                ..Position::default()
            };
            index.add(at, block).unwrap();
        }
        index.into_groups().unwrap()
    }

    #[test]
    fn phones_of_one_id_are_nobody_elses() {
        let found = shared(&[block(&[(1, &[70]), (1, &[70]), (2, &[71]), (3, &[72])])]);
        assert!(found.rows_of(0).is_empty());
    }

    #[test]
    fn phones_that_the_same_rows_share_are_one_group() {
        let found = shared(&[block(&[
            (1, &[70, 71]),
            (2, &[70, 71]),
            (3, &[71]),
            (1, &[70]),
        ])]);
        assert_eq!(found.rows_of(0), [vec![2, 3, 4]]);
        assert_eq!(found.lines(&["a.csv".to_owned()]), ["rows 2, 3, 4"]);
    }

    #[test]
    fn sources_are_named_where_there_are_several() {
        let found = shared(&[
            block(&[(1, &[70]), (2, &[71])]),
            block(&[(3, &[71]), (4, &[70])]),
        ]);
        let names = ["a.csv".to_owned(), "b.csv".to_owned()];
        assert!(found.rows_of(1).is_empty());
        assert_eq!(
            found.lines(&names),
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
