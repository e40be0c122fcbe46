//! What a listener that keeps a record is told: every entry as it ends up, with digests.

#![cfg(feature = "mirror")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[macro_use]
mod common;

use common::{Scratch, dir, fifo, file, hardlink, sparse, symlink};
use efsbackup_core::bytepath::BytePath;
use efsbackup_core::mirror::{
    ContentHasher, Digest, EntryEvent, FileKind, LinkSource, Listener, Mirror, Options, Settled,
    Trust,
};
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Mutex;

/// FNV-1a and the length: enough to tell the contents of these tests apart.
#[derive(Clone, Copy)]
struct Fnv(u64, u64);

impl ContentHasher for Fnv {
    fn update(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
        self.1 += bytes.len() as u64;
    }

    fn finish(self: Box<Self>) -> Digest {
        let mut digest = [0; 32];
        digest[..8].copy_from_slice(&self.0.to_le_bytes());
        digest[8..16].copy_from_slice(&self.1.to_le_bytes());
        digest
    }
}

fn digest(content: &[u8]) -> Option<Digest> {
    let mut fnv = Fnv(0xcbf2_9ce4_8422_2325, 0);
    fnv.update(content);
    Some(Box::new(fnv).finish())
}

#[derive(Clone, Debug)]
struct Told {
    kind: FileKind,
    mode: u32,
    owner: (u32, u32),
    mtime: (i64, u32),
    size: u64,
    target: Vec<u8>,
    group: Option<u64>,
    digest: Option<Digest>,
}

#[derive(Default)]
struct Record(Mutex<BTreeMap<String, Told>>);

impl Listener for Record {
    fn entry(&self, _: &EntryEvent<'_>) {}

    fn keeps_record(&self) -> bool {
        true
    }

    fn hasher(&self, _: &BytePath) -> Option<Box<dyn ContentHasher>> {
        Some(Box::new(Fnv(0xcbf2_9ce4_8422_2325, 0)))
    }

    fn settled(&self, entry: &Settled<'_>) {
        let told = Told {
            kind: entry.kind,
            mode: entry.mode,
            owner: (entry.uid, entry.gid),
            mtime: entry.mtime,
            size: entry.size,
            target: entry.target.to_vec(),
            group: entry.group,
            digest: entry.digest,
        };
        self.0.lock().unwrap().insert(entry.path.to_text(), told);
    }
}

fn run(source: &Path, destination: &Path, options: Options) -> BTreeMap<String, Told> {
    let record = Record::default();
    let report = Mirror::new(source, destination).options(options).listener(&record).run().unwrap();
    assert_eq!(report.errors, []);
    record.0.into_inner().unwrap()
}

fn source(scratch: &Scratch) -> std::path::PathBuf {
    scratch.build(
        "source",
        &tree! {
            "file" => file("content").mode(0o640).mtime(1_000_000_000, 123_456_789),
            "hard" => hardlink("file"),
            "empty" => file(""),
            "large" => file(vec![7_u8; (3 << 20) + 5]),
            "holes" => sparse(3 << 20, &[(1 << 20, b"data"), (2 << 20, b"more")]),
            "only a hole" => sparse(1 << 20, &[]),
            "link" => symlink("nowhere"),
            "fifo" => fifo(),
            "dir" => dir(tree! { "deep" => file("x") }).mode(0o700),
        },
    )
}

fn assert_told(source: &Path, told: &BTreeMap<String, Told>) {
    assert_eq!(told.len(), 11, "{:?}", told.keys());
    for (path, told) in told {
        let meta = fs::symlink_metadata(source.join(path)).unwrap();
        assert_eq!((meta.uid(), meta.gid()), told.owner, "{path}");
        assert_eq!((meta.mtime(), meta.mtime_nsec() as u32), told.mtime, "{path}");
        assert_eq!(meta.mode() & 0o7777, told.mode, "{path}");
        match told.kind {
            FileKind::File => {
                assert_eq!(told.size, meta.len(), "{path}");
                assert_eq!(told.digest, digest(&fs::read(source.join(path)).unwrap()), "{path}");
            }
            _ => assert_eq!((told.size, told.digest), (0, None), "{path}"),
        }
    }
    assert_eq!(told["link"].target, b"nowhere");
    assert_eq!(told["fifo"].kind, FileKind::Fifo);
    assert_eq!(told["dir"].kind, FileKind::Dir);
}

#[test]
fn entries_are_told_as_they_end_up_with_their_digests() {
    let scratch = Scratch::new();
    let source = source(&scratch);
    let (copy, linked) = (scratch.path("copy"), scratch.path("linked"));
    let made = run(&source, &copy, Options::default());
    assert_told(&source, &made);
    assert!(made["file"].group.is_some() && made["file"].group == made["hard"].group);
    assert_eq!(made["empty"].group, None);
    common::assert_same(&source, &copy);
    assert_told(&source, &run(&source, &copy, Options::default()));
    let mut options = Options::default();
    options.link_sources = vec![LinkSource::new(&copy, Trust::Metadata)];
    assert_told(&source, &run(&source, &linked, options));
    let mut options = Options::default();
    options.dry_run = true;
    assert_told(&source, &run(&source, &scratch.path("nothing"), options));
}

#[test]
fn of_links_from_a_tree_with_known_digests_nothing_is_read() {
    let scratch = Scratch::new();
    let source = source(&scratch);
    let copy = scratch.path("copy");
    run(&source, &copy, Options::default());
    // The same file under one more name, where the copy has another.
    let mtime = fs::metadata(source.join("file")).unwrap().modified().unwrap();
    fs::write(source.join("new"), "CONTENT").unwrap();
    fs::File::open(source.join("new")).unwrap().set_modified(mtime).unwrap();
    run(&source, &copy, Options::default());
    fs::remove_file(source.join("new")).unwrap();
    fs::hard_link(source.join("file"), source.join("new")).unwrap();
    let mut options = Options::default();
    let mut link = LinkSource::new(&copy, Trust::Metadata);
    link.digests_known = true;
    options.link_sources = vec![link];
    let told = run(&source, &scratch.path("linked"), options);
    for path in ["empty", "large", "holes", "dir/deep"] {
        assert_eq!(told[path].digest, None, "{path}");
    }
    let inode = |path: std::path::PathBuf| fs::metadata(path).unwrap().ino();
    let mut read = 0;
    for name in ["file", "hard", "new"] {
        let linked = scratch.path("linked").join(name);
        match told[name].digest {
            Some(told) => {
                assert_eq!(Some(told), digest(&fs::read(linked).unwrap()), "{name}");
                read += 1;
            }
            None => assert_eq!(inode(copy.join(name)), inode(linked), "{name}"),
        }
    }
    assert!(read > 0, "no name may go by what is known of another file");
}
