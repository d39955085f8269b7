-- The names of roles, with a comma between two: 64 of 64 characters have room. Users from before this step have none.
ALTER TABLE users
    ADD COLUMN roles varchar(4160) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT '',
    COMMENT = 'portcullis 20260801000001 20261130000003';
