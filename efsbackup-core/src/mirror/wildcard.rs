//! Wildcards, matched in one pass over the text, whatever the pattern.
//!
//! A pattern is a chain of sets of bytes with gaps (`*` or `**`) between them. A state is
//! the number of sets matched so far. All states a text can be in are the bits of a few
//! words, and every byte moves them together: there is no going back, so a match takes as
//! many steps as the text has bytes, times the words (one for up to 63 sets).

use super::byte_set::{ByteSet, parse_class};

/// The most sets a pattern may have.
const MOST_SETS: usize = MOST_WORDS * 64 - 1;
const MOST_WORDS: usize = 64;

/// A pattern ready to match.
#[derive(Clone)]
pub(super) struct Wildcard {
    /// How many words hold a bit for each state.
    words: usize,
    /// The state after the last set.
    last: usize,
    /// The row of `advance` for each byte.
    row_of: Box<[u8; 256]>,
    /// For each row, the states that its bytes lead to from the state before.
    advance: Vec<u64>,
    /// States that any byte but `/` leaves as they are: those before a gap.
    stay: Vec<u64>,
    /// States that `/` leaves as they are too: those before a `**`.
    stay_at_slash: Vec<u64>,
    /// What every matching text ends with.
    tail: Vec<u8>,
}

/// What stands between two sets.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Gap {
    None,
    /// `*`: any bytes but `/`.
    Name,
    /// `**`: any bytes.
    Path,
}

impl Wildcard {
    /// Reads a pattern; says what is wrong with it.
    pub(super) fn parse(pattern: &[u8]) -> Result<Self, &'static str> {
        let mut sets: Vec<ByteSet> = Vec::new();
        let mut gaps = vec![Gap::None];
        let mut rest = pattern;
        while let Some((&byte, after)) = rest.split_first() {
            rest = after;
            let set = match byte {
                b'*' => {
                    let more = rest.iter().take_while(|byte| **byte == b'*').count();
                    rest = &rest[more..];
                    gaps[sets.len()] = if more == 0 { Gap::Name } else { Gap::Path };
                    continue;
                }
                b'?' => ByteSet::ALL.without(b'/'),
                b'[' => {
                    let (set, after) = parse_class(rest)?;
                    rest = after;
                    set
                }
                b'\\' => {
                    let (&byte, after) = rest
                        .split_first()
                        .ok_or("nothing follows the last `\\`; write `\\\\` for the byte itself")?;
                    rest = after;
                    ByteSet::from(byte)
                }
                byte => ByteSet::from(byte),
            };
            sets.push(set);
            gaps.push(Gap::None);
        }
        if sets.len() > MOST_SETS {
            return Err("too long: with wildcards, 4,095 characters are possible");
        }
        Ok(Self::compile(&sets, &gaps))
    }

    fn compile(sets: &[ByteSet], gaps: &[Gap]) -> Self {
        let words = sets.len() / 64 + 1;
        let mut row_of = Box::new([0; 256]);
        let mut advance: Vec<u64> = Vec::new();
        for byte in 0..=u8::MAX {
            let row = bits(words, [false].into_iter().chain(sets.iter().map(|set| set.has(byte))));
            let known = advance.chunks_exact(words).position(|known| known == row);
            // At most 256 different rows, so their numbers fit.
            row_of[usize::from(byte)] = known.unwrap_or(advance.len() / words) as u8;
            if known.is_none() {
                advance.extend(row);
            }
        }
        let after_last_gap = gaps.iter().rev().take_while(|gap| **gap == Gap::None).count();
        let tail = sets.iter().rev().take(after_last_gap).map_while(ByteSet::only);
        let mut tail: Vec<u8> = tail.collect();
        tail.reverse();
        Wildcard {
            words,
            last: sets.len(),
            row_of,
            advance,
            stay: bits(words, gaps.iter().map(|gap| *gap != Gap::None)),
            stay_at_slash: bits(words, gaps.iter().map(|gap| *gap == Gap::Path)),
            tail,
        }
    }

    /// What every matching text ends with, to look at before a match.
    pub(super) fn tail(&self) -> &[u8] {
        &self.tail
    }

    /// Whether the whole text matches or, where it may begin after any `/`, what follows
    /// one of them.
    pub(super) fn matches(&self, text: impl Iterator<Item = u8>, after_any_slash: bool) -> bool {
        if self.words == 1 {
            self.run::<1>(text, after_any_slash)
        } else {
            self.run::<MOST_WORDS>(text, after_any_slash)
        }
    }

    fn run<const N: usize>(&self, text: impl Iterator<Item = u8>, after_any_slash: bool) -> bool {
        let mut states = [0_u64; N];
        states[0] = 1;
        let states = &mut states[..self.words];
        for byte in text {
            let row = usize::from(self.row_of[usize::from(byte)]) * self.words;
            let advance = &self.advance[row..row + self.words];
            let stay = if byte == b'/' { &self.stay_at_slash } else { &self.stay };
            let (mut carry, mut alive) = (0, 0);
            for ((state, advance), stay) in states.iter_mut().zip(advance).zip(stay) {
                let next = (*state << 1 | carry) & advance | *state & stay;
                carry = *state >> 63;
                *state = next;
                alive |= next;
            }
            if after_any_slash {
                states[0] |= u64::from(byte == b'/');
            } else if alive == 0 {
                return false;
            }
        }
        states[self.last / 64] >> (self.last % 64) & 1 == 1
    }
}

/// The numbers of the bits that are on, as words.
fn bits(words: usize, on: impl Iterator<Item = bool>) -> Vec<u64> {
    let mut bits = vec![0; words];
    for (at, _) in on.enumerate().filter(|(_, on)| *on) {
        bits[at / 64] |= 1 << (at % 64);
    }
    bits
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &[u8], text: &[u8]) -> bool {
        Wildcard::parse(pattern).unwrap().matches(text.iter().copied(), false)
    }

    #[test]
    fn a_star_stops_at_a_slash_and_two_do_not() {
        assert!(matches(b"*", b"") && matches(b"*", b"abc") && !matches(b"*", b"a/b"));
        assert!(matches(b"a*c", b"ac") && matches(b"a*c", b"abcbc") && !matches(b"a*c", b"a/c"));
        assert!(matches(b"**", b"a/b/") && matches(b"a**c", b"a/b/c") && matches(b"a***c", b"ac"));
        assert!(matches(b"a/**/b", b"a/x/y/b") && !matches(b"a/**/b", b"a/b"));
        assert!(matches(b"*a*/**b*c", b"xax/y/bxc") && !matches(b"*a*/**b*c", b"xax/y/b/xc"));
    }

    #[test]
    fn a_question_mark_is_one_byte_but_no_slash() {
        assert!(matches(b"a?c", b"abc") && matches(b"a?c", b"a\xffc"));
        assert!(!matches(b"a?c", b"ac") && !matches(b"a?c", b"a/c") && !matches(b"?", b"ab"));
        assert!(!matches(b"?", "\u{e9}".as_bytes()), "two bytes");
    }

    #[test]
    fn a_backslash_takes_the_next_byte_as_it_is() {
        assert!(matches(b"\\*", b"*") && !matches(b"\\*", b"a") && matches(b"\\\\*", b"\\a"));
        assert!(matches(b"\\a*", b"ab"));
        assert!(Wildcard::parse(b"*\\").is_err());
    }

    #[test]
    fn long_patterns_cross_words() {
        for length in [62, 63, 64, 65, 127, 128, 129, 4094] {
            let text: Vec<u8> = (0..length).map(|at| b'a' + (at % 23) as u8).collect();
            let pattern = |gap: &[u8]| [&text[..length / 2], gap, &text[length / 2..]].concat();
            for gap in [&b"*"[..], b"**", b"?"] {
                let matches = |text: &[u8]| matches(&pattern(gap), text);
                assert_eq!(matches(&text), gap != b"?", "{length}");
                assert!(matches(&pattern(b"-")), "{length}");
                assert_eq!(matches(&pattern(b"/")), gap == b"**", "{length}");
                assert!(!matches(&pattern(b"-")[1..]), "{length}");
                assert!(!matches(&[&text[..], b"-"].concat()), "{length}");
            }
        }
        assert!(Wildcard::parse(&[b'?'; MOST_SETS]).is_ok());
        assert!(Wildcard::parse(&[b'?'; MOST_SETS + 1]).is_err());
    }

    /// A match is one step a byte for each word of states. Patterns made to let a matcher
    /// that goes back explode read every byte once all the same.
    #[test]
    fn no_pattern_looks_at_a_byte_twice() {
        let mut rng = fastrand::Rng::with_seed(1);
        for round in 0..300 {
            let pieces = ["a", "*", "**", "/", "?", "[ab]", "b", "a*", "**/", "*a*", "***"];
            let count = rng.usize(1..200);
            let pattern: String = (0..count).map(|_| rng.choice(pieces).unwrap()).collect();
            let length = rng.usize(0..2_000);
            let text: Vec<u8> = (0..length).map(|_| *rng.choice(b"aaab/").unwrap()).collect();
            let machine = Wildcard::parse(pattern.as_bytes()).unwrap();
            assert!(machine.words <= pattern.len() / 64 + 1, "{pattern}");
            for after_any_slash in [false, true] {
                let mut steps = 0;
                machine.matches(text.iter().copied().inspect(|_| steps += 1), after_any_slash);
                assert!(steps <= text.len(), "round {round}: {pattern}");
            }
        }
    }
}
