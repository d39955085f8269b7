//! The application's own tables.

diesel::table! {
    /// The members: the columns of every user, and the profile.
    members (id) {
        /// The database makes it.
        id -> BigInt,
        /// As typed.
        email -> Text,
        /// As compared.
        normalized_email -> Text,
        /// Absent for a member who only logs in through a provider.
        password_hash -> Nullable<Text>,
        /// True if the member may log in.
        is_active -> Bool,
        /// True if the member may manage others.
        is_superuser -> Bool,
        /// True if the e-mail was confirmed.
        is_verified -> Bool,
        /// The names of the roles, with a comma between two.
        roles -> Text,
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
    /// The log-ins of the members.
    member_tokens (id) {
        /// The public id.
        id -> Binary,
        /// SHA-256 of the token.
        digest -> Binary,
        /// The backend that issued it.
        backend -> Text,
        /// The member.
        user_id -> BigInt,
        /// The member's epoch at log-in.
        epoch -> BigInt,
        /// Who logged in as the member; null if the member did.
        actor -> Nullable<Text>,
        /// Milliseconds since 1970-01-01 UTC.
        created_at -> BigInt,
        /// Milliseconds since 1970-01-01 UTC.
        expires_at -> Nullable<BigInt>,
        /// Milliseconds since 1970-01-01 UTC.
        absolute_expires_at -> Nullable<BigInt>,
        /// Milliseconds since 1970-01-01 UTC.
        last_used_at -> BigInt,
        /// How often access tokens were replaced.
        access_generation -> BigInt,
        /// Milliseconds since 1970-01-01 UTC.
        access_rotated_at -> Nullable<BigInt>,
        /// How often refresh tokens were replaced.
        refresh_generation -> BigInt,
        /// Milliseconds since 1970-01-01 UTC.
        refresh_rotated_at -> Nullable<BigInt>,
        /// The `User-Agent` of the client.
        user_agent -> Nullable<Text>,
        /// The address of the client.
        address -> Nullable<Text>,
        /// Not used here.
        label -> Nullable<Text>,
    }
}
