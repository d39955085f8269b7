-- The digest is SHA-256 of the token; the id is for lists of sessions and opens nothing.
CREATE TABLE access_tokens (
    id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    digest BLOB NOT NULL UNIQUE CHECK (length(digest) = 32),
    user_id BLOB NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    epoch INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER,
    last_used_at INTEGER NOT NULL,
    user_agent TEXT,
    address TEXT,
    label TEXT
) STRICT;

CREATE INDEX access_tokens_user_id ON access_tokens (user_id, created_at);
CREATE INDEX access_tokens_expires_at ON access_tokens (expires_at) WHERE expires_at IS NOT NULL;
