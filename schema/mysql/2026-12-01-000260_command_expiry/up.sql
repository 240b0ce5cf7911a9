-- Until when a manager may take the command; for ever where it is null
ALTER TABLE command_log ADD COLUMN expires_at DATETIME(6) NULL;
