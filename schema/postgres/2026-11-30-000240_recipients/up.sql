-- A channel with recipients has a row for each, named `channel/recipient`. Since broken_since it takes nothing until somebody
-- mends it; refusals counts the messages in a row that it took never
ALTER TABLE channels ADD COLUMN broken_since TIMESTAMP NULL;
ALTER TABLE channels ADD COLUMN refusals BIGINT NOT NULL DEFAULT 0;
