-- lease_until: until then, by the database's clock, the owner is believed to live. A row of an older dc has none: it never
-- ends by itself, and is judged by its host, boot and process as before.
-- pid_namespace: the namespaces in which pid and pid_started mean something.
-- is_guess: nobody saw the run end; its true end replaces this one when it comes.
ALTER TABLE runtime ADD COLUMN pid_namespace TEXT NULL;
ALTER TABLE runtime ADD COLUMN lease_until TIMESTAMP NULL;
ALTER TABLE runtime ADD COLUMN is_guess BOOLEAN NOT NULL DEFAULT FALSE;
-- 8: ORPHAN_PID, which always was a guess
UPDATE runtime SET is_guess = TRUE WHERE code = 8;

ALTER TABLE managers ADD COLUMN pid_namespace TEXT NULL;
ALTER TABLE managers ADD COLUMN lease_until TIMESTAMP NULL;
