-- A row is one log-in. Rows from before this step name no backend and end when they would have ended: COPY evaluates the
-- default of absolute_expires_at for each of them, so that one statement does it all. Names of backends are compared byte for
-- byte.
ALTER TABLE access_tokens
    ADD COLUMN backend varbinary(255) NOT NULL DEFAULT '',
    ADD COLUMN actor text,
    ADD COLUMN absolute_expires_at datetime(3) DEFAULT (expires_at),
    ADD COLUMN access_generation bigint NOT NULL DEFAULT 0,
    ADD COLUMN access_rotated_at datetime(3),
    ADD COLUMN refresh_generation bigint NOT NULL DEFAULT 0,
    ADD COLUMN refresh_rotated_at datetime(3),
    COMMENT = 'portcullis 20260801000002 20261130000001',
    ALGORITHM = COPY;
