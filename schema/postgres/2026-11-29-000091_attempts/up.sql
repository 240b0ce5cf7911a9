-- attempts: how often a run was started for the occurrence, by app.toml's `retries`.
-- not_before: after a failure, when it may be tried again.
ALTER TABLE occurrences ADD COLUMN attempts BIGINT NOT NULL DEFAULT 0;
ALTER TABLE occurrences ADD COLUMN not_before TIMESTAMP NULL;

-- What somebody has set for the whole house: `paused`, while no manager starts anything.
CREATE TABLE switches (
    name TEXT NOT NULL PRIMARY KEY,
    set_by TEXT NOT NULL,
    set_at TIMESTAMP NOT NULL,
    reason TEXT NULL
);
