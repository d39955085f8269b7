-- A row is one log-in. Rows from before this step name no backend and end when they would have ended.
ALTER TABLE access_tokens
    ADD COLUMN backend text NOT NULL DEFAULT '',
    ADD COLUMN actor text,
    ADD COLUMN absolute_expires_at timestamptz,
    ADD COLUMN access_generation bigint NOT NULL DEFAULT 0,
    ADD COLUMN access_rotated_at timestamptz,
    ADD COLUMN refresh_generation bigint NOT NULL DEFAULT 0,
    ADD COLUMN refresh_rotated_at timestamptz;

UPDATE access_tokens SET absolute_expires_at = expires_at WHERE expires_at IS NOT NULL;
