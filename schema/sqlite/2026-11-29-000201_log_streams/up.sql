-- How far the log records of each process are stored. It is written with the records, so that a batch that is sent again (the
-- answer to its commit was lost, its process was killed) is known and not stored twice.
CREATE TABLE log_streams (
    id TEXT NOT NULL PRIMARY KEY,
    stored BIGINT NOT NULL,
    updated_at TIMESTAMP NOT NULL
);
CREATE INDEX log_streams_age ON log_streams (updated_at);
