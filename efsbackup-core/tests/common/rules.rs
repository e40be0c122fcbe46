//! Random trees of few names and random rules that often match in them.

use super::tree::{Entry, Tree, dir, fifo, file, hardlink, symlink};
use fastrand::Rng;

/// Few names, so that patterns meet them, some of them wildcards themselves.
const NAMES: &[&[u8]] = &[
    b"a",
    b"b",
    b"c",
    b"ab",
    b"abc",
    b"a.o",
    b"b.o",
    b"foo",
    b"foo.bar",
    b".x",
    b"a b",
    b"*",
    b"[a]",
    b"a\\b",
    b"a*b",
    b"\xc3\xa9",
    b"\xff",
    b"-",
    b"#a",
    b"+ a",
    b"Z9",
];

/// What may stand for a byte, or for a name.
const WILD: &[&[u8]] =
    &[b"*", b"**", b"***", b"?", b"[a-c]", b"[!a]", b"[^b-z]", b"[[:alpha:]]", b"[]a]", b"[a/]"];

/// What random patterns are made of.
const ANY: &[&[u8]] = &[
    b"a",
    b"b",
    b"c",
    b".",
    b"/",
    b"*",
    b"?",
    b"[",
    b"]",
    b"!",
    b"-",
    b"\\",
    b"[:alnum:]",
    b"^",
    b"[a",
    b"[^",
    b"**",
    b"/***",
    b"o",
];

fn pick<'a>(rng: &mut Rng, from: &[&'a [u8]]) -> &'a [u8] {
    from[rng.usize(0..from.len())]
}

/// A tree up to `depth` levels deep. Hard links go to entries made before, across the tree.
pub(crate) fn tree(rng: &mut Rng, depth: usize, hard_links: bool) -> Tree {
    let mut linkable = Vec::new();
    let mut tree = Tree::default();
    fill(rng, &mut tree, b"", depth, hard_links, &mut linkable);
    tree
}

fn fill(
    rng: &mut Rng,
    tree: &mut Tree,
    path: &[u8],
    depth: usize,
    hard_links: bool,
    linkable: &mut Vec<Vec<u8>>,
) {
    for _ in 0..rng.usize(1..8) {
        let name = pick(rng, NAMES);
        if tree.0.iter().any(|(other, _)| other == name) {
            continue;
        }
        let path = if path.is_empty() { name.to_vec() } else { [path, b"/", name].concat() };
        let entry = match rng.u32(0..20) {
            0..8 if depth > 0 => {
                let mut below = Tree::default();
                fill(rng, &mut below, &path, depth - 1, hard_links, linkable);
                dated(rng, dir(below))
            }
            8..11 if hard_links && !linkable.is_empty() => {
                hardlink(&linkable[rng.usize(0..linkable.len())])
            }
            11 => dated(rng, symlink(name)),
            12 => dated(rng, fifo()),
            _ => {
                linkable.push(path);
                let content = vec![b'x'; rng.usize(0..3)];
                dated(rng, file(content))
            }
        };
        tree.0.push((name.to_vec(), entry));
    }
}

/// Few times, so that two trees have equal files.
fn dated(rng: &mut Rng, entry: Entry) -> Entry {
    entry.mtime(1_000_000_000 + rng.i64(0..2), 0)
}

/// Up to six lines of an exclude file, for trees that have these paths.
pub(crate) fn lines(rng: &mut Rng, paths: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let line = |rng: &mut Rng| {
        let prefix: &[u8] = match rng.u32(0..10) {
            0..4 => b"+ ",
            4..9 => b"- ",
            _ => b"",
        };
        [prefix, &pattern(rng, paths)].concat()
    };
    let mut lines: Vec<Vec<u8>> = (0..rng.usize(1..=6)).map(|_| line(rng)).collect();
    if rng.u32(0..20) == 0 {
        lines.insert(rng.usize(0..lines.len()), b"!".to_vec());
    }
    lines
}

/// A pattern, mostly one that came from a path.
fn pattern(rng: &mut Rng, paths: &[Vec<u8>]) -> Vec<u8> {
    if rng.u32(0..6) == 0 || paths.is_empty() {
        return (0..rng.usize(1..9)).flat_map(|_| pick(rng, ANY)).copied().collect();
    }
    let path = &paths[rng.usize(0..paths.len())];
    let mut names: Vec<&[u8]> = path.split(|byte| *byte == b'/').collect();
    if rng.bool() {
        names.drain(..rng.usize(0..names.len()));
    }
    let mut pattern = Vec::new();
    for (at, name) in names.iter().enumerate() {
        if at > 0 {
            pattern.extend_from_slice(pick(rng, &[b"/", b"/", b"/", b"/", b"/**/", b"**", b"*"]));
        }
        match rng.u32(0..6) {
            0 => pattern.extend_from_slice(pick(rng, WILD)),
            1 => {
                let at = rng.usize(0..name.len());
                pattern.extend_from_slice(&name[..at]);
                pattern.extend_from_slice(pick(rng, WILD));
                pattern.extend_from_slice(&name[at + rng.usize(0..2)..]);
            }
            2 => {
                pattern.push(b'\\');
                pattern.extend_from_slice(name);
            }
            _ => pattern.extend_from_slice(name),
        }
    }
    if rng.u32(0..4) == 0 {
        pattern.insert(0, b'/');
    }
    match rng.u32(0..16) {
        0 | 1 => pattern.push(b'/'),
        2 => pattern.extend_from_slice(b"/***"),
        3 => pattern.extend_from_slice(b"/**"),
        4 => pattern.push(b'*'),
        _ => {}
    }
    pattern
}
