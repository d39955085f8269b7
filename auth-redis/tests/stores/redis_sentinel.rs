mod failover;

crate::fixture::conformance!("TEST_REDIS_SENTINEL_URL", "needs Redis Sentinel");
