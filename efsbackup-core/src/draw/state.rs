//! What a status means to who looks at a picture: a colour, and a mark for who sees none.

/// The states that are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum State {
    Finished,
    Failed,
    /// By others: a failure before it, or someone.
    Stopped,
    Running,
    Waiting,
}

impl State {
    /// By the service's name for it; one that is not known is yet to be.
    pub(super) fn of(status: &str) -> State {
        match status {
            "FINISHED" => State::Finished,
            "FAILED" | "TIMEDOUT" => State::Failed,
            "CASCADE_FAILED" | "CANCELED" | "SKIPPED" => State::Stopped,
            "RUNNING" | "CREATING" | "SHUTTING_DOWN" | "VALIDATING" | "ASSIGNED" => State::Running,
            _ => State::Waiting,
        }
    }

    /// A letter for text.
    pub(super) fn mark(self) -> char {
        match self {
            State::Finished => '✓',
            State::Failed => '✗',
            State::Stopped => '⊘',
            State::Running => '▶',
            State::Waiting => '…',
        }
    }

    /// The same as strokes about the middle of a circle, 18 wide.
    pub(super) fn strokes(self) -> &'static str {
        match self {
            State::Finished => "m-4 0 l3 3.2 l5.2 -6.4",
            State::Failed => "m-3.4 -3.4 l6.8 6.8 m0 -6.8 l-6.8 6.8",
            State::Stopped => "m-4 0 l8 0",
            State::Running => "m-2.2 -3.8 l5.6 3.8 l-5.6 3.8 Z",
            State::Waiting => "m-4 0 l0.1 0 m3.9 0 l0.1 0 m3.9 0 l0.1 0",
        }
    }
}
