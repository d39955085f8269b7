-- The digest is SHA-256 of the session's id and the name of its kind. The user's id is a text of up to 255 characters that is
-- compared byte for byte, so that the table serves ids of every type. The data is JSON.
CREATE TABLE sessions (
    digest binary(32) NOT NULL PRIMARY KEY,
    user_id varbinary(1020),
    epoch bigint,
    data text NOT NULL,
    revision bigint NOT NULL,
    created_at datetime(3) NOT NULL,
    last_used_at datetime(3) NOT NULL,
    expires_at datetime(3),
    absolute_expires_at datetime(3),
    KEY sessions_user_id (user_id),
    KEY sessions_expires_at (expires_at),
    CHECK ((user_id IS NULL) = (epoch IS NULL))
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin COMMENT = 'portcullis 20261130000002';
