-- Documents that are with an actor of Dramatiq: a row from before the message is sent until its answer is written down, or
-- answer_until is over. The task is running, and no worker has it: whichever worker hears the answer writes it down.
-- attempt, fence, message_id: of which call an answer is. worker, host, runtime: who asked; sender: the worker that has not
-- sent the message yet, or does not know that the broker has it.
CREATE TABLE pipeline_calls (
    task_id BIGINT NOT NULL PRIMARY KEY REFERENCES pipeline_tasks (id),
    app_id BIGINT NOT NULL REFERENCES apps (id),
    stage TEXT NOT NULL,
    attempt BIGINT NOT NULL,
    fence BIGINT NOT NULL,
    message_id TEXT NOT NULL,
    actor TEXT NOT NULL,
    queue TEXT NOT NULL,
    worker TEXT NOT NULL,
    host TEXT NOT NULL,
    runtime TEXT NULL,
    sender TEXT NULL,
    asked_at TIMESTAMP NOT NULL,
    answer_until TIMESTAMP NOT NULL,
    input_sha256 BYTEA NULL
);
CREATE INDEX pipeline_calls_app ON pipeline_calls (app_id);
