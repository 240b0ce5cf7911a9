-- Who executes messages of Dramatiq queues: it is judged by its process where that can be seen, else by its lease.
CREATE TABLE actor_workers (
    id TEXT NOT NULL PRIMARY KEY,
    host TEXT NOT NULL,
    boot_id TEXT NOT NULL,
    pid_namespace TEXT NULL,
    pid BIGINT NOT NULL,
    pid_started BIGINT NOT NULL,
    queues TEXT NOT NULL,
    started_at TIMESTAMP NOT NULL,
    lease_until TIMESTAMP NOT NULL,
    ended_at TIMESTAMP NULL
);

-- How far a message is: counted before it is executed, so that one that kills its worker does not live for ever, and an
-- effect that was made is not made again. state: running, back (to be executed again), done, retried, failed.
-- retries: of the message that was executed last. follow: messages that are to be sent before it is settled.
CREATE TABLE actor_messages (
    message_id TEXT NOT NULL PRIMARY KEY,
    queue TEXT NOT NULL,
    actor TEXT NOT NULL,
    state TEXT NOT NULL,
    retries BIGINT NOT NULL,
    starts BIGINT NOT NULL,
    deaths BIGINT NOT NULL,
    worker TEXT NOT NULL,
    follow TEXT NULL,
    reason TEXT NULL,
    updated_at TIMESTAMP NOT NULL
);
CREATE INDEX actor_messages_updated ON actor_messages (updated_at);

-- Messages that wait for longer than a broker lets a consumer hold them.
CREATE TABLE parked_messages (
    message_id TEXT NOT NULL PRIMARY KEY,
    queue TEXT NOT NULL,
    body TEXT NOT NULL,
    due_at TIMESTAMP NOT NULL,
    held_by TEXT NULL,
    held_until TIMESTAMP NULL
);
CREATE INDEX parked_messages_due ON parked_messages (due_at);
