//! Tables that lack columns, and a server's store of tokens without its users. It is not to compile: `main.rs` reads what the
//! compiler says.

diesel::table! {
    readers (id) {
        id -> BigInt,
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

portcullis::sql::access_token_store! {
    struct Sessions: Sqlite { table: sessions, user_id: i64 }
}

portcullis::sql::access_token_store! {
    struct OnAServer: Postgres { table: sessions, user_id: i64 }
}
