mod failover;

crate::fixture::conformance!("TEST_REDIS_SENTINEL_URL", "needs Redis Sentinel",
    uuid: uuid::Uuid, integer: i64, text: String, own_type: crate::fixture::ReaderId;
    sessions sessions_of_uuid: uuid::Uuid, sessions_of_text: String);
