DROP INDEX pipeline_duplicates_origin;
DROP INDEX pipeline_tasks_origin;
DROP INDEX pipeline_tasks_ended;
