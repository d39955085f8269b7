//! People who are logged in, and people who have logged out, while a store moves.

use std::time::Duration;

use futures_util::future::{Either, join_all, select};

use portcullis_support::until;

use crate::{
    process::Showcase,
    server::redis::ask,
    site::{Credential, PASSWORD, Site, address},
};

/// Enough for some of them to be on most nodes of a cluster.
const PEOPLE: usize = 8;

/// By when a failover is over.
const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) struct Crowd {
    site: Site,
    people: Vec<Person>,
}

struct Person {
    email: String,
    live: [Credential; 2],
    revoked: Credential,
}

const BACKENDS: [&str; 2] = ["redis", "redis-cookie"];

impl Crowd {
    pub(crate) async fn gather(showcase: &Showcase) -> Self {
        let site = Site::new(showcase);
        let mut people = Vec::new();
        for n in 0..PEOPLE {
            people.push(Person::gather(&site, n).await);
        }
        Self { site, people }
    }

    /// Whoever is logged in is let in or told to come again, and whoever has logged out stays so, while something
    /// happens.
    pub(crate) async fn meanwhile(&self, happens: impl Future<Output = ()>) {
        let mut happens = std::pin::pin!(happens);
        loop {
            let round = std::pin::pin!(self.asks());
            match select(happens, round).await {
                Either::Left(((), round)) => return round.await,
                Either::Right(((), goes_on)) => happens = goes_on,
            }
        }
    }

    async fn asks(&self) {
        let person = async |person: &Person| {
            for credential in &person.live {
                let answer = self.site.read(credential).send().await;
                match answer.status {
                    200 => assert_eq!(answer.json()["email"], person.email),
                    _ => answer.is_unavailable_in_time(),
                }
            }
            let answer = self.site.read(&person.revoked).send().await;
            match answer.status {
                401 => {}
                _ => answer.is_unavailable_in_time(),
            }
        };
        let log_in = async {
            let answer = self
                .site
                .log_in("redis", &self.people[0].email, PASSWORD)
                .send()
                .await;
            if answer.status != 200 {
                // It waits for its hash, too.
                answer.is_unavailable();
            }
        };
        tokio::join!(join_all(self.people.iter().map(person)), log_in);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }

    /// Everybody is who they were; and can log out and in.
    pub(crate) async fn is_as_before(&mut self) {
        for person in &self.people {
            for credential in &person.live {
                self.site.recovers(credential, PATIENCE).await;
            }
        }
        for person in &mut self.people {
            self.site.read(&person.revoked).send().await.is(401);
            let [live, _] = &person.live;
            self.site.read(live).send().await.is(200);
            self.site.log_out(live).send().await.is(204);
            self.site.read(live).send().await.is(401);
            person.revoked = live.clone();
            person.live[0] = self.site.credential("redis", &person.email).await;
            self.site.read(&person.live[0]).send().await.is(200);
        }
        self.site.serves_what_needs_no_store().await;
    }
}

impl Person {
    async fn gather(site: &Site, n: usize) -> Self {
        let email = site.person(&format!("person-{n}")).await;
        let [bearer, cookie] = BACKENDS;
        let live = [
            site.credential(bearer, &email).await,
            site.credential(cookie, &email).await,
        ];
        let revoked = site
            .credential(if n.is_multiple_of(2) { bearer } else { cookie }, &email)
            .await;
        site.log_out(&revoked).send().await.is(204);
        Self { email, live, revoked }
    }
}

/// Waits until the replicas of the master at `port` have all that it has: what a failover may lose is no matter here.
pub(crate) async fn is_replicated(port: u16) {
    until("the replica has everything", async || {
        let info = ask(port, &["INFO", "replication"]).await;
        let offset = info.field("master_repl_offset").expect("an offset");
        let all = format!(",offset={offset},");
        info.field("slave0").is_some_and(|replica| replica.contains(&all))
    })
    .await;
}

/// Its requests for the store are "not now"; the others are served.
pub(crate) async fn is_not_ready(showcase: &Showcase) {
    let site = Site::new(showcase);
    site.get("/ready").send().await.is_unavailable_in_time();
    let email = address("early");
    let registered = site.register(&email).send().await;
    assert!([201, 400].contains(&registered.status), "{registered:?}");
    for backend in BACKENDS {
        site.log_in(backend, &email, PASSWORD)
            .send()
            .await
            .is_unavailable_in_time();
    }
    site.serves_what_needs_no_store().await;
}
