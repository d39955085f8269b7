mod failover;
mod own;
mod resharding;

crate::fixture::conformance!("TEST_REDIS_CLUSTER_URL", "needs Redis Cluster",
    uuid: uuid::Uuid, integer: i64, text: String, own_type: crate::fixture::ReaderId;
    sessions sessions_of_uuid: uuid::Uuid, sessions_of_text: String);
