-- A document on its way through the stages of a pipeline: one row for each content, whatever it is called.
-- sha256, file_id: the original; origin: where it was found; work_path: where it waits in the watched folder of `host`
-- until it is done; predecessor: the task of the file that had this name before; stage: the one that it waits for or is in;
-- fence grows with each claim; attempts: of this stage, counted before each begins; deaths: how often what worked on it died.
CREATE TABLE pipeline_tasks (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    app_id BIGINT NOT NULL REFERENCES apps (id),
    sha256 BLOB NOT NULL,
    file_id BIGINT NOT NULL REFERENCES stored_files (id),
    name TEXT NOT NULL,
    origin TEXT NULL,
    work_path TEXT NULL,
    host TEXT NULL,
    predecessor BIGINT NULL,
    state TEXT NOT NULL,
    stage TEXT NOT NULL,
    priority BIGINT NOT NULL DEFAULT 0,
    created_at TIMESTAMP NOT NULL,
    changed_at TIMESTAMP NOT NULL,
    ended_at TIMESTAMP NULL,
    not_before TIMESTAMP NULL,
    claimed_by TEXT NULL,
    fence BIGINT NOT NULL DEFAULT 0,
    attempts BIGINT NOT NULL DEFAULT 0,
    deaths BIGINT NOT NULL DEFAULT 0,
    error_kind TEXT NULL,
    error TEXT NULL,
    UNIQUE (app_id, sha256)
);
CREATE INDEX pipeline_tasks_waiting ON pipeline_tasks (app_id, priority DESC, id) WHERE state = 'waiting';
CREATE INDEX pipeline_tasks_claimed ON pipeline_tasks (claimed_by) WHERE state = 'running';
CREATE INDEX pipeline_tasks_state ON pipeline_tasks (app_id, state, stage);
CREATE INDEX pipeline_tasks_name ON pipeline_tasks (app_id, name);
CREATE INDEX pipeline_tasks_work ON pipeline_tasks (app_id, work_path) WHERE work_path IS NOT NULL;

-- What was done with a task: a row for each attempt of a stage. output: what it gave, where that is short; output_file: the
-- stored file where it is long; runtime: the run in which it happened, whose log
-- tells of it.
CREATE TABLE pipeline_attempts (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    task_id BIGINT NOT NULL REFERENCES pipeline_tasks (id),
    stage TEXT NOT NULL,
    attempt BIGINT NOT NULL,
    worker TEXT NOT NULL,
    host TEXT NOT NULL,
    runtime TEXT NULL,
    started_at TIMESTAMP NOT NULL,
    ended_at TIMESTAMP NOT NULL,
    cpu_ms BIGINT NULL,
    memory_peak_kib BIGINT NULL,
    exit_code BIGINT NULL,
    signal BIGINT NULL,
    outcome TEXT NOT NULL,
    error TEXT NULL,
    input_sha256 BLOB NULL,
    output_sha256 BLOB NULL,
    output TEXT NULL,
    output_file BIGINT NULL REFERENCES stored_files (id)
);
CREATE INDEX pipeline_attempts_task ON pipeline_attempts (task_id, id);

-- The same bytes once more: no work, but counted.
CREATE TABLE pipeline_duplicates (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    task_id BIGINT NOT NULL REFERENCES pipeline_tasks (id),
    name TEXT NOT NULL,
    origin TEXT NULL,
    seen_at TIMESTAMP NOT NULL
);
CREATE INDEX pipeline_duplicates_task ON pipeline_duplicates (task_id, id);

-- How many documents a pipeline was given, counted apart from what became of them.
CREATE TABLE pipeline_counts (
    app_id BIGINT NOT NULL PRIMARY KEY REFERENCES apps (id),
    found BIGINT NOT NULL DEFAULT 0
);

-- A stage that cannot work: what it needs is away. One document at a time tries it, from probe_at on.
CREATE TABLE pipeline_blocks (
    app_id BIGINT NOT NULL REFERENCES apps (id),
    stage TEXT NOT NULL,
    since TIMESTAMP NOT NULL,
    reason TEXT NOT NULL,
    probes BIGINT NOT NULL DEFAULT 0,
    probe_at TIMESTAMP NOT NULL,
    PRIMARY KEY (app_id, stage)
);

-- The processes that work pipelines off.
CREATE TABLE pipeline_workers (
    id TEXT NOT NULL PRIMARY KEY,
    app_id BIGINT NOT NULL REFERENCES apps (id),
    runtime TEXT NULL,
    host TEXT NOT NULL,
    boot_id TEXT NOT NULL,
    pid_namespace TEXT NULL,
    pid BIGINT NOT NULL,
    pid_started BIGINT NOT NULL,
    started_at TIMESTAMP NOT NULL,
    lease_until TIMESTAMP NOT NULL
);

-- What each machine saw when it looked into a watched folder last. way: how it hears of files; waiting: of files that are
-- not complete, with the reason, as JSON; ignored: files that the pipeline does not take.
CREATE TABLE pipeline_folders (
    app_id BIGINT NOT NULL REFERENCES apps (id),
    host TEXT NOT NULL,
    folder TEXT NOT NULL,
    looked_at TIMESTAMP NOT NULL,
    way TEXT NOT NULL,
    waiting_count BIGINT NOT NULL,
    waiting TEXT NOT NULL,
    ignored BIGINT NOT NULL,
    error TEXT NULL,
    PRIMARY KEY (app_id, host, folder)
);

-- One open run an app; of a pipeline (10: SERVING) one on each machine.
DROP INDEX runtime_open;
CREATE UNIQUE INDEX runtime_open ON runtime
    (app_id, (CASE WHEN code = 10 THEN COALESCE(boot_id, '') || ' ' || COALESCE(pid_namespace, '') ELSE '' END))
    WHERE ended_at IS NULL;
