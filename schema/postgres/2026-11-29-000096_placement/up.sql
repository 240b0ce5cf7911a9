-- Where an app may work, by app.toml's `on`: on machines with one of these labels; on all where it has none.
CREATE TABLE app_labels (
    app_id BIGINT NOT NULL REFERENCES apps (id),
    label TEXT NOT NULL,
    PRIMARY KEY (app_id, label)
);
-- labels: those of the manager's machine, parted by spaces.
ALTER TABLE managers ADD COLUMN labels TEXT NOT NULL DEFAULT '';

-- When everything was paused. The row without an end says that no manager starts anything now.
CREATE TABLE pauses (
    set_at TIMESTAMP NOT NULL PRIMARY KEY,
    set_by TEXT NOT NULL,
    reason TEXT NULL,
    ended_at TIMESTAMP NULL
);
INSERT INTO pauses (set_at, set_by, reason) SELECT set_at, set_by, reason FROM switches WHERE name = 'paused';
DROP TABLE switches;

-- What lasts, and what people were told of once.
CREATE TABLE alarms (
    name TEXT NOT NULL PRIMARY KEY,
    set_by TEXT NOT NULL,
    set_at TIMESTAMP NOT NULL,
    reason TEXT NULL
);

-- How many rows the merges of an app have inserted, replaced and taken out, from the beginning.
ALTER TABLE app_db_objects ADD COLUMN rows_new BIGINT NOT NULL DEFAULT 0;
ALTER TABLE app_db_objects ADD COLUMN rows_changed BIGINT NOT NULL DEFAULT 0;
ALTER TABLE app_db_objects ADD COLUMN rows_gone BIGINT NOT NULL DEFAULT 0;
