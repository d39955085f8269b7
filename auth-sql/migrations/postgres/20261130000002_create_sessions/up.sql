-- The digest is SHA-256 of the session's id and the name of its kind. The user's id is a text, so that the table serves ids of
-- every type. The data is JSON, and no `jsonb`, which would change its text.
CREATE TABLE sessions (
    digest bytea NOT NULL PRIMARY KEY CHECK (octet_length(digest) = 32),
    user_id text COLLATE "C",
    epoch bigint,
    data text NOT NULL,
    revision bigint NOT NULL,
    created_at timestamptz NOT NULL,
    last_used_at timestamptz NOT NULL,
    expires_at timestamptz,
    absolute_expires_at timestamptz,
    CHECK ((user_id IS NULL) = (epoch IS NULL))
);

CREATE INDEX sessions_user_id ON sessions (user_id) WHERE user_id IS NOT NULL;
CREATE INDEX sessions_expires_at ON sessions (expires_at) WHERE expires_at IS NOT NULL;
