-- Pipelines that were there: the API tells them from those that never were.
CREATE TABLE deleted (
    id   TEXT PRIMARY KEY,
    time INTEGER NOT NULL
) STRICT;

-- Components whose instances start no attempts.
CREATE TABLE paused (
    pipeline  TEXT NOT NULL REFERENCES pipeline ON DELETE CASCADE,
    component TEXT NOT NULL,
    PRIMARY KEY (pipeline, component)
) STRICT;

ALTER TABLE instance ADD COLUMN rerun INTEGER NOT NULL DEFAULT 0; -- 1 where a person asked for it
ALTER TABLE instance ADD COLUMN creating INTEGER;   -- when a resource's machine was asked for
ALTER TABLE instance ADD COLUMN cascade_on TEXT;    -- the failed instance that a cascade came from
CREATE INDEX instance_ended ON instance (actual_end) WHERE open = 0;

-- The planner would rather walk through all history in order than sort a few open rows, so
-- queries name these.
CREATE INDEX instance_start ON instance (pipeline, scheduled_start);
CREATE INDEX attempt_open ON attempt (pipeline) WHERE ended IS NULL;
