-- The digest is SHA-256 of the token; the id is for lists of sessions and opens nothing.
CREATE TABLE access_tokens (
    id binary(16) NOT NULL PRIMARY KEY,
    digest binary(32) NOT NULL,
    user_id binary(16) NOT NULL,
    epoch bigint NOT NULL,
    created_at datetime(3) NOT NULL,
    expires_at datetime(3),
    last_used_at datetime(3) NOT NULL,
    user_agent text,
    address text,
    label text,
    UNIQUE KEY access_tokens_digest (digest),
    KEY access_tokens_user_id (user_id, created_at),
    KEY access_tokens_expires_at (expires_at),
    FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin COMMENT = 'portcullis 20260801000002';
