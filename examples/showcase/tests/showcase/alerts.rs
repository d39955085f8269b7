//! The alerts of the book and the expressions of the dashboard, as Prometheus reads them.

use std::{fs, path::Path, process::Command};

use serde_json::{Value, json};

use crate::{
    harness::{Place, Redis, Store},
    metrics::scrape,
    visit::Visit,
};

const BOOK: &str = include_str!("../../../../docs/src/metrics.md");
const DASHBOARD: &str = include_str!("../../../../docs/grafana/portcullis.json");

/// What goes wrong, in a series that a new process has, or does not have yet.
struct Trouble {
    alert: &'static str,
    series: &'static str,
    /// What is added: the first number at once, the second with each sample of 15 seconds from then on.
    adds: (u64, u64),
    /// The labels of the alert.
    labels: Value,
}

/// Every alert on a counter, with the least that it is for.
fn troubles() -> Vec<Trouble> {
    let trouble = |alert, series, adds| Trouble {
        alert,
        series,
        adds,
        labels: json!({}),
    };
    vec![
        Trouble {
            labels: json!({ "backend": "jwt-tracked", "outcome": "reused" }),
            ..trouble(
                "StolenRefreshToken",
                r#"portcullis_refreshes_total{backend="jwt-tracked",outcome="reused"}"#,
                (1, 0),
            )
        },
        trouble(
            "PasswordGuessing",
            r#"portcullis_log_ins_total{backend="db",outcome="wrong_password"}"#,
            (100, 100),
        ),
        trouble(
            "StoreDown",
            r#"portcullis_credentials_total{backend="db",outcome="unavailable"}"#,
            (1, 0),
        ),
        trouble(
            "CacheOfUsersDown",
            r#"portcullis_cache_lookups_total{cache="users",outcome="unavailable"}"#,
            (1, 0),
        ),
        trouble("NearCacheLost", "portcullis_cache_lease_losses_total", (6, 0)),
        trouble(
            "LogInsRefusedForLoad",
            "portcullis_password_hashes_refused_total",
            (1, 1),
        ),
        trouble(
            "MailsLost",
            r#"portcullis_mails_given_up_total{mail="reset",why="failed"}"#,
            (1, 0),
        ),
        trouble("EventsDropped", "portcullis_events_dropped_total", (1, 0)),
    ]
}

impl Trouble {
    /// A test for promtool: nothing happens for ten minutes, then this.
    fn test(&self, scrape: &str) -> Value {
        let value = scrape
            .lines()
            .find_map(|line| line.strip_prefix(self.series)?.strip_prefix(' '));
        let (before, start) = match value {
            None => ("_x40".to_owned(), 0),
            Some(value) => (format!("{value}x40"), value.parse::<u64>().expect("a number")),
        };
        let (first, each) = self.adds;
        let after = format!("{}+{each}x40", start + first);
        // A single one is soon out of sight.
        let fires_at = if each == 0 { "14m" } else { "17m" };
        let about = |at: &str, alerts: Value| json!({ "eval_time": at, "alertname": self.alert, "exp_alerts": alerts });
        json!({
            "interval": "15s",
            "input_series": [{ "series": self.series, "values": format!("{before} {after}") }],
            "alert_rule_test": [
                about("10m", json!([])),
                about(fires_at, json!([{ "exp_labels": self.labels, "exp_annotations": annotations(self.alert) }])),
            ],
        })
    }
}

fn annotations(alert: &str) -> Value {
    match alert {
        "CacheOfUsersDown" => {
            json!({ "summary": "Users are read from the database, and none can be changed." })
        }
        _ => json!({}),
    }
}

/// A store whose calls take longer than a quarter of a second.
fn slow_store() -> Value {
    let series = |le: &str, values: &str| {
        let series = format!(
            r#"portcullis_store_call_duration_seconds_bucket{{store="sqlite",operation="users.find",le="{le}"}}"#
        );
        json!({ "series": series, "values": values })
    };
    json!({
        "interval": "15s",
        "input_series": [series("0.25", "0x80"), series("0.5", "0+10x80"), series("+Inf", "0+10x80")],
        "alert_rule_test": [{
            "eval_time": "17m",
            "alertname": "SlowStore",
            "exp_alerts": [{ "exp_labels": { "store": "sqlite" } }],
        }],
    })
}

/// The alerts in the book.
fn rules() -> &'static str {
    let (_, rest) = BOOK.split_once("```yaml\ngroups:").expect("the alerts");
    let (rules, _) = rest.split_once("```").expect("their end");
    rules
}

/// # Panics
/// If promtool does not say that all is well.
fn promtool(folder: &Path, arguments: &[&str]) {
    let done = Command::new("promtool")
        .args(arguments)
        .current_dir(folder)
        .output();
    let done = done.expect("promtool");
    let said = String::from_utf8_lossy(&[done.stdout, done.stderr].concat()).into_owned();
    assert!(done.status.success(), "{said}");
}

#[tokio::test]
#[ignore = "needs promtool and Redis"]
async fn the_first_trouble_of_a_new_process_is_an_alert() {
    let place = Place {
        store: Store::Sqlite,
        redis: Redis::Single,
    };
    let settings = [
        ("METRICS_BIND", "127.0.0.1:0"),
        ("CACHE", "near"),
        ("EVENTS_FILE", "events"),
    ];
    let visit = Visit::start(place, &settings).await;
    let new = scrape(&visit).await;
    visit.end().await;

    let troubles = troubles();
    let mut tested: Vec<&str> = troubles.iter().map(|trouble| trouble.alert).collect();
    tested.push("SlowStore");
    for line in rules().lines() {
        if let Some((_, alert)) = line.split_once("- alert: ") {
            assert!(tested.contains(&alert), "nothing tests {alert}");
        }
    }
    let mut tests: Vec<Value> = troubles.iter().map(|trouble| trouble.test(&new)).collect();
    tests.push(slow_store());
    let folder = tempfile::tempdir().expect("a folder");
    let write = |name: &str, text: String| fs::write(folder.path().join(name), text).expect("written");
    write("rules.yml", format!("groups:{}", rules()));
    let file = json!({ "rule_files": ["rules.yml"], "evaluation_interval": "15s", "tests": tests });
    // JSON is YAML.
    write("tests.yml", file.to_string());
    promtool(folder.path(), &["test", "rules", "tests.yml"]);
}

#[test]
#[ignore = "needs promtool"]
fn prometheus_reads_every_expression_of_the_dashboard() {
    let dashboard: Value = serde_json::from_str(DASHBOARD).expect("JSON");
    let panels = dashboard["panels"].as_array().expect("panels").iter();
    let targets = panels.flat_map(|panel| panel["targets"].as_array().expect("targets"));
    let rules: Vec<Value> = targets
        .enumerate()
        .map(|(number, target)| {
            let expression = target["expr"].as_str().expect("an expression");
            let expression = expression.replace("$__rate_interval", "5m");
            json!({ "record": format!("panel:{number}"), "expr": expression })
        })
        .collect();
    assert!(!rules.is_empty());
    let folder = tempfile::tempdir().expect("a folder");
    let file = json!({ "groups": [{ "name": "dashboard", "rules": rules }] });
    fs::write(folder.path().join("rules.yml"), file.to_string()).expect("written");
    promtool(folder.path(), &["check", "rules", "rules.yml"]);
}
