//! The gate that all long work goes through.
//!
//! The work runs on its own thread and never touches Python. The calling thread waits for it
//! without holding the interpreter, and fifty times a second looks for signals, delivers
//! progress and looks at the caller's cancel token. So Ctrl-C ends a call at once, and an
//! exception in a callback comes out of the call that the callback was given to.

use crate::errors;
use efsbackup_core::cancel::CancelToken as CoreToken;
use efsbackup_core::deploy::Standing;
use efsbackup_core::log::{Level, Records};
use efsbackup_core::mirror::Listener;
use efsbackup_core::progress::Progress;
use efsbackup_core::{Error, ErrorKind};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use std::any::Any;
use std::ops::ControlFlow;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

/// How long the calling thread waits between two looks.
const TURN: Duration = Duration::from_millis(20);

/// Asks running calls to stop, from another thread or from a callback. One token may be given
/// to several calls; once cancelled it stays so.
#[pyclass(frozen, module = "efsbackup")]
pub(crate) struct CancelToken(CoreToken);

#[pymethods]
impl CancelToken {
    #[new]
    fn new() -> Self {
        CancelToken(CoreToken::new())
    }

    /// Ask every call that was given this token to stop; they raise CancelledError.
    fn cancel(&self) {
        self.0.cancel();
    }

    /// Whether `cancel` was called.
    #[getter]
    fn cancelled(&self) -> bool {
        self.0.is_cancelled()
    }

    fn __repr__(&self) -> &'static str {
        if self.0.is_cancelled() { "<CancelToken, cancelled>" } else { "<CancelToken>" }
    }
}

/// What the caller wants to do while the work goes on.
pub(crate) struct Caller<'py> {
    /// Called with a `Progress`; the work is cancelled when it returns `False` or raises.
    pub(crate) progress: Option<Bound<'py, PyAny>>,
    /// The caller's own token.
    pub(crate) cancel: Option<Bound<'py, CancelToken>>,
}

impl Caller<'_> {
    fn is_cancelled(&self) -> bool {
        self.cancel.as_ref().is_some_and(|token| token.get().0.is_cancelled())
    }
}

/// The work's end of the gate.
pub(crate) struct Work<'a> {
    /// Set when the work must stop.
    pub(crate) cancel: CoreToken,
    /// What Python's `logging` is to be told.
    pub(crate) records: &'a Records,
    latest: &'a Mutex<Option<Update>>,
}

/// How far the work is.
enum Update {
    Files(Progress),
    Pipeline(Standing),
}

impl Work<'_> {
    /// Tells how far the work is. Only the latest state of each turn is delivered.
    pub(crate) fn update(&self, progress: &Progress) -> ControlFlow<()> {
        self.records.progress("mirror", progress);
        self.set(Update::Files(progress.clone()));
        ControlFlow::Continue(())
    }

    /// Who is told of each entry: only where somebody logs that, as it takes time.
    pub(crate) fn entries(&self) -> Option<&dyn Listener> {
        self.records.wants(Level::Debug).then_some(self.records as &dyn Listener)
    }

    /// Tells how far the pipeline is.
    pub(crate) fn standing(&self, standing: &Standing) {
        self.records.tell(standing);
        self.set(Update::Pipeline(standing.clone()));
    }

    fn set(&self, update: Update) {
        *self.latest.lock().unwrap_or_else(PoisonError::into_inner) = Some(update);
    }
}

/// Runs `work` on its own thread and returns what it returns.
///
/// # Errors
/// What a signal handler or the progress callback raised, after the work has stopped.
pub(crate) fn run<T: Send>(
    py: Python<'_>,
    caller: &Caller<'_>,
    work: impl FnOnce(&Work<'_>) -> T + Send,
) -> PyResult<T> {
    let cancel = CoreToken::new();
    if caller.is_cancelled() {
        cancel.cancel();
    }
    let latest = Mutex::new(None);
    let records = &wanted(py)?;
    let (running, mut ended) = channel::<()>();
    thread::scope(|scope| {
        let inside = Work { cancel: cancel.clone(), records, latest: &latest };
        let worker = scope.spawn(move || {
            // Dropped at the end of the work, however it ends.
            let _running = running;
            work(&inside)
        });
        let mut raised = None;
        loop {
            let ended = &mut ended;
            let waited = py.detach(move || ended.recv_timeout(TURN));
            if raised.is_none() {
                let progress = latest.lock().unwrap_or_else(PoisonError::into_inner).take();
                match log(py, records).and_then(|()| turn(py, caller, progress)) {
                    Ok(ControlFlow::Continue(())) => {}
                    Ok(ControlFlow::Break(())) => cancel.cancel(),
                    Err(error) => {
                        cancel.cancel();
                        raised = Some(error);
                    }
                }
            }
            if waited == Err(RecvTimeoutError::Disconnected) {
                break;
            }
        }
        let result = py.detach(|| worker.join());
        match (raised, result) {
            (Some(error), _) => Err(error),
            (None, Ok(value)) => Ok(value),
            (None, Err(panic)) => Err(errors::raise(py, &panicked(panic))),
        }
    })
}

/// One look at signals, progress and the caller's token.
fn turn(
    py: Python<'_>,
    caller: &Caller<'_>,
    progress: Option<Update>,
) -> PyResult<ControlFlow<()>> {
    py.check_signals()?;
    if let (Some(callback), Some(progress)) = (&caller.progress, progress) {
        let answer = callback.call1((to_python(py, &progress)?,))?;
        if answer.is(pyo3::types::PyBool::new(py, false)) {
            return Ok(ControlFlow::Break(()));
        }
    }
    match caller.is_cancelled() {
        true => Ok(ControlFlow::Break(())),
        false => Ok(ControlFlow::Continue(())),
    }
}

/// The records that somebody listens to.
fn wanted(py: Python<'_>) -> PyResult<Records> {
    static LEAST: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let least: u32 = LEAST.import(py, "efsbackup._log", "least")?.call0()?.extract()?;
    Ok(match least {
        0..=10 => Records::new(Level::Debug),
        11..=20 => Records::new(Level::Info),
        21..=30 => Records::new(Level::Warning),
        31..=40 => Records::new(Level::Error),
        _ => Records::none(),
    })
}

/// Gives to `logging` what there is.
fn log(py: Python<'_>, records: &Records) -> PyResult<()> {
    static EMIT: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    for record in records.take() {
        let emit = EMIT.import(py, "efsbackup._log", "emit")?;
        emit.call1((record.piece, record.level.name(), record.message))?;
    }
    Ok(())
}

fn to_python<'py>(py: Python<'py>, update: &Update) -> PyResult<Bound<'py, PyAny>> {
    static CLASS: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    static STANDING: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let progress = match update {
        Update::Files(progress) => progress,
        Update::Pipeline(standing) => {
            let class = STANDING.import(py, "efsbackup._service", "Standing")?;
            let statuses = standing.statuses.clone();
            return class.call1((standing.state.as_str(), statuses, standing.failed()));
        }
    };
    CLASS.import(py, "efsbackup._progress", "Progress")?.call1((
        progress.phase.name(),
        progress.entries,
        progress.entries_written,
        progress.entries_deleted,
        progress.errors,
        progress.bytes,
        progress.bytes_written,
        progress.elapsed.as_secs_f64(),
    ))
}

fn panicked(panic: Box<dyn Any + Send>) -> Error {
    let text = match (panic.downcast_ref::<&str>(), panic.downcast_ref::<String>()) {
        (Some(text), _) => text,
        (None, Some(text)) => text.as_str(),
        (None, None) => "no text",
    };
    Error::new(ErrorKind::Internal, "call").with_message(format!("panic inside efsbackup: {text}"))
}
