-- AUTOINCREMENT: the number of a member who left is never given again.
CREATE TABLE members (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    email TEXT NOT NULL,
    normalized_email TEXT NOT NULL UNIQUE,
    password_hash TEXT,
    is_active INTEGER NOT NULL,
    is_superuser INTEGER NOT NULL,
    is_verified INTEGER NOT NULL,
    roles TEXT NOT NULL DEFAULT '',
    security_epoch INTEGER NOT NULL,
    revision INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    -- What a column does not take is the client's mistake, and a 422 that names the field.
    first_name TEXT NOT NULL CHECK (length(first_name) BETWEEN 1 AND 100),
    birthdate TEXT
) STRICT;

CREATE INDEX members_birthdate ON members (birthdate);

CREATE TABLE member_tokens (
    id BLOB NOT NULL PRIMARY KEY,
    digest BLOB NOT NULL UNIQUE,
    backend TEXT NOT NULL,
    user_id INTEGER NOT NULL REFERENCES members (id) ON DELETE CASCADE,
    epoch INTEGER NOT NULL,
    actor TEXT,
    created_at INTEGER NOT NULL,
    expires_at INTEGER,
    absolute_expires_at INTEGER,
    last_used_at INTEGER NOT NULL,
    access_generation INTEGER NOT NULL,
    access_rotated_at INTEGER,
    refresh_generation INTEGER NOT NULL,
    refresh_rotated_at INTEGER,
    user_agent TEXT,
    address TEXT,
    label TEXT
) STRICT;

CREATE INDEX member_tokens_user_id ON member_tokens (user_id, created_at);
CREATE INDEX member_tokens_expires_at ON member_tokens (expires_at);
