-- Whose files may go: those of documents that have come to their end, found without looking at all that wait.
CREATE INDEX pipeline_tasks_ended ON pipeline_tasks (app_id, host) WHERE work_path IS NOT NULL AND ended_at IS NOT NULL;

-- Whether a file that stays where it is was found before (`copy = true`). A path may be longer than a key of a tree.
CREATE INDEX pipeline_tasks_origin ON pipeline_tasks USING hash (origin);
CREATE INDEX pipeline_duplicates_origin ON pipeline_duplicates USING hash (origin);
DROP INDEX pipeline_tasks_work;
CREATE INDEX pipeline_tasks_work ON pipeline_tasks USING hash (work_path) WHERE work_path IS NOT NULL;
