-- Instants are of whole milliseconds. The normalised e-mail was folded before and is compared byte for byte.
CREATE TABLE users (
    id uuid NOT NULL PRIMARY KEY,
    email text NOT NULL,
    normalized_email text COLLATE "C" NOT NULL UNIQUE,
    password_hash text,
    is_active boolean NOT NULL,
    is_superuser boolean NOT NULL,
    is_verified boolean NOT NULL,
    security_epoch bigint NOT NULL,
    revision bigint NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL
);
