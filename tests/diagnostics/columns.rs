//! Tables that lack columns, and a server's store of tokens without its users. It is not to compile: `main.rs` reads what the
//! compiler says.

diesel::table! {
    readers (id) {
        id -> BigInt,
    }
}

diesel::table! {
    members (id) {
        id -> BigInt,
        email -> Text,
        normalized_email -> Text,
        password_hash -> Nullable<Text>,
        is_active -> Bool,
        is_superuser -> Bool,
        is_verified -> Bool,
        security_epoch -> BigInt,
        revision -> BigInt,
        created_at -> BigInt,
        updated_at -> BigInt,
    }
}

diesel::table! {
    sessions (id) {
        id -> Text,
    }
}

portcullis::sql::user_store! {
    struct Readers: Sqlite { table: readers, id: i64, profile: () }
}

portcullis::sql::user_store! {
    struct WithoutRoles: Sqlite { table: members, id: i64, profile: () }
}

portcullis::sql::access_token_store! {
    struct Sessions: Sqlite { table: sessions, user_id: i64 }
}

portcullis::sql::access_token_store! {
    struct OnAServer: Postgres { table: sessions, user_id: i64 }
}
