//! Why efsbackup has a walker of its own and does not use jwalk.
//!
//! First the reason: with rayon's pool busy for a second, jwalk's walk of a full directory
//! yields one error, and a caller that skips errors sees an empty directory. A mirror with
//! deletion would take that for "all gone". Then the speed of both, interleaved.
//!
//! `make bench` runs it; arguments: entries (default 50,000), rounds (default 7).

use efsbackup_core::mirror::{Jobs, Mirror, Options, Outcome};
use std::error::Error;
use std::fs;
use std::path::Path;
use std::sync::mpsc;
use std::time::{Duration, Instant};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Entries in each directory of the tree that is timed.
const WIDTH: usize = 250;

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1).map(|text| text.parse::<usize>());
    let entries = arguments.next().transpose()?.unwrap_or(50_000);
    let rounds = arguments.next().transpose()?.unwrap_or(7);
    let scratch = tempfile::tempdir_in(".")?;
    let tree = scratch.path().join("tree");
    let made = make_tree(&tree, entries)?;

    println!("A directory of {WIDTH} files while every thread of rayon's pool is busy:");
    let busy = busy_pool(&tree.join("0"))?;
    println!("  jwalk, errors skipped:  {} entries", busy.jwalk_flattened);
    println!("  jwalk, first error:     {}", busy.jwalk_error);
    println!("  efsbackup:              {} entries", busy.efsbackup);

    println!(
        "Walking {made} entries and reading their metadata, {rounds} rounds, best and median:"
    );
    let mut walks: [(&str, fn(&Path) -> Result<usize>, Vec<Duration>); 3] = [
        ("jwalk with metadata", walk_jwalk, Vec::new()),
        ("efsbackup dry run, auto", |tree| walk_efsbackup(tree, Jobs::Auto), Vec::new()),
        ("efsbackup dry run, 1 job", |tree| walk_efsbackup(tree, Jobs::Count(1)), Vec::new()),
    ];
    for _ in 0..rounds {
        for (name, walk, times) in &mut walks {
            let begin = Instant::now();
            let found = walk(&tree)?;
            times.push(begin.elapsed());
            if found != made {
                return Err(format!("{name} found {found} of {made} entries").into());
            }
        }
    }
    let median = |times: &[Duration]| times[times.len() / 2].as_secs_f64();
    walks.iter_mut().for_each(|(_, _, times)| times.sort());
    let base = median(&walks[0].2);
    for (name, _, times) in &walks {
        let (best, median) = (times[0].as_secs_f64(), median(times));
        println!("  {name:<26} {best:.3} s  {median:.3} s  {:.2} of jwalk", median / base);
    }
    Ok(())
}

/// Makes directories of [`WIDTH`] empty files each; tells how many entries, the root too.
fn make_tree(root: &Path, entries: usize) -> Result<usize> {
    fs::create_dir(root)?;
    let dirs = entries.div_ceil(WIDTH + 1).max(1);
    for dir in 0..dirs {
        let dir = root.join(dir.to_string());
        fs::create_dir(&dir)?;
        for file in 0..WIDTH {
            fs::write(dir.join(file.to_string()), "")?;
        }
    }
    Ok(1 + dirs * (1 + WIDTH))
}

struct Busy {
    jwalk_flattened: usize,
    jwalk_error: String,
    efsbackup: usize,
}

/// What each sees of `dir` while all threads of rayon's global pool have other work.
fn busy_pool(dir: &Path) -> Result<Busy> {
    let threads = rayon::current_num_threads();
    let (started, all_started) = mpsc::channel();
    let gates: Vec<mpsc::Sender<()>> = (0..threads)
        .map(|_| {
            let (open, gate) = mpsc::channel::<()>();
            let started = started.clone();
            rayon::spawn(move || {
                let _ = started.send(());
                // Ends when the other side is dropped.
                let _ = gate.recv();
            });
            open
        })
        .collect();
    for _ in 0..threads {
        all_started.recv()?;
    }
    let jwalk_flattened = jwalk::WalkDir::new(dir).into_iter().flatten().count();
    let first_error = jwalk::WalkDir::new(dir).into_iter().find_map(std::result::Result::err);
    let efsbackup = walk_efsbackup(dir, Jobs::Auto)?;
    drop(gates);
    Ok(Busy {
        jwalk_flattened,
        jwalk_error: first_error.map_or("none".to_owned(), |error| error.to_string()),
        efsbackup,
    })
}

fn walk_jwalk(tree: &Path) -> Result<usize> {
    let mut count = 0;
    for entry in jwalk::WalkDir::new(tree).skip_hidden(false) {
        entry?.metadata()?;
        count += 1;
    }
    Ok(count)
}

/// A dry run into a missing destination walks the source and reads its metadata.
fn walk_efsbackup(tree: &Path, jobs: Jobs) -> Result<usize> {
    let mut options = Options::default();
    options.dry_run = true;
    options.xattrs = false;
    options.acls = false;
    options.jobs = jobs;
    let report = Mirror::new(tree, tree.with_extension("none")).options(options).run()?;
    match report.outcome {
        Outcome::Complete => Ok(usize::try_from(report.entries.scanned.total())?),
        outcome => Err(outcome.name().into()),
    }
}
