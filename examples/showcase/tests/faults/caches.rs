//! Caches of users that are full, flushed, down, or filled with what is not their own: answers stay right, and it is counted.

use reqwest::Method;
use serde_json::json;
use tempfile::TempDir;

use portcullis_support::until;

use crate::{
    outage::RECOVERY,
    process::Showcase,
    server::redis::{Redis, Reply, is_ok},
    site::{Credential, PASSWORD, Site},
    stage::start,
};

const ROOT: &str = "root@camelot.example";

/// The program with users in SQLite and a cache on a Redis of its own.
struct Scene {
    redis: Redis,
    showcase: Showcase,
    site: Site,
    root: Credential,
    people: [Person; 2],
    _folder: TempDir,
}

/// Somebody who is logged in by a database, whose user is looked up then, and by Redis, which brings it along.
struct Person {
    email: String,
    id: String,
    credentials: [Credential; 2],
}

impl Scene {
    async fn new(cache: &str) -> Self {
        let redis = Redis::start().await;
        is_ok(
            &redis
                .ask(&["CONFIG", "SET", "maxmemory-policy", "noeviction"])
                .await,
        );
        let folder = tempfile::tempdir().expect("a folder");
        let database = format!("sqlite://{}", folder.path().join("users.db").display());
        let environment = [
            ("DATABASE_URL", database),
            ("REDIS_URL", format!("redis://127.0.0.1:{}", redis.port)),
            ("CACHE", cache.to_owned()),
            ("METRICS_BIND", "127.0.0.1:0".to_owned()),
            ("SUPERUSER", format!("{ROOT}:{PASSWORD}")),
        ];
        let showcase = start(&environment.map(|(name, value)| (name.to_owned(), value))).await;
        showcase.until_ready().await;
        let site = Site::new(&showcase);
        let root = site.credential("jwt", ROOT).await;
        let people = [Person::new(&site, "ada").await, Person::new(&site, "bob").await];
        let scene = Self {
            redis,
            showcase,
            site,
            root,
            people,
            _folder: folder,
        };
        scene.all_are_themselves().await;
        scene
    }

    /// Each credential is its owner's.
    async fn all_are_themselves(&self) {
        for person in &self.people {
            for credential in &person.credentials {
                self.is(credential, person).await;
            }
        }
    }

    async fn is(&self, credential: &Credential, person: &Person) {
        let answer = self.site.read(credential).send().await;
        answer.is(200);
        assert_eq!(answer.json()["email"], *person.email);
    }

    async fn scrape(&self) -> String {
        let scrape = reqwest::get(self.showcase.metrics_url())
            .await
            .expect("an answer");
        scrape.text().await.expect("a text")
    }

    /// How many look-ups in the cache of users had this outcome.
    async fn counted(&self, outcome: &str) -> u64 {
        let scrape = self.scrape().await;
        let series = format!(r#"portcullis_cache_lookups_total{{cache="users",outcome="{outcome}"}} "#);
        let value = scrape.lines().find_map(|line| line.strip_prefix(&series));
        value.map_or(0, |value| value.parse().expect("a number"))
    }

    async fn key(&self, person: &Person) -> String {
        let keys = self.redis.ask(&["KEYS", &format!("*:c:{}", person.id)]).await;
        let Reply::List(keys) = keys else {
            panic!("no list: {keys:?}")
        };
        keys.first().expect("the user is cached").text().to_owned()
    }

    async fn set_active(&self, person: &Person, is_active: bool) -> u16 {
        let call = self.site.call(Method::PATCH, &format!("/users/{}", person.id));
        let call = call.with(&self.root).json(&json!({ "is_active": is_active }));
        call.send().await.status
    }

    async fn ada_is_locked_out(&self) {
        let ada = &self.people[0];
        assert_eq!(self.set_active(ada, false).await, 200);
        for credential in &ada.credentials {
            self.site.read(credential).send().await.is(401);
        }
    }

    /// With credentials of their own again.
    async fn ada_is_back(&mut self) {
        assert_eq!(self.set_active(&self.people[0], true).await, 200);
        self.people[0].credentials = credentials(&self.site, &self.people[0].email).await;
        self.all_are_themselves().await;
    }

    async fn what_somebody_else_wrote_is_no_user(&self) {
        let [ada, bob] = &self.people;
        let (own, others) = (self.key(ada).await, self.key(bob).await);
        for spoil in [
            "redis.call('SET', KEYS[1], redis.call('GET', KEYS[2]))",
            "redis.call('SET', KEYS[1], 'hunter2')",
            "redis.call('SET', KEYS[1], '')",
            "redis.call('SETRANGE', KEYS[1], 20, 'hunter2')",
            "redis.call('SET', KEYS[1], redis.call('GETRANGE', KEYS[1], 0, 40))",
            "redis.call('DEL', KEYS[1]) redis.call('RPUSH', KEYS[1], 'hunter2')",
        ] {
            self.all_are_themselves().await;
            let before = self.counted("unreadable").await;
            let script = format!("{spoil} return 1");
            let spoiled = self.redis.ask(&["EVAL", &script, "2", &own, &others]).await;
            assert_eq!(spoiled, Reply::Number(1), "{spoil}");
            self.all_are_themselves().await;
            until(spoil, async || {
                self.is(&ada.credentials[0], ada).await;
                self.counted("unreadable").await > before
            })
            .await;
        }
    }

    async fn a_full_cache_keeps_nobody_and_locks_out_all_the_same(&mut self) {
        let [_, bob] = &self.people;
        is_ok(&self.redis.ask(&["CONFIG", "SET", "maxmemory", "1"]).await);
        let before = self.counted("full").await;
        assert_eq!(
            self.redis.ask(&["DEL", &self.key(bob).await]).await,
            Reply::Number(1)
        );
        until("the user is not kept", async || {
            self.all_are_themselves().await;
            self.counted("full").await > before
        })
        .await;
        self.ada_is_locked_out().await;
        is_ok(&self.redis.ask(&["CONFIG", "SET", "maxmemory", "0"]).await);
        self.ada_is_back().await;
    }

    async fn a_flushed_cache_is_filled_again(&mut self) {
        let hits = self.counted("hit").await;
        is_ok(&self.redis.ask(&["FLUSHALL"]).await);
        for person in &mut self.people {
            let [database, redis] = &mut person.credentials;
            until("what Redis had is gone", async || {
                self.site.read(redis).send().await.status == 401
            })
            .await;
            self.site.read(database).send().await.is(200);
            *redis = self.site.credential("redis", &person.email).await;
        }
        until("users are found in the cache", async || {
            self.all_are_themselves().await;
            self.counted("hit").await > hits
        })
        .await;
    }

    async fn a_cache_that_is_down_is_slower_and_changes_nobody(&mut self) {
        let before = self.counted("unavailable").await;
        self.redis.server.kill().await;
        let [ada, bob] = &self.people;
        until("the cache is missed", async || {
            for person in [ada, bob] {
                self.is(&person.credentials[0], person).await;
            }
            self.counted("unavailable").await > before
        })
        .await;
        self.site
            .read(&ada.credentials[1])
            .send()
            .await
            .is_unavailable_in_time();
        assert_eq!(self.set_active(ada, false).await, 503);
        self.is(&ada.credentials[0], ada).await;
        self.redis.server.start_again();
        self.redis.answers().await;
        for person in [ada, bob] {
            self.site.recovers(&person.credentials[1], RECOVERY).await;
        }
        until("users can be changed again", async || {
            self.set_active(ada, false).await == 200
        })
        .await;
        self.ada_is_locked_out().await;
        self.ada_is_back().await;
    }

    async fn stands_all(mut self) {
        self.what_somebody_else_wrote_is_no_user().await;
        self.a_full_cache_keeps_nobody_and_locks_out_all_the_same().await;
        self.a_flushed_cache_is_filled_again().await;
        self.a_cache_that_is_down_is_slower_and_changes_nobody().await;
        let scrape = self.scrape().await;
        for operation in ["find", "put", "fence", "lift"] {
            let series = format!(r#"seconds_count{{store="redis",operation="user_cache.{operation}"}} "#);
            assert!(scrape.contains(&series), "{series} in\n{scrape}");
        }
    }
}

async fn credentials(site: &Site, email: &str) -> [Credential; 2] {
    [
        site.credential("db", email).await,
        site.credential("redis", email).await,
    ]
}

impl Person {
    async fn new(site: &Site, name: &str) -> Self {
        let email = site.person(name).await;
        let credentials = credentials(site, &email).await;
        let me = site.me(&credentials[0]).send().await;
        let id = me.json()["id"].as_str().expect("an id").to_owned();
        Self {
            email,
            id,
            credentials,
        }
    }
}

#[tokio::test]
#[ignore = "needs Redis"]
async fn a_cache_on_redis_that_is_spoiled_full_flushed_or_down_gives_right_answers() {
    Scene::new("redis").await.stands_all().await;
}

#[tokio::test]
#[ignore = "needs Redis"]
async fn a_near_cache_of_a_redis_that_is_spoiled_full_flushed_or_down_gives_right_answers() {
    Scene::new("near").await.stands_all().await;
}
