-- Pipelines that were there: the API tells them from those that never were.
CREATE TABLE deleted (
    id   TEXT PRIMARY KEY,
    time INTEGER NOT NULL
) STRICT;
