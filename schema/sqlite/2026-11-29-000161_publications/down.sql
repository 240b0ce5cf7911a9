DROP TABLE publication_fetches;
DROP TABLE publication_files;
DROP TABLE publications;
