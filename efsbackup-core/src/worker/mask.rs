//! Keeping secrets out of logs.

/// What stands in a secret's place.
pub(super) const MASK: &str = "*****";

/// Replaces secrets in a stream of bytes, also where a secret comes in two pieces.
#[derive(Clone, Debug, Default)]
pub(super) struct Masker {
    /// The longest first, so that a secret within another does not spoil it.
    secrets: Vec<Vec<u8>>,
    /// The end of the stream so far, where a secret may have begun.
    held: Vec<u8>,
}

impl Masker {
    pub(super) fn new<'a>(secrets: impl IntoIterator<Item = &'a str>) -> Masker {
        let mut secrets: Vec<Vec<u8>> =
            secrets.into_iter().filter(|text| !text.is_empty()).map(|text| text.into()).collect();
        secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        secrets.dedup();
        Masker { secrets, held: Vec::new() }
    }

    /// What may be written after `bytes` came in.
    pub(super) fn push(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut pending = std::mem::take(&mut self.held);
        pending.extend_from_slice(bytes);
        let (out, held) = self.replace(&pending, true);
        self.held = held;
        out
    }

    /// What is left when the stream ends.
    pub(super) fn finish(&mut self) -> Vec<u8> {
        let held = std::mem::take(&mut self.held);
        self.replace(&held, false).0
    }

    /// `bytes` with secrets replaced, and, if there is `more` to come, an end that may be
    /// the beginning of a secret.
    fn replace(&self, bytes: &[u8], more: bool) -> (Vec<u8>, Vec<u8>) {
        if self.secrets.is_empty() {
            return (bytes.to_vec(), Vec::new());
        }
        let mut out = Vec::with_capacity(bytes.len());
        let mut rest = bytes;
        while let Some((first, after)) = rest.split_first() {
            let begins = |secret: &Vec<u8>| secret.len() > rest.len() && secret.starts_with(rest);
            if more && self.secrets.iter().any(begins) {
                return (out, rest.to_vec());
            }
            match self.secrets.iter().find_map(|secret| rest.strip_prefix(secret.as_slice())) {
                Some(after) => {
                    out.extend_from_slice(MASK.as_bytes());
                    rest = after;
                }
                None => {
                    out.push(*first);
                    rest = after;
                }
            }
        }
        (out, Vec::new())
    }

    /// A whole text with its secrets masked.
    pub(super) fn text(&self, text: &str) -> String {
        self.secrets
            .iter()
            .filter_map(|secret| std::str::from_utf8(secret).ok())
            .fold(text.to_owned(), |text, secret| text.replace(secret, MASK))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stream(secrets: &[&str], pieces: &[&str]) -> String {
        let mut masker = Masker::new(secrets.iter().copied());
        let mut out = Vec::new();
        for piece in pieces {
            out.extend(masker.push(piece.as_bytes()));
        }
        out.extend(masker.finish());
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn secrets_are_masked_wherever_the_pieces_end() {
        assert_eq!(stream(&["hunter2"], &["a hun", "ter2 b"]), "a ***** b");
        assert_eq!(stream(&["hunter2"], &["hunter", "s"]), "hunters");
        assert_eq!(stream(&["ab", "abcd"], &["abc", "d abx a"]), "***** *****x a");
        assert_eq!(stream(&["ab", "abcd"], &["abc"]), "*****c");
        assert_eq!(stream(&[""], &["plain"]), "plain");
    }
}
