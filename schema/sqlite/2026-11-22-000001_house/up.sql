-- The framework's own tables. Times are UTC with microseconds; `archive IS NULL` marks an active row.

-- Codebooks: `id` is the number of the enum in src/tables/codebook.rs. It is no primary key, because an
-- archived version of a row keeps it. The merge engine fills them.

-- the state of an app
CREATE TABLE c_run_status (
    id BIGINT NOT NULL,
    sha BLOB NOT NULL,
    archive TIMESTAMP NULL,
    date_created TIMESTAMP NOT NULL,
    date_modified TIMESTAMP NULL,
    name TEXT NOT NULL,
    description TEXT NOT NULL
);
CREATE UNIQUE INDEX c_run_status_sha_active ON c_run_status (sha) WHERE archive IS NULL;
CREATE UNIQUE INDEX c_run_status_id_active ON c_run_status (id) WHERE archive IS NULL;

-- why an app was taken out of service
CREATE TABLE c_fatal_flags (
    id BIGINT NOT NULL,
    sha BLOB NOT NULL,
    archive TIMESTAMP NULL,
    date_created TIMESTAMP NOT NULL,
    date_modified TIMESTAMP NULL,
    name TEXT NOT NULL,
    description TEXT NOT NULL
);
CREATE UNIQUE INDEX c_fatal_flags_sha_active ON c_fatal_flags (sha) WHERE archive IS NULL;
CREATE UNIQUE INDEX c_fatal_flags_id_active ON c_fatal_flags (id) WHERE archive IS NULL;

-- what a person can tell an app
CREATE TABLE c_cmd_list (
    id BIGINT NOT NULL,
    sha BLOB NOT NULL,
    archive TIMESTAMP NULL,
    date_created TIMESTAMP NOT NULL,
    date_modified TIMESTAMP NULL,
    name TEXT NOT NULL,
    description TEXT NOT NULL
);
CREATE UNIQUE INDEX c_cmd_list_sha_active ON c_cmd_list (sha) WHERE archive IS NULL;
CREATE UNIQUE INDEX c_cmd_list_id_active ON c_cmd_list (id) WHERE archive IS NULL;

-- how far a command has come
CREATE TABLE c_cmd_flags (
    id BIGINT NOT NULL,
    sha BLOB NOT NULL,
    archive TIMESTAMP NULL,
    date_created TIMESTAMP NOT NULL,
    date_modified TIMESTAMP NULL,
    name TEXT NOT NULL,
    description TEXT NOT NULL
);
CREATE UNIQUE INDEX c_cmd_flags_sha_active ON c_cmd_flags (sha) WHERE archive IS NULL;
CREATE UNIQUE INDEX c_cmd_flags_id_active ON c_cmd_flags (id) WHERE archive IS NULL;

-- how a run ended
CREATE TABLE c_runtime_codes (
    id BIGINT NOT NULL,
    sha BLOB NOT NULL,
    archive TIMESTAMP NULL,
    date_created TIMESTAMP NOT NULL,
    date_modified TIMESTAMP NULL,
    name TEXT NOT NULL,
    description TEXT NOT NULL
);
CREATE UNIQUE INDEX c_runtime_codes_sha_active ON c_runtime_codes (sha) WHERE archive IS NULL;
CREATE UNIQUE INDEX c_runtime_codes_id_active ON c_runtime_codes (id) WHERE archive IS NULL;

-- how grave a log record is
CREATE TABLE c_log_level (
    id BIGINT NOT NULL,
    sha BLOB NOT NULL,
    archive TIMESTAMP NULL,
    date_created TIMESTAMP NOT NULL,
    date_modified TIMESTAMP NULL,
    name TEXT NOT NULL,
    description TEXT NOT NULL
);
CREATE UNIQUE INDEX c_log_level_sha_active ON c_log_level (sha) WHERE archive IS NULL;
CREATE UNIQUE INDEX c_log_level_id_active ON c_log_level (id) WHERE archive IS NULL;

-- what starts an app
CREATE TABLE c_app_type (
    id BIGINT NOT NULL,
    sha BLOB NOT NULL,
    archive TIMESTAMP NULL,
    date_created TIMESTAMP NOT NULL,
    date_modified TIMESTAMP NULL,
    name TEXT NOT NULL,
    description TEXT NOT NULL
);
CREATE UNIQUE INDEX c_app_type_sha_active ON c_app_type (sha) WHERE archive IS NULL;
CREATE UNIQUE INDEX c_app_type_id_active ON c_app_type (id) WHERE archive IS NULL;

-- Apps: group/parent/name
CREATE TABLE app_groups (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    sha BLOB NOT NULL,
    archive TIMESTAMP NULL,
    date_created TIMESTAMP NOT NULL,
    date_modified TIMESTAMP NULL,
    name TEXT NOT NULL
);
CREATE UNIQUE INDEX app_groups_name_active ON app_groups (name) WHERE archive IS NULL;

CREATE TABLE app_parents (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    sha BLOB NOT NULL,
    archive TIMESTAMP NULL,
    date_created TIMESTAMP NOT NULL,
    date_modified TIMESTAMP NULL,
    app_group_id BIGINT NOT NULL REFERENCES app_groups (id),
    name TEXT NOT NULL
);
CREATE UNIQUE INDEX app_parents_name_active ON app_parents (app_group_id, name) WHERE archive IS NULL;

-- definition: app.toml as JSON; sha: its record hash; failures: how many in a row
CREATE TABLE apps (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    sha BLOB NOT NULL,
    archive TIMESTAMP NULL,
    date_created TIMESTAMP NOT NULL,
    date_modified TIMESTAMP NULL,
    app_parent_id BIGINT NOT NULL REFERENCES app_parents (id),
    name TEXT NOT NULL,
    app_type BIGINT NOT NULL,
    definition TEXT NOT NULL,
    schedule TEXT NULL,
    interval_ms BIGINT NULL,
    timezone TEXT NOT NULL,
    status BIGINT NOT NULL DEFAULT 1,
    next_run TIMESTAMP NULL,
    last_run TIMESTAMP NULL,
    task_size BIGINT NULL,
    progress DOUBLE NULL,
    solved BIGINT NOT NULL DEFAULT 0,
    failed BIGINT NOT NULL DEFAULT 0,
    eta TIMESTAMP NULL,
    fatal_flag BIGINT NOT NULL DEFAULT 0,
    fatal_msg TEXT NULL,
    fatal_time TIMESTAMP NULL,
    cmd_name BIGINT NULL,
    cmd_flag BIGINT NOT NULL DEFAULT 0,
    cmd_by TEXT NULL,
    cmd_time TIMESTAMP NULL,
    cmd_exec TIMESTAMP NULL,
    disable BOOLEAN NOT NULL DEFAULT FALSE,
    failures BIGINT NOT NULL DEFAULT 0
);
CREATE UNIQUE INDEX apps_name_active ON apps (app_parent_id, name) WHERE archive IS NULL;
CREATE INDEX apps_next_run ON apps (next_run) WHERE archive IS NULL;

-- Scheduled moments: each once, however many managers run. fence: grows with every claim
CREATE TABLE occurrences (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    app_id BIGINT NOT NULL REFERENCES apps (id),
    due_at TIMESTAMP NOT NULL,
    state TEXT NOT NULL,
    reason TEXT NULL,
    fence BIGINT NOT NULL DEFAULT 0,
    claimed_by TEXT NULL,
    claimed_at TIMESTAMP NULL,
    runtime TEXT NULL,
    ended_at TIMESTAMP NULL,
    UNIQUE (app_id, due_at)
);
CREATE INDEX occurrences_state ON occurrences (state, due_at);

-- Runs. runtime: UUIDv7, so it sorts by the start. A second open run of one app is refused by runtime_open
CREATE TABLE runtime (
    runtime TEXT NOT NULL PRIMARY KEY,
    app_id BIGINT NOT NULL REFERENCES apps (id),
    code BIGINT NOT NULL,
    started_at TIMESTAMP NOT NULL,
    ended_at TIMESTAMP NULL,
    exit_code BIGINT NULL,
    signal BIGINT NULL,
    reason TEXT NULL,
    exceptions BIGINT NOT NULL DEFAULT 0,
    log_lines BIGINT NOT NULL DEFAULT 0,
    cpu_user_ms BIGINT NOT NULL DEFAULT 0,
    cpu_system_ms BIGINT NOT NULL DEFAULT 0,
    memory_peak_kib BIGINT NOT NULL DEFAULT 0,
    args TEXT NULL,
    started_by TEXT NOT NULL,
    host TEXT NOT NULL,
    boot_id TEXT NULL,
    pid BIGINT NULL,
    pid_started BIGINT NULL,
    task_size BIGINT NULL,
    solved BIGINT NOT NULL DEFAULT 0,
    failed BIGINT NOT NULL DEFAULT 0
);
CREATE UNIQUE INDEX runtime_open ON runtime (app_id) WHERE ended_at IS NULL;
CREATE INDEX runtime_app ON runtime (app_id, runtime);

-- Log records. No reference to runtime: a record may come before its run is known, and outlive it
CREATE TABLE logs (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    runtime TEXT NULL,
    app_id BIGINT NULL,
    time TIMESTAMP NOT NULL,
    level BIGINT NOT NULL,
    source TEXT NOT NULL,
    message TEXT NOT NULL,
    context TEXT NULL
);
CREATE INDEX logs_runtime ON logs (runtime, id);
CREATE INDEX logs_app ON logs (app_id, id);
CREATE INDEX logs_level ON logs (level, id);

-- Functions that an app watches, and what each run measured of them
CREATE TABLE app_functions (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    sha BLOB NOT NULL,
    archive TIMESTAMP NULL,
    date_created TIMESTAMP NOT NULL,
    date_modified TIMESTAMP NULL,
    app_id BIGINT NOT NULL REFERENCES apps (id),
    module TEXT NOT NULL,
    name TEXT NOT NULL
);
CREATE UNIQUE INDEX app_functions_name_active ON app_functions (app_id, module, name) WHERE archive IS NULL;

CREATE TABLE function_log (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    runtime TEXT NOT NULL,
    app_function_id BIGINT NOT NULL REFERENCES app_functions (id),
    calls BIGINT NOT NULL,
    solved BIGINT NOT NULL DEFAULT 0,
    failed BIGINT NOT NULL DEFAULT 0,
    success BOOLEAN NOT NULL,
    total_ms DOUBLE NOT NULL,
    mean_ms DOUBLE NOT NULL,
    median_ms DOUBLE NOT NULL,
    min_ms DOUBLE NOT NULL,
    max_ms DOUBLE NOT NULL,
    time TIMESTAMP NOT NULL
);
CREATE INDEX function_log_runtime ON function_log (runtime);
CREATE INDEX function_log_function ON function_log (app_function_id, id);

-- Tables, views and routines that an app touched
CREATE TABLE app_db_objects (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    sha BLOB NOT NULL,
    archive TIMESTAMP NULL,
    date_created TIMESTAMP NOT NULL,
    date_modified TIMESTAMP NULL,
    app_id BIGINT NOT NULL REFERENCES apps (id),
    "database" TEXT NOT NULL,
    schema_name TEXT NOT NULL,
    name TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('table', 'view', 'routine')),
    reads BOOLEAN NOT NULL,
    writes BOOLEAN NOT NULL,
    last_seen TIMESTAMP NOT NULL,
    last_runtime TEXT NOT NULL
);
CREATE UNIQUE INDEX app_db_objects_active ON app_db_objects (app_id, "database", schema_name, name, kind)
    WHERE archive IS NULL;

-- Every command that a person gave
CREATE TABLE command_log (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    app_id BIGINT NULL REFERENCES apps (id),
    cmd_name BIGINT NOT NULL,
    cmd_flag BIGINT NOT NULL,
    cmd_by TEXT NOT NULL,
    cmd_time TIMESTAMP NOT NULL,
    cmd_exec TIMESTAMP NULL,
    args TEXT NULL,
    result TEXT NULL
);
CREATE INDEX command_log_app ON command_log (app_id, id);

-- A table to try things on
CREATE TABLE example_table (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    sha BLOB NOT NULL,
    archive TIMESTAMP NULL,
    date_created TIMESTAMP NOT NULL,
    date_modified TIMESTAMP NULL,
    name TEXT NOT NULL,
    value DOUBLE NULL,
    note TEXT NULL
);
CREATE UNIQUE INDEX example_table_sha_active ON example_table (sha) WHERE archive IS NULL;
