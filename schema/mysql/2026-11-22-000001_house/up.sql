-- The framework's own tables on MariaDB and MySQL, all up to 2026-11-30-000240: this backend came after them, so the
-- versions between have nothing to do here. What the columns mean stands beside those of SQLite and PostgreSQL. Times are
-- UTC with microseconds; `archive IS NULL` marks an active row.
--
-- Each statement ends with a semicolon at the end of a line and is run by itself: DDL commits, and what a kill has
-- interrupted goes on where it was (src/tables/steps.rs).
--
-- The collation compares bytes, spaces at the end too; MySQL has it by another name, which is put in its place. There are
-- no partial indexes: a unique one stands over a generated column that is NULL where the condition does not hold. A text
-- has a length only where an index needs it, and what is longer is refused. A unique text without a bound is unique by
-- its hash. `row_id` is the key of a row where nothing else is one.

CREATE TABLE c_run_status (
    row_id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    id BIGINT NOT NULL,
    sha BINARY(32) NOT NULL,
    archive DATETIME(6) NULL,
    date_created DATETIME(6) NOT NULL,
    date_modified DATETIME(6) NULL,
    name LONGTEXT NOT NULL,
    description LONGTEXT NOT NULL,
    active TINYINT GENERATED ALWAYS AS (CASE WHEN archive IS NULL THEN 1 END) VIRTUAL,
    UNIQUE INDEX c_run_status_sha_active (sha, active),
    UNIQUE INDEX c_run_status_id_active (id, active)
) ENGINE=InnoDB COLLATE utf8mb4_nopad_bin;

CREATE TABLE c_fatal_flags (
    row_id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    id BIGINT NOT NULL,
    sha BINARY(32) NOT NULL,
    archive DATETIME(6) NULL,
    date_created DATETIME(6) NOT NULL,
    date_modified DATETIME(6) NULL,
    name LONGTEXT NOT NULL,
    description LONGTEXT NOT NULL,
    active TINYINT GENERATED ALWAYS AS (CASE WHEN archive IS NULL THEN 1 END) VIRTUAL,
    UNIQUE INDEX c_fatal_flags_sha_active (sha, active),
    UNIQUE INDEX c_fatal_flags_id_active (id, active)
) ENGINE=InnoDB COLLATE utf8mb4_nopad_bin;

CREATE TABLE c_cmd_list (
    row_id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    id BIGINT NOT NULL,
    sha BINARY(32) NOT NULL,
    archive DATETIME(6) NULL,
    date_created DATETIME(6) NOT NULL,
    date_modified DATETIME(6) NULL,
    name LONGTEXT NOT NULL,
    description LONGTEXT NOT NULL,
    active TINYINT GENERATED ALWAYS AS (CASE WHEN archive IS NULL THEN 1 END) VIRTUAL,
    UNIQUE INDEX c_cmd_list_sha_active (sha, active),
    UNIQUE INDEX c_cmd_list_id_active (id, active)
) ENGINE=InnoDB COLLATE utf8mb4_nopad_bin;

CREATE TABLE c_cmd_flags (
    row_id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    id BIGINT NOT NULL,
    sha BINARY(32) NOT NULL,
    archive DATETIME(6) NULL,
    date_created DATETIME(6) NOT NULL,
    date_modified DATETIME(6) NULL,
    name LONGTEXT NOT NULL,
    description LONGTEXT NOT NULL,
    active TINYINT GENERATED ALWAYS AS (CASE WHEN archive IS NULL THEN 1 END) VIRTUAL,
    UNIQUE INDEX c_cmd_flags_sha_active (sha, active),
    UNIQUE INDEX c_cmd_flags_id_active (id, active)
) ENGINE=InnoDB COLLATE utf8mb4_nopad_bin;

CREATE TABLE c_runtime_codes (
    row_id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    id BIGINT NOT NULL,
    sha BINARY(32) NOT NULL,
    archive DATETIME(6) NULL,
    date_created DATETIME(6) NOT NULL,
    date_modified DATETIME(6) NULL,
    name LONGTEXT NOT NULL,
    description LONGTEXT NOT NULL,
    active TINYINT GENERATED ALWAYS AS (CASE WHEN archive IS NULL THEN 1 END) VIRTUAL,
    UNIQUE INDEX c_runtime_codes_sha_active (sha, active),
    UNIQUE INDEX c_runtime_codes_id_active (id, active)
) ENGINE=InnoDB COLLATE utf8mb4_nopad_bin;

CREATE TABLE c_log_level (
    row_id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    id BIGINT NOT NULL,
    sha BINARY(32) NOT NULL,
    archive DATETIME(6) NULL,
    date_created DATETIME(6) NOT NULL,
    date_modified DATETIME(6) NULL,
    name LONGTEXT NOT NULL,
    description LONGTEXT NOT NULL,
    active TINYINT GENERATED ALWAYS AS (CASE WHEN archive IS NULL THEN 1 END) VIRTUAL,
    UNIQUE INDEX c_log_level_sha_active (sha, active),
    UNIQUE INDEX c_log_level_id_active (id, active)
) ENGINE=InnoDB COLLATE utf8mb4_nopad_bin;

CREATE TABLE c_app_type (
    row_id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    id BIGINT NOT NULL,
    sha BINARY(32) NOT NULL,
    archive DATETIME(6) NULL,
    date_created DATETIME(6) NOT NULL,
    date_modified DATETIME(6) NULL,
    name LONGTEXT NOT NULL,
    description LONGTEXT NOT NULL,
    active TINYINT GENERATED ALWAYS AS (CASE WHEN archive IS NULL THEN 1 END) VIRTUAL,
    UNIQUE INDEX c_app_type_sha_active (sha, active),
    UNIQUE INDEX c_app_type_id_active (id, active)
) ENGINE=InnoDB COLLATE utf8mb4_nopad_bin;

CREATE TABLE c_file_retention (
    row_id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    id BIGINT NOT NULL,
    sha BINARY(32) NOT NULL,
    archive DATETIME(6) NULL,
    date_created DATETIME(6) NOT NULL,
    date_modified DATETIME(6) NULL,
    name VARCHAR(255) NOT NULL,
    description LONGTEXT NOT NULL,
    days BIGINT NULL,
    active TINYINT GENERATED ALWAYS AS (CASE WHEN archive IS NULL THEN 1 END) VIRTUAL,
    UNIQUE INDEX c_file_retention_sha_active (sha, active),
    UNIQUE INDEX c_file_retention_id_active (id, active),
    UNIQUE INDEX c_file_retention_name_active (name, active)
) ENGINE=InnoDB COLLATE utf8mb4_nopad_bin;

CREATE TABLE app_groups (
    id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    sha BINARY(32) NOT NULL,
    archive DATETIME(6) NULL,
    date_created DATETIME(6) NOT NULL,
    date_modified DATETIME(6) NULL,
    name VARCHAR(255) NOT NULL,
    active TINYINT GENERATED ALWAYS AS (CASE WHEN archive IS NULL THEN 1 END) VIRTUAL,
    UNIQUE INDEX app_groups_name_active (name, active)
) ENGINE=InnoDB COLLATE utf8mb4_nopad_bin;

CREATE TABLE app_parents (
    id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    sha BINARY(32) NOT NULL,
    archive DATETIME(6) NULL,
    date_created DATETIME(6) NOT NULL,
    date_modified DATETIME(6) NULL,
    app_group_id BIGINT NOT NULL,
    name VARCHAR(255) NOT NULL,
    active TINYINT GENERATED ALWAYS AS (CASE WHEN archive IS NULL THEN 1 END) VIRTUAL,
    UNIQUE INDEX app_parents_name_active (app_group_id, name, active),
    FOREIGN KEY (app_group_id) REFERENCES app_groups (id)
) ENGINE=InnoDB COLLATE utf8mb4_nopad_bin;

CREATE TABLE apps (
    id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    sha BINARY(32) NOT NULL,
    archive DATETIME(6) NULL,
    date_created DATETIME(6) NOT NULL,
    date_modified DATETIME(6) NULL,
    app_parent_id BIGINT NOT NULL,
    name VARCHAR(255) NOT NULL,
    app_type BIGINT NOT NULL,
    definition LONGTEXT NOT NULL,
    schedule LONGTEXT NULL,
    interval_ms BIGINT NULL,
    timezone LONGTEXT NOT NULL,
    status BIGINT NOT NULL DEFAULT 1,
    next_run DATETIME(6) NULL,
    last_run DATETIME(6) NULL,
    task_size BIGINT NULL,
    progress DOUBLE NULL,
    solved BIGINT NOT NULL DEFAULT 0,
    failed BIGINT NOT NULL DEFAULT 0,
    eta DATETIME(6) NULL,
    fatal_flag BIGINT NOT NULL DEFAULT 0,
    fatal_msg LONGTEXT NULL,
    fatal_time DATETIME(6) NULL,
    cmd_name BIGINT NULL,
    cmd_flag BIGINT NOT NULL DEFAULT 0,
    cmd_by LONGTEXT NULL,
    cmd_time DATETIME(6) NULL,
    cmd_exec DATETIME(6) NULL,
    disable BOOLEAN NOT NULL DEFAULT FALSE,
    failures BIGINT NOT NULL DEFAULT 0,
    next_run_wished BOOLEAN NOT NULL DEFAULT FALSE,
    retry_at DATETIME(6) NULL,
    active TINYINT GENERATED ALWAYS AS (CASE WHEN archive IS NULL THEN 1 END) VIRTUAL,
    UNIQUE INDEX apps_name_active (app_parent_id, name, active),
    INDEX apps_next_run (next_run),
    FOREIGN KEY (app_parent_id) REFERENCES app_parents (id)
) ENGINE=InnoDB COLLATE utf8mb4_nopad_bin;

CREATE TABLE app_labels (
    app_id BIGINT NOT NULL,
    label VARCHAR(500) NOT NULL,
    PRIMARY KEY (app_id, label),
    FOREIGN KEY (app_id) REFERENCES apps (id)
) ENGINE=InnoDB COLLATE utf8mb4_nopad_bin;

CREATE TABLE occurrences (
    id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    app_id BIGINT NOT NULL,
    due_at DATETIME(6) NOT NULL,
    state VARCHAR(32) NOT NULL,
    reason LONGTEXT NULL,
    fence BIGINT NOT NULL DEFAULT 0,
    claimed_by LONGTEXT NULL,
    claimed_at DATETIME(6) NULL,
    runtime VARCHAR(255) NULL,
    ended_at DATETIME(6) NULL,
    attempts BIGINT NOT NULL DEFAULT 0,
    not_before DATETIME(6) NULL,
    UNIQUE INDEX occurrences_app (app_id, due_at),
    INDEX occurrences_state (state, due_at),
    INDEX occurrences_runtime (runtime),
    FOREIGN KEY (app_id) REFERENCES apps (id)
) ENGINE=InnoDB COLLATE utf8mb4_nopad_bin;

-- open_place: of an open run, which place of its app it has: one an app; of a pipeline (10: SERVING) one on each machine
CREATE TABLE runtime (
    runtime VARCHAR(255) NOT NULL PRIMARY KEY,
    app_id BIGINT NOT NULL,
    code BIGINT NOT NULL,
    started_at DATETIME(6) NOT NULL,
    ended_at DATETIME(6) NULL,
    exit_code BIGINT NULL,
    `signal` BIGINT NULL,
    reason LONGTEXT NULL,
    exceptions BIGINT NOT NULL DEFAULT 0,
    log_lines BIGINT NOT NULL DEFAULT 0,
    cpu_user_ms BIGINT NOT NULL DEFAULT 0,
    cpu_system_ms BIGINT NOT NULL DEFAULT 0,
    memory_peak_kib BIGINT NOT NULL DEFAULT 0,
    args LONGTEXT NULL,
    started_by LONGTEXT NOT NULL,
    host LONGTEXT NOT NULL,
    boot_id VARCHAR(255) NULL,
    pid BIGINT NULL,
    pid_started BIGINT NULL,
    task_size BIGINT NULL,
    solved BIGINT NOT NULL DEFAULT 0,
    failed BIGINT NOT NULL DEFAULT 0,
    http_requests BIGINT NOT NULL DEFAULT 0,
    http_errors BIGINT NOT NULL DEFAULT 0,
    http_mean_ms DOUBLE NULL,
    http_p95_ms DOUBLE NULL,
    captchas BIGINT NOT NULL DEFAULT 0,
    captcha_cost DOUBLE NOT NULL DEFAULT 0,
    captcha_ms BIGINT NOT NULL DEFAULT 0,
    pid_namespace VARCHAR(255) NULL,
    lease_until DATETIME(6) NULL,
    is_guess BOOLEAN NOT NULL DEFAULT FALSE,
    open_place VARCHAR(511) GENERATED ALWAYS AS (CASE WHEN ended_at IS NOT NULL THEN NULL WHEN code = 10
        THEN CONCAT(COALESCE(boot_id, ''), ' ', COALESCE(pid_namespace, '')) ELSE '' END) VIRTUAL,
    UNIQUE INDEX runtime_open (app_id, open_place),
    INDEX runtime_app (app_id, runtime),
    INDEX runtime_ended (ended_at),
    FOREIGN KEY (app_id) REFERENCES apps (id)
) ENGINE=InnoDB COLLATE utf8mb4_nopad_bin;

CREATE TABLE logs (
    id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    runtime VARCHAR(255) NULL,
    app_id BIGINT NULL,
    time DATETIME(6) NOT NULL,
    level BIGINT NOT NULL,
    source LONGTEXT NOT NULL,
    message LONGTEXT NOT NULL,
    context LONGTEXT NULL,
    INDEX logs_runtime (runtime, level, time, id),
    INDEX logs_app (app_id, level, time, id),
    INDEX logs_level (level, time, id)
) ENGINE=InnoDB COLLATE utf8mb4_nopad_bin;

-- Who is writing into `logs`: a transaction moves the turn of one slot on before it takes numbers, and so holds the slot
-- until what it did is seen. Whoever follows the log sees which slots are held.
CREATE TABLE log_writers (
    slot BIGINT NOT NULL PRIMARY KEY,
    turn BIGINT NOT NULL DEFAULT 0
) ENGINE=InnoDB COLLATE utf8mb4_nopad_bin;

INSERT IGNORE INTO log_writers (slot) VALUES
    (0), (1), (2), (3), (4), (5), (6), (7), (8), (9), (10), (11), (12), (13), (14), (15), (16), (17), (18), (19), (20),
    (21), (22), (23), (24), (25), (26), (27), (28), (29), (30), (31), (32), (33), (34), (35), (36), (37), (38), (39),
    (40), (41), (42), (43), (44), (45), (46), (47), (48), (49), (50), (51), (52), (53), (54), (55), (56), (57), (58),
    (59), (60), (61), (62), (63);

CREATE TABLE log_streams (
    id VARCHAR(255) NOT NULL PRIMARY KEY,
    `stored` BIGINT NOT NULL,
    updated_at DATETIME(6) NOT NULL,
    INDEX log_streams_age (updated_at)
) ENGINE=InnoDB COLLATE utf8mb4_nopad_bin;

CREATE TABLE app_functions (
    id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    sha BINARY(32) NOT NULL,
    archive DATETIME(6) NULL,
    date_created DATETIME(6) NOT NULL,
    date_modified DATETIME(6) NULL,
    app_id BIGINT NOT NULL,
    module LONGTEXT NOT NULL,
    name LONGTEXT NOT NULL,
    active_name BINARY(32) GENERATED ALWAYS AS (CASE WHEN archive IS NULL
        THEN UNHEX(SHA2(CONCAT(SHA2(module, 256), SHA2(name, 256)), 256)) END) VIRTUAL,
    UNIQUE INDEX app_functions_name_active (app_id, active_name),
    FOREIGN KEY (app_id) REFERENCES apps (id)
) ENGINE=InnoDB COLLATE utf8mb4_nopad_bin;

CREATE TABLE function_log (
    id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    runtime VARCHAR(255) NOT NULL,
    app_function_id BIGINT NOT NULL,
    calls BIGINT NOT NULL,
    solved BIGINT NOT NULL DEFAULT 0,
    failed BIGINT NOT NULL DEFAULT 0,
    success BOOLEAN NOT NULL,
    total_ms DOUBLE NOT NULL,
    mean_ms DOUBLE NOT NULL,
    median_ms DOUBLE NOT NULL,
    min_ms DOUBLE NOT NULL,
    max_ms DOUBLE NOT NULL,
    time DATETIME(6) NOT NULL,
    INDEX function_log_runtime (runtime),
    INDEX function_log_function (app_function_id, id),
    FOREIGN KEY (app_function_id) REFERENCES app_functions (id)
) ENGINE=InnoDB COLLATE utf8mb4_nopad_bin;

CREATE TABLE app_db_objects (
    id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    sha BINARY(32) NOT NULL,
    archive DATETIME(6) NULL,
    date_created DATETIME(6) NOT NULL,
    date_modified DATETIME(6) NULL,
    app_id BIGINT NOT NULL,
    `database` LONGTEXT NOT NULL,
    schema_name LONGTEXT NOT NULL,
    name LONGTEXT NOT NULL,
    kind VARCHAR(32) NOT NULL,
    `reads` BOOLEAN NOT NULL,
    writes BOOLEAN NOT NULL,
    last_seen DATETIME(6) NOT NULL,
    last_runtime LONGTEXT NOT NULL,
    rows_new BIGINT NOT NULL DEFAULT 0,
    rows_changed BIGINT NOT NULL DEFAULT 0,
    rows_gone BIGINT NOT NULL DEFAULT 0,
    active_name BINARY(32) GENERATED ALWAYS AS (CASE WHEN archive IS NULL THEN UNHEX(SHA2(
        CONCAT(SHA2(`database`, 256), SHA2(schema_name, 256), SHA2(name, 256), kind), 256)) END) VIRTUAL,
    UNIQUE INDEX app_db_objects_active (app_id, active_name),
    FOREIGN KEY (app_id) REFERENCES apps (id),
    CHECK (kind IN ('table', 'view', 'routine'))
) ENGINE=InnoDB COLLATE utf8mb4_nopad_bin;

CREATE TABLE command_log (
    id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    app_id BIGINT NULL,
    cmd_name BIGINT NOT NULL,
    cmd_flag BIGINT NOT NULL,
    cmd_by LONGTEXT NOT NULL,
    cmd_time DATETIME(6) NOT NULL,
    cmd_exec DATETIME(6) NULL,
    args LONGTEXT NULL,
    result LONGTEXT NULL,
    accepted_by LONGTEXT NULL,
    accepted_at DATETIME(6) NULL,
    INDEX command_log_app (app_id, id),
    INDEX command_log_flag (cmd_flag, id),
    FOREIGN KEY (app_id) REFERENCES apps (id)
) ENGINE=InnoDB COLLATE utf8mb4_nopad_bin;

CREATE TABLE managers (
    id VARCHAR(255) NOT NULL PRIMARY KEY,
    host LONGTEXT NOT NULL,
    boot_id LONGTEXT NOT NULL,
    pid BIGINT NOT NULL,
    pid_started BIGINT NOT NULL,
    version LONGTEXT NOT NULL,
    started_by LONGTEXT NOT NULL,
    started_at DATETIME(6) NOT NULL,
    seen_at DATETIME(6) NOT NULL,
    ended_at DATETIME(6) NULL,
    stop_flag BIGINT NOT NULL DEFAULT 0,
    pid_namespace LONGTEXT NULL,
    lease_until DATETIME(6) NULL,
    labels LONGTEXT NOT NULL DEFAULT (''),
    INDEX managers_seen (ended_at, seen_at)
) ENGINE=InnoDB COLLATE utf8mb4_nopad_bin;

CREATE TABLE incidents (
    id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    started_at DATETIME(6) NOT NULL,
    ended_at DATETIME(6) NULL,
    failed BIGINT NOT NULL,
    total BIGINT NOT NULL,
    is_open TINYINT GENERATED ALWAYS AS (CASE WHEN ended_at IS NULL THEN 1 END) VIRTUAL,
    UNIQUE INDEX incidents_open (is_open)
) ENGINE=InnoDB COLLATE utf8mb4_nopad_bin;

CREATE TABLE outbox (
    id VARCHAR(64) NOT NULL PRIMARY KEY,
    created_at DATETIME(6) NOT NULL,
    severity BIGINT NOT NULL,
    kind VARCHAR(64) NOT NULL,
    app_id BIGINT NULL,
    subject LONGTEXT NOT NULL,
    body LONGTEXT NOT NULL,
    INDEX outbox_app (app_id, id),
    INDEX outbox_created (created_at),
    FOREIGN KEY (app_id) REFERENCES apps (id)
) ENGINE=InnoDB COLLATE utf8mb4_nopad_bin;

CREATE TABLE channels (
    name VARCHAR(500) NOT NULL PRIMARY KEY,
    since DATETIME(6) NOT NULL,
    looked_at DATETIME(6) NOT NULL,
    holder LONGTEXT NULL,
    held_until DATETIME(6) NULL,
    not_before DATETIME(6) NULL,
    failures BIGINT NOT NULL DEFAULT 0,
    reason LONGTEXT NULL,
    sent_at DATETIME(6) NULL,
    broken_since DATETIME(6) NULL,
    refusals BIGINT NOT NULL DEFAULT 0
) ENGINE=InnoDB COLLATE utf8mb4_nopad_bin;

CREATE TABLE deliveries (
    channel VARCHAR(500) NOT NULL,
    message_id VARCHAR(64) NOT NULL,
    state VARCHAR(32) NOT NULL,
    severity BIGINT NOT NULL,
    digest VARCHAR(255) NULL,
    taken_at DATETIME(6) NOT NULL,
    sent_at DATETIME(6) NULL,
    reason LONGTEXT NULL,
    PRIMARY KEY (channel, message_id),
    INDEX deliveries_state (channel, state, message_id),
    INDEX deliveries_digest (digest),
    FOREIGN KEY (channel) REFERENCES channels (name),
    FOREIGN KEY (message_id) REFERENCES outbox (id)
) ENGINE=InnoDB COLLATE utf8mb4_nopad_bin;

CREATE TABLE pauses (
    set_at DATETIME(6) NOT NULL PRIMARY KEY,
    set_by LONGTEXT NOT NULL,
    reason LONGTEXT NULL,
    ended_at DATETIME(6) NULL
) ENGINE=InnoDB COLLATE utf8mb4_nopad_bin;

CREATE TABLE alarms (
    name VARCHAR(700) NOT NULL PRIMARY KEY,
    set_by LONGTEXT NOT NULL,
    set_at DATETIME(6) NOT NULL,
    reason LONGTEXT NULL
) ENGINE=InnoDB COLLATE utf8mb4_nopad_bin;

CREATE TABLE stored_files (
    id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    app_id BIGINT NULL,
    runtime VARCHAR(255) NULL,
    sha256 VARBINARY(32) NOT NULL,
    name LONGTEXT NOT NULL,
    extension LONGTEXT NOT NULL,
    bytes BIGINT NOT NULL,
    store VARCHAR(255) NOT NULL,
    path LONGTEXT NOT NULL,
    retention BIGINT NOT NULL,
    kept_until DATETIME(6) NULL,
    held LONGTEXT NULL,
    held_by LONGTEXT NULL,
    held_at DATETIME(6) NULL,
    created_at DATETIME(6) NOT NULL,
    checked_at DATETIME(6) NULL,
    fault LONGTEXT NULL,
    deleted_at DATETIME(6) NULL,
    INDEX stored_files_sha256 (sha256),
    INDEX stored_files_path (store, path(500)),
    INDEX stored_files_app (app_id, id),
    INDEX stored_files_due (store, deleted_at, kept_until),
    FOREIGN KEY (app_id) REFERENCES apps (id)
) ENGINE=InnoDB COLLATE utf8mb4_nopad_bin;

CREATE TABLE actor_workers (
    id VARCHAR(255) NOT NULL PRIMARY KEY,
    host LONGTEXT NOT NULL,
    boot_id LONGTEXT NOT NULL,
    pid_namespace LONGTEXT NULL,
    pid BIGINT NOT NULL,
    pid_started BIGINT NOT NULL,
    queues LONGTEXT NOT NULL,
    started_at DATETIME(6) NOT NULL,
    lease_until DATETIME(6) NOT NULL,
    ended_at DATETIME(6) NULL
) ENGINE=InnoDB COLLATE utf8mb4_nopad_bin;

CREATE TABLE actor_messages (
    message_id VARCHAR(700) NOT NULL PRIMARY KEY,
    queue LONGTEXT NOT NULL,
    actor LONGTEXT NOT NULL,
    state VARCHAR(32) NOT NULL,
    retries BIGINT NOT NULL,
    starts BIGINT NOT NULL,
    deaths BIGINT NOT NULL,
    worker LONGTEXT NOT NULL,
    follow LONGTEXT NULL,
    reason LONGTEXT NULL,
    updated_at DATETIME(6) NOT NULL,
    INDEX actor_messages_updated (updated_at)
) ENGINE=InnoDB COLLATE utf8mb4_nopad_bin;

CREATE TABLE parked_messages (
    message_id VARCHAR(700) NOT NULL PRIMARY KEY,
    queue LONGTEXT NOT NULL,
    body LONGTEXT NOT NULL,
    due_at DATETIME(6) NOT NULL,
    held_by LONGTEXT NULL,
    held_until DATETIME(6) NULL,
    INDEX parked_messages_due (due_at)
) ENGINE=InnoDB COLLATE utf8mb4_nopad_bin;

CREATE TABLE pipeline_tasks (
    id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    app_id BIGINT NOT NULL,
    sha256 VARBINARY(32) NOT NULL,
    file_id BIGINT NOT NULL,
    name LONGTEXT NOT NULL,
    origin LONGTEXT NULL,
    work_path LONGTEXT NULL,
    host VARCHAR(255) NULL,
    predecessor BIGINT NULL,
    state VARCHAR(32) NOT NULL,
    stage VARCHAR(255) NOT NULL,
    priority BIGINT NOT NULL DEFAULT 0,
    created_at DATETIME(6) NOT NULL,
    changed_at DATETIME(6) NOT NULL,
    ended_at DATETIME(6) NULL,
    not_before DATETIME(6) NULL,
    claimed_by VARCHAR(255) NULL,
    fence BIGINT NOT NULL DEFAULT 0,
    attempts BIGINT NOT NULL DEFAULT 0,
    deaths BIGINT NOT NULL DEFAULT 0,
    error_kind LONGTEXT NULL,
    error LONGTEXT NULL,
    UNIQUE INDEX pipeline_tasks_content (app_id, sha256),
    INDEX pipeline_tasks_waiting (app_id, state, priority DESC, id),
    INDEX pipeline_tasks_claimed (claimed_by),
    INDEX pipeline_tasks_state (app_id, state, stage),
    INDEX pipeline_tasks_name (app_id, name(500)),
    INDEX pipeline_tasks_ended (app_id, host, ended_at),
    INDEX pipeline_tasks_origin (origin(500)),
    INDEX pipeline_tasks_work (work_path(500)),
    FOREIGN KEY (app_id) REFERENCES apps (id),
    FOREIGN KEY (file_id) REFERENCES stored_files (id)
) ENGINE=InnoDB COLLATE utf8mb4_nopad_bin;

CREATE TABLE pipeline_attempts (
    id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    task_id BIGINT NOT NULL,
    stage VARCHAR(255) NOT NULL,
    attempt BIGINT NOT NULL,
    worker LONGTEXT NOT NULL,
    host LONGTEXT NOT NULL,
    runtime LONGTEXT NULL,
    started_at DATETIME(6) NOT NULL,
    ended_at DATETIME(6) NOT NULL,
    cpu_ms BIGINT NULL,
    memory_peak_kib BIGINT NULL,
    exit_code BIGINT NULL,
    `signal` BIGINT NULL,
    outcome VARCHAR(64) NOT NULL,
    error LONGTEXT NULL,
    input_sha256 VARBINARY(32) NULL,
    output_sha256 VARBINARY(32) NULL,
    output LONGTEXT NULL,
    output_file BIGINT NULL,
    INDEX pipeline_attempts_task (task_id, id),
    FOREIGN KEY (task_id) REFERENCES pipeline_tasks (id),
    FOREIGN KEY (output_file) REFERENCES stored_files (id)
) ENGINE=InnoDB COLLATE utf8mb4_nopad_bin;

CREATE TABLE pipeline_duplicates (
    id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    task_id BIGINT NOT NULL,
    name LONGTEXT NOT NULL,
    origin LONGTEXT NULL,
    seen_at DATETIME(6) NOT NULL,
    INDEX pipeline_duplicates_task (task_id, id),
    INDEX pipeline_duplicates_origin (origin(500)),
    FOREIGN KEY (task_id) REFERENCES pipeline_tasks (id)
) ENGINE=InnoDB COLLATE utf8mb4_nopad_bin;

CREATE TABLE pipeline_counts (
    app_id BIGINT NOT NULL PRIMARY KEY,
    found BIGINT NOT NULL DEFAULT 0,
    FOREIGN KEY (app_id) REFERENCES apps (id)
) ENGINE=InnoDB COLLATE utf8mb4_nopad_bin;

CREATE TABLE pipeline_blocks (
    app_id BIGINT NOT NULL,
    stage VARCHAR(255) NOT NULL,
    since DATETIME(6) NOT NULL,
    reason LONGTEXT NOT NULL,
    probes BIGINT NOT NULL DEFAULT 0,
    probe_at DATETIME(6) NOT NULL,
    PRIMARY KEY (app_id, stage),
    FOREIGN KEY (app_id) REFERENCES apps (id)
) ENGINE=InnoDB COLLATE utf8mb4_nopad_bin;

CREATE TABLE pipeline_workers (
    id VARCHAR(255) NOT NULL PRIMARY KEY,
    app_id BIGINT NOT NULL,
    runtime LONGTEXT NULL,
    host LONGTEXT NOT NULL,
    boot_id LONGTEXT NOT NULL,
    pid_namespace LONGTEXT NULL,
    pid BIGINT NOT NULL,
    pid_started BIGINT NOT NULL,
    started_at DATETIME(6) NOT NULL,
    lease_until DATETIME(6) NOT NULL,
    FOREIGN KEY (app_id) REFERENCES apps (id)
) ENGINE=InnoDB COLLATE utf8mb4_nopad_bin;

CREATE TABLE pipeline_folders (
    row_id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    app_id BIGINT NOT NULL,
    host VARCHAR(255) NOT NULL,
    folder LONGTEXT NOT NULL,
    looked_at DATETIME(6) NOT NULL,
    way LONGTEXT NOT NULL,
    waiting_count BIGINT NOT NULL,
    waiting LONGTEXT NOT NULL,
    ignored BIGINT NOT NULL,
    error LONGTEXT NULL,
    folder_key BINARY(32) GENERATED ALWAYS AS (UNHEX(SHA2(folder, 256))) VIRTUAL,
    UNIQUE INDEX pipeline_folders_key (app_id, host, folder_key),
    FOREIGN KEY (app_id) REFERENCES apps (id)
) ENGINE=InnoDB COLLATE utf8mb4_nopad_bin;

CREATE TABLE pipeline_calls (
    task_id BIGINT NOT NULL PRIMARY KEY,
    app_id BIGINT NOT NULL,
    stage LONGTEXT NOT NULL,
    attempt BIGINT NOT NULL,
    fence BIGINT NOT NULL,
    message_id LONGTEXT NOT NULL,
    actor LONGTEXT NOT NULL,
    queue LONGTEXT NOT NULL,
    worker VARCHAR(255) NOT NULL,
    host LONGTEXT NOT NULL,
    runtime LONGTEXT NULL,
    sender VARCHAR(255) NULL,
    asked_at DATETIME(6) NOT NULL,
    answer_until DATETIME(6) NOT NULL,
    input_sha256 VARBINARY(32) NULL,
    INDEX pipeline_calls_app (app_id),
    FOREIGN KEY (task_id) REFERENCES pipeline_tasks (id),
    FOREIGN KEY (app_id) REFERENCES apps (id)
) ENGINE=InnoDB COLLATE utf8mb4_nopad_bin;

CREATE TABLE publications (
    id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    app_id BIGINT NOT NULL,
    sha256 VARBINARY(32) NOT NULL,
    definition LONGTEXT NOT NULL,
    files BIGINT NOT NULL,
    bytes BIGINT NOT NULL,
    published_at DATETIME(6) NOT NULL,
    published_by LONGTEXT NOT NULL,
    host LONGTEXT NOT NULL,
    replaced_at DATETIME(6) NULL,
    is_current TINYINT GENERATED ALWAYS AS (CASE WHEN replaced_at IS NULL THEN 1 END) VIRTUAL,
    UNIQUE INDEX publications_current (app_id, is_current),
    FOREIGN KEY (app_id) REFERENCES apps (id)
) ENGINE=InnoDB COLLATE utf8mb4_nopad_bin;

CREATE TABLE publication_files (
    row_id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    publication_id BIGINT NOT NULL,
    path LONGTEXT NOT NULL,
    file_id BIGINT NOT NULL,
    executable BOOLEAN NOT NULL,
    path_key BINARY(32) GENERATED ALWAYS AS (UNHEX(SHA2(path, 256))) VIRTUAL,
    UNIQUE INDEX publication_files_key (publication_id, path_key),
    INDEX publication_files_file (file_id),
    FOREIGN KEY (publication_id) REFERENCES publications (id),
    FOREIGN KEY (file_id) REFERENCES stored_files (id)
) ENGINE=InnoDB COLLATE utf8mb4_nopad_bin;

CREATE TABLE publication_fetches (
    app_id BIGINT NOT NULL,
    host VARCHAR(255) NOT NULL,
    publication_id BIGINT NOT NULL,
    fetched_at DATETIME(6) NOT NULL,
    error LONGTEXT NULL,
    PRIMARY KEY (app_id, host),
    FOREIGN KEY (app_id) REFERENCES apps (id),
    FOREIGN KEY (publication_id) REFERENCES publications (id)
) ENGINE=InnoDB COLLATE utf8mb4_nopad_bin;

-- A table to try things on
CREATE TABLE example_table (
    id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    sha BINARY(32) NOT NULL,
    archive DATETIME(6) NULL,
    date_created DATETIME(6) NOT NULL,
    date_modified DATETIME(6) NULL,
    name LONGTEXT NOT NULL,
    value DOUBLE NULL,
    note LONGTEXT NULL,
    active TINYINT GENERATED ALWAYS AS (CASE WHEN archive IS NULL THEN 1 END) VIRTUAL,
    UNIQUE INDEX example_table_sha_active (sha, active)
) ENGINE=InnoDB COLLATE utf8mb4_nopad_bin;
