ALTER TABLE channels DROP COLUMN refusals;
ALTER TABLE channels DROP COLUMN broken_since;
