-- Times are milliseconds since 1970-01-01T00:00:00Z.

CREATE TABLE pipeline (
    id              TEXT PRIMARY KEY,
    name            TEXT NOT NULL,
    unique_id       TEXT NOT NULL,
    description     TEXT NOT NULL,
    state           TEXT NOT NULL CHECK (state IN
                        ('PENDING', 'SCHEDULED', 'DEACTIVATING', 'INACTIVE', 'FINISHED')),
    created         INTEGER NOT NULL,
    latest          INTEGER,          -- version of the definition that was put last
    active          INTEGER,          -- version that was activated last
    first_activated INTEGER,          -- what FIRST_ACTIVATION_DATE_TIME stands for
    skip_before     INTEGER,          -- intervals that begin before it are skipped
    mode            TEXT NOT NULL DEFAULT 'schedule' -- what makes its runs
                        CHECK (mode IN ('schedule', 'ondemand', 'once')),
    UNIQUE (name, unique_id)
) STRICT;

CREATE TABLE tag (
    pipeline TEXT NOT NULL REFERENCES pipeline ON DELETE CASCADE,
    key      TEXT NOT NULL,
    value    TEXT NOT NULL,
    PRIMARY KEY (pipeline, key)
) STRICT;

CREATE TABLE definition (
    pipeline TEXT NOT NULL REFERENCES pipeline ON DELETE CASCADE,
    version  INTEGER NOT NULL,
    errored  INTEGER NOT NULL,
    body     TEXT NOT NULL,
    PRIMARY KEY (pipeline, version)
) STRICT;

-- One component in one interval.
CREATE TABLE instance (
    pipeline        TEXT NOT NULL REFERENCES pipeline ON DELETE CASCADE,
    id              TEXT NOT NULL,
    component       TEXT NOT NULL,
    kind            TEXT NOT NULL CHECK (kind IN ('activity', 'resource')),
    version         INTEGER NOT NULL,  -- of the definition it was made from
    status          TEXT NOT NULL,
    open            INTEGER NOT NULL,  -- 0 once the status is final
    created         INTEGER NOT NULL,
    scheduled_start INTEGER NOT NULL,
    scheduled_end   INTEGER NOT NULL,
    due             INTEGER NOT NULL,  -- when it may run
    late_at         INTEGER,           -- when onLateAction fires; NULL once it has
    actual_start    INTEGER,
    actual_end      INTEGER,
    worker_group    TEXT,
    hostname        TEXT,
    attempts        INTEGER NOT NULL DEFAULT 0,
    tries_left      INTEGER NOT NULL DEFAULT 0,
    error_id        TEXT,
    error_message   TEXT,
    error_stack     TEXT,
    PRIMARY KEY (pipeline, id)
) STRICT;
CREATE INDEX instance_open ON instance (pipeline, scheduled_start) WHERE open = 1;
CREATE INDEX instance_component ON instance (pipeline, component, scheduled_start);

-- One try of an instance.
CREATE TABLE attempt (
    pipeline      TEXT NOT NULL,
    instance      TEXT NOT NULL,
    number        INTEGER NOT NULL,
    status        TEXT NOT NULL,
    not_before    INTEGER NOT NULL,   -- when a worker may have it
    task          TEXT UNIQUE,        -- given to the worker that has it
    assigned      INTEGER,            -- when a worker got it
    reported      INTEGER,            -- when that worker last said that it works on it
    ended         INTEGER,
    hostname      TEXT,
    stop          TEXT,               -- why the worker is to stop it
    stop_message  TEXT,
    error_id      TEXT,
    error_message TEXT,
    error_stack   TEXT,
    PRIMARY KEY (pipeline, instance, number),
    FOREIGN KEY (pipeline, instance) REFERENCES instance (pipeline, id) ON DELETE CASCADE
) STRICT;
CREATE INDEX attempt_waiting ON attempt (not_before) WHERE status = 'WAITING_FOR_RUNNER';
CREATE INDEX attempt_running ON attempt (pipeline) WHERE status = 'RUNNING';

-- Alarms, written with the transition that fired them and delivered after it.
CREATE TABLE notification (
    id        INTEGER PRIMARY KEY,
    pipeline  TEXT NOT NULL,
    event     TEXT NOT NULL,
    node      TEXT NOT NULL,
    action    TEXT NOT NULL,
    topic     TEXT NOT NULL,
    subject   TEXT NOT NULL,
    message   TEXT NOT NULL,
    problem   TEXT,
    created   INTEGER NOT NULL,
    delivered INTEGER
) STRICT;
CREATE INDEX notification_waiting ON notification (id) WHERE delivered IS NULL;
