ALTER TABLE access_tokens
    DROP COLUMN backend,
    DROP COLUMN actor,
    DROP COLUMN absolute_expires_at,
    DROP COLUMN access_generation,
    DROP COLUMN access_rotated_at,
    DROP COLUMN refresh_generation,
    DROP COLUMN refresh_rotated_at,
    COMMENT = 'portcullis 20260801000002';
