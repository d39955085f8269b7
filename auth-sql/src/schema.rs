/// The default tables. Ids have the type `$id`, instants `$instant`.
macro_rules! default_tables {
    ($users:ident, $tokens:ident, $sessions:ident, $id:ident, $instant:ident) => {
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
                /// True if the user may log in.
                is_active -> Bool,
                /// True if the user may manage others.
                is_superuser -> Bool,
                /// True if the e-mail was confirmed.
                is_verified -> Bool,
                /// The names of the user's roles, with a comma between two.
                roles -> Text,
                /// The epoch of the user's credentials.
                security_epoch -> BigInt,
                /// The number of writes since the user's creation.
                revision -> BigInt,
                /// The time of the user's creation.
                created_at -> $instant,
                /// The time of the last write.
                updated_at -> $instant,
            }
        }

        diesel::table! {
            #[doc = concat!("The tokens of [`", stringify!($tokens), "`](super::", stringify!($tokens), ").")]
            access_tokens (id) {
                /// The token's public id, a UUID.
                id -> $id,
                /// SHA-256 of the token, or of the handle that the log-in's tokens carry.
                digest -> Binary,
                /// The name of the backend; empty if the row is older than this column.
                backend -> Text,
                /// The id of the token's user.
                user_id -> $id,
                /// The user's security epoch when the token was issued.
                epoch -> BigInt,
                /// The id of the user who logged in as this user, as text; null if the user did.
                actor -> Nullable<Text>,
                /// The time of issue.
                created_at -> $instant,
                /// The first instant at which the token is no longer valid, unless it is used before; null if it does not
                /// expire.
                expires_at -> Nullable<$instant>,
                /// The instant past which `expires_at` never moves; null if there is no such limit.
                absolute_expires_at -> Nullable<$instant>,
                /// The time of the last use.
                last_used_at -> $instant,
                /// How often the log-in's access tokens were replaced.
                access_generation -> BigInt,
                /// The time of the last such replacement; null before the first.
                access_rotated_at -> Nullable<$instant>,
                /// How often the log-in's refresh tokens were replaced.
                refresh_generation -> BigInt,
                /// The time of the last such replacement; null before the first.
                refresh_rotated_at -> Nullable<$instant>,
                /// The `User-Agent` of the client that logged in.
                user_agent -> Nullable<Text>,
                /// The address of the client that logged in.
                address -> Nullable<Text>,
                /// A label that the application gave the log-in.
                label -> Nullable<Text>,
            }
        }

        diesel::table! {
            #[doc = concat!("The sessions of [`", stringify!($sessions), "`](super::", stringify!($sessions), ").")]
            sessions (digest) {
                /// SHA-256 of the session's id and the name of its kind.
                digest -> Binary,
                /// The id of the user who logged in through the session, as text; null for a visitor's.
                user_id -> Nullable<Text>,
                /// The user's security epoch at that time; null for a visitor's.
                epoch -> Nullable<BigInt>,
                /// The data, as JSON.
                data -> Text,
                /// How often the data was replaced.
                revision -> BigInt,
                /// The time of its beginning.
                created_at -> $instant,
                /// The time of the last use, as exactly as it is kept track of.
                last_used_at -> $instant,
                /// The first instant at which the session is no longer valid, unless it is used before; null if it does not
                /// expire.
                expires_at -> Nullable<$instant>,
                /// The instant past which `expires_at` never moves; null if there is no such limit.
                absolute_expires_at -> Nullable<$instant>,
            }
        }

        diesel::joinable!(access_tokens -> users (user_id));
        diesel::allow_tables_to_appear_in_same_query!(users, access_tokens);
    };
}

pub(crate) use default_tables;
