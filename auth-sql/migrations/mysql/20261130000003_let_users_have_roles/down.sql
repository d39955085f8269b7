ALTER TABLE users
    DROP COLUMN roles,
    COMMENT = 'portcullis 20260801000001';
