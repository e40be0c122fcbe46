//! One pattern of a filter: which part of a path it is held against, and whether it matches.

use super::wildcard::Wildcard;

/// One pattern.
#[derive(Clone)]
pub(super) struct Pattern {
    /// As it was given.
    text: Vec<u8>,
    /// A trailing `/`: matches directories only.
    directories_only: bool,
    matcher: Matcher,
}

#[derive(Clone)]
enum Matcher {
    /// Without wildcards: the whole path if anchored, else its last names.
    Literal { text: Vec<u8>, anchored: bool },
    /// With wildcards.
    Wild {
        wildcard: Wildcard,
        part: Part,
        /// Begins with `**`: a `/` is put before the path, so that `**/a` matches `a` at
        /// the top too.
        slash_before: bool,
        /// Ends with `***`: a `/` is put after a directory's path, so that `a/***` matches
        /// `a` itself too.
        slash_after: bool,
    },
}

/// What a pattern with wildcards is held against.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    /// The whole path.
    Whole,
    /// This many names from the end.
    Last(usize),
    /// What begins at any name.
    AnyTail,
}

impl Pattern {
    /// Reads a pattern; says what is wrong with it.
    pub(super) fn parse(text: &[u8]) -> Result<Self, &'static str> {
        if text.is_empty() {
            return Err("an empty pattern matches nothing");
        }
        if text.contains(&0) {
            return Err("no name has a NUL byte");
        }
        // What kind of pattern it is follows from its text alone: escaped wildcards and
        // slashes in classes count as well.
        let (body, directories_only) = match text.strip_suffix(b"/") {
            Some(body) if !body.is_empty() => (body, true),
            _ => (text, false),
        };
        let slashes = body.iter().filter(|byte| **byte == b'/').count();
        let crosses = body.windows(2).any(|pair| pair == b"**");
        let slash_before = body.starts_with(b"**");
        let slash_after = body.ends_with(b"***");
        let is_wild = body.iter().any(|byte| matches!(byte, b'*' | b'?' | b'['));
        let (body, anchored) = match body.strip_prefix(b"/") {
            Some(body) => (body, true),
            None => (body, false),
        };
        let matcher = if is_wild {
            let part = if anchored || slash_before {
                Part::Whole
            } else if crosses {
                Part::AnyTail
            } else {
                Part::Last(slashes + 1)
            };
            Matcher::Wild { wildcard: Wildcard::parse(body)?, part, slash_before, slash_after }
        } else {
            Matcher::Literal { text: body.to_vec(), anchored }
        };
        Ok(Pattern { text: text.to_vec(), directories_only, matcher })
    }

    /// The pattern as it was given.
    pub(super) fn text(&self) -> &[u8] {
        &self.text
    }

    /// Whether the entry at `path` below the root, which has no slash at either end,
    /// matches.
    pub(super) fn matches(&self, path: &[u8], is_dir: bool) -> bool {
        if self.directories_only && !is_dir {
            return false;
        }
        match &self.matcher {
            Matcher::Literal { text, anchored: true } => path == text,
            Matcher::Literal { text, anchored: false } => {
                path.strip_suffix(&**text).is_some_and(|rest| matches!(rest, [] | [.., b'/']))
            }
            Matcher::Wild { wildcard, part, slash_before, slash_after } => {
                // The slash before the path may be the first byte of this end. The one after
                // it never is the last: no end is fixed where a pattern ends with `***`.
                let end = wildcard.tail();
                let end = end.strip_prefix(b"/").filter(|_| *slash_before).unwrap_or(end);
                if !path.ends_with(end) {
                    return false;
                }
                let path = match part {
                    Part::Last(names) => match last_names(path, *names) {
                        Some(tail) => tail,
                        None => return false,
                    },
                    Part::Whole | Part::AnyTail => path,
                };
                let slash = |put: bool| put.then_some(b'/');
                let text = slash(*slash_before).into_iter().chain(path.iter().copied());
                let text = text.chain(slash(*slash_after && is_dir));
                wildcard.matches(text, *part == Part::AnyTail)
            }
        }
    }
}

/// The last `count` names of a path, if it has so many.
fn last_names(path: &[u8], count: usize) -> Option<&[u8]> {
    let mut start = path.len();
    for _ in 0..count - 1 {
        start = path[..start].iter().rposition(|byte| *byte == b'/')?;
    }
    let slash = path[..start].iter().rposition(|byte| *byte == b'/');
    Some(&path[slash.map_or(0, |slash| slash + 1)..])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether `pattern` matches each path; a path that ends with `/` is a directory.
    #[track_caller]
    fn check(pattern: &str, matching: &[&str], others: &[&str]) {
        let parsed = Pattern::parse(pattern.as_bytes()).unwrap();
        for (paths, expected) in [(matching, true), (others, false)] {
            for path in paths {
                let name = path.strip_suffix('/').unwrap_or(path);
                let is = parsed.matches(name.as_bytes(), name != *path);
                assert_eq!(is, expected, "{pattern} and {path}");
            }
        }
    }

    #[test]
    fn a_name_matches_at_any_depth() {
        check("a", &["a", "a/", "b/a", "b/c/a/"], &["ba", "a/b", "aa", "b/ba"]);
        check("*.o", &["a.o", ".o", "b/a.o", "x.o/"], &["a.oo", "a.o/b", "ao"]);
    }

    #[test]
    fn a_leading_slash_anchors() {
        check("/a", &["a", "a/"], &["b/a", "aa"]);
        check("/a*/b", &["a/b", "ax/b/"], &["c/a/b", "a/x/b", "a"]);
        check("/*", &["a", "b/"], &["a/b"]);
        check("/a/**", &["a/b", "a/b/c"], &["a/", "b/a/c"]);
    }

    #[test]
    fn a_trailing_slash_means_directories() {
        check("a/", &["a/", "b/a/"], &["a", "b/a", "a/b/"]);
        check("/*/", &["a/"], &["a", "a/b/"]);
        check("a/**/", &["a/b/", "x/a/b/c/"], &["a/b", "a/"]);
        check("/", &[], &["a", "a/"]);
        check("//", &[], &["a", "a/"]);
        check("a//", &[], &["a", "a/", "a/b/"]);
    }

    #[test]
    fn a_pattern_with_slashes_matches_the_last_names() {
        check("a/b", &["a/b", "x/a/b/"], &["b", "xa/b", "a/b/c"]);
        check("a/*b", &["a/b", "x/a/xb"], &["b", "a/x/b", "xa/b", "b/b"]);
        check("a/*/c", &["a/b/c", "x/a/b/c"], &["a/c", "a/b/b/c"]);
    }

    #[test]
    fn two_stars_match_from_any_name() {
        check("a**c", &["ac", "a/b/c", "x/a/y/c", "abc"], &["xac", "a", "c"]);
        check("a/**", &["a/b", "x/a/b/c"], &["a/", "xa/b"]);
        check("**/a", &["a", "b/a/", "b/c/a"], &["ba", "a/b"]);
        check("**a", &["a", "ba", "b/a"], &["a/b"]);
        check("a*b**c", &["ab/c", "x/axb/y/c"], &["a/b/c", "xab/c"]);
    }

    #[test]
    fn three_stars_at_the_end_match_the_directory_too() {
        check("a/***", &["a/", "a/b", "x/a/", "x/a/b/c/"], &["a", "x/a", "xa/"]);
        check("/a/***", &["a/", "a/b/c"], &["a", "b/a/", "b/a/c"]);
        check("***", &["a", "a/", "a/b"], &[]);
        check("a/***/b", &["a/x/b", "a/x/y/b"], &["a/b", "a/"]);
    }

    #[test]
    fn a_backslash_escapes_only_beside_wildcards() {
        check("a\\b", &["a\\b"], &["ab"]);
        check("a\\b*", &["ab", "abc"], &["a\\b"]);
        check("a\\\\b*", &["a\\b", "a\\bc"], &["ab"]);
        check("\\*", &["*", "b/*"], &["a", "\\*"]);
        check("\\[a]", &["[a]"], &["a"]);
    }

    #[test]
    fn what_kind_a_pattern_is_follows_from_its_text_alone() {
        // A slash in a class matches nothing, but counts: two names against one.
        check("a[b/]", &[], &["ab", "a/", "x/ab", "a/b"]);
        // An escaped star still makes a pair with the next, so any tail is tried.
        check("a\\**", &["a*", "a*b", "x/a*"], &["a", "a*/b", "x/ya*"]);
    }

    #[test]
    fn bytes_are_bytes() {
        let pattern = Pattern::parse(b"[\xf0-\xff]?").unwrap();
        assert!(pattern.matches(b"a/\xff\xfe", false) && !pattern.matches(b"\xe9a", false));
        assert!(Pattern::parse(b"\xff").unwrap().matches(b"a/\xff", false));
    }

    #[test]
    fn what_can_never_match_is_an_error() {
        for wrong in ["", "[a", "a*\\", "[[:letter:]]", "a\0b"] {
            assert!(Pattern::parse(wrong.as_bytes()).is_err(), "{wrong}");
        }
    }
}
