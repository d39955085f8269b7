/// The default tables, whose ids are `$id` and instants `$instant`.
macro_rules! default_tables {
    ($users:ident, $tokens:ident, $id:ident, $instant:ident) => {
        diesel::table! {
            #[doc = concat!("The users of [`", stringify!($users), "`](super::", stringify!($users), ").")]
            users (id) {
                /// The user's UUID.
                id -> $id,
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
                created_at -> $instant,
                /// When the user was last written.
                updated_at -> $instant,
            }
        }

        diesel::table! {
            #[doc = concat!("The tokens of [`", stringify!($tokens), "`](super::", stringify!($tokens), ").")]
            access_tokens (id) {
                /// The token's public id, a UUID.
                id -> $id,
                /// SHA-256 of the token.
                digest -> Binary,
                /// Whose token it is.
                user_id -> $id,
                /// The user's security epoch when the token was issued.
                epoch -> BigInt,
                /// When it was issued.
                created_at -> $instant,
                /// The first instant at which it is no longer valid.
                expires_at -> Nullable<$instant>,
                /// When it was last used.
                last_used_at -> $instant,
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
    };
}

pub(crate) use default_tables;
