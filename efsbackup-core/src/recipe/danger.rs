//! What is dangerous in the backups that went round: each seen to lose data, or to say that all
//! is well when it is not.

use crate::expression::Period;
use crate::pipeline::{Code, Definition, Object};
use std::fmt;

/// Something dangerous in a definition.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Danger {
    /// A name that stays, such as `unchecked-mount`.
    pub name: &'static str,
    /// The object it is in.
    pub object: String,
    /// What may happen.
    pub text: &'static str,
}

impl fmt::Display for Danger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {}", self.name, self.object, self.text)
    }
}

/// What is asked of a script.
type Test = fn(&str) -> bool;

/// Name, what tells it in a script, what may happen; the worst first.
const IN_SCRIPTS: &[(&str, Test, &str)] = &[
    (
        "unchecked-mount",
        |script| aws_sample(script),
        "nobody looks whether mounting worked: with the source missing its backup is emptied, with the \
         backup missing the copy goes to the instance's own disk, and success is told",
    ),
    (
        "rewrites-history",
        |script| script.contains("cp -al") || aws_sample(script),
        "older backups share their files with the newest by hard links, and rsync changes owners, \
         modes and times of what is there: a later chmod reaches every older backup",
    ),
    (
        "removes-first",
        |script| aws_sample(script),
        "the oldest backup is removed before the new one exists, and again by each retry: after some \
         failures no good one is left",
    ),
    (
        "ignores-errors",
        |script| script.contains("--ignore-errors"),
        "a source that cannot be read counts as deleted",
    ),
    (
        "code-from-the-net",
        |script| (script.contains("wget ") || script.contains("curl ")) && script.contains("http"),
        "it runs as root whatever lies at an address of the web when it starts",
    ),
    (
        "guesses-mounts",
        |script| script.lines().any(|line| line.contains("mount -l") && line.contains("| grep")),
        "whether something is mounted is guessed by a part of a line: fs-1:/data is found in \
         fs-1:/data2, and an empty name everywhere",
    ),
    (
        "half-looks-whole",
        |script| copies(script) && !script.contains("mv "),
        "a folder is filled in place: what a killed run leaves looks like a finished backup",
    ),
    (
        "repeats-names",
        |script| script.contains("date +%Y-%m-%d-%H-%M") && !script.contains("%z"),
        "folders are named by local time to the minute: two runs share one in the hour that clocks \
         go back, and --delete then removes what the first one copied",
    ),
    (
        "grows-for-ever",
        |script| script.contains("date +%Y") && !script.contains("rm -r") && copies(script),
        "each run copies everything anew, and nothing is ever removed",
    ),
    (
        "writable-source",
        |script| {
            let mounts = script.lines().filter(|line| line.contains("mount -t nfs"));
            let mut mounts = mounts.peekable();
            mounts.peek().is_some()
                && !mounts.any(|line| line.contains("ro,") || line.contains("-o ro"))
                || aws_sample(script)
        },
        "the source is mounted writable, and programs of the backup can be run as root",
    ),
    (
        "breaks-hard-links",
        |script| {
            let copies = script.lines().filter(|line| line.contains("rsync -"));
            let mut copies = copies.peekable();
            copies.peek().is_some() && !copies.any(keeps_links)
        },
        "names that share a file become files of their own: a tree of hard links grows in its backup",
    ),
    (
        "log-in-backup",
        |script| script.lines().any(|line| line.contains("cp ") && line.contains(".log")),
        "the log is copied into the backup, and a restore brings it into production",
    ),
];

/// AWS's own script of the samples, by whatever way it comes.
fn aws_sample(script: &str) -> bool {
    script.contains("efs-backup") || script.contains("efs-restore")
}

fn copies(script: &str) -> bool {
    script.contains("rsync ")
}

/// Whether rsync is told `-H`.
fn keeps_links(line: &str) -> bool {
    let words = line.split_whitespace();
    let mut short = words.filter(|word| word.starts_with('-') && !word.starts_with("--"));
    line.contains("--hard-links") || short.any(|word| word.contains('H'))
}

/// All that is dangerous in the definition, its parameters put in.
pub(super) fn all(
    whole: &Definition,
    activity: &Object,
    instance: Option<&Object>,
    script: &str,
) -> Vec<Danger> {
    let danger = |name, object: &str, text| Danger { name, object: object.to_owned(), text };
    let mut found: Vec<Danger> = Vec::new();
    let validation = whole.validate();
    let has = |code| validation.findings.iter().any(|finding| finding.code == code);
    for (name, test, text) in IN_SCRIPTS {
        let unchecked = *name == "unchecked-mount" && has(Code::UncheckedMount);
        if test(script) || unchecked {
            found.push(danger(name, &activity.id, text));
        }
    }
    if has(Code::UnquotedArgument) {
        let text = "arguments stand without quotes: a space or * in a path changes the command";
        found.push(danger("unquoted-arguments", &activity.id, text));
    }
    if !script.contains("expect-id") && !script.contains("efsbackup-id") {
        let text = "nothing proves that source and backup are the file systems meant: a wrong mount \
                    target or a stale name of it is backed up in the right one's place";
        found.push(danger("unproved", &activity.id, text));
    }
    if activity.first_reference("onFail").is_none() {
        let text = "nobody is told when it fails";
        found.push(danger("silent", &activity.id, text));
    }
    if let Some(instance) = instance {
        let of = |key| instance.first_text(key).unwrap_or_default();
        if of("terminateAfter").parse::<Period>().is_ok_and(|life| life.minutes() < 120) {
            let text = "a run that takes longer is killed with its instance, each time anew";
            found.push(danger("cut-short", &instance.id, text));
        }
        if of("associatePublicIpAddress").eq_ignore_ascii_case("true") {
            let text =
                "the instance has a public address, which a backup inside a VPC does not need";
            found.push(danger("public", &instance.id, text));
        }
    }
    found
}
