ALTER TABLE access_tokens DROP COLUMN backend;
ALTER TABLE access_tokens DROP COLUMN actor;
ALTER TABLE access_tokens DROP COLUMN absolute_expires_at;
ALTER TABLE access_tokens DROP COLUMN access_generation;
ALTER TABLE access_tokens DROP COLUMN access_rotated_at;
ALTER TABLE access_tokens DROP COLUMN refresh_generation;
ALTER TABLE access_tokens DROP COLUMN refresh_rotated_at;
