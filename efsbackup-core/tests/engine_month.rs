//! A month of the hourly backup pipeline under a fast clock: every run, its attempts,
//! times and alarms are what the rules say.

#![cfg(feature = "engine")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

mod common;

use common::pipeline::*;
use efsbackup_core::clock::Clock;
use efsbackup_core::deploy::{Activate, PipelineService, Task};
use efsbackup_core::engine::{Engine, RunSummary};
use jiff::Timestamp;
use std::time::Duration;

/// Ten days; `EFSBACKUP_RUNS=720` makes it thirty.
fn runs() -> i64 {
    std::env::var("EFSBACKUP_RUNS").map_or(240, |runs| runs.parse().unwrap())
}

/// The clock's step, in minutes; all times below are multiples of it.
const STEP: i64 = 5;

/// What happens to a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Finishes,
    /// Its first attempt fails after 10 minutes.
    FailsOnce,
    /// Both attempts fail.
    Fails,
    /// It takes 40 minutes, with 30 allowed before it is late.
    IsLate,
    /// The worker of its first attempt is never heard of again.
    LosesItsWorker,
}

fn fate(run: i64) -> Fate {
    match run {
        run if run % 100 == 42 => Fate::LosesItsWorker,
        run if run % 24 == 5 => Fate::IsLate,
        run if run % 50 == 7 => Fate::Fails,
        run if run % 10 == 3 => Fate::FailsOnce,
        _ => Fate::Finishes,
    }
}

/// Minutes from an attempt's start to the worker's report, and whether it is of success;
/// `None` where there is none.
fn attempt(run: i64, number: u32) -> Option<(i64, bool)> {
    match (fate(run), number) {
        (Fate::LosesItsWorker, 1) => None,
        (Fate::LosesItsWorker, _) => Some((5, true)),
        (Fate::IsLate, _) => Some((40, true)),
        (Fate::Fails, _) | (Fate::FailsOnce, 1) => Some((10, false)),
        _ => Some((10, true)),
    }
}

/// `run status attempts start..end alarms`, times in minutes from the scheduled start:
/// what the rules say of a run. A retry comes 5 minutes after a failure, a worker is lost
/// after 15 minutes.
fn expected(run: i64) -> String {
    let (status, attempts, end, alarms) = match fate(run) {
        Fate::Finishes => ("FINISHED", 1, 10, "onSuccess"),
        Fate::FailsOnce => ("FINISHED", 2, 25, "onSuccess"),
        Fate::Fails => ("FAILED", 2, 25, "onFail"),
        Fate::IsLate => ("FINISHED", 1, 40, "onLateAction onSuccess"),
        Fate::LosesItsWorker => ("FINISHED", 2, 25, "onSuccess"),
    };
    format!("{run} {status} {attempts} 0..{end} {alarms}")
}

fn minutes(from: Timestamp, to: Timestamp) -> i64 {
    to.duration_since(from).as_mins()
}

fn shown(run: i64, row: &RunSummary, alarms: &[(String, String)]) -> String {
    let at = |time: Option<Timestamp>| minutes(row.scheduled_start, time.unwrap());
    let events: Vec<&str> = alarms
        .iter()
        .filter(|(node, _)| *node == row.id)
        .map(|(_, event)| event.as_str())
        .collect();
    let (start, end) = (at(row.actual_start), at(row.actual_end));
    format!("{run} {} {} {start}..{end} {}", row.status, row.attempts, events.join(" "))
}

#[test]
fn each_hourly_run_goes_by_the_rules_and_over_a_restart() {
    let expected_runs = runs();
    let mut definition = definition("cron");
    set(&mut definition, "Hourly", "occurrences", &expected_runs.to_string());
    set(&mut definition, "A", "lateAfterTimeout", "30 minutes");
    let activity = object(&mut definition, "A");
    *activity = std::mem::take(activity).reference("onLateAction", "Bad");

    // Memory: thousands of durable writes would take minutes on a disk.
    let memory = std::path::Path::new("/dev/shm");
    let scratch = match memory.is_dir() {
        true => tempfile::tempdir_in(memory).unwrap(),
        false => tempfile::tempdir().unwrap(),
    };
    let path = scratch.path().join("state.db");
    let clock = clock();
    let start = clock.now();
    let open = || Engine::open(&path, clock.clone()).unwrap();
    let mut fixture = Fixture { clock: clock.clone(), engine: open(), pipeline: String::new() };
    fixture.pipeline = create(&fixture.engine, "month");
    now(fixture.engine.put_definition(&fixture.pipeline, &definition)).unwrap();
    now(fixture.engine.activate(&fixture.pipeline, &Activate::default())).unwrap();

    let mut alarms: Vec<(String, String)> = Vec::new();
    let mut in_hand: Option<(Task, Timestamp)> = None;
    for step in 0..=(expected_runs * 60 / STEP) {
        let time = clock.now();
        fixture.engine.tick().unwrap();
        // In the middle of a run, and of the month: what was at hand stays so.
        if step == expected_runs * 60 / STEP / 2 + 1 {
            assert!(in_hand.is_some(), "the restart comes while a worker is busy");
            fixture.engine = open();
        }
        if let Some((task, taken)) = in_hand.take() {
            let run = minutes(start, task_time(&task)) / 60;
            match attempt(run, number(&task)) {
                None => {}
                Some((length, good)) if minutes(taken, time) >= length => match good {
                    true => fixture.finish(&task),
                    false => fixture.fail(&task),
                },
                Some(_) => {
                    assert!(!fixture.report(&task));
                    in_hand = Some((task, taken));
                }
            }
        }
        if in_hand.is_none() {
            in_hand = fixture.poll().map(|task| (task, time));
            if let Some((task, _)) = &in_hand {
                assert!(!fixture.report(task));
            }
        }
        alarms.extend(fixture.notifications().into_iter().map(|told| (told.node, told.event)));
        clock.sleep(Duration::from_secs(60 * STEP as u64));
    }

    assert_eq!(fixture.state(), "FINISHED");
    let rows = fixture.engine.runs(&fixture.pipeline).unwrap();
    let runs: Vec<_> = rows.iter().filter(|row| row.is_activity).collect();
    assert_eq!(runs.len() as i64, expected_runs);
    for (run, row) in (0..).zip(&runs) {
        assert_eq!(minutes(start, row.scheduled_start), run * 60, "a run was lost or doubled");
        assert_eq!(shown(run, row, &alarms), expected(run));
    }
    let machines = rows.iter().filter(|row| !row.is_activity && row.status == "FINISHED");
    assert_eq!(machines.count() as i64, expected_runs);
    let told = (0..expected_runs).map(|run| expected(run).split(' ').count() - 4).sum::<usize>();
    println!("{expected_runs} runs, {told} alarms, as the rules say");
    assert_eq!(alarms.len(), told, "an alarm more or less than the runs account for");
}

fn number(task: &Task) -> u32 {
    task.attempt.rsplit_once('=').unwrap().1.parse().unwrap()
}

/// When the task's run was to start.
fn task_time(task: &Task) -> Timestamp {
    let time = task.attempt_object().unwrap().first_text("@scheduledStartTime").unwrap();
    format!("{time}Z").parse().unwrap()
}
