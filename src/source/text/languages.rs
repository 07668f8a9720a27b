//! The probability of a word in a language, from the letter pairs of the words in `languages.txt`.
//!
//! Pairs that the examples rarely have fall back to the frequency of the second letter.

use std::sync::LazyLock;

/// The examples: one line per language, which begins with its code.
pub(in crate::source) const WORDS: &str = include_str!("languages.txt");

/// All languages of the examples.
pub(super) static MODEL: LazyLock<Model> = LazyLock::new(|| Model::of(WORDS));

/// The index of all non-letters.
const EDGE: usize = 0;
/// The index of letters that no example has.
const UNKNOWN: usize = 1;

pub(super) struct Model {
    /// Small letters in ascending order, after the two special indices.
    alphabet: Vec<char>,
    languages: Vec<Language>,
}

/// The log probability of each letter after each other letter, in rows of the alphabet's size.
struct Language(Vec<f32>);

impl Model {
    fn of(text: &str) -> Self {
        let lines = || text.lines().filter(|line| !line.starts_with('#'));
        let letters = lines().flat_map(str::chars).filter(|&char| is_letter(char));
        let mut alphabet: Vec<char> = letters.map(small).collect();
        alphabet.sort_unstable();
        alphabet.dedup();
        alphabet.splice(0..0, [' ', '?']);
        let mut model = Self {
            alphabet,
            languages: Vec::new(),
        };
        let languages = lines().filter_map(|line| line.split_once(' '));
        let languages = languages.map(|(_, words)| {
            let letters = model.letters(&format!(" {words} ").chars().collect::<Vec<_>>());
            Language::of(&letters, model.alphabet.len())
        });
        model.languages = languages.collect();
        model
    }

    fn letters(&self, text: &[char]) -> Vec<usize> {
        text.iter().map(|&char| self.letter(char)).collect()
    }

    fn letter(&self, char: char) -> usize {
        if !is_letter(char) {
            return EDGE;
        }
        let letters = &self.alphabet[UNKNOWN + 1..];
        let found = letters.binary_search(&small(char));
        found.map_or(UNKNOWN, |at| at + UNKNOWN + 1)
    }

    /// The log probability of a text in each language.
    pub(super) fn scores(&self, text: &[char]) -> impl Iterator<Item = f64> {
        let letters = self.letters(text);
        let size = self.alphabet.len();
        self.languages.iter().map(move |language| {
            let mut left = EDGE;
            let mut sum = 0.0;
            for &right in letters.iter().chain([&EDGE]) {
                sum += f64::from(language.0[left * size + right]);
                left = right;
            }
            sum
        })
    }
}

/// The pseudo-count of letters that no example has.
const UNSEEN: f32 = 0.1;
/// The weight of a letter's own frequency, for pairs that few examples have.
const LEAN: f32 = 3.0;

impl Language {
    /// Counts the letter pairs of the examples.
    fn of(examples: &[usize], size: usize) -> Self {
        let (mut pairs, mut singles) = (vec![0.0; size * size], vec![0.0; size]);
        for pair in examples.windows(2) {
            pairs[pair[0] * size + pair[1]] += 1.0;
            singles[pair[1]] += 1.0;
        }
        let total: f32 = singles.iter().sum();
        let mut logarithms = Vec::with_capacity(pairs.len());
        for pairs in pairs.chunks(size) {
            let all: f32 = pairs.iter().sum();
            let both = pairs.iter().zip(&singles);
            logarithms.extend(both.map(|(pair, single)| {
                let usual = (single + UNSEEN) / total;
                ((pair + LEAN * usual) / (all + LEAN)).ln()
            }));
        }
        logarithms[EDGE] = 0.0;
        Self(logarithms)
    }
}

/// True for letters of words. Ordinal indicators are signs.
pub(super) fn is_letter(char: char) -> bool {
    char.is_ascii_alphabetic() || !char.is_ascii() && char.is_alphabetic() && !"ªº".contains(char)
}

fn small(char: char) -> char {
    char.to_lowercase().next().unwrap_or(char)
}
