-- The digest is SHA-256 of the session's id and the name of its kind. The user's id is a text, so that the table serves ids of
-- every type. The data is JSON.
CREATE TABLE sessions (
    digest BLOB NOT NULL PRIMARY KEY CHECK (length(digest) = 32),
    user_id TEXT,
    epoch INTEGER,
    data TEXT NOT NULL,
    revision INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    last_used_at INTEGER NOT NULL,
    expires_at INTEGER,
    absolute_expires_at INTEGER,
    CHECK ((user_id IS NULL) = (epoch IS NULL))
) STRICT;

CREATE INDEX sessions_user_id ON sessions (user_id) WHERE user_id IS NOT NULL;
CREATE INDEX sessions_expires_at ON sessions (expires_at) WHERE expires_at IS NOT NULL;
