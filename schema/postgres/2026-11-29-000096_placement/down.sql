ALTER TABLE app_db_objects DROP COLUMN rows_gone;
ALTER TABLE app_db_objects DROP COLUMN rows_changed;
ALTER TABLE app_db_objects DROP COLUMN rows_new;
CREATE TABLE switches (
    name TEXT NOT NULL PRIMARY KEY,
    set_by TEXT NOT NULL,
    set_at TIMESTAMP NOT NULL,
    reason TEXT NULL
);
INSERT INTO switches (name, set_by, set_at, reason)
SELECT 'paused', set_by, set_at, reason FROM pauses WHERE ended_at IS NULL;
DROP TABLE alarms;
DROP TABLE pauses;
ALTER TABLE managers DROP COLUMN labels;
DROP TABLE app_labels;
