-- Ids are the 16 bytes of a UUID, instants are of UTC. The normalised e-mail was folded before and is compared byte for
-- byte, trailing spaces included, which no collation does that both MySQL and MariaDB have.
CREATE TABLE users (
    id binary(16) NOT NULL PRIMARY KEY,
    email varchar(254) NOT NULL,
    normalized_email varbinary(254) NOT NULL,
    password_hash text,
    is_active boolean NOT NULL,
    is_superuser boolean NOT NULL,
    is_verified boolean NOT NULL,
    security_epoch bigint NOT NULL,
    revision bigint NOT NULL,
    created_at datetime(3) NOT NULL,
    updated_at datetime(3) NOT NULL,
    UNIQUE KEY users_normalized_email (normalized_email)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin COMMENT = 'portcullis 20260801000001';
