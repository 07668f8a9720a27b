//! The probability of a word in a language, from the letter pairs of the words in `languages.txt`.
//!
//! Unseen pairs fall back to the class of their first letter, which also covers names without an example: `ñ`
//! before a vowel is Spanish, `ń` before a consonant Polish.

use std::sync::LazyLock;

/// The examples: one line per language, which begins with its code.
pub(super) const WORDS: &str = include_str!("languages.txt");

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
            Language::of(&letters, &model.alphabet)
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

impl Language {
    /// Counts the letter pairs of the examples.
    fn of(examples: &[usize], alphabet: &[char]) -> Self {
        let size = alphabet.len();
        let classes: Vec<usize> = alphabet.iter().map(|&letter| class(letter)).collect();
        let mut pairs = vec![0.0; size * size];
        let mut after_class = vec![0.0; CLASSES * size];
        for pair in examples.windows(2) {
            pairs[pair[0] * size + pair[1]] += 1.0;
            after_class[classes[pair[0]] * size + pair[1]] += 1.0;
        }
        let column = |right: usize| (0..CLASSES).map(move |class| class * size + right);
        let singles: Vec<f32> = (0..size)
            .map(|right| column(right).map(|at| after_class[at]).sum())
            .collect();
        let sums = |counts: &[f32]| -> Vec<f32> {
            counts.chunks(size).map(|row| row.iter().sum()).collect()
        };
        let (pair_sums, class_sums) = (sums(&pairs), sums(&after_class));
        let total: f32 = singles.iter().sum();
        let probability = |at: usize| {
            let (left, right) = (at / size, at % size);
            let class = classes[left];
            let single = (singles[right] + UNSEEN) / total;
            let usual = leaning(after_class[class * size + right], class_sums[class], single);
            leaning(pairs[at], pair_sums[left], usual)
        };
        let mut logarithms: Vec<f32> = (0..pairs.len()).map(|at| probability(at).ln()).collect();
        logarithms[EDGE] = 0.0;
        Self(logarithms)
    }
}

/// The pseudo-count of unseen letters.
const UNSEEN: f32 = 0.1;

/// The smoothed share of a count: a small total falls back to the usual share.
fn leaning(count: f32, total: f32, usual: f32) -> f32 {
    const LEAN: f32 = 3.0;
    (count + LEAN * usual) / (total + LEAN)
}

const CLASSES: usize = 3;

const VOWELS: &str = "aeiouyàáâãäåæèéêëìíîïòóôõöøùúûüýÿăąęěőœůűаеёиоуыэюяіїє";

/// Edge, vowel or consonant.
fn class(letter: char) -> usize {
    match letter {
        ' ' => 0,
        _ if VOWELS.contains(letter) => 1,
        _ => 2,
    }
}

/// True for letters of words. Ordinal indicators are signs.
pub(super) fn is_letter(char: char) -> bool {
    char.is_ascii_alphabetic() || !char.is_ascii() && char.is_alphabetic() && !"ªº".contains(char)
}

fn small(char: char) -> char {
    char.to_lowercase().next().unwrap_or(char)
}
