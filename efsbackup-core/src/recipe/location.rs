//! Where a backup comes from or goes to: a checked `HOST:/PATH` or absolute path.

use super::check::invalid;
use crate::error::Result;

/// A checked location, and the file system id where its address tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Location {
    pub(crate) text: String,
    pub(crate) id: Option<String>,
}

impl Location {
    /// Checks `text`; `what` is `source` or `destination`. A trailing slash is dropped.
    pub(super) fn parse(what: &str, text: &str) -> Result<Location> {
        if let Some(bad) = text.chars().find(|c| c.is_control()) {
            return Err(invalid(format!("{what} {text:?} holds the control character {bad:?}")));
        }
        if text.contains("#{") {
            return Err(invalid(format!(
                "{what} '{text}' holds '#{{', which begins an expression"
            )));
        }
        let trimmed = trim_slashes(text);
        if text.starts_with('/') {
            return Ok(Location { text: trimmed.to_owned(), id: None });
        }
        // An IPv6 address holds colons too: the path begins at the first `:/`.
        let host = text.split_once(":/").map(|(host, _)| host);
        let Some(host) = host.filter(|host| is_host(host)) else {
            return Err(invalid(format!(
                "{what} '{text}' is neither HOST:/PATH nor an absolute path"
            )));
        };
        if is_file_system_id(host) {
            return Err(invalid(format!(
                "{what} '{text}' has an id for a host name; write {host}.efs.REGION.amazonaws.com:/"
            )));
        }
        Ok(Location { text: trimmed.to_owned(), id: id_in_name(host).map(str::to_owned) })
    }

    /// Whether the host is EFS's own name of a file system.
    pub(crate) fn is_efs_name(&self) -> bool {
        self.id.is_some()
    }

    /// Whether it is a path, used as it is.
    pub(crate) fn is_folder(&self) -> bool {
        self.text.starts_with('/')
    }

    /// Whether one of the two lies inside the other, or they are the same.
    pub(super) fn overlaps(&self, other: &Location) -> bool {
        let inside = |inner: &str, outer: &str| {
            let outer = outer.trim_end_matches('/');
            inner.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        inside(&self.text, &other.text) || inside(&other.text, &self.text)
    }
}

/// Whether `text` has the form of an EFS file system's id: `fs-` and 8 to 40 hexadecimal
/// digits (EFS's API reference, `FileSystemId`).
pub(super) fn is_file_system_id(text: &str) -> bool {
    text.strip_prefix("fs-").is_some_and(|digits| {
        (8..=40).contains(&digits.len())
            && digits.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    })
}

/// The id in a host name of EFS: `fs-….efs.REGION.amazonaws.com`, or with an availability
/// zone before it (EFS's guide, "Mounting with DNS names").
fn id_in_name(host: &str) -> Option<&str> {
    let (first, rest) = host.split_once('.')?;
    let (id, rest) = if is_file_system_id(first) { (first, rest) } else { rest.split_once('.')? };
    (is_file_system_id(id) && rest.starts_with("efs.")).then_some(id)
}

fn is_host(text: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    let address = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    match address {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        // A leading `-` would be an option of mount.
        None => !text.is_empty() && !text.starts_with('-') && text.chars().all(allowed),
    }
}

/// Drops trailing slashes, but for that of a root.
fn trim_slashes(text: &str) -> &str {
    let mut kept = text;
    while let Some(shorter) = kept.strip_suffix('/') {
        if shorter.is_empty() || (shorter.ends_with(':') && !text.starts_with('/')) {
            break;
        }
        kept = shorter;
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Location {
        Location::parse("source", text).unwrap()
    }

    fn refusal(text: &str) -> String {
        Location::parse("source", text).unwrap_err().message()
    }

    #[test]
    fn efs_names_tell_the_id() {
        let id = Some("fs-0123456789abcdef0".to_owned());
        assert_eq!(parse("fs-0123456789abcdef0.efs.eu-west-1.amazonaws.com:/").id, id);
        let zoned = parse("eu-west-1a.fs-0123456789abcdef0.efs.eu-west-1.amazonaws.com:/data");
        assert_eq!(zoned.id, id);
        assert_eq!(parse("10.0.0.7:/").id, None);
        assert_eq!(parse("fs-0123456789abcdef0.fsx.eu-west-1.amazonaws.com:/").id, None);
        assert_eq!(parse("/srv/data").id, None);
    }

    #[test]
    fn a_trailing_slash_makes_no_difference() {
        assert_eq!(parse("nas:/data//").text, "nas:/data");
        assert_eq!(parse("nas:/").text, "nas:/");
        assert_eq!(parse("[fd00::7]:/").text, "[fd00::7]:/");
        assert_eq!(parse("/srv/data/").text, "/srv/data");
        assert_eq!(parse("/").text, "/");
    }

    #[test]
    fn other_forms_are_refused_in_one_line() {
        assert_eq!(refusal("data"), "source 'data' is neither HOST:/PATH nor an absolute path");
        for text in ["", "nas:data", ":/data", "-o:/x", "a b:/x", "$(id):/x", "[fd00]:/"] {
            assert!(
                refusal(text).ends_with("is neither HOST:/PATH nor an absolute path"),
                "{text}"
            );
        }
        assert_eq!(refusal("nas:/a\nb"), "source \"nas:/a\\nb\" holds the control character '\\n'");
        assert_eq!(
            refusal("nas:/#{x}"),
            "source 'nas:/#{x}' holds '#{', which begins an expression"
        );
        assert_eq!(
            refusal("fs-12345678:/"),
            "source 'fs-12345678:/' has an id for a host name; write \
             fs-12345678.efs.REGION.amazonaws.com:/"
        );
    }

    #[test]
    fn overlap_goes_by_whole_names() {
        let overlaps = |a: &str, b: &str| parse(a).overlaps(&parse(b));
        assert!(overlaps("/a", "/a/"));
        assert!(overlaps("/a", "/a/b"));
        assert!(overlaps("nas:/a/b", "nas:/"));
        assert!(overlaps("/", "/a"));
        assert!(!overlaps("/a", "/ab"));
        assert!(!overlaps("nas:/a", "nas2:/a"));
    }
}
