//! How snapshots are named.

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// The names a snapshot of the instant `time` may have, the one to prefer first:
/// `2026-11-22-21-46`, with the second, and with the offset from UTC too.
pub(super) fn candidates(time: Timestamp, timezone: &TimeZone) -> [String; 3] {
    let zoned = time.to_zoned(timezone.clone());
    let seconds = zoned.offset().seconds();
    let sign = if seconds < 0 { '-' } else { '+' };
    let minutes = seconds.unsigned_abs() / 60;
    let minute = format!(
        "{:04}-{:02}-{:02}-{:02}-{:02}",
        zoned.year(),
        zoned.month(),
        zoned.day(),
        zoned.hour(),
        zoned.minute()
    );
    let second = format!("{minute}-{:02}", zoned.second());
    let offset = format!("{second}{sign}{:02}{:02}", minutes / 60, minutes % 60);
    [minute, second, offset]
}

/// Whether `name` has the form of a snapshot's name.
pub(super) fn is_snapshot_name(name: &str) -> bool {
    let (digits, offset) = match name.get(19..) {
        None => (name, ""),
        Some(offset) => (name.get(..19).unwrap_or_default(), offset),
    };
    let shape = |text: &str, form: &str| {
        text.len() == form.len()
            && text.bytes().zip(form.bytes()).all(|(byte, form)| match form {
                b'0' => byte.is_ascii_digit(),
                b'+' => matches!(byte, b'+' | b'-'),
                form => byte == form,
            })
    };
    match offset {
        "" => shape(digits, "0000-00-00-00-00") || shape(digits, "0000-00-00-00-00-00"),
        offset => shape(digits, "0000-00-00-00-00-00") && shape(offset, "+0000"),
    }
}

/// The folder of a run that has not published yet.
pub(super) const INCOMPLETE_PREFIX: &str = ".incomplete-";

/// The name of the folder in which the run `run`, begun at `time`, collects its snapshot.
pub(super) fn incomplete(time: Timestamp, run: &str) -> String {
    format!("{INCOMPLETE_PREFIX}{}-{run}", time.strftime("%Y%m%dT%H%M%SZ"))
}

/// The run an `.incomplete-…` folder belongs to.
pub(super) fn run_of_incomplete(name: &str) -> Option<&str> {
    let (time, run) = name.strip_prefix(INCOMPLETE_PREFIX)?.split_once('-')?;
    (time.len() == 16 && !run.is_empty()).then_some(run)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(time: &str, timezone: &str) -> [String; 3] {
        candidates(time.parse().unwrap(), &TimeZone::get(timezone).unwrap())
    }

    #[test]
    fn names_follow_the_timezone() {
        let tokyo = names("2026-11-22T15:04:05Z", "Asia/Tokyo");
        assert_eq!(tokyo, ["2026-11-23-00-04", "2026-11-23-00-04-05", "2026-11-23-00-04-05+0900"]);
        let newfoundland = names("2026-11-22T15:04:05Z", "America/St_Johns");
        assert_eq!(newfoundland[2], "2026-11-22-11-34-05-0330");
    }

    #[test]
    fn the_hour_that_is_repeated_has_two_offsets() {
        let summer = names("2026-10-25T00:30:00Z", "Europe/Berlin");
        let winter = names("2026-10-25T01:30:00Z", "Europe/Berlin");
        assert_eq!(summer[..2], winter[..2]);
        assert_ne!(summer[2], winter[2]);
    }

    #[test]
    fn every_candidate_has_the_form_and_nothing_else_has() {
        for name in names("2026-11-22T15:04:05Z", "America/St_Johns") {
            assert!(is_snapshot_name(&name), "{name}");
        }
        let others = [
            "",
            "2026",
            "2026-11-22-15-0",
            "2026-11-22-15-04+0000",
            "2026-11-22-15-04-05+000",
            "2026_11-22-15-04",
            "2026-11-22-15-04-05 0000",
            "daily.0",
            "2026-11-22-15-0é",
        ];
        for name in others {
            assert!(!is_snapshot_name(name), "{name}");
        }
    }

    #[test]
    fn an_incomplete_folder_names_its_run() {
        let name = incomplete("2026-11-22T15:04:05.7Z".parse().unwrap(), "00ff");
        assert_eq!(name, ".incomplete-20261122T150405Z-00ff");
        assert_eq!(run_of_incomplete(&name), Some("00ff"));
        assert_eq!(run_of_incomplete(".incomplete-x"), None);
    }
}
