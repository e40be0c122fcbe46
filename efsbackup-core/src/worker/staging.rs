//! Bringing data to where a script reads it, and what it wrote to where it belongs.
//!
//! Data is copied both ways, also on this machine: a script may do to its copy what it likes.

use super::place::Place;
use crate::bytepath::BytePath;
use crate::cancel::CancelToken;
use crate::deploy::{ObjectStore, S3Uri};
use crate::error::{Error, ErrorKind, Result};
use std::fs::{self, File};
use std::io::{self, Read};
use std::ops::ControlFlow;
use std::os::fd::AsRawFd;
use std::path::{Component, Path, PathBuf};

/// Between two looks whether to stop.
const COPIED_AT_ONCE: u64 = 64 * 1024 * 1024;

/// The data of an activity with `stage`, in the order of its fields.
#[derive(Debug, Default)]
pub(super) struct Staging {
    pub(super) inputs: Vec<Place>,
    pub(super) outputs: Vec<Place>,
}

/// The folders that a script is told of.
pub(super) struct Folders {
    pub(super) inputs: Vec<PathBuf>,
    pub(super) outputs: Vec<PathBuf>,
}

impl Folders {
    /// The variables that name them, from `INPUT1_STAGING_DIR` on.
    pub(super) fn variables(&self) -> Vec<(String, &Path)> {
        let inputs = self.inputs.iter().enumerate().map(|(at, dir)| ("INPUT", at, dir));
        let outputs = self.outputs.iter().enumerate().map(|(at, dir)| ("OUTPUT", at, dir));
        inputs
            .chain(outputs)
            .map(|(kind, at, dir)| (format!("{kind}{}_STAGING_DIR", at + 1), dir.as_path()))
            .collect()
    }
}

/// Makes the folders below `base` and brings the inputs into theirs.
pub(super) fn bring(
    staging: &Staging,
    base: &Path,
    store: Option<&dyn ObjectStore>,
    cancel: &CancelToken,
) -> Result<Folders> {
    let folder = |kind: &str, at: usize| -> Result<PathBuf> {
        let dir = base.join(format!("{kind}{}", at + 1));
        fs::create_dir_all(&dir).map_err(|error| failed("make folder", error, &dir))?;
        Ok(dir)
    };
    let mut folders = Folders { inputs: Vec::new(), outputs: Vec::new() };
    for (at, place) in staging.inputs.iter().enumerate() {
        let dir = folder("input", at)?;
        match place {
            Place::File(path) => copy_file(path, &dir.join(last_name(path)?), cancel)?,
            Place::Folder(path) => copy_tree(path, &dir, cancel)?,
            Place::Object(uri) => {
                let name = uri.key.rsplit('/').next().unwrap_or_default();
                reach(store, uri)?.fetch(uri, &below(&dir, name, uri)?, cancel)?;
            }
            Place::Prefix(prefix) => fetch_all(reach(store, prefix)?, prefix, &dir, cancel)?,
        }
        folders.inputs.push(dir);
    }
    for at in 0..staging.outputs.len() {
        folders.outputs.push(folder("output", at)?);
    }
    Ok(folders)
}

/// Takes what a script wrote to where it belongs.
pub(super) fn take(
    staging: &Staging,
    folders: &Folders,
    store: Option<&dyn ObjectStore>,
    cancel: &CancelToken,
) -> Result<()> {
    for (place, dir) in staging.outputs.iter().zip(&folders.outputs) {
        match place {
            Place::Folder(path) => copy_tree(dir, path, cancel)?,
            Place::Prefix(prefix) => store_all(reach(store, prefix)?, dir, prefix, cancel)?,
            Place::File(path) => {
                return Err(no_folder(&BytePath::from(path.as_path()).to_string()));
            }
            Place::Object(uri) => return Err(no_folder(&uri.to_string())),
        }
    }
    Ok(())
}

/// The text of a script that is kept elsewhere; `base` is for what has to be fetched.
pub(super) fn text(
    place: &Place,
    base: &Path,
    store: Option<&dyn ObjectStore>,
    cancel: &CancelToken,
) -> Result<String> {
    let path = match place {
        Place::File(path) | Place::Folder(path) => path.clone(),
        Place::Object(uri) | Place::Prefix(uri) => {
            fs::create_dir_all(base).map_err(|error| failed("make folder", error, base))?;
            let path = base.join("script");
            reach(store, uri)?.fetch(uri, &path, cancel)?;
            path
        }
    };
    fs::read_to_string(&path).map_err(|error| failed("read scriptUri", error, &path))
}

/// Whether there is something at `place`.
pub(super) fn exists(
    place: &Place,
    store: Option<&dyn ObjectStore>,
    cancel: &CancelToken,
) -> Result<bool> {
    match place {
        Place::File(path) | Place::Folder(path) => {
            path.try_exists().map_err(|error| failed("look for", error, path))
        }
        Place::Object(uri) => reach(store, uri)?.exists(uri, cancel),
        Place::Prefix(prefix) => {
            let mut found = false;
            reach(store, prefix)?.list(prefix, cancel, &mut |_, _| {
                found = true;
                ControlFlow::Break(())
            })?;
            Ok(found)
        }
    }
}

/// The object storage, where the worker was given one.
pub(super) fn reach<'a>(
    store: Option<&'a dyn ObjectStore>,
    uri: &S3Uri,
) -> Result<&'a dyn ObjectStore> {
    store.ok_or_else(|| {
        Error::new(ErrorKind::Unsupported, "reach S3")
            .with_message(format!("{uri}: this worker was not given access to S3"))
    })
}

fn fetch_all(
    store: &dyn ObjectStore,
    prefix: &S3Uri,
    dir: &Path,
    cancel: &CancelToken,
) -> Result<()> {
    let mut found = Vec::new();
    store.list(prefix, cancel, &mut |uri, _| {
        found.push(uri);
        ControlFlow::Continue(())
    })?;
    for uri in found {
        let name = uri.key.strip_prefix(&prefix.key).unwrap_or(&uri.key);
        // What some programs make to show an empty folder.
        if name.is_empty() || name.ends_with('/') {
            continue;
        }
        let path = below(dir, name, &uri)?;
        let parent = path.parent().unwrap_or(dir);
        fs::create_dir_all(parent).map_err(|error| failed("make folder", error, parent))?;
        store.fetch(&uri, &path, cancel)?;
    }
    Ok(())
}

/// `name` below `dir`; whoever names objects does not choose where else files are written.
fn below(dir: &Path, name: &str, uri: &S3Uri) -> Result<PathBuf> {
    let path = Path::new(name);
    let is_plain = path.components().all(|part| matches!(part, Component::Normal(_)));
    // `a//b` and `a/./b` would become the file of another key.
    let is_exact = path.components().collect::<PathBuf>().as_os_str() == name;
    if name.is_empty() || name.contains('\0') || !is_plain || !is_exact {
        return Err(Error::new(ErrorKind::InvalidInput, "fetch")
            .with_message(format!("{uri}: its key can't be the name of a file")));
    }
    Ok(dir.join(path))
}

fn store_all(
    store: &dyn ObjectStore,
    dir: &Path,
    prefix: &S3Uri,
    cancel: &CancelToken,
) -> Result<()> {
    let failed = |error| failed("read folder", error, dir);
    for entry in fs::read_dir(dir).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let path = entry.path();
        let name = entry.file_name();
        let name = name.to_str().ok_or_else(|| {
            Error::new(ErrorKind::InvalidInput, "store")
                .with_message("a key of S3 is UTF-8, which this name is not")
                .with_path(path.as_path())
        })?;
        let kind = entry.file_type().map_err(failed)?;
        // A link to a file is stored as the file; one to a folder may lead round in a circle.
        if kind.is_dir() {
            store_all(store, &path, &prefix.join(name).as_folder(), cancel)?;
        } else if path.is_file() {
            // Opened here, with the rights of this thread: whoever sends it may have more.
            let file = File::open(&path).map_err(failed)?;
            let opened = PathBuf::from(format!("/proc/self/fd/{}", file.as_raw_fd()));
            let sent = store.store(&opened, &prefix.join(name), cancel);
            sent.map_err(|error| error.with_path(path.as_path()))?;
        } else {
            return Err(no_data(&path));
        }
    }
    Ok(())
}

/// Copies what is in `from` into `to`; a file is there whole or not at all.
fn copy_tree(from: &Path, to: &Path, cancel: &CancelToken) -> Result<()> {
    fs::create_dir_all(to).map_err(|error| failed("make folder", error, to))?;
    for entry in fs::read_dir(from).map_err(|error| failed("read folder", error, from))? {
        let entry = entry.map_err(|error| failed("read folder", error, from))?;
        if cancel.is_cancelled() {
            return Err(Error::new(ErrorKind::Cancelled, "copy"));
        }
        let (path, target) = (entry.path(), to.join(entry.file_name()));
        let kind = entry.file_type().map_err(|error| failed("read", error, &path))?;
        if kind.is_dir() {
            copy_tree(&path, &target, cancel)?;
        } else if kind.is_symlink() {
            copy_link(&path, &target)?;
        } else if kind.is_file() {
            copy_file(&path, &target, cancel)?;
        } else {
            return Err(no_data(&path));
        }
    }
    Ok(())
}

fn copy_file(from: &Path, to: &Path, cancel: &CancelToken) -> Result<()> {
    let part = part_name(to);
    copy_bytes(from, &part, cancel)
        .and_then(|()| fs::rename(&part, to).map_err(|error| failed("rename", error, to)))
        .inspect_err(|_| {
            // It may never have been made.
            let _ = fs::remove_file(&part);
        })
}

fn copy_bytes(from: &Path, to: &Path, cancel: &CancelToken) -> Result<()> {
    let lost = |error| failed("copy", error, from);
    let source = File::open(from).map_err(lost)?;
    let mut target = File::create(to).map_err(|error| failed("create", error, to))?;
    while io::copy(&mut (&source).take(COPIED_AT_ONCE), &mut target).map_err(lost)? > 0 {
        if cancel.is_cancelled() {
            return Err(Error::new(ErrorKind::Cancelled, "copy"));
        }
    }
    let mode = source.metadata().map_err(lost)?.permissions();
    target.set_permissions(mode).map_err(|error| failed("set mode", error, to))
}

fn copy_link(from: &Path, to: &Path) -> Result<()> {
    let part = part_name(to);
    let make = || -> io::Result<()> {
        std::os::unix::fs::symlink(fs::read_link(from)?, &part)?;
        fs::rename(&part, to)
    };
    make().map_err(|error| failed("copy", error, from))
}

/// A name beside `to` that nobody else takes.
fn part_name(to: &Path) -> PathBuf {
    let name = format!(".efsbackup-{}-{:?}.part", std::process::id(), std::thread::current().id());
    to.with_file_name(name)
}

fn last_name(path: &Path) -> Result<&std::ffi::OsStr> {
    path.file_name().ok_or_else(|| no_data(path))
}

fn no_data(path: &Path) -> Error {
    Error::new(ErrorKind::Unsupported, "stage")
        .with_message("only files, folders and links are staged")
        .with_path(path)
}

fn no_folder(place: &str) -> Error {
    Error::new(ErrorKind::InvalidInput, "stage")
        .with_message(format!("the output {place} needs a directoryPath"))
}

fn failed(what: &'static str, error: io::Error, path: &Path) -> Error {
    Error::from_io(what, error).with_path(path)
}
