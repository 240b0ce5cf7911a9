-- Log records are read by time, newest first: of everything, of an app, of a run, each from a level upwards.
-- With the level inside the index a page of errors is as near as a page of everything, in ten million rows too.
DROP INDEX logs_runtime;
DROP INDEX logs_app;
DROP INDEX logs_level;
CREATE INDEX logs_runtime ON logs (runtime, level, time);
CREATE INDEX logs_app ON logs (app_id, level, time);
CREATE INDEX logs_level ON logs (level, time);
