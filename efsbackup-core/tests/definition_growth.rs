//! What is done with a definition takes time in proportion to its size, whatever its shape.
//!
//! Growth is measured, not time: how much more of the processor a definition four times as
//! large takes. In proportion it is 4 times as much, with the square 16 times.

#![cfg(feature = "draw")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "common/hostile.rs"]
#[allow(unreachable_pub)]
mod hostile;

use efsbackup_core::pipeline::Definition;
use efsbackup_core::{draw, params};
use hostile::SHAPES;
use rustix::time::{ClockId, clock_gettime};

const SMALL: usize = 15_000;
const TIMES: usize = 4;
/// Between 4 and 16, with room for caches and for the logarithm of sorting.
const MOST: f64 = 9.0;

/// Nanoseconds of this thread, however busy the machine is.
fn spent(work: impl Fn()) -> f64 {
    let now = || {
        let time = clock_gettime(ClockId::ThreadCPUTime);
        time.tv_sec as f64 * 1e9 + time.tv_nsec as f64
    };
    let begin = now();
    work();
    now() - begin
}

fn assert_linear(what: &str, work: impl Fn(&Definition)) {
    let mut steep = Vec::new();
    for shape in SHAPES {
        let [small, large] = [SMALL, TIMES * SMALL].map(|size| shape.of_size(size));
        // The least of some rounds: noise only adds.
        let mut growth = f64::INFINITY;
        let mut least = [f64::INFINITY; 2];
        for _ in 0..5 {
            for (least, definition) in least.iter_mut().zip([&small, &large]) {
                *least = least.min(spent(|| work(definition)));
            }
            growth = least[1] / least[0];
            if growth < MOST {
                break;
            }
        }
        if growth >= MOST {
            steep.push(format!("{}: {growth:.1}", shape.name));
        }
    }
    assert!(steep.is_empty(), "{what} of {TIMES} times as much takes times as long: {steep:#?}");
}

#[test]
fn validation_grows_with_the_definition() {
    assert_linear("validation", |definition| drop(definition.validate()));
}

#[test]
fn diff_grows_with_the_definition() {
    assert_linear("diff", |definition| drop(definition.diff(definition)));
}

#[test]
fn resolving_grows_with_the_definition() {
    assert_linear("resolving", |definition| {
        drop(params::resolve(definition, &[], params::Options::default()));
    });
}

#[test]
fn drawing_as_svg_grows_with_the_definition() {
    assert_linear("svg", |definition| drop(draw::svg(definition, &draw::Options::default())));
}

#[test]
fn drawing_as_text_grows_with_the_definition() {
    assert_linear("text", |definition| drop(draw::text(definition, &draw::Options::default())));
}
