//! The application's own tables.

diesel::table! {
    /// The members: what every user has, and the profile.
    members (id) {
        /// Made by the database.
        id -> BigInt,
        /// As typed.
        email -> Text,
        /// As compared.
        normalized_email -> Text,
        /// Absent for a member who only logs in through a provider.
        password_hash -> Nullable<Text>,
        /// Whether the member may log in.
        is_active -> Bool,
        /// Whether the member may manage others.
        is_superuser -> Bool,
        /// Whether the e-mail was confirmed.
        is_verified -> Bool,
        /// The epoch of the member's credentials.
        security_epoch -> BigInt,
        /// The number of writes.
        revision -> BigInt,
        /// Milliseconds since 1970-01-01 UTC.
        created_at -> BigInt,
        /// Milliseconds since 1970-01-01 UTC.
        updated_at -> BigInt,
        /// The profile's own.
        first_name -> Text,
        /// The profile's own.
        birthdate -> Nullable<Date>,
    }
}

diesel::table! {
    /// Where the members are logged in.
    member_tokens (id) {
        /// The public id.
        id -> Binary,
        /// SHA-256 of the token.
        digest -> Binary,
        /// The member.
        user_id -> BigInt,
        /// The member's epoch at log-in.
        epoch -> BigInt,
        /// Milliseconds since 1970-01-01 UTC.
        created_at -> BigInt,
        /// Milliseconds since 1970-01-01 UTC.
        expires_at -> Nullable<BigInt>,
        /// Milliseconds since 1970-01-01 UTC.
        last_used_at -> BigInt,
        /// Who asked.
        user_agent -> Nullable<Text>,
        /// From where.
        address -> Nullable<Text>,
        /// Not used here.
        label -> Nullable<Text>,
    }
}
