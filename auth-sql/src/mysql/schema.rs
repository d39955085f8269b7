//! The default tables, for an application's own queries.

diesel::table! {
    /// The users of [`MysqlUserStore`](super::MysqlUserStore).
    users (id) {
        /// The 16 bytes of the user's UUID.
        id -> Binary,
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
        /// When the user was made, in UTC.
        created_at -> Datetime,
        /// When the user was last written, in UTC.
        updated_at -> Datetime,
    }
}

diesel::table! {
    /// The tokens of [`MysqlAccessTokenStore`](super::MysqlAccessTokenStore).
    access_tokens (id) {
        /// The 16 bytes of the token's public id.
        id -> Binary,
        /// SHA-256 of the token.
        digest -> Binary,
        /// Whose token it is.
        user_id -> Binary,
        /// The user's security epoch when the token was issued.
        epoch -> BigInt,
        /// When it was issued, in UTC.
        created_at -> Datetime,
        /// The first instant at which it is no longer valid, in UTC.
        expires_at -> Nullable<Datetime>,
        /// When it was last used, in UTC.
        last_used_at -> Datetime,
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
