use fred::{interfaces::ClientLike as _, types::InfoKind};

use crate::{
    Redis,
    attempt::{Attempt, Reply},
};

impl Redis {
    /// Logs a warning if the server could drop sessions to free memory: if `maxmemory` is set and `maxmemory-policy` is
    /// not `noeviction`. On a cluster it asks one node. If the server does not answer, or the ACL forbids the question,
    /// it logs a debug event instead.
    ///
    /// A pool made by [`connect`](crate::connect) does this by itself, each time it connects.
    pub async fn warn_of_eviction(&self) {
        match self.call::<String>(self.limit(), &memory).await {
            Ok(info) => {
                if let Some(policy) = dropping(&info) {
                    tracing::warn!(
                        target: "portcullis::redis", policy,
                        "the server drops sessions when its memory is full: set maxmemory-policy to noeviction"
                    );
                }
            }
            Err(problem) => {
                tracing::debug!(target: "portcullis::redis", %problem, "the eviction policy is not known");
            }
        }
    }
}

fn memory(attempt: Attempt) -> Reply {
    Box::pin(async move { attempt.client.info(Some(InfoKind::Memory)).await })
}

/// The eviction policy of a server with this `INFO memory`, if it can drop keys.
fn dropping(info: &str) -> Option<&str> {
    let value = |name: &str| {
        let mut lines = info.lines().filter_map(|line| line.trim_end().split_once(':'));
        lines.find(|(found, _)| *found == name).map(|(_, value)| value)
    };
    let limited = value("maxmemory").is_none_or(|limit| limit != "0");
    value("maxmemory_policy").filter(|policy| limited && *policy != "noeviction")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_drops_keys_if_its_memory_is_limited_and_its_policy_says_so() {
        let info = |limit: u32, policy: &str| {
            format!(
                "# Memory\r\nused_memory:1\r\nmaxmemory:{limit}\r\nmaxmemory_human:1M\r\nmaxmemory_policy:{policy}\r\n"
            )
        };
        for policy in ["allkeys-lru", "volatile-ttl", "volatile-lru"] {
            assert_eq!(dropping(&info(1_000_000, policy)), Some(policy));
            assert_eq!(dropping(&info(0, policy)), None);
        }
        assert_eq!(dropping(&info(1_000_000, "noeviction")), None);
        assert_eq!(dropping("# Memory\r\n"), None);
    }
}
