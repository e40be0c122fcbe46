//! The name that was probably meant.

/// The longest name, in bytes, for which another one is looked for.
const LONGEST: usize = 128;

/// The candidate most like `name`, if one is like enough: it differs by case alone, or by
/// few letters for its length.
pub(crate) fn nearest<'a>(
    name: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    // Comparing takes time that grows with both lengths, and what is longer is no typing error.
    if name.len() > LONGEST {
        return None;
    }
    let name = name.to_lowercase();
    let length = name.chars().count();
    let most = 1.max(length / 3).min(3);
    let alike =
        |known: &&str| known.len() <= 2 * LONGEST && known.chars().count().abs_diff(length) <= most;
    let candidates = candidates.into_iter().filter(alike);
    let scored = candidates.map(|known| (distance(&name, &known.to_lowercase()), known));
    let (distance, best) = scored.min_by_key(|(distance, _)| *distance)?;
    (distance <= most).then_some(best)
}

/// How many letters to insert, remove or replace (Levenshtein's distance).
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (index, a) in a.chars().enumerate() {
        let mut diagonal = index;
        let mut left = index + 1;
        for (cell, b) in row.iter_mut().skip(1).zip(&b) {
            let replaced = diagonal + usize::from(a != *b);
            diagonal = *cell;
            left = replaced.min(left + 1).min(*cell + 1);
            *cell = left;
        }
        if let Some(first) = row.first_mut() {
            *first = index + 1;
        }
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_names_are_found_and_far_ones_are_not() {
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("", "ab"), 2);
        let names = ["schedule", "scheduleType", "runsOn"];
        assert_eq!(nearest("runson", names), Some("runsOn"));
        assert_eq!(nearest("shedule", names), Some("schedule"));
        assert_eq!(nearest("command", names), None);
        assert_eq!(nearest("x", []), None);
    }
}
