//! Estimates of the servers' clocks.
//!
//! A server that stalls carries out late what it was sent meanwhile. By then the caller was told that nothing was done, and
//! comes again with the same token. So a script that changes a log-in or a session is told until when its caller waits, by the
//! server's own clock. After that it does nothing.
//!
//! The clocks of two machines need not agree. Each such script replies with its server's time, and the next one is told an
//! instant that follows from it. A server whose clock is not known, or was set, finds a call late that is in time. Its reply
//! tells the time, and the call is made again.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use fred::types::config::Server;

/// More than a cluster has nodes. Those that are gone are forgotten by and by.
const MOST: usize = 1024;

/// How far ahead of ours the clock of each server is.
#[derive(Debug)]
pub(crate) struct Clocks {
    since: Instant,
    /// By the node of a cluster, in microseconds. Any other server is `None`, also after a failover.
    ahead: Mutex<HashMap<Option<Server>, i64>>,
}

impl Clocks {
    pub(crate) fn new() -> Self {
        Self {
            since: Instant::now(),
            ahead: Mutex::default(),
        }
    }

    /// The instant at which `left` of the time from `start` on is over, by the clock of `server`, in microseconds after 1970. It
    /// is early by what the quickest reply took, so a reply at that instant would not come in time. Zero if nothing is known.
    pub(crate) fn end(&self, server: Option<&Server>, start: Instant, left: Duration) -> i64 {
        let ahead = self.ahead.lock().unwrap_or_else(PoisonError::into_inner);
        let end = |ahead: &i64| {
            ahead
                .saturating_add(self.micros(start))
                .saturating_add(micros(left))
        };
        ahead.get(&server.cloned()).map_or(0, end)
    }

    /// Notes that the clock of `server` was at `now`, in microseconds after 1970, at some time from `sent` to `received`.
    pub(crate) fn heard(&self, server: Option<Server>, now: i64, sent: Instant, received: Instant) {
        let least = now.saturating_sub(self.micros(received));
        let most = now.saturating_sub(self.micros(sent));
        let mut ahead = self.ahead.lock().unwrap_or_else(PoisonError::into_inner);
        // A reply that was slow tells less than those before it, unless the clock was set.
        if ahead
            .get(&server)
            .is_some_and(|known| (least..=most).contains(known))
        {
            return;
        }
        if ahead.len() >= MOST {
            ahead.clear();
        }
        ahead.insert(server, least);
    }

    fn micros(&self, at: Instant) -> i64 {
        micros(at.saturating_duration_since(self.since))
    }
}

fn micros(span: Duration) -> i64 {
    i64::try_from(span.as_micros()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: i64 = 1000;
    const SECOND: i64 = 1000 * MS;

    /// A server, the clock of which was `ahead` at our start.
    struct Scene {
        clocks: Clocks,
        ahead: i64,
    }

    impl Scene {
        fn new(ahead: i64) -> Self {
            Self {
                clocks: Clocks::new(),
                ahead,
            }
        }

        fn at(&self, ms: u64) -> Instant {
            self.clocks.since + Duration::from_millis(ms)
        }

        /// A call at `ms` that took so many milliseconds to the server, and back.
        fn call(&self, ms: u64, there: u64, back: u64) {
            let now = self.ahead + micros(Duration::from_millis(ms + there));
            let received = self.at(ms + there + back);
            self.clocks.heard(None, now, self.at(ms), received);
        }

        /// By how many milliseconds a call from `ms` on with two seconds left is thought to end too late.
        fn error(&self, ms: u64) -> i64 {
            let end = self.clocks.end(None, self.at(ms), Duration::from_secs(2));
            (end - self.ahead - micros(Duration::from_millis(ms + 2000))) / MS
        }
    }

    #[test]
    fn a_clock_that_nobody_asked_leaves_no_time() {
        let clocks = Clocks::new();
        assert_eq!(clocks.end(None, Instant::now(), Duration::MAX), 0);
    }

    #[test]
    fn a_clock_goes_on_and_is_known_by_the_quickest_reply() {
        for ahead in [0, 3600 * SECOND, 1_800_000_000 * SECOND, -5 * SECOND] {
            let scene = Scene::new(ahead);
            scene.call(0, 5, 900);
            assert_eq!(scene.error(1000), -900);
            scene.call(1000, 5, 2);
            assert_eq!(scene.error(86_400_000), -2);
            for (there, back) in [(0, 1800), (1800, 2), (900, 900)] {
                scene.call(5000, there, back);
                assert_eq!(scene.error(9000), -2, "a slow reply tells nothing new");
            }
            scene.call(20_000, 1, 1);
            assert_eq!(scene.error(30_000), -1);
        }
    }

    #[test]
    fn a_clock_that_was_set_is_known_again_by_the_next_reply() {
        let mut scene = Scene::new(1_800_000_000 * SECOND);
        scene.call(0, 1, 1);
        for (ms, jump) in [
            (1000, 60 * SECOND),
            (2000, -7200 * SECOND),
            (3000, 10 * MS),
            (4000, -10 * MS),
        ] {
            scene.ahead += jump;
            assert_eq!(scene.error(ms), -1 - jump / MS);
            scene.call(ms, 2, 1);
            assert_eq!(scene.error(ms + 500), -1);
        }
    }

    #[test]
    fn each_node_of_a_cluster_has_a_clock_of_its_own() {
        let (clocks, start) = (Clocks::new(), Instant::now());
        let node = |number: u16| Server::new("127.0.0.1", number);
        for number in 1..=3 {
            clocks.heard(
                Some(node(number)),
                i64::from(number) * SECOND,
                clocks.since,
                clocks.since,
            );
        }
        for number in 1..=3 {
            let end = clocks.end(Some(&node(number)), clocks.since, Duration::ZERO);
            assert_eq!(end, i64::from(number) * SECOND);
        }
        assert_eq!(clocks.end(Some(&node(4)), start, Duration::MAX), 0);
        assert_eq!(clocks.end(None, start, Duration::MAX), 0);
    }

    #[test]
    fn of_nodes_that_come_and_go_no_more_are_known_than_a_cluster_has() {
        let clocks = Clocks::new();
        for number in 0..u16::MAX {
            let node = Server::new("127.0.0.1", number);
            clocks.heard(Some(node.clone()), SECOND, clocks.since, clocks.since);
            assert_eq!(clocks.end(Some(&node), clocks.since, Duration::ZERO), SECOND);
            assert!(clocks.ahead.lock().expect("no panic").len() <= MOST);
        }
    }
}
