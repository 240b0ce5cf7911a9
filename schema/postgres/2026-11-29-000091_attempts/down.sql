DROP TABLE switches;
ALTER TABLE occurrences DROP COLUMN not_before;
ALTER TABLE occurrences DROP COLUMN attempts;
