DROP TABLE parked_messages;
DROP TABLE actor_messages;
DROP TABLE actor_workers;
