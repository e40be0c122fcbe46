//! `efsbackup mirror`: make one tree equal to another.

use super::exit::Exit;
use super::mirror_args::MirrorArgs;
use super::output::Output;
use super::stats::Watch;
use super::{Context, report};
use crate::error::Result;
use crate::mirror::{Action, EntryEvent, EntryType, LinkSource, Listener, Mirror, Trust};
use std::path::PathBuf;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// The directory whose contents are copied; or a file, link or special, copied as rsync does
    source: PathBuf,
    /// The directory that is made equal; made if it is missing (for one file: it goes into it,
    /// or gets this name)
    destination: PathBuf,
    /// Remove what SOURCE lacks
    #[arg(long)]
    delete: bool,
    /// Hard-link unchanged files from DIR (repeatable, first match wins)
    #[arg(long, value_name = "DIR")]
    link_dest: Vec<PathBuf>,
    /// Rewrite the differing blocks of existing files where they are, instead of replacing them
    #[arg(long, conflicts_with = "strict")]
    in_place: bool,
    #[command(flatten)]
    mirror: MirrorArgs,
}

impl Args {
    pub(crate) fn isolates(&self) -> bool {
        self.mirror.isolate
    }
}

pub(crate) fn run(args: Args, context: &mut Context) -> Result<Exit> {
    let itemize = args.mirror.itemize(context)?;
    let mut options = args.mirror.options()?;
    options.delete = args.delete;
    options.in_place = args.in_place;
    options.link_sources =
        args.link_dest.into_iter().map(|path| LinkSource::new(path, Trust::Metadata)).collect();
    let watch = Watch::begin(args.mirror.stats, &args.source, &args.destination)?;
    let lines = ItemizedLines::new(context);
    let mut bar = context.progress_bar();
    let mut mirror = Mirror::new(args.source, args.destination)
        .options(options)
        .cancel(&context.cancel)
        .progress(&mut bar);
    if itemize {
        mirror = mirror.listener(&lines);
    }
    let result = mirror.run();
    drop(bar);
    report::write(context, &result?, watch)
}

/// Writes a line for each entry that something was done to. As with rsync's `-i` files that are
/// linked unchanged are left out, and told with `-v` as with its `-ii`.
pub(super) struct ItemizedLines {
    output: Output,
    linked: bool,
}

impl ItemizedLines {
    pub(super) fn new(context: &Context) -> Self {
        ItemizedLines { output: context.output.clone(), linked: context.verbose }
    }
}

impl Listener for ItemizedLines {
    fn entry(&self, event: &EntryEvent<'_>) {
        let told = match event.action {
            Action::Unchanged | Action::Vanished | Action::Failed => false,
            Action::Linked => self.linked,
            _ => true,
        };
        if told {
            self.output.line(itemized_line(event));
        }
    }
}

/// The line rsync would print: the code in 11 columns, a space and the name, with `./` for
/// the root and a `/` after directories.
fn itemized_line(event: &EntryEvent<'_>) -> Vec<u8> {
    let mut line = format!("{:<11} ", event.itemize).into_bytes();
    let path = event.path.as_bytes();
    escape(if path.is_empty() { b"." } else { path }, &mut line);
    if event.entry_type == EntryType::Dir {
        line.push(b'/');
    }
    line
}

/// Escapes what would break a line as rsync does, `\#` and three octal digits: control
/// characters, bytes that are not UTF-8, and a backslash that looks like such an escape.
fn escape(name: &[u8], line: &mut Vec<u8>) {
    let octal = |byte: u8, line: &mut Vec<u8>| line.extend(format!("\\#{byte:03o}").bytes());
    for chunk in name.utf8_chunks() {
        for (at, c) in chunk.valid().char_indices() {
            let mut buffer = [0; 4];
            let bytes = c.encode_utf8(&mut buffer).as_bytes();
            if (c.is_control() && c != '\t') || looks_escaped(&chunk.valid().as_bytes()[at..]) {
                bytes.iter().for_each(|byte| octal(*byte, line));
            } else {
                line.extend(bytes);
            }
        }
        chunk.invalid().iter().for_each(|byte| octal(*byte, line));
    }
}

fn looks_escaped(text: &[u8]) -> bool {
    matches!(text, [b'\\', b'#', a, b, c, ..] if [a, b, c].iter().all(|d| d.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bytepath::BytePath;

    fn line(path: &[u8], entry_type: EntryType, itemize: &str) -> Vec<u8> {
        let path = BytePath::from(path);
        itemized_line(&EntryEvent {
            path: &path,
            entry_type,
            action: Action::Created,
            itemize,
            inode: None,
        })
    }

    #[test]
    fn lines_are_rsyncs() {
        assert_eq!(line(b"a b", EntryType::File, ">f+++++++++"), b">f+++++++++ a b");
        assert_eq!(line(b"", EntryType::Dir, ".d..t......"), b".d..t...... ./");
        assert_eq!(line(b"d/e", EntryType::Dir, "*deleting"), b"*deleting   d/e/");
    }

    #[test]
    fn names_never_break_a_line() {
        let written = line(b"a\nb\xff\\#012\\#\xc3\xa9\t", EntryType::File, ">f+++++++++");
        assert_eq!(written, b">f+++++++++ a\\#012b\\#377\\#134#012\\#\xc3\xa9\t");
    }
}
