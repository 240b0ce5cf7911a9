-- how long a stored file is kept: numbers from 100 on are the users' own; days: null for ever
CREATE TABLE c_file_retention (
    id BIGINT NOT NULL,
    sha BLOB NOT NULL,
    archive TIMESTAMP NULL,
    date_created TIMESTAMP NOT NULL,
    date_modified TIMESTAMP NULL,
    name TEXT NOT NULL,
    description TEXT NOT NULL,
    days BIGINT NULL
);
CREATE UNIQUE INDEX c_file_retention_sha_active ON c_file_retention (sha) WHERE archive IS NULL;
CREATE UNIQUE INDEX c_file_retention_id_active ON c_file_retention (id) WHERE archive IS NULL;
CREATE UNIQUE INDEX c_file_retention_name_active ON c_file_retention (name) WHERE archive IS NULL;

-- Files that are kept. One row a name; the rows of one app with the same sha256 share a file, which stands at `path` in
-- `store`. A row outlives its file (deleted_at), and no file ever gets a path again that a deleted row holds.
-- sha256: of the bytes; kept_until: null for ever; held: why it must stay, whatever kept_until says;
-- checked_at: when all of it was read back; fault: what was wrong with it then.
CREATE TABLE stored_files (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    app_id BIGINT NULL REFERENCES apps (id),
    runtime TEXT NULL,
    sha256 BLOB NOT NULL,
    name TEXT NOT NULL,
    extension TEXT NOT NULL,
    bytes BIGINT NOT NULL,
    store TEXT NOT NULL,
    path TEXT NOT NULL,
    retention BIGINT NOT NULL,
    kept_until TIMESTAMP NULL,
    held TEXT NULL,
    held_by TEXT NULL,
    held_at TIMESTAMP NULL,
    created_at TIMESTAMP NOT NULL,
    checked_at TIMESTAMP NULL,
    fault TEXT NULL,
    deleted_at TIMESTAMP NULL
);
CREATE INDEX stored_files_sha256 ON stored_files (sha256);
CREATE INDEX stored_files_path ON stored_files (store, path);
CREATE INDEX stored_files_app ON stored_files (app_id, id);
CREATE INDEX stored_files_due ON stored_files (store, kept_until) WHERE deleted_at IS NULL;
