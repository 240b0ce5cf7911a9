DROP INDEX logs_runtime;
DROP INDEX logs_app;
DROP INDEX logs_level;
CREATE INDEX logs_runtime ON logs (runtime, id);
CREATE INDEX logs_app ON logs (app_id, id);
CREATE INDEX logs_level ON logs (level, id);
