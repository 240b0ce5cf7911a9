ALTER TABLE command_log DROP COLUMN expires_at;
