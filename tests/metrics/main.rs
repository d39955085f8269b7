//! Every metric is in a scrape, the book and the dashboard, and tells nothing of a user. A process of its own, as it has one recorder.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use metrics_exporter_prometheus::PrometheusBuilder;
use portcullis::{
    CachedUsers, async_trait,
    metrics::{ALL, Metric, MetricKind, SECONDS_BUCKETS, describe},
    redis::{self, NearCache, Redis},
    store::{Clock as _, NewUser, SystemClock, UserStore as _},
    testing::memory::MemoryUserStore,
    users::{AuditEvent, Mail, MailError, Mailer, MemoryUserCache, Observer, PasswordHasher},
};
use portcullis_support::{Blueprint, Kind, PASSWORD, Pass, Service, address, person};
use serde_json::{Value, json};
use uuid::Uuid;

const BOOK: &str = include_str!("../../docs/src/metrics.md");
const DASHBOARD: &str = include_str!("../../docs/grafana/portcullis.json");

/// More events than a queue holds.
const EVENTS: usize = 1100;

/// A mail server that can be down.
#[derive(Default)]
struct Moody(AtomicBool);

#[async_trait]
impl Mailer for Moody {
    async fn send(&self, _mail: &Mail) -> Result<(), MailError> {
        match self.0.load(Ordering::SeqCst) {
            true => Err(MailError::new("connection refused")),
            false => Ok(()),
        }
    }
}

struct Hanging;

#[async_trait]
impl Observer for Hanging {
    async fn observe(&self, _event: &AuditEvent) {
        std::future::pending().await
    }
}

/// A crowd at a hasher that serves one in time.
async fn crowd() {
    let hasher = PasswordHasher::builder()
        .permits(1)
        .deadline(Duration::from_millis(200))
        .build()
        .expect("a hasher");
    let password = PASSWORD.into();
    let hashes = (0..64).map(|_| hasher.hash(&password));
    let hashes = futures_util::future::join_all(hashes).await;
    assert!(hashes.iter().any(Result::is_err), "some were refused");
}

/// A cached user who is changed, and a near cache of a Redis that is away.
async fn caches() {
    let (users, cache) = (MemoryUserStore::<Uuid>::new(), MemoryUserCache::new(10));
    let users = CachedUsers::new(Arc::new(users), Arc::new(cache));
    let email = "gawain@camelot.example".parse().expect("an e-mail");
    let new = NewUser::new(email, (), SystemClock.now());
    let user = users.insert(new).await.expect("inserted");
    for _request in 0..2 {
        users.find(&user.id).await.expect("an answer").expect("a user");
    }
    users.update(&user).await.expect("changed");
    let redis = Redis::new(redis::connect("redis://127.0.0.1:1").await.expect("a pool"));
    let near = NearCache::new(1 << 20).expect("room");
    let redis = redis.near_cache(near).expect("a thread");
    // It never had a lease to lose.
    assert_eq!(redis.near_cache_stats().map(|stats| stats.losses), Some(0));
}

/// A log-in, what is none, and everything else that is measured.
async fn live(service: &Service, mailer: &Moody) {
    service.seed(person("lancelot")).await;
    let email = address("lancelot");
    let pass = service.pass(Kind::TrackedBearer, &email).await;
    assert_eq!(service.me(&pass).await.status, 200);
    for (name, password) in [("lancelot", "a wrong password"), ("nobody", PASSWORD)] {
        let answer = service
            .log_in(Kind::TrackedBearer, &address(name), password)
            .await;
        assert_eq!(answer.status, 400);
    }
    let next = service.refresh(Kind::TrackedBearer, pass.refresh()).await;
    assert_eq!(next.status, 200);
    let forged = service.refresh(Kind::TrackedBearer, "forged").await;
    forged.is_unauthorized();
    for down in [false, true] {
        mailer.0.store(down, Ordering::SeqCst);
        let body = json!({ "email": email });
        service
            .post_json("/auth/forgot-password", body)
            .await
            .is(202, "null");
        service.auth.users().outbox().drained().await;
    }
    crowd().await;
    service.auth.users().audit().observe(Arc::new(Hanging));
    let unknown = Pass::new(Kind::TrackedBearer, "A".repeat(43));
    for _ in 0..EVENTS {
        service.me(&unknown).await.is_unauthorized();
    }
    // What a client may make up.
    service.get("/users/x-7?token=y").send().await.is_unauthorized();
    service
        .post_json("/auth/made-up/login", json!({}))
        .await
        .is_not_found();
}

/// The samples of a scrape: the name of each, and its labels.
fn samples(scrape: &str) -> Vec<(&str, BTreeMap<&str, &str>)> {
    let lines = scrape
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines
        .map(|line| {
            let (sample, _value) = line.rsplit_once(' ').expect("a value");
            let Some((name, labels)) = sample.split_once('{') else {
                return (sample, BTreeMap::new());
            };
            let labels = labels.trim_end_matches('}').split(',').map(|label| {
                let (name, value) = label.split_once('=').expect("a label");
                (name, value.trim_matches('"'))
            });
            (name, labels.collect())
        })
        .collect()
}

/// The name of the metric that a series of Prometheus is of.
fn metric_of(series: &str) -> &str {
    let ends = ["_bucket", "_sum", "_count"];
    let metric = ends.iter().find_map(|end| series.strip_suffix(end));
    metric.filter(|name| name.ends_with("_seconds")).unwrap_or(series)
}

fn known(name: &str) -> Option<&'static Metric> {
    ALL.iter().find(|metric| metric.name == name)
}

#[test]
fn e9_every_metric_is_in_a_scrape_and_no_label_is_of_a_user_or_a_client() {
    let recorder = PrometheusBuilder::new();
    let recorder = recorder.set_buckets(&SECONDS_BUCKETS).expect("buckets");
    let handle = recorder.install_recorder().expect("the only one");
    describe();
    let mailer = Arc::new(Moody::default());
    let mut blueprint = Blueprint::of(&[Kind::TrackedBearer]);
    blueprint.mailer = Some(mailer.clone());
    blueprint.mail_retries = Some(Vec::new());
    blueprint.run(async |service: &Service| {
        live(service, &mailer).await;
        caches().await;
    });

    let scrape = handle.render();
    let samples = samples(&scrape);
    let seen: BTreeSet<&str> = samples.iter().map(|(name, _)| metric_of(name)).collect();
    for metric in ALL {
        assert!(seen.contains(metric.name), "{} is not in\n{scrape}", metric.name);
        let help = format!("# HELP {} {}", metric.name, metric.about);
        assert!(scrape.contains(&help), "{help} in\n{scrape}");
    }
    for (name, labels) in &samples {
        let metric = known(metric_of(name)).expect("a metric of the table");
        let own = labels.keys().filter(|label| **label != "le").copied();
        assert!(own.eq(sorted(metric.labels)), "{name} {labels:?}");
        for (label, value) in labels.iter().filter(|(label, _)| **label != "le") {
            let plain = |byte: u8| byte.is_ascii_lowercase() || b"_.-".contains(&byte);
            assert!(value.bytes().all(plain), "{name} {label}={value}");
            assert!(!value.contains("made-up"), "{name} {label}={value}");
        }
    }
    // What nobody waits for any more is gone from the gauges.
    for gauge in ALL.iter().filter(|metric| metric.kind == MetricKind::Gauge) {
        let zero = format!("\n{} 0\n", gauge.name);
        assert!(scrape.contains(&zero), "{} in\n{scrape}", gauge.name);
    }
    let counted =
        format!("portcullis_credentials_total{{backend=\"jwt-tracked\",outcome=\"malformed\"}} {EVENTS}");
    assert!(scrape.contains(&counted), "{counted} in\n{scrape}");
}

fn sorted(labels: &[&'static str]) -> Vec<&'static str> {
    let labels: BTreeSet<_> = labels.iter().copied().collect();
    labels.into_iter().collect()
}

#[test]
fn the_book_has_every_metric_with_its_kind_and_its_labels_and_no_other() {
    for metric in ALL {
        let row = format!("| `{}` | {:?} |", metric.name, metric.kind).to_lowercase();
        let line = BOOK.lines().find(|line| line.starts_with(&row));
        let line = line.unwrap_or_else(|| panic!("docs/src/metrics.md has no row {row}"));
        let labels = line.split('|').nth(3).expect("labels").split(',').map(str::trim);
        let labels = labels
            .filter(|label| !label.is_empty())
            .map(|label| label.trim_matches('`'));
        assert!(labels.eq(metric.labels.iter().copied()), "{line}");
    }
    all_exist(BOOK);
}

#[test]
fn the_dashboard_names_every_metric_and_no_other() {
    let dashboard: Value = serde_json::from_str(DASHBOARD).expect("JSON");
    let panels = dashboard["panels"].as_array().expect("panels").iter();
    let targets = panels.flat_map(|panel| panel["targets"].as_array().expect("targets"));
    let expressions = targets.map(|target| target["expr"].as_str().expect("an expression"));
    let shown: BTreeSet<&str> = expressions.flat_map(all_exist).collect();
    for metric in ALL {
        assert!(shown.contains(metric.name), "no panel shows {}", metric.name);
    }
}

/// The metrics that are named in `text`, each of which exists.
fn all_exist(text: &str) -> BTreeSet<&str> {
    let words = text.split(|letter: char| !(letter.is_ascii_alphanumeric() || letter == '_'));
    let series = words.filter(|word| word.starts_with("portcullis_"));
    let names: BTreeSet<&str> = series.map(metric_of).collect();
    for name in &names {
        assert!(known(name).is_some(), "there is no metric {name}");
    }
    names
}
