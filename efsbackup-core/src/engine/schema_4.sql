-- Data nodes and preconditions have instances too. A CHECK can't be changed, so the column is
-- made anew.
ALTER TABLE instance ADD COLUMN sort TEXT NOT NULL DEFAULT 'activity'
    CHECK (sort IN ('activity', 'resource', 'dataNode', 'precondition'));
UPDATE instance SET sort = kind;
ALTER TABLE instance DROP COLUMN kind;
ALTER TABLE instance RENAME COLUMN sort TO kind;

ALTER TABLE instance ADD COLUMN checks INTEGER NOT NULL DEFAULT 0; -- times a precondition did not hold
ALTER TABLE instance ADD COLUMN checked INTEGER;                   -- the last of them
