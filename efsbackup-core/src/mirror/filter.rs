//! Which entries take part: rules in order, of which the first that matches decides.

use super::pattern::Pattern;
use crate::bytepath::BytePath;
use crate::error::{Error, ErrorKind, Result};
use std::fmt;
use std::sync::Arc;

/// Which entries of both trees take part in a mirror: rsync's include and exclude rules.
///
/// The first rule whose pattern matches an entry's path decides; an entry that no rule
/// matches takes part. What is excluded is not copied, an excluded directory is not
/// entered, and what is excluded at the destination is neither removed nor entered: a
/// directory that should go but holds such entries stays with them. The roots always take
/// part.
///
/// | in a pattern | matches |
/// |---|---|
/// | `*` | any bytes but `/`, or none |
/// | `**` | any bytes, or none |
/// | `?` | one byte but `/` |
/// | `[a-z]`, `[!a-z]`, `[^a-z]`, `[[:digit:]]` | one byte of the class, or one that is not in it; never `/` |
/// | `\` and a byte | that byte, if there is a `*`, `?` or `[` anywhere in the pattern; else `\` is itself |
/// | `/` at the end | only directories |
/// | `/***` at the end | a directory and all in it |
///
/// A pattern with `/` at its beginning is held against the path below the root. One with
/// `**` is held against the path from any name on. Any other is held against as many names
/// at the end of the path as it has: `a` against the last, `a/b` against the last two.
///
/// A match takes time in proportion to the length of the path, whatever the pattern.
///
/// ```
/// use efsbackup_core::mirror::Filter;
///
/// let filter = Filter::new().include("/logs/audit.log")?.exclude("*.log")?.exclude("tmp/")?;
/// assert!(filter.excludes(b"web/access.log", false));
/// assert!(!filter.excludes(b"logs/audit.log", false));
/// assert!(filter.excludes(b"web/tmp", true) && !filter.excludes(b"web/tmp", false));
/// # Ok::<(), efsbackup_core::Error>(())
/// ```
#[derive(Clone, Default)]
pub struct Filter {
    rules: Vec<Rule>,
    chosen: Option<Chosen>,
}

/// Where an entry stands when only some of a tree is chosen; see [`Filter::only`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// It is chosen, as far as the rules let it.
    In,
    /// A directory on the way to something chosen: it is made where it is missing, and
    /// keeps its own metadata where it is there.
    Above,
    /// It is left out.
    Out,
}

/// Tells which part of both trees is chosen.
type Chosen = Arc<dyn Fn(&[u8]) -> Part + Send + Sync>;

#[derive(Clone)]
struct Rule {
    kind: Kind,
    pattern: Pattern,
}

/// What becomes of an entry that a rule matches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// It is left out.
    Exclude,
    /// It takes part.
    Include,
}

impl Filter {
    /// A filter without rules: everything takes part.
    pub fn new() -> Self {
        Filter::default()
    }

    /// Adds a rule that leaves out what `pattern` matches.
    ///
    /// # Errors
    /// When the pattern could never match: it is empty, or has a class that does not end.
    pub fn exclude(self, pattern: impl AsRef<[u8]>) -> Result<Self> {
        self.add(Kind::Exclude, pattern.as_ref())
    }

    /// Adds a rule that lets take part what `pattern` matches, whatever the rules after it
    /// say. An entry below an excluded directory is out of reach all the same.
    ///
    /// # Errors
    /// As [`Filter::exclude`].
    pub fn include(self, pattern: impl AsRef<[u8]>) -> Result<Self> {
        self.add(Kind::Include, pattern.as_ref())
    }

    /// Adds the rules in the text of a file as `rsync --exclude-from` reads it. Each line
    /// is a pattern to exclude, or `- ` or `+ ` and a pattern to exclude or include. Empty
    /// lines and those that begin with `#` or `;` are skipped; spaces count. A line with
    /// only `!` drops all rules before it.
    ///
    /// # Errors
    /// As [`Filter::exclude`], for the first wrong line.
    pub fn from_lines(self, text: impl AsRef<[u8]>) -> Result<Self> {
        let lines = text.as_ref().split(|byte| matches!(byte, b'\n' | b'\r'));
        lines.filter(|line| !matches!(line, [] | [b'#' | b';', ..])).try_fold(self, Filter::rule)
    }

    /// Adds one rule as it stands in a line for [`Filter::from_lines`], but a comment is a
    /// pattern.
    ///
    /// # Errors
    /// As [`Filter::exclude`].
    pub fn rule(self, line: impl AsRef<[u8]>) -> Result<Self> {
        self.argument(Kind::Exclude, line.as_ref())
    }

    /// Adds a rule as rsync reads the arguments of `--exclude` and `--include`: a prefix
    /// `- ` or `+ ` overrides what kind it is, and a lone `!` drops all rules so far.
    pub(crate) fn argument(self, kind: Kind, text: &[u8]) -> Result<Self> {
        match text {
            b"!" => Ok(Filter { rules: Vec::new(), chosen: self.chosen }),
            [b'-', b' ', pattern @ ..] => self.add(Kind::Exclude, pattern),
            [b'+', b' ', pattern @ ..] => self.add(Kind::Include, pattern),
            pattern => self.add(kind, pattern),
        }
    }

    fn add(mut self, kind: Kind, text: &[u8]) -> Result<Self> {
        let pattern = Pattern::parse(text).map_err(|problem| {
            let pattern = BytePath::from(text);
            Error::new(ErrorKind::InvalidInput, "filter")
                .with_message(format!("the pattern \"{pattern}\" is wrong: {problem}"))
        })?;
        self.rules.push(Rule { kind, pattern });
        Ok(self)
    }

    /// Leaves out, whatever the rules say, what is not chosen. `part` is given paths below
    /// the root, of both trees; it must call all directories above a chosen entry
    /// [`Part::Above`] or [`Part::In`]. The root's part is asked for too, but it always
    /// takes part.
    #[must_use]
    pub fn only(mut self, part: impl Fn(&[u8]) -> Part + Send + Sync + 'static) -> Self {
        self.chosen = Some(Arc::new(part));
        self
    }

    /// Whether everything takes part.
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty() && self.chosen.is_none()
    }

    /// Whether the directory at `path` is only on the way to what was chosen.
    pub(super) fn is_only_above(&self, path: impl FnOnce() -> BytePath) -> bool {
        self.chosen.as_ref().is_some_and(|part| part(path().as_bytes()) == Part::Above)
    }

    /// Whether the entry at `path` is left out. The path is that below the root, without a
    /// slash at either end. Directories above it are not looked at.
    pub fn excludes(&self, path: &[u8], is_dir: bool) -> bool {
        if path.is_empty() {
            return false;
        }
        if self.chosen.as_ref().is_some_and(|part| part(path) == Part::Out) {
            return true;
        }
        let decisive = self.rules.iter().find(|rule| rule.pattern.matches(path, is_dir));
        decisive.is_some_and(|rule| rule.kind == Kind::Exclude)
    }

    /// The filter of which [`Filter::words`] are among `words`.
    #[cfg(feature = "snapshot")]
    pub(crate) fn from_words(words: &[String]) -> Result<Filter> {
        words.iter().try_fold(Filter::new(), |filter, word| {
            let (kind, text) = match word.split_once('=') {
                Some(("--exclude", text)) => (Kind::Exclude, text),
                Some(("--include", text)) => (Kind::Include, text),
                _ => return Ok(filter),
            };
            let pattern = BytePath::from_display(text).ok_or_else(|| {
                Error::new(ErrorKind::InvalidInput, "filter")
                    .with_message(format!("a rule can't be read: {word}"))
            })?;
            filter.add(kind, pattern.as_bytes())
        })
    }

    /// Each rule as the command would be told it.
    pub(super) fn words(&self) -> impl Iterator<Item = String> + '_ {
        self.rules.iter().map(|rule| {
            let word = match rule.kind {
                Kind::Exclude => "--exclude",
                Kind::Include => "--include",
            };
            format!("{word}={}", BytePath::from(rule.pattern.text()))
        })
    }
}

impl fmt::Debug for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.words()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(filter: &Filter) -> Vec<String> {
        filter.words().collect()
    }

    #[test]
    fn the_first_rule_that_matches_decides() {
        let filter = Filter::new().include("a.o").unwrap().exclude("*.o").unwrap();
        assert!(!filter.excludes(b"x/a.o", false));
        assert!(filter.excludes(b"x/b.o", false));
        assert!(!filter.excludes(b"x/b.c", false));
        let turned = Filter::new().exclude("*.o").unwrap().include("a.o").unwrap();
        assert!(turned.excludes(b"x/a.o", false));
        assert!(!Filter::new().excludes(b"a", true));
    }

    #[test]
    fn lines_are_rules_but_for_comments() {
        let text = b"#x\n;x\n\n*.o\r\n+ a\n- #b\n  \n+c\n- + d";
        let filter = Filter::new().from_lines(text).unwrap();
        let expected = [
            "--exclude=*.o",
            "--include=a",
            "--exclude=#b",
            "--exclude=  ",
            "--exclude=+c",
            "--exclude=+ d",
        ];
        assert_eq!(words(&filter), expected);
        let filter = filter.from_lines("x\n!\n!y").unwrap();
        assert_eq!(words(&filter), ["--exclude=!y"]);
    }

    #[test]
    fn prefixes_mean_something_in_lines_only() {
        let filter = Filter::new().exclude("+ a").unwrap().include("!").unwrap();
        assert_eq!(words(&filter), ["--exclude=+ a", "--include=!"]);
        assert!(filter.excludes(b"+ a", false));
    }

    #[test]
    fn an_error_names_the_pattern() {
        let error = Filter::new().from_lines("a\n+ b[c\n").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert!(error.to_string().starts_with("filter: the pattern \"b[c\" is wrong: a `[`"));
        assert!(Filter::new().from_lines("- ").is_err());
    }
}
