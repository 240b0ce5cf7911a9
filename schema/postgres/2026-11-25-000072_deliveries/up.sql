-- The channels by which people are told. A manager holds one while it delivers there; nothing is sent before not_before
CREATE TABLE channels (
    name TEXT NOT NULL PRIMARY KEY,
    since TIMESTAMP NOT NULL,
    looked_at TIMESTAMP NOT NULL,
    holder TEXT NULL,
    held_until TIMESTAMP NULL,
    not_before TIMESTAMP NULL,
    failures BIGINT NOT NULL DEFAULT 0,
    reason TEXT NULL,
    sent_at TIMESTAMP NULL
);

-- How far a message is on a channel. state: waiting, sealed (in a digest that is being sent), sent, refused
CREATE TABLE deliveries (
    channel TEXT NOT NULL REFERENCES channels (name),
    message_id TEXT NOT NULL REFERENCES outbox (id),
    state TEXT NOT NULL,
    severity BIGINT NOT NULL,
    digest TEXT NULL,
    taken_at TIMESTAMP NOT NULL,
    sent_at TIMESTAMP NULL,
    reason TEXT NULL,
    PRIMARY KEY (channel, message_id)
);
CREATE INDEX deliveries_state ON deliveries (channel, state, message_id);
CREATE INDEX deliveries_digest ON deliveries (digest);
CREATE INDEX outbox_created ON outbox (created_at);
