-- The digest is SHA-256 of the token; the id is for lists of sessions and opens nothing.
CREATE TABLE access_tokens (
    id uuid NOT NULL PRIMARY KEY,
    digest bytea NOT NULL UNIQUE CHECK (octet_length(digest) = 32),
    user_id uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    epoch bigint NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz,
    last_used_at timestamptz NOT NULL,
    user_agent text,
    address text,
    label text
);

CREATE INDEX access_tokens_user_id ON access_tokens (user_id, created_at);
CREATE INDEX access_tokens_expires_at ON access_tokens (expires_at) WHERE expires_at IS NOT NULL;
