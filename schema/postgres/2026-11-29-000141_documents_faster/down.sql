DROP INDEX pipeline_duplicates_origin;
DROP INDEX pipeline_tasks_origin;
DROP INDEX pipeline_tasks_ended;
DROP INDEX pipeline_tasks_work;
CREATE INDEX pipeline_tasks_work ON pipeline_tasks (app_id, work_path) WHERE work_path IS NOT NULL;
