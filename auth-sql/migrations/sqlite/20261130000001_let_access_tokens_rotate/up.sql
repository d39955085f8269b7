-- A row is one log-in. Rows from before this step name no backend and end when they would have ended.
ALTER TABLE access_tokens ADD COLUMN backend TEXT NOT NULL DEFAULT '';
ALTER TABLE access_tokens ADD COLUMN actor TEXT;
ALTER TABLE access_tokens ADD COLUMN absolute_expires_at INTEGER;
ALTER TABLE access_tokens ADD COLUMN access_generation INTEGER NOT NULL DEFAULT 0;
ALTER TABLE access_tokens ADD COLUMN access_rotated_at INTEGER;
ALTER TABLE access_tokens ADD COLUMN refresh_generation INTEGER NOT NULL DEFAULT 0;
ALTER TABLE access_tokens ADD COLUMN refresh_rotated_at INTEGER;

UPDATE access_tokens SET absolute_expires_at = expires_at WHERE expires_at IS NOT NULL;
