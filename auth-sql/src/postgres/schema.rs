//! The default tables, for an application's own queries.

diesel::table! {
    /// The users of [`PostgresUserStore`](super::PostgresUserStore).
    users (id) {
        /// The user's UUID.
        id -> Uuid,
        /// The e-mail as typed, its domain in lower case.
        email -> Text,
        /// The e-mail as compared.
        normalized_email -> Text,
        /// The password's hash.
        password_hash -> Nullable<Text>,
        /// Whether the user may log in.
        is_active -> Bool,
        /// Whether the user may manage others.
        is_superuser -> Bool,
        /// Whether the e-mail was confirmed.
        is_verified -> Bool,
        /// The epoch of the user's credentials.
        security_epoch -> BigInt,
        /// The number of writes since the user was made.
        revision -> BigInt,
        /// When the user was made.
        created_at -> Timestamptz,
        /// When the user was last written.
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    /// The tokens of [`PostgresAccessTokenStore`](super::PostgresAccessTokenStore).
    access_tokens (id) {
        /// The token's public id.
        id -> Uuid,
        /// SHA-256 of the token.
        digest -> Binary,
        /// Whose token it is.
        user_id -> Uuid,
        /// The user's security epoch when the token was issued.
        epoch -> BigInt,
        /// When it was issued.
        created_at -> Timestamptz,
        /// The first instant at which it is no longer valid.
        expires_at -> Nullable<Timestamptz>,
        /// When it was last used.
        last_used_at -> Timestamptz,
        /// The `User-Agent` of who asked for it.
        user_agent -> Nullable<Text>,
        /// The address of who asked for it.
        address -> Nullable<Text>,
        /// A label of the application's.
        label -> Nullable<Text>,
    }
}

diesel::joinable!(access_tokens -> users (user_id));
diesel::allow_tables_to_appear_in_same_query!(users, access_tokens);
