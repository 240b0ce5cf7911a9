-- The folder of an app as it was deployed, so that a machine without it can fetch it from storage. One row of an app has no
-- replaced_at: that one counts. sha256: of all its files, by path and content; definition: that of the app at that time;
-- replaced_at: when another one came, or it was taken back.
CREATE TABLE publications (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    app_id BIGINT NOT NULL REFERENCES apps (id),
    sha256 BLOB NOT NULL,
    definition TEXT NOT NULL,
    files BIGINT NOT NULL,
    bytes BIGINT NOT NULL,
    published_at TIMESTAMP NOT NULL,
    published_by TEXT NOT NULL,
    host TEXT NOT NULL,
    replaced_at TIMESTAMP NULL
);
CREATE UNIQUE INDEX publications_current ON publications (app_id) WHERE replaced_at IS NULL;

-- Its files. path: in the folder, as names of stored files are written.
CREATE TABLE publication_files (
    publication_id BIGINT NOT NULL REFERENCES publications (id),
    path TEXT NOT NULL,
    file_id BIGINT NOT NULL REFERENCES stored_files (id),
    executable BOOLEAN NOT NULL,
    PRIMARY KEY (publication_id, path)
);
CREATE INDEX publication_files_file ON publication_files (file_id);

-- What each machine has fetched of an app last, or why it could not.
CREATE TABLE publication_fetches (
    app_id BIGINT NOT NULL REFERENCES apps (id),
    host TEXT NOT NULL,
    publication_id BIGINT NOT NULL REFERENCES publications (id),
    fetched_at TIMESTAMP NOT NULL,
    error TEXT NULL,
    PRIMARY KEY (app_id, host)
);
