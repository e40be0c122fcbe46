//! How long reading and checking a definition takes, for every shape that would take a careless
//! program quadratic time, at half a megabyte and at one: a factor of 2 is linear, 4 quadratic.
//! Words after `--` take the shapes whose names hold them.

#![allow(clippy::print_stdout, missing_docs)]

#[path = "../tests/common/hostile.rs"]
#[allow(unreachable_pub)]
mod hostile;

use efsbackup_core::draw;
use efsbackup_core::formats::{Reader, cli};
use rustix::time::{ClockId, clock_gettime};

const ROUNDS: usize = 5;

/// The processor's milliseconds for the shortest of some rounds.
fn ms<T>(work: impl Fn() -> T) -> f64 {
    let now = || {
        let time = clock_gettime(ClockId::ThreadCPUTime);
        time.tv_sec as f64 * 1e3 + time.tv_nsec as f64 / 1e6
    };
    let round = || {
        let begin = now();
        drop(work());
        now() - begin
    };
    (0..ROUNDS).map(|_| round()).fold(f64::INFINITY, f64::min)
}

fn main() {
    println!(
        "Milliseconds of one processor, the best of {ROUNDS}. Growth is that of validation from 0.5 to 1 MB."
    );
    println!(
        "{:<51} {:>6} {:>6} {:>6} {:>9} {:>6}",
        "shape", "svg", "diff", "read", "validate", "growth"
    );
    let mut worst: f64 = 0.0;
    let words: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    let wanted = |name: &str| words.is_empty() || words.iter().any(|word| name.contains(word));
    for shape in hostile::SHAPES.iter().filter(|shape| wanted(shape.name)) {
        let [half, whole] = [500_000, 1_000_000].map(|size| shape.of_size(size));
        let [half_ms, whole_ms] = [&half, &whole].map(|definition| ms(|| definition.validate()));
        let text = cli::write(&whole);
        let read = text.map_or(f64::NAN, |text| ms(|| Reader::new().read(text.as_bytes())));
        let diff = ms(|| whole.diff(&whole));
        let svg = ms(|| draw::svg(&whole, &draw::Options::default()));
        worst = worst.max(whole_ms);
        let growth = whole_ms / half_ms;
        println!(
            "{:<51} {svg:>6.0} {diff:>6.1} {read:>6.1} {whole_ms:>9.1} {growth:>6.1}",
            shape.name
        );
    }
    println!("the slowest validation of 1 MB: {worst:.1} ms");
}
