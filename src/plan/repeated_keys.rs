//! Finds keys that occur more than once, in bounded memory: 10,000,000 ids and as many phones would take 320 MB.
//!
//! Occurrences are partitioned by the first bits of their key. Each part keeps one page in memory; full pages are
//! written to an unlinked temporary file. Finally, the parts are searched on all cores. Keys are keyed hashes, so no
//! file can be crafted to fill one part, except by repeating a single key, which costs 16 bytes per occurrence.

use std::{
    fs::File,
    io::{self, Read as _, Seek as _, SeekFrom, Write as _},
    ops::ControlFlow,
    path::{Path, PathBuf},
};

use crate::{
    environment::temporary_directory,
    parallel::{self, Workers},
};

/// A power of two, because a part is chosen by the first bits of the key.
const PARTS: usize = 128;

/// Occurrences per page. All open pages take 8 MiB, and the occurrences of 400,000 contacts stay in memory.
const PAGE: usize = 4096;

/// Size of an occurrence in the file.
const BYTES: usize = 16;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Occurrence {
    /// A keyed hash.
    pub(super) key: u64,
    /// The number of the row or contact.
    pub(super) number: u32,
    /// A part of another hash.
    pub(super) tag: u32,
}

impl Occurrence {
    fn to_bytes(self) -> [u8; BYTES] {
        let rest = u64::from(self.number) << 32 | u64::from(self.tag);
        (u128::from(self.key) << 64 | u128::from(rest)).to_be_bytes()
    }

    #[expect(
        clippy::cast_possible_truncation,
        reason = "each part is extracted intentionally"
    )]
    fn from_bytes(bytes: [u8; BYTES]) -> Self {
        let all = u128::from_be_bytes(bytes);
        Self {
            key: (all >> 64) as u64,
            number: (all >> 32) as u32,
            tag: all as u32,
        }
    }
}

#[derive(Debug)]
pub(super) struct Occurrences {
    directory: PathBuf,
    parts: Vec<Partition>,
    file: Option<File>,
    pages: u64,
}

#[derive(Clone, Debug, Default)]
struct Partition {
    open: Vec<Occurrence>,
    /// Numbers of the pages in the file.
    pages: Vec<u64>,
}

impl Occurrences {
    /// Spills to a file in `directory`, or in the system's temporary directory.
    pub(super) fn new(directory: Option<&Path>) -> Self {
        Self {
            directory: directory.map_or_else(temporary_directory, Path::to_path_buf),
            parts: vec![Partition::default(); PARTS],
            file: None,
            pages: 0,
        }
    }

    // Inlined, so that the fields are written where they belong: reading them together just after they were written
    // one by one stalls the processor.
    #[inline]
    pub(super) fn add(&mut self, occurrence: Occurrence) -> io::Result<()> {
        let part = part_of(occurrence.key);
        let open = &mut self.parts[part].open;
        open.push(occurrence);
        if open.len() < PAGE {
            return Ok(());
        }
        self.write_page(part)
    }

    /// Writes the open page of a part to the file.
    #[cold]
    fn write_page(&mut self, part: usize) -> io::Result<()> {
        let part = &mut self.parts[part];
        let file = match &mut self.file {
            Some(file) => file,
            none => none.insert(tempfile::tempfile_in(&self.directory)?),
        };
        let mut page = Vec::with_capacity(PAGE * BYTES);
        for occurrence in part.open.drain(..) {
            page.extend_from_slice(&occurrence.to_bytes());
        }
        file.write_all(&page)?;
        part.pages.push(self.pages);
        self.pages += 1;
        Ok(())
    }

    /// Calls `each` with the occurrences of every key that occurs more than once, in order of their numbers. The
    /// order of the keys is arbitrary.
    pub(super) fn for_each_group(
        self,
        workers: &Workers,
        mut each: impl FnMut(&[Occurrence]),
    ) -> io::Result<()> {
        let mut groups = |sorted: &[Occurrence]| {
            sorted
                .chunk_by(|one, next| one.key == next.key)
                .filter(|group| group.len() > 1)
                .for_each(&mut each);
        };
        // Occurrences that fit into memory are sorted faster than other threads wake up.
        let Some(mut file) = self.file else {
            let parts = self.parts.into_iter();
            parts.for_each(|part| groups(&sorted(part.open)));
            return Ok(());
        };
        let parts = self.parts.into_iter().map(|part| read(&mut file, part));
        let sort = |part: io::Result<_>| part.map(sorted);
        parallel::ordered_in(
            || workers.pool(),
            parts,
            sort,
            |part| {
                groups(&part?);
                Ok(ControlFlow::Continue(()))
            },
        )
    }
}

/// The occurrences by key and number, without most of those with a unique key.
fn sorted(mut occurrences: Vec<Occurrence>) -> Vec<Occurrence> {
    drop_most_single(&mut occurrences);
    occurrences.sort_unstable();
    occurrences
}

/// Drops most occurrences of keys that occur once. Sorting all of them took 4 % of the instructions of `check`.
fn drop_most_single(occurrences: &mut Vec<Occurrence>) {
    // With eight times as many slots as occurrences, few single keys share one.
    let mut slots = vec![0_u8; occurrences.len().next_power_of_two() * 8];
    let slot = |occurrence: &Occurrence, slots: &[u8]| {
        usize::try_from(occurrence.key >> 1).unwrap_or_default() & (slots.len() - 1)
    };
    for occurrence in &*occurrences {
        let at = slot(occurrence, &slots);
        slots[at] = slots[at].saturating_add(1);
    }
    occurrences.retain(|occurrence| slots[slot(occurrence, &slots)] > 1);
}

fn part_of(key: u64) -> usize {
    usize::try_from(key >> (u64::BITS - PARTS.ilog2())).unwrap_or_default()
}

fn read(file: &mut File, part: Partition) -> io::Result<Vec<Occurrence>> {
    let mut occurrences = part.open;
    let mut page = vec![0; PAGE * BYTES];
    for number in part.pages {
        file.seek(SeekFrom::Start(number * page.len() as u64))?;
        file.read_exact(&mut page)?;
        let (all, _) = page.as_chunks();
        occurrences.extend(all.iter().copied().map(Occurrence::from_bytes));
    }
    Ok(occurrences)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn groups(occurrences: impl IntoIterator<Item = Occurrence>) -> BTreeMap<u64, Vec<(u32, u32)>> {
        let mut seen = Occurrences::new(None);
        for occurrence in occurrences {
            seen.add(occurrence).unwrap();
        }
        let mut groups = BTreeMap::new();
        seen.for_each_group(&Workers::new(2), |group| {
            let numbers = group.iter().map(|it| (it.number, it.tag)).collect();
            assert_eq!(groups.insert(group[0].key, numbers), None);
        })
        .unwrap();
        groups
    }

    #[test]
    fn more_than_a_page_of_a_part_is_read_back() {
        let count = u32::try_from(3 * PAGE + 7).unwrap();
        let of = |key| {
            (0..count).map(move |number| Occurrence {
                key,
                number,
                tag: !number,
            })
        };
        let numbers: Vec<_> = (0..count).map(|number| (number, !number)).collect();
        let found = groups(of(1).chain(of(u64::MAX)));
        assert_eq!(found, [(1, numbers.clone()), (u64::MAX, numbers)].into());
    }

    proptest! {
        #[test]
        fn an_occurrence_in_the_file_is_the_occurrence(key: u64, number: u32, tag: u32) {
            let occurrence = Occurrence { key, number, tag };
            prop_assert_eq!(Occurrence::from_bytes(occurrence.to_bytes()), occurrence);
        }

        #[test]
        fn every_key_seen_twice_is_found_and_no_other(
            keys in proptest::collection::vec((0_u64..40).prop_map(|key| (key << 57) | (key % 3)), 0..2_000),
        ) {
            let mut expected: BTreeMap<u64, Vec<(u32, u32)>> = BTreeMap::new();
            for (number, &key) in (0..).zip(&keys) {
                expected.entry(key).or_default().push((number, 0));
            }
            expected.retain(|_, numbers| numbers.len() > 1);
            let occurrences = (0..).zip(keys).map(|(number, key)| Occurrence { key, number, tag: 0 });
            prop_assert_eq!(groups(occurrences), expected);
        }
    }
}
