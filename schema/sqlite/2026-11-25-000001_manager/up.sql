-- next_run_wished: the app itself set next_run. retry_at: after failures it is not started before
ALTER TABLE apps ADD COLUMN next_run_wished BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE apps ADD COLUMN retry_at TIMESTAMP NULL;

-- Who carried a command out
ALTER TABLE command_log ADD COLUMN accepted_by TEXT NULL;
ALTER TABLE command_log ADD COLUMN accepted_at TIMESTAMP NULL;
CREATE INDEX command_log_flag ON command_log (cmd_flag, id);

CREATE INDEX occurrences_runtime ON occurrences (runtime);
CREATE INDEX runtime_ended ON runtime (ended_at);

-- The managers that share this database. stop_flag: 0 none, 1 stop, 2 stop and take the apps along
CREATE TABLE managers (
    id TEXT NOT NULL PRIMARY KEY,
    host TEXT NOT NULL,
    boot_id TEXT NOT NULL,
    pid BIGINT NOT NULL,
    pid_started BIGINT NOT NULL,
    version TEXT NOT NULL,
    started_by TEXT NOT NULL,
    started_at TIMESTAMP NOT NULL,
    seen_at TIMESTAMP NOT NULL,
    ended_at TIMESTAMP NULL,
    stop_flag BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX managers_seen ON managers (ended_at, seen_at);

-- Many apps failed at once: one incident, for which no app is disabled
CREATE TABLE incidents (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    started_at TIMESTAMP NOT NULL,
    ended_at TIMESTAMP NULL,
    failed BIGINT NOT NULL,
    total BIGINT NOT NULL
);
CREATE UNIQUE INDEX incidents_open ON incidents (coalesce(ended_at, 1)) WHERE ended_at IS NULL;

-- What people are to be told. id: UUIDv7, so it sorts by time; it stays the same however often it is sent
CREATE TABLE outbox (
    id TEXT NOT NULL PRIMARY KEY,
    created_at TIMESTAMP NOT NULL,
    severity BIGINT NOT NULL,
    kind TEXT NOT NULL,
    app_id BIGINT NULL REFERENCES apps (id),
    subject TEXT NOT NULL,
    body TEXT NOT NULL
);
CREATE INDEX outbox_app ON outbox (app_id, id);
