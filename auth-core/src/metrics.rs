//! The metrics of the library, in one place: their names, labels and meanings.
//!
//! They go to whatever recorder the application has installed for the [`metrics`](https://docs.rs/metrics) facade, for example
//! `metrics-exporter-prometheus`. Without the feature `metrics`, everything here does nothing. Install the recorder before you
//! build stores, backends and managers: a gauge counts from zero, up and down, and the counters of each request are
//! looked up once, when a backend is built.
//!
//! # Security
//! No label is a user's id, a path with an id, or a text of a client: each is a name of the program or its configuration. So their
//! number is bounded, and a scrape tells nothing of a user. Scrapes tell how much a service is used, and how often it fails: do not
//! serve them to the public.

mod level;
mod tally;
mod timer;

use std::{sync::Arc, time::Duration};

pub use level::Level;
pub use tally::Tally;
pub use timer::Timer;

/// The kind of a metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum MetricKind {
    /// It only grows. Its name ends with `_total`.
    Counter,
    /// It goes up and down.
    Gauge,
    /// A distribution of seconds. Its name ends with `_seconds`.
    Histogram,
}

/// A metric of the library.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Metric {
    /// Its name, after the conventions of Prometheus.
    pub name: &'static str,
    /// Its kind.
    pub kind: MetricKind,
    /// The names of its labels, in the order of their values.
    pub labels: &'static [&'static str],
    /// What it says.
    pub about: &'static str,
}

/// The value of a label: a name of the program, or one of its configuration.
#[derive(Clone, Copy, Debug)]
pub enum Label<'a> {
    /// A name that is written in the program.
    Fixed(&'static str),
    /// The name of a backend, for example. It must not come from a client.
    Configured(&'a Arc<str>),
}

impl From<&'static str> for Label<'_> {
    fn from(name: &'static str) -> Self {
        Self::Fixed(name)
    }
}

impl<'a> From<&'a Arc<str>> for Label<'a> {
    fn from(name: &'a Arc<str>) -> Self {
        Self::Configured(name)
    }
}

/// Bounds for buckets of the histograms, in seconds: from half a millisecond, as of a store near by, to ten seconds.
pub const SECONDS_BUCKETS: [f64; 14] = [
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
];

/// Makes a constant of each metric, and the list of all.
macro_rules! table {
    ($($constant:ident: $kind:ident $name:literal [$($label:literal),*] $about:literal;)*) => {
        $(
            #[doc = $about]
            pub const $constant: Metric = Metric {
                name: $name,
                kind: MetricKind::$kind,
                labels: &[$($label),*],
                about: $about,
            };
        )*

        /// Every metric of the library.
        pub const ALL: &[Metric] = &[$($constant),*];
    };
}

table! {
    LOG_INS: Counter "portcullis_log_ins_total" ["backend", "outcome"]
        "Attempts to log in, by the name of the backend or kind of session. The outcome is `success`, or why not.";
    CREDENTIALS: Counter "portcullis_credentials_total" ["backend", "outcome"]
        "Credentials that were presented. The outcome is `success`, `unavailable`, or why not.";
    REFRESHES: Counter "portcullis_refreshes_total" ["backend", "outcome"]
        "Uses of refresh tokens. The outcome is `success`, `unavailable`, or why not; `reused` may be a theft.";
    EVENTS: Counter "portcullis_events_total" ["event"]
        "Events, by name.";
    EVENTS_DROPPED: Counter "portcullis_events_dropped_total" []
        "Events that an observer missed, because its queue was full.";
    STORE_CALLS: Histogram "portcullis_store_call_duration_seconds" ["store", "operation"]
        "Time of a call to a store, with its wait for a connection and its retries, whether it succeeds or not.";
    CACHE_LOOKUPS: Counter "portcullis_cache_lookups_total" ["cache", "outcome"]
        "Look-ups in a cache: `users` for all nodes, or `near` in this one. The outcome is `hit`, `miss`, `full`, `unreadable` or `unavailable`.";
    CACHE_DROPS: Counter "portcullis_cache_drops_total" ["cache"]
        "What a cache was told to drop: users that this node changed, or keys that changed on Redis.";
    CACHE_LEASES_LOST: Counter "portcullis_cache_lease_losses_total" []
        "How often a near cache became void, because Redis could not be relied on to tell of changes.";
    HASHES_WAITING: Gauge "portcullis_password_hashes_waiting" []
        "Passwords that wait to be hashed.";
    HASH_WAIT: Histogram "portcullis_password_hash_wait_seconds" []
        "Time that a password waited before it was hashed.";
    HASHES: Histogram "portcullis_password_hash_duration_seconds" []
        "Time of hashing or verifying a password, without the wait.";
    HASHES_REFUSED: Counter "portcullis_password_hashes_refused_total" []
        "Passwords that were not hashed, because it could not be done in time. The client got a 503.";
    MAILS_WAITING: Gauge "portcullis_mails_waiting" []
        "Mails in the outbox that wait for their first attempt or another one.";
    MAILS_IN_FLIGHT: Gauge "portcullis_mails_in_flight" []
        "Mails that are being sent.";
    MAIL_ATTEMPTS: Counter "portcullis_mail_attempts_total" ["mail", "outcome"]
        "Attempts to send a mail, by its kind. The outcome is `sent` or `failed`.";
    MAILS_GIVEN_UP: Counter "portcullis_mails_given_up_total" ["mail", "why"]
        "Mails that were requested, and are lost.";
}

impl Metric {
    /// Adds one to a counter with these values of its labels.
    pub fn count<const N: usize>(&self, values: [Label<'_>; N]) {
        recorder::count(self, &values);
    }

    /// Shows a counter as zero. Prometheus sees no increase in a series that begins at one, so do this early for what is rare and
    /// has an alert.
    pub fn begin<const N: usize>(&self, values: [Label<'_>; N]) {
        drop(self.tally(values));
    }

    /// Records a time in a histogram with these values of its labels.
    pub fn observe<const N: usize>(&self, time: Duration, values: [Label<'_>; N]) {
        recorder::observe(self, time, &values);
    }
}

/// Tells the recorder what each metric means. Call it once, after the recorder is installed.
#[cfg(feature = "metrics")]
pub fn describe() {
    for metric in ALL {
        recorder::describe(metric);
    }
}

#[cfg(feature = "metrics")]
mod recorder {
    use std::time::Duration;

    use metrics::{SharedString, Unit, counter, gauge, histogram};

    use super::{Label, Metric, MetricKind};

    fn labels(metric: &Metric, values: &[Label<'_>]) -> Vec<metrics::Label> {
        debug_assert_eq!(metric.labels.len(), values.len(), "{}", metric.name);
        let value = |value: &Label<'_>| match value {
            Label::Fixed(name) => SharedString::const_str(name),
            Label::Configured(name) => SharedString::from_shared((*name).clone()),
        };
        let pairs = metric.labels.iter().zip(values);
        pairs
            .map(|(name, of)| metrics::Label::new(*name, value(of)))
            .collect()
    }

    pub(super) fn count(metric: &Metric, values: &[Label<'_>]) {
        counter!(metric.name, labels(metric, values)).increment(1);
    }

    pub(super) type Counter = metrics::Counter;

    pub(super) fn counter(metric: &Metric, values: &[Label<'_>]) -> Counter {
        counter!(metric.name, labels(metric, values))
    }

    pub(super) fn add(counter: &Counter) {
        counter.increment(1);
    }

    pub(super) fn observe(metric: &Metric, time: Duration, values: &[Label<'_>]) {
        histogram!(metric.name, labels(metric, values)).record(time);
    }

    pub(super) fn move_by(metric: &Metric, difference: f64) {
        gauge!(metric.name).increment(difference);
    }

    pub(super) fn describe(metric: &Metric) {
        match metric.kind {
            MetricKind::Counter => metrics::describe_counter!(metric.name, Unit::Count, metric.about),
            MetricKind::Gauge => metrics::describe_gauge!(metric.name, Unit::Count, metric.about),
            MetricKind::Histogram => metrics::describe_histogram!(metric.name, Unit::Seconds, metric.about),
        }
    }
}

#[cfg(not(feature = "metrics"))]
mod recorder {
    use std::time::Duration;

    use super::{Label, Metric};

    pub(super) fn count(_metric: &Metric, _values: &[Label<'_>]) {}

    /// It counts nothing.
    #[derive(Clone)]
    pub(super) struct Counter;

    pub(super) fn counter(_metric: &Metric, _values: &[Label<'_>]) -> Counter {
        Counter
    }

    pub(super) fn add(_counter: &Counter) {}

    pub(super) fn observe(_metric: &Metric, _time: Duration, _values: &[Label<'_>]) {}

    pub(super) fn move_by(_metric: &Metric, _difference: f64) {}
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn names_and_units_are_those_of_prometheus() {
        let mut names = HashSet::new();
        for metric in ALL {
            let name = metric.name;
            let plain = |byte: u8| byte.is_ascii_lowercase() || byte == b'_';
            assert!(
                name.starts_with("portcullis_") && name.bytes().all(plain),
                "{name}"
            );
            let (counts, seconds) = (name.ends_with("_total"), name.ends_with("_seconds"));
            assert_eq!(counts, metric.kind == MetricKind::Counter, "{name}");
            assert_eq!(seconds, metric.kind == MetricKind::Histogram, "{name}");
            assert!(metric.about.ends_with('.'), "{name}");
            assert!(names.insert(name), "{name} is there twice");
            for label in metric.labels {
                assert!(label.bytes().all(plain), "{name}: {label}");
            }
        }
    }
}
