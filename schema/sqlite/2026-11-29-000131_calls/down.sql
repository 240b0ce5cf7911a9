DROP TABLE pipeline_calls;
