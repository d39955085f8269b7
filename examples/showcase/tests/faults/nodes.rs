//! Two nodes with near caches on one Redis: what one has answered, the other one does not forget.
//!
//! `NODES_TRIES` and `NODES_SECONDS` make the tests longer than the check has time for.

mod checker;
mod faults;

use std::{
    env,
    time::{Duration, Instant},
};

use portcullis_support::{Proxy, until};
use reqwest::Method;
use serde_json::json;
use tempfile::TempDir;

use crate::{
    process::Showcase,
    server::{local, redis::Redis},
    site::{Answer, Credential, PASSWORD, Site},
    stage::start,
};

/// That of the showcase.
const LEASE: Duration = Duration::from_secs(1);

const ROOT: &str = "root@camelot.example";

/// Two processes of the program, each behind a proxy to one Redis, on one database.
struct Pair {
    redis: Redis,
    proxies: [Proxy; 2],
    nodes: [Showcase; 2],
    sites: [Site; 2],
    root: Credential,
    _folder: TempDir,
}

/// The value of a variable that makes a test longer.
fn setting(name: &str, default: u32) -> u32 {
    let value = env::var(name).ok();
    value.map_or(default, |value| value.parse().expect("a number"))
}

impl Pair {
    async fn start() -> Self {
        let redis = Redis::start().await;
        let folder = tempfile::tempdir().expect("a folder");
        let database = format!("sqlite://{}", folder.path().join("users.db").display());
        let proxies = [
            Proxy::to(local(redis.port)).await,
            Proxy::to(local(redis.port)).await,
        ];
        let node = async |proxy: &Proxy| {
            let environment = [
                ("DATABASE_URL", database.clone()),
                ("REDIS_URL", format!("redis://127.0.0.1:{}", proxy.port())),
                ("CACHE", "near".to_owned()),
                ("SUPERUSER", format!("{ROOT}:{PASSWORD}")),
                ("RUST_LOG", "warn".to_owned() + ",showcase=info"),
            ];
            let environment = environment.map(|(name, value)| (name.to_owned(), value));
            let node = start(&environment).await;
            node.until_ready().await;
            node
        };
        // One after the other, since both make the tables and the superuser.
        let nodes = [node(&proxies[0]).await, node(&proxies[1]).await];
        let sites = [Site::new(&nodes[0]), Site::new(&nodes[1])];
        // Nothing in Redis says that it is valid, so no fault there ends it.
        let root = sites[0].credential("jwt", ROOT).await;
        Self {
            redis,
            proxies,
            nodes,
            sites,
            root,
            _folder: folder,
        }
    }
}

impl Site {
    /// What an editor may see.
    async fn articles(&self, credential: &Credential) -> reqwest::Result<Answer> {
        self.get("/articles").with(credential).attempt().await
    }

    /// The id of whoever has the credential.
    async fn id_of(&self, credential: &Credential) -> String {
        let answer = self.me(credential).send().await;
        answer.is(200);
        answer.json()["id"].as_str().expect("an id").to_owned()
    }

    async fn set_roles(&self, root: &Credential, id: &str, roles: &[&str]) -> reqwest::Result<Answer> {
        let call = self.call(Method::PUT, &format!("/users/{id}/roles"));
        call.with(root).json(&json!(roles)).attempt().await
    }

    async fn set_active(&self, root: &Credential, id: &str, is_active: bool) -> reqwest::Result<Answer> {
        let call = self.call(Method::PATCH, &format!("/users/{id}"));
        call.with(root)
            .json(&json!({ "is_active": is_active }))
            .attempt()
            .await
    }

    async fn end_all(&self, credential: &Credential) -> reqwest::Result<Answer> {
        let call = self.call(Method::POST, "/auth/logout-everywhere");
        call.with(credential).attempt().await
    }
}

/// A change that takes something from a user.
#[derive(Clone, Copy, Debug)]
enum Change {
    LogOut,
    LogOutEverywhere,
    Password,
    Deactivation,
    Roles,
}

impl Change {
    const ALL: [Self; 5] = [
        Self::LogOut,
        Self::LogOutEverywhere,
        Self::Password,
        Self::Deactivation,
        Self::Roles,
    ];

    /// Makes it at a `site`.
    async fn make(
        self,
        site: &Site,
        root: &Credential,
        credential: &Credential,
        id: &str,
    ) -> reqwest::Result<Answer> {
        match self {
            Self::LogOut => site.log_out(credential).attempt().await,
            Self::LogOutEverywhere => site.end_all(credential).await,
            // To the same one: it is a change all the same.
            Self::Password => site.change_password(credential, PASSWORD).attempt().await,
            Self::Deactivation => site.set_active(root, id, false).await,
            Self::Roles => site.set_roles(root, id, &[]).await,
        }
    }

    /// Asks for what it takes away.
    async fn probe(self, site: &Site, credential: &Credential) -> reqwest::Result<Answer> {
        match self {
            Self::Roles => site.articles(credential).await,
            _ => site.read(credential).attempt().await,
        }
    }

    /// The status once it is taken.
    fn refusal(self) -> u16 {
        match self {
            Self::Roles => 403,
            _ => 401,
        }
    }
}

/// How long after a change was answered on one node the other one goes on to let the user in.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Redis"]
#[expect(clippy::print_stdout, reason = "a measurement")]
async fn a_change_that_one_node_has_answered_is_seen_by_the_other_within_the_lease() {
    let pair = Pair::start().await;
    let email = pair.sites[0].person("lancelot").await;
    let tries = setting("NODES_TRIES", 20).div_ceil(Change::ALL.len() as u32);
    for change in Change::ALL {
        let mut delays = Vec::new();
        for number in 0..tries {
            let [here, there] = match number % 2 {
                0 => [&pair.sites[0], &pair.sites[1]],
                _ => [&pair.sites[1], &pair.sites[0]],
            };
            let backend = ["redis", "jwt-tracked"][number as usize / 2 % 2];
            let credential = here.credential(backend, &email).await;
            let id = here.id_of(&credential).await;
            here.set_roles(&pair.root, &id, &["editor"])
                .await
                .expect("an answer")
                .is(200);
            for site in [here, there, here, there] {
                until("the user is let in", async || {
                    change.probe(site, &credential).await.expect("an answer").status == 200
                })
                .await;
            }
            let answer = change.make(here, &pair.root, &credential, &id).await;
            let answered = Instant::now();
            let status = answer.expect("an answer").status;
            assert!([200, 204].contains(&status), "{change:?}: {status}");
            let mut last = Duration::ZERO;
            loop {
                let asked = answered.elapsed();
                let answer = change.probe(there, &credential).await.expect("an answer");
                if answer.status == change.refusal() {
                    break;
                }
                answer.is(200);
                last = asked;
                assert!(last <= LEASE, "{change:?} is not seen after {last:?}");
            }
            let own = change.probe(here, &credential).await.expect("an answer");
            own.is(change.refusal());
            delays.push(last);
            if matches!(change, Change::Deactivation) {
                let active = here.set_active(&pair.root, &id, true).await;
                active.expect("an answer").is(200);
            }
        }
        delays.sort();
        let at = |percent: usize| delays[(delays.len() * percent).div_ceil(100).saturating_sub(1)];
        println!(
            "{change:?}: let in for the last time after p50 {:.1?}, p99 {:.1?}, at most {:.1?}, of {} tries",
            at(50),
            at(99),
            at(100),
            delays.len()
        );
    }
}
