DROP INDEX runtime_open;
CREATE UNIQUE INDEX runtime_open ON runtime (app_id) WHERE ended_at IS NULL;
DROP TABLE pipeline_folders;
DROP TABLE pipeline_workers;
DROP TABLE pipeline_blocks;
DROP TABLE pipeline_counts;
DROP TABLE pipeline_duplicates;
DROP TABLE pipeline_attempts;
DROP TABLE pipeline_tasks;
