mod failover;
mod late;
mod near;
mod own;
mod resharding;

crate::fixture::conformance!("TEST_REDIS_CLUSTER_URL", "needs Redis Cluster", text: String);
