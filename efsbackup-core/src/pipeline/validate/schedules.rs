//! Schedules, and what runs on them.

use super::super::DEFAULT_ID;
use super::{Code, Context, Validation, View};
use crate::expression::{Period, Value};

/// The shortest period of a schedule.
const SHORTEST_MINUTES: u64 = 15;
/// Three years, one of them a leap year.
const LONGEST_MINUTES: u64 = (3 * 365 + 1) * 24 * 60;
const MOST_RETRIES: i64 = 5;
const SHORTEST_DELAY_MINUTES: u64 = 2;

pub(super) fn check(context: &Context<'_>, view: &View<'_>, found: &mut Validation) {
    if view.is("Schedule") {
        check_schedule(context, view, found);
    }
    let id = view.object.id.as_str();
    let scheduled = view.is("Activity") || view.is("DataNode") || view.is("Resource");
    if !scheduled || context.parents.contains(id) {
        return;
    }
    if !context.has(view, "schedule") && !is_on_demand(context, view) {
        let text = "it has no schedule; set one here, on a parent or on Default";
        found.add(Code::NoSchedule, id, Some("schedule"), text);
    }
    if view.is("Resource") && !context.has(view, "terminateAfter") {
        let text = "it may run, and cost, for ever; set how long it may live";
        found.add(Code::NoTerminateAfter, id, Some("terminateAfter"), text);
    }
    if view.is("Activity") && !context.has(view, "pipelineLogUri") {
        let text = "a failure leaves no log; set where logs go, best on Default";
        found.add(Code::NoLogs, id, Some("pipelineLogUri"), text);
    }
    check_retries(view, found);
}

fn check_schedule(context: &Context<'_>, view: &View<'_>, found: &mut Validation) {
    let id = view.object.id.as_str();
    let period = context.text(view, "period").and_then(|text| text.parse::<Period>().ok());
    if let Some(period) = period
        && !(SHORTEST_MINUTES..=LONGEST_MINUTES).contains(&period.minutes())
    {
        let text = format!("{period} is not between 15 minutes and 3 years");
        found.add(Code::PeriodRange, id, Some("period"), text);
    }
    if context.has(view, "endDateTime") && context.has(view, "occurrences") {
        let text = "endDateTime and occurrences exclude each other";
        found.add(Code::ScheduleConflict, id, Some("occurrences"), text);
    }
    let time = |key| {
        context.text(view, key).and_then(|text| match Value::time(text) {
            Ok(Value::Time(time)) => Some(time),
            _ => None,
        })
    };
    if let (Some(start), Some(end)) = (time("startDateTime"), time("endDateTime"))
        && end <= start
    {
        found.add(Code::EndBeforeStart, id, Some("endDateTime"), "it is not after startDateTime");
    }
}

fn check_retries(view: &View<'_>, found: &mut Validation) {
    let id = view.object.id.as_str();
    let retries = view.object.first_text("maximumRetries").and_then(|text| text.parse().ok());
    if let Some(retries) = retries.filter(|retries: &i64| !(0..=MOST_RETRIES).contains(retries)) {
        let text = format!("{retries} retries are asked for, 0 to {MOST_RETRIES} are possible");
        found.add(Code::TooManyRetries, id, Some("maximumRetries"), text);
    }
    let delay = view.object.first_text("retryDelay").and_then(|text| text.parse::<Period>().ok());
    if let Some(delay) = delay.filter(|delay| delay.minutes() < SHORTEST_DELAY_MINUTES) {
        let text = format!("{delay} is less than {SHORTEST_DELAY_MINUTES} minutes");
        found.add(Code::TooManyRetries, id, Some("retryDelay"), text);
    }
}

fn is_on_demand(context: &Context<'_>, view: &View<'_>) -> bool {
    context.text(view, "scheduleType").is_some_and(|text| text.eq_ignore_ascii_case("ondemand"))
}

/// On demand is for the whole pipeline: set on Default, and without a Schedule.
pub(super) fn check_demand(context: &Context<'_>, found: &mut Validation) {
    let on_demand = |view: &&View<'_>| {
        let own = view.object.first_text("scheduleType");
        own.is_some_and(|text| text.eq_ignore_ascii_case("ondemand"))
    };
    let demanding: Vec<_> = context.views.iter().filter(on_demand).collect();
    for view in demanding.iter().filter(|view| view.object.id != DEFAULT_ID) {
        let text = "ondemand can only be set for the whole pipeline, on Default";
        found.add(Code::OnDemandWithSchedule, &view.object.id, Some("scheduleType"), text);
    }
    if demanding.is_empty() {
        return;
    }
    for view in context.views.iter().filter(|view| view.is("Schedule")) {
        let text = "the pipeline runs on demand, so this schedule is not used";
        found.add(Code::OnDemandWithSchedule, &view.object.id, None, text);
    }
}
