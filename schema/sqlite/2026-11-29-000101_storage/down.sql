DROP TABLE stored_files;
DROP TABLE c_file_retention;
