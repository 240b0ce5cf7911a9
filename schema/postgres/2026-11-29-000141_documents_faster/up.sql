-- Whose files may go: those of documents that have come to their end, found without looking at all that wait.
CREATE INDEX pipeline_tasks_ended ON pipeline_tasks (app_id, host) WHERE work_path IS NOT NULL AND ended_at IS NOT NULL;

-- Whether a file that stays where it is was found before (`copy = true`).
CREATE INDEX pipeline_tasks_origin ON pipeline_tasks (app_id, origin);
CREATE INDEX pipeline_duplicates_origin ON pipeline_duplicates (origin);
