//! Sets of bytes, and the classes of patterns (`[a-z]`) read into them.

/// A set of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ByteSet([u64; 4]);

impl ByteSet {
    pub(super) const NONE: ByteSet = ByteSet([0; 4]);
    pub(super) const ALL: ByteSet = ByteSet([u64::MAX; 4]);

    pub(super) fn has(&self, byte: u8) -> bool {
        self.0[usize::from(byte / 64)] >> (byte % 64) & 1 == 1
    }

    fn add(&mut self, byte: u8) {
        self.0[usize::from(byte / 64)] |= 1 << (byte % 64);
    }

    pub(super) fn without(mut self, byte: u8) -> ByteSet {
        self.0[usize::from(byte / 64)] &= !(1 << (byte % 64));
        self
    }

    fn inverted(self) -> ByteSet {
        ByteSet(self.0.map(|word| !word))
    }

    /// The byte, if there is just one.
    pub(super) fn only(&self) -> Option<u8> {
        let mut bytes = (0..=u8::MAX).filter(|byte| self.has(*byte));
        bytes.next().filter(|_| bytes.next().is_none())
    }
}

impl From<u8> for ByteSet {
    fn from(byte: u8) -> ByteSet {
        let mut set = ByteSet::NONE;
        set.add(byte);
        set
    }
}

const NOT_CLOSED: &str = "a `[` without its `]`; write `\\[` for the byte itself";

/// Reads a class from after its `[`: the set, and what follows its `]`. No class has `/`.
pub(super) fn parse_class(class: &[u8]) -> Result<(ByteSet, &[u8]), &'static str> {
    let mut set = ByteSet::NONE;
    let negated = matches!(class.first(), Some(b'!' | b'^'));
    let mut rest = &class[usize::from(negated)..];
    // Where a range may begin.
    let mut before = None;
    let mut is_first = true;
    loop {
        let (&byte, after) = rest.split_first().ok_or(NOT_CLOSED)?;
        rest = after;
        match (byte, before) {
            // A `]` in the first place is an ordinary one.
            (b']', _) if !is_first => break,
            (b'-', Some(low)) if !matches!(rest.first(), None | Some(b']')) => {
                let high = take(&mut rest)?;
                (low..=high).for_each(|byte| set.add(byte));
                before = None;
            }
            (b'[', _) if rest.first() == Some(&b':') => match named(&rest[1..])? {
                Some((belongs, after)) => {
                    (0..=u8::MAX).filter(belongs).for_each(|byte| set.add(byte));
                    rest = after;
                    before = None;
                }
                None => {
                    set.add(b'[');
                    before = Some(b'[');
                }
            },
            (byte, _) => {
                let byte = if byte == b'\\' { take_raw(&mut rest)? } else { byte };
                set.add(byte);
                before = Some(byte);
            }
        }
        is_first = false;
    }
    let set = if negated { set.inverted() } else { set };
    Ok((set.without(b'/'), rest))
}

fn take_raw(rest: &mut &[u8]) -> Result<u8, &'static str> {
    let (&byte, after) = rest.split_first().ok_or(NOT_CLOSED)?;
    *rest = after;
    Ok(byte)
}

/// The next byte, or the one that a backslash escapes.
fn take(rest: &mut &[u8]) -> Result<u8, &'static str> {
    match take_raw(rest)? {
        b'\\' => take_raw(rest),
        byte => Ok(byte),
    }
}

/// Which bytes belong to a named class.
type Belongs = fn(&u8) -> bool;

/// Reads a named class from after its `[:`; `None` if it does not end with `:]`, so that
/// the `[` is an ordinary one.
fn named(class: &[u8]) -> Result<Option<(Belongs, &[u8])>, &'static str> {
    let end = class.iter().position(|byte| *byte == b']').ok_or(NOT_CLOSED)?;
    let Some(name) = class[..end].strip_suffix(b":") else { return Ok(None) };
    let belongs: Belongs = match name {
        b"alnum" => u8::is_ascii_alphanumeric,
        b"alpha" => u8::is_ascii_alphabetic,
        b"blank" => |byte| matches!(byte, b' ' | b'\t'),
        b"cntrl" => u8::is_ascii_control,
        b"digit" => u8::is_ascii_digit,
        b"graph" => u8::is_ascii_graphic,
        b"lower" => u8::is_ascii_lowercase,
        b"print" => |byte| matches!(byte, b' '..=b'~'),
        b"punct" => u8::is_ascii_punctuation,
        b"space" => |byte| matches!(byte, b' ' | b'\t'..=b'\r'),
        b"upper" => u8::is_ascii_uppercase,
        b"xdigit" => u8::is_ascii_hexdigit,
        _ => return Err("no class of that name; see isalpha(3) for the names"),
    };
    Ok(Some((belongs, &class[end + 1..])))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The members of the class `[text`, and what follows it.
    fn members(text: &str) -> (Vec<u8>, &str) {
        let (set, rest) = parse_class(text.as_bytes()).unwrap();
        let members = (0..=u8::MAX).filter(|byte| set.has(*byte)).collect();
        (members, &text[text.len() - rest.len()..])
    }

    #[test]
    fn classes_are_bytes_ranges_and_names() {
        let cases = [
            ("abc]x", "abc", "x"),
            ("a-c]", "abc", ""),
            ("c-a]", "c", ""),
            ("]a]]", "]a", "]"),
            ("a-]", "-a", ""),
            ("-a]", "-a", ""),
            ("a-c-e]", "-abce", ""),
            ("\\]\\a]", "]a", ""),
            ("\\a-\\c]", "abc", ""),
            ("[:digit:]a]", "0123456789a", ""),
            ("[:a]", ":[a", ""),
            ("[:xdigit:]]", "0123456789abcdefABCDEF", ""),
            ("[]x]", "[", "x]"),
            ("+-0]", "+,-.0", ""),
        ];
        for (class, expected, after) in cases {
            let mut expected = expected.as_bytes().to_vec();
            expected.sort_unstable();
            assert_eq!(members(class), (expected, after), "[{class}");
        }
    }

    #[test]
    fn a_negated_class_has_all_other_bytes_but_the_slash() {
        for class in ["!a]", "^a]"] {
            let all = (0..=u8::MAX).filter(|byte| !matches!(byte, b'a' | b'/')).collect();
            assert_eq!(members(class), (all, ""), "{class}");
        }
        assert_eq!(members("!]]").0.len(), 254);
    }

    #[test]
    fn a_class_that_is_no_class_is_an_error() {
        for wrong in ["", "a", "!", "]", "a\\", "a-\\", "a-", "[:digit:]", "[:alpha", "[:x:]]"] {
            assert!(parse_class(wrong.as_bytes()).is_err(), "[{wrong}");
        }
    }

    #[test]
    fn a_set_of_one_byte_tells_it() {
        assert_eq!(ByteSet::from(0xff).only(), Some(0xff));
        assert_eq!(ByteSet::NONE.only(), None);
        assert_eq!(ByteSet::ALL.only(), None);
    }
}
