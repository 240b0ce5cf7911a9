DROP INDEX outbox_created;
DROP TABLE deliveries;
DROP TABLE channels;
