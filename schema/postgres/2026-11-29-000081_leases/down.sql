ALTER TABLE managers DROP COLUMN lease_until;
ALTER TABLE managers DROP COLUMN pid_namespace;
ALTER TABLE runtime DROP COLUMN is_guess;
ALTER TABLE runtime DROP COLUMN lease_until;
ALTER TABLE runtime DROP COLUMN pid_namespace;
