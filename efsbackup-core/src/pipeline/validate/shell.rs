//! What can be told of a shell script without running it. It errs on the side of silence.

/// The first `$1`, `$@` or the like that stands where the shell splits it into words.
pub(super) fn unquoted_argument(script: &str) -> Option<&str> {
    let mut quote: Option<char> = None;
    // Whether the current word is an assignment, whose value stays whole, and whether the rest
    // of the line needs no quotes.
    let mut assigned = false;
    let mut safe = false;
    // Within `[[ … ]]` or `(( … ))`, which split nothing.
    let mut inside = false;
    let mut at_word = true;
    let mut chars = script.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        let rest = script.get(at..).unwrap_or_default();
        match (quote, c) {
            (Some('\''), '\'') => quote = None,
            (Some('\''), _) => {}
            (_, '\\') => {
                chars.next();
            }
            (Some(_), '"') => quote = None,
            (None, '"' | '\'') => quote = Some(c),
            // A here-document is a text of its own kind, and `((` a calculation.
            (None, '<') if rest.starts_with("<<") && !rest.starts_with("<<<") => return None,
            (None, '(') if rest.starts_with("((") => inside = true,
            (None, '[') if at_word && rest.starts_with("[[") => inside = true,
            (None, ']') if rest.starts_with("]]") => inside = false,
            (None, ')') if rest.starts_with("))") => inside = false,
            (None, '#') if at_word => while chars.next_if(|(_, c)| *c != '\n').is_some() {},
            (None, '\n' | ';' | '|' | '&') => {
                (safe, assigned) = (false, false);
            }
            (None, '$') if !safe && !inside => {
                // What `case` and `[[` look at stays whole too.
                if let Some(length) = parameter(rest).filter(|_| !assigned) {
                    return rest.get(..length);
                }
            }
            _ => {}
        }
        let blank = c.is_whitespace() || matches!(c, ';' | '|' | '&' | '(' | ')');
        if quote.is_none() && at_word && !blank {
            let word = rest.split(char::is_whitespace).next().unwrap_or_default();
            assigned = word.split_once('=').is_some_and(|(name, _)| {
                !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || c == '_')
            });
            safe |= matches!(word, "case" | "for" | "declare" | "local" | "export" | "readonly");
        }
        at_word = quote.is_none() && blank;
    }
    None
}

/// The length of a positional parameter at the start of `text`, if one is there.
fn parameter(text: &str) -> Option<usize> {
    let inside = text.strip_prefix('$')?;
    let braced = inside.strip_prefix('{');
    let name = braced.unwrap_or(inside);
    let digits = name.bytes().take_while(u8::is_ascii_digit).count();
    match (braced, name.as_bytes()) {
        (Some(_), [b'@' | b'*', b'}', ..]) => Some(4),
        (Some(_), name) => (digits > 0 && name.get(digits) == Some(&b'}')).then_some(digits + 3),
        (None, [b'@' | b'*' | b'1'..=b'9', ..]) => Some(2),
        (None, _) => None,
    }
}

/// The first line that mounts something and whose success nothing looks at.
pub(super) fn unchecked_mount(script: &str) -> Option<&str> {
    // Where a script checks at all, it is taken to know what it does.
    let checks = ["set -e", "errexit", "mountpoint", "findmnt", "/proc/mounts", "mountinfo"];
    let sets_e = |line: &str| {
        let flags =
            line.trim().strip_prefix("set -").and_then(|rest| rest.split_whitespace().next());
        flags.is_some_and(|flags| !flags.starts_with('o') && flags.contains('e'))
    };
    if checks.iter().any(|check| script.contains(check)) || script.lines().any(sets_e) {
        return None;
    }
    script.lines().map(str::trim).find(|line| {
        let mut words = line.split_whitespace().skip_while(|word| matches!(*word, "sudo" | "-n"));
        let mounts = words.next().is_some_and(|word| word == "mount" || word.starts_with("mount."));
        let looked_at = line.contains("||") || line.contains("&&") || line.ends_with('\\');
        mounts && !looked_at && words.next().is_some()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_argument_without_quotes_is_found_and_nothing_else() {
        for (script, found) in [
            ("cp $1 /tmp", Some("$1")),
            ("cp \"$1\" '$2' \\$3", None),
            ("echo \"a\" ${2}x", Some("${2}")),
            ("for f in \"$@\"; do rm $@; done", Some("$@")),
            ("source=$1 target=$2", None),
            ("# $1\necho a#b # $1", None),
            ("case $1 in a) ;; esac", None),
            ("[[ $1 == x || $2 == y ]] && (($# > $2))", None),
            ("[[ -d /x ]] && rm $1", Some("$1")),
            ("if [ $1 = x ]; then :; fi", Some("$1")),
            ("echo $0 $# $? $HOME $10", Some("$1")),
            ("cat <<END\n$1\nEND", None),
            ("echo 'it'\"'\"'s' \"$1\"", None),
        ] {
            assert_eq!(unquoted_argument(script), found, "{script}");
        }
    }

    #[test]
    fn a_mount_that_nobody_looks_at_is_found() {
        let mount = "sudo mount -t nfs4 \"$1\" /backup";
        assert_eq!(unchecked_mount(&format!("mkdir /backup\n{mount}\nrsync")), Some(mount));
        for script in [
            format!("set -eu\n{mount}"),
            format!("{mount} || exit 1"),
            format!("{mount}\nmountpoint /backup || exit 1"),
            "mount".to_owned(),
            "umount /backup".to_owned(),
        ] {
            assert_eq!(unchecked_mount(&script), None, "{script}");
        }
    }
}
