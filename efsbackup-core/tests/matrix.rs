//! Every type of entry over everything that can have its name at the destination, with every
//! switch. What comes out is compared with the source, with what rsync makes of the same
//! trees, and each entry's code with the one rsync gives it.

#![cfg(feature = "mirror")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[macro_use]
mod common;

use common::tree::What;
use common::{
    Acl, Entry, Scratch, Tree, assert_same, block_device, build, char_device, differences, dir,
    fifo, file, hardlink, probe, read, socket, sparse, symlink,
};
use efsbackup_core::mirror::{
    EntryEvent, Fsync, Jobs, LinkSource, Listener, MaxDelete, Mirror, Options, Report, Trust,
};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Mutex;

/// What rsync is told besides the switch under test.
const RSYNC: &[&str] = &["--numeric-ids", "--modify-window=-1", "-S", "--itemize-changes"];

/// A folder of both trees: what the source has there, and what the destination had.
struct Cell {
    name: String,
    source: Tree,
    before: Option<Tree>,
    /// The destination's `x` has a further name, outside of the destination.
    shared: bool,
}

fn acl(user: u32) -> Acl {
    Acl { owner: 6, users: vec![(user, 5)], group: 4, groups: vec![], mask: 5, other: 0 }
}

fn at(entry: Entry) -> Entry {
    entry.mtime(1_500_000_000, 123_456_789)
}

/// What the source has.
fn forms() -> Vec<(&'static str, Entry)> {
    let inner = || tree! { "f" => at(file("inner")), "d" => at(dir(tree! { "g" => at(fifo()) })) };
    vec![
        ("file", at(file("content").mode(0o640))),
        ("empty file", at(file(""))),
        ("large file", at(file(vec![b'l'; 140_000]))),
        ("sparse file", at(sparse(2 << 20, &[(1 << 20, b"data")]))),
        ("file with attributes", at(file("x").xattr("user.a", b"\0\xff").xattr("trusted.t", ""))),
        ("file with an ACL", at(file("content").acl(&acl(1_000)))),
        ("setuid file", at(file("content").owner(1_000, 1_001).mode(0o6755))),
        ("symlink", at(symlink("no/where").owner(1_000, 1_001).xattr("trusted.t", "v"))),
        ("fifo", at(fifo().mode(0o620).owner(1_000, 1_001))),
        ("socket", at(socket().mode(0o604))),
        ("char device", at(char_device(1, 3).mode(0o666))),
        ("block device", at(block_device(7, 200).mode(0o660).acl(&acl(1_000)))),
        ("empty directory", at(dir(tree! {}).mode(0o1777))),
        ("directory", at(dir(inner()).mode(0o2750).owner(1_000, 1_001).xattr("user.a", "v"))),
        ("directory with ACLs", at(dir(inner()).acl(&acl(1_000)).default_acl(&acl(1_001)))),
    ]
}

/// The source's entry with one thing different.
fn variants(entry: &Entry) -> Vec<(&'static str, Entry)> {
    let e = || entry.clone();
    let link = matches!(entry.what, What::Symlink(_));
    let may_have_user = matches!(entry.what, What::File(..) | What::Dir(_));
    let attribute = if may_have_user { "user.other" } else { "trusted.other" };
    let mut all = vec![
        ("itself", e()),
        ("another owner", e().owner(70_000, 8)),
        ("another time", e().mtime(1_400_000_000, 5)),
        ("another nanosecond", e().mtime(1_500_000_000, 5)),
        ("one more attribute", e().xattr(attribute, "x")),
        ("other attributes", Entry { xattrs: vec![], ..e() }.xattr(attribute, "other")),
    ];
    if !link {
        all.push(("another mode", e().mode(0o711)));
        let plain = Entry { xattrs: vec![], ..e() };
        all.push(("another ACL", plain.acl(&acl(4_000_000_000))));
    }
    let with = |what: What| Entry { what, ..e() };
    match &entry.what {
        What::File(size, _) => {
            let data = |size: u64, byte: u8| What::File(size, vec![(0, vec![byte; size as usize])]);
            if *size > 0 {
                all.push(("other content behind the same size and time", with(data(*size, b'o'))));
                all.push(("other content", with(data(*size, b'o')).mtime(1, 1)));
                all.push(("a shorter one", with(data(*size - 1, b'o')).mtime(2, 2)));
                all.push(("nothing but a hole", with(What::File(*size, vec![])).mtime(2, 2)));
            }
            all.push(("a longer one", with(data(size + 100_000, b'o')).mtime(3, 3)));
            all.push(("a longer one of the same time", with(data(size + 1, b'o'))));
        }
        What::Symlink(_) => all.push(("another target", with(What::Symlink(b"other".into())))),
        What::CharDevice(..) => all.push(("another device", with(What::CharDevice(1, 5)))),
        What::BlockDevice(..) => all.push(("another device", with(What::BlockDevice(7, 201)))),
        What::Dir(_) => {
            let full = tree! {
                "extra" => at(file("extra")), "f" => at(symlink("was a link")),
                "e" => at(dir(tree! { "deep" => at(file("deep")) })),
            };
            all.push(("a directory of other contents", with(What::Dir(full))));
            all.push(("one without contents", with(What::Dir(tree! {}))));
        }
        _ => {}
    }
    all
}

/// What can have any entry's name.
fn others() -> Vec<(&'static str, Entry)> {
    let full = tree! { "in the way" => at(file("x")), "d" => at(dir(tree! { "e" => at(fifo()) })) };
    vec![
        ("a file", at(file("other").mode(0o600))),
        ("a symlink", at(symlink("other"))),
        ("a symlink to a directory", at(symlink("/usr"))),
        ("a fifo", at(fifo())),
        ("a device", at(char_device(1, 7))),
        ("an empty directory", at(dir(tree! {}))),
        ("a directory with contents", at(dir(full).mode(0o700))),
    ]
}

fn one(entry: Entry) -> Tree {
    tree! { "x" => entry }
}

/// Files with several names, in the folder `at`.
fn groups(cell: &str) -> Vec<(&'static str, Tree)> {
    let link = |name: &str| hardlink(format!("{cell}/{name}"));
    let one = || at(file("group"));
    let other = || at(file("the other")).mtime(1_000, 0);
    vec![
        ("a pair", tree! { "x" => one(), "y" => link("x") }),
        ("two files", tree! { "x" => one(), "y" => one() }),
        ("a single name", tree! { "x" => one() }),
        ("another single name", tree! { "y" => one() }),
        ("three names", tree! { "w" => one(), "x" => link("w"), "y" => link("w") }),
        ("an old pair", tree! { "x" => other(), "y" => link("x") }),
        ("half an old pair", tree! { "x" => other(), "y" => one(), "z" => link("x") }),
        (
            "names in directories",
            tree! {
                "d" => at(dir(tree! { "x" => one() })), "e" => at(dir(tree! { "y" => link("d/x") })),
                "x" => link("d/x"),
            },
        ),
        ("a directory and a file", tree! { "x" => at(dir(tree! {})), "y" => one() }),
        ("linked symlinks", tree! { "x" => at(symlink("t")), "y" => link("x") }),
        ("linked fifos", tree! { "x" => at(fifo()), "y" => link("x") }),
    ]
}

fn cells() -> Vec<Cell> {
    let mut cells = Vec::new();
    let cell = |name: String, source, before, shared| Cell { name, source, before, shared };
    for (form, entry) in forms() {
        cells.push(cell(format!("{form} over nothing"), one(entry.clone()), None, false));
        for (prior, before) in variants(&entry).into_iter().chain(others()) {
            let is_dir = matches!(before.what, What::Dir(_));
            let name = format!("{form} over {prior}");
            cells.push(cell(name.clone(), one(entry.clone()), Some(one(before.clone())), false));
            if !is_dir {
                let name = format!("{name}, linked elsewhere");
                cells.push(cell(name, one(entry.clone()), Some(one(before)), true));
            }
        }
    }
    let mount_point = || tree! {};
    cells.push(cell(format!("{MOUNT_POINT} over nothing"), mount_point(), None, false));
    for (prior, before) in others() {
        let name = format!("{MOUNT_POINT} over {prior}");
        cells.push(cell(name, mount_point(), Some(one(before)), false));
    }
    for (form, _) in groups("") {
        for (prior, _) in groups("") {
            let name = format!("{form} over {prior}");
            let of = |wanted: &str| {
                groups(&name).into_iter().find(|(name, _)| *name == wanted).unwrap().1
            };
            cells.push(cell(name.clone(), of(form), Some(of(prior)), false));
        }
    }
    cells
}

/// How the cells are called in which the source has another file system.
const MOUNT_POINT: &str = "mount point";

/// Puts a file system with a few entries on a directory.
fn mount(on: &Path) -> Option<probe::Mount> {
    let mount = probe::Mount::tmpfs(on, 1 << 20)?;
    let tree = tree! { "f" => at(file("inner")), "d" => at(dir(tree! { "g" => at(file("x")) })) };
    build::build(&on.join("inside"), &tree);
    build::set_mtime(
        build::open_dir(rustix::fs::CWD, on.as_os_str().as_encoded_bytes()),
        b".",
        7,
        7,
    );
    Some(mount)
}

/// A tree with a folder for each cell.
fn whole<'c>(cells: impl Iterator<Item = (&'c str, &'c Tree)>) -> Tree {
    Tree(cells.map(|(name, tree)| (name.as_bytes().to_vec(), at(dir(tree.clone())))).collect())
}

/// The trees of all cells: a source, and as many equal destinations as are asked for.
struct Stage {
    /// Unmounted before the trees are removed.
    _mounts: Vec<probe::Mount>,
    scratch: Scratch,
    cells: Vec<Cell>,
    source: PathBuf,
}

impl Stage {
    fn new(keep: impl Fn(&Cell) -> bool) -> Stage {
        let scratch = Scratch::new();
        let cells: Vec<Cell> = cells().into_iter().filter(keep).collect();
        let tree = whole(cells.iter().map(|cell| (cell.name.as_str(), &cell.source)));
        let source = scratch.build("source", &tree);
        let mounted = cells.iter().filter(|cell| cell.name.starts_with(MOUNT_POINT));
        let mounts = mounted.filter_map(|cell| mount(&source.join(&cell.name).join("x"))).collect();
        Stage { _mounts: mounts, scratch, cells, source }
    }

    /// A directory with the `destination` as it was before, and `elsewhere` with the further
    /// names of what is in it.
    fn before(&self, name: &str) -> PathBuf {
        let nothing = tree! {};
        let before = self
            .cells
            .iter()
            .map(|cell| (cell.name.as_str(), cell.before.as_ref().unwrap_or(&nothing)));
        let tree = tree! {
            "destination" => at(dir(Tree(whole(before).0))), "elsewhere" => at(dir(tree! {})),
        };
        // Hard links are named from the root of the tree that is built.
        let path = self.scratch.build(name, &tree! {});
        for (name, entry) in tree.0 {
            let What::Dir(tree) = entry.what else { unreachable!() };
            build::build(&path.join(String::from_utf8(name).unwrap()), &tree);
        }
        for cell in self.cells.iter().filter(|cell| cell.shared) {
            let x = path.join("destination").join(&cell.name).join("x");
            fs::hard_link(x, path.join("elsewhere").join(&cell.name)).unwrap();
        }
        for name in ["elsewhere", "destination", ""] {
            let fd =
                build::open_dir(rustix::fs::CWD, path.join(name).as_os_str().as_encoded_bytes());
            build::set_mtime(&fd, b".", 1_234_567_890, 0);
        }
        path
    }

    fn mirror(&self, into: &Path, change: impl Fn(&mut Options)) -> (Report, Lines) {
        let mut options = Options::default();
        options.delete = true;
        options.max_delete = MaxDelete::Percent(100);
        // Which name of several is met first is chance with more threads.
        options.jobs = Jobs::Count(1);
        options.fsync = Fsync::None;
        change(&mut options);
        let lines = Codes::default();
        let mirror = Mirror::new(&self.source, into.join("destination"));
        let report = mirror.options(options).listener(&lines).run().unwrap();
        (report, lines.0.into_inner().unwrap())
    }

    fn rsync(&self, into: &Path, arguments: &[&str]) -> (Output, Lines) {
        let output = Command::new("rsync")
            .args(RSYNC)
            .args(arguments)
            .args([self.source.join(""), into.join("destination")])
            .output()
            .unwrap();
        let mut lines = Lines::new();
        for line in String::from_utf8(output.stdout.clone()).unwrap().lines() {
            if line.starts_with("skipping ") || line.starts_with("cannot delete ") {
                continue;
            }
            let (code, name) = line.split_at_checked(12).unwrap_or_else(|| panic!("{line}"));
            let name = name.split(" -> ").next().unwrap().split(" => ").next().unwrap();
            lines
                .entry(name.trim_end_matches('/').to_owned())
                .or_default()
                .push(code.trim().into());
        }
        (output, lines)
    }
}

/// The codes of each entry that something was done to, by its path.
type Lines = BTreeMap<String, Vec<String>>;

#[derive(Default)]
struct Codes(Mutex<Lines>);

impl Listener for Codes {
    fn entry(&self, event: &EntryEvent<'_>) {
        let unchanged = event.itemize.get(2..).is_none_or(|code| code.trim().is_empty());
        if !unchanged || event.itemize.starts_with('h') {
            let path = if event.path.is_empty() { ".".into() } else { event.path.to_text() };
            self.0.lock().unwrap().entry(path).or_default().push(event.itemize.trim().into());
        }
    }
}

/// The switch with which both hold back what they would remove: ours says so by its status,
/// rsync only that not all was done.
const NOTHING_TO_GO: &str = "--max-delete 0";

/// A switch as both are told it, and whether the result is to equal the source.
type Switch = (&'static str, fn(&mut Options), &'static [&'static str], bool);

const SWITCHES: &[Switch] = &[
    ("none", |_| {}, &["-aHAX", "--delete"], false),
    ("nothing removed", |o| o.delete = false, &["-aHAX"], false),
    ("--checksum", |o| o.checksum = true, &["-aHAX", "--delete", "--checksum"], true),
    ("--size-only", |o| o.size_only = true, &["-aHAX", "--delete", "--size-only"], false),
    (
        "--in-place",
        |o| (o.in_place, o.checksum) = (true, true),
        &["-aHAX", "--delete", "--inplace", "--checksum"],
        true,
    ),
    ("--no-xattrs", |o| o.xattrs = false, &["-aHA", "--delete"], false),
    ("--no-acls", |o| o.acls = false, &["-aHX", "--delete"], false),
    ("--no-hard-links", |o| o.hard_links = false, &["-aAX", "--delete"], false),
    ("--no-owner", |o| o.owner = false, &["-aHAX", "--delete", "--no-owner", "--no-group"], false),
    ("--no-specials", |o| o.specials = false, &["-aHAX", "--delete", "--no-D"], false),
    ("--one-file-system", |o| o.one_file_system = true, &["-aHAXx", "--delete"], false),
    (
        NOTHING_TO_GO,
        |o| o.max_delete = MaxDelete::Count(0),
        &["-aHAX", "--delete", "--max-delete=0"],
        false,
    ),
    (
        "--max-delete 100000",
        |o| o.max_delete = MaxDelete::Count(100_000),
        &["-aHAX", "--delete", "--max-delete=100000"],
        false,
    ),
];

/// Cells in which rsync is not the measure: it leaves two names of one file where the source
/// has two files. Two more have several right answers: which inode a group that grows goes
/// on with, and the group of what is made where a directory's setgid bit goes.
fn rsync_is_inexact(switch: &str, line: &str) -> bool {
    line.contains("two files over a pair/")
        || line.contains("two files over three names/")
        || (matches!(switch, "nothing removed" | NOTHING_TO_GO)
            && line.contains(": names: ")
            && [" over names in directories/", " over half an old pair/"]
                .iter()
                .any(|cell| line.contains(cell)))
        // In place rsync writes through to other names, of other files even.
        || (switch == "--in-place"
            && [", linked elsewhere", " over a pair/", " over an old pair/", " over three names/"]
                .iter()
                .any(|cell| line.contains(cell)))
        || (switch == "--no-owner" && line.contains("/x/d/g\": owner"))
}

#[test]
fn every_type_over_every_other_with_every_switch_is_as_rsync_makes_it() {
    if !probe::root() || !probe::tool("rsync") {
        return;
    }
    let stage = Stage::new(|_| true);
    let mut wrong = String::new();
    for (name, change, arguments, exact) in SWITCHES {
        let ours = stage.before(&format!("ours {name}"));
        let theirs = stage.before(&format!("rsync {name}"));
        let (report, our_lines) = stage.mirror(&ours, change);
        // Its dry run: after a change of owner the real one tells the mode that this left.
        let (_, their_lines) = stage.rsync(&theirs, &[arguments, &["-n"][..]].concat());
        let (output, _) = stage.rsync(&theirs, arguments);
        let (our, their) = (report.exit_status().into(), output.status.code());
        let expected = if *name == NOTHING_TO_GO { (25, Some(23)) } else { (our, Some(our)) };
        if (our, their) != expected {
            wrong += &format!("{name}: {:?} {:?} {output:?}\n", report.outcome, report.errors);
        }
        if *exact {
            let differences = differences(&stage.source, &ours.join("destination"));
            // In place a hole over old data becomes zeros.
            let is_told = |line: &&str| *name != "--in-place" || !line.contains("bytes on disk");
            wrong.extend(
                differences.lines().filter(is_told).map(|line| format!("{name}: {line}\n")),
            );
        }
        let differences = differences(&ours, &theirs);
        let differences = differences.lines().filter(|line| !rsync_is_inexact(name, line));
        wrong.extend(differences.map(|line| format!("{name}: ours, rsync's: {line}\n")));
        for (path, ours, theirs) in unlike(&our_lines, &their_lines) {
            if alike(&stage.source, &path, ours.clone(), &theirs) {
                continue;
            }
            wrong += &format!("{name}: {path}: {ours:?}, rsync says {theirs:?}\n");
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

/// Where the codes differ.
fn unlike(ours: &Lines, theirs: &Lines) -> Vec<(String, Vec<String>, Vec<String>)> {
    let paths: BTreeSet<&String> = ours.keys().chain(theirs.keys()).collect();
    let of = |lines: &Lines, path| lines.get(path).cloned().unwrap_or_default();
    paths
        .into_iter()
        .map(|path| (path.clone(), of(ours, path), of(theirs, path)))
        .filter(|(_, ours, theirs)| ours != theirs)
        .collect()
}

/// Whether our codes of an entry mean what rsync's mean.
fn alike(source: &Path, path: &str, mut ours: Vec<String>, theirs: &[String]) -> bool {
    // Which name of several is the file, and which are links to it, is up to either.
    if groups("").iter().any(|(group, _)| path.starts_with(&format!("{group} over "))) {
        let cell = path.split('/').next().unwrap_or_default();
        return !LED_BY_X.contains(&cell) || !x_is_listed_first(&source.join(cell));
    }
    // rsync does not say that a directory goes where something else takes its name.
    if ours.len() > 1 {
        ours.retain(|code| code != "*deleting");
    }
    // A new mode is a new mask of the ACL too: rsync tells either of the two.
    let [our, their] = [&ours[..], theirs].map(|codes| codes.first().cloned().unwrap_or_default());
    let both = our.get(5..6) == Some("p") && our.get(9..10) == Some("a");
    let without = |at: usize| format!("{}.{}", &our[..at], &our[at + 1..]);
    ours == theirs || (both && (without(5) == their || without(9) == their))
}

/// Whether the file system lists names in the order in which they were made.
fn x_is_listed_first(cell: &Path) -> bool {
    fs::read_dir(cell).unwrap().next().is_some_and(|entry| entry.unwrap().file_name() == "x")
}

/// Groups of which both take the name listed first as the file, if that is the first by name.
const LED_BY_X: &[&str] = &[
    "a pair over nothing",
    "a pair over two files",
    "a pair over a single name",
    "a pair over an old pair",
    "an old pair over a pair",
    "two files over two files",
];

#[test]
fn a_dry_run_says_what_the_run_then_says() {
    if !probe::root() {
        return;
    }
    let stage = Stage::new(|_| true);
    for (name, change, _, _) in &SWITCHES[..3] {
        let ours = stage.before(&format!("ours {name}"));
        let before = read(&ours);
        let (dry, dry_lines) = stage.mirror(&ours, |options| {
            change(options);
            options.dry_run = true;
        });
        assert!(before == read(&ours), "{name}: a dry run changed something");
        let (wet, wet_lines) = stage.mirror(&ours, change);
        assert_eq!(unlike(&dry_lines, &wet_lines), [], "{name}");
        assert_eq!(dry.entries, wet.entries, "{name}");
    }
}

#[test]
fn with_link_sources_every_entry_is_shared_and_exact_and_the_sources_unchanged() {
    if !probe::root() {
        return;
    }
    let stage = Stage::new(|_| true);
    let old = stage.before("old").join("destination");
    let equal = stage.before("equal");
    stage.mirror(&equal, |options| options.checksum = true);
    let equal = equal.join("destination");
    let before = (read(&old), read(&equal));
    let sources = |options: &mut Options| {
        let source = |path: &PathBuf| LinkSource::new(path, Trust::Metadata);
        options.link_sources = vec![source(&old), source(&equal)];
        // Content that differs behind equal metadata is not to be trusted here.
        options.checksum = true;
    };
    let fresh = stage.scratch.build("fresh", &tree! {});
    stage.mirror(&fresh, |options| {
        sources(options);
        options.fresh = true;
    });
    let existing = stage.before("existing");
    stage.mirror(&existing, sources);
    for made in [fresh, existing] {
        assert_same(&stage.source, &made.join("destination"));
        assert!((read(&old), read(&equal)) == before, "a link source changed");
    }
    let inodes = |tree: &BTreeMap<_, common::compare::Meta>| -> BTreeSet<_> {
        tree.values().filter(|meta| meta.kind != 'd').map(|meta| meta.inode).collect()
    };
    let (from_old, from_equal) = (inodes(&before.0), inodes(&before.1));
    for (path, meta) in read(&stage.scratch.path("fresh").join("destination")) {
        let text = path.to_text();
        if text.contains("over itself") && meta.kind != 'd' {
            assert!(from_old.contains(&meta.inode), "the first match did not win: {text}");
        }
        let shared = from_old.contains(&meta.inode) || from_equal.contains(&meta.inode);
        assert!(meta.kind == 'd' || shared, "not shared: {text}");
    }
}
