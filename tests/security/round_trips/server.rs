//! The round trips of a tracked JWT, counted at the servers of its stores.

use std::{collections::HashSet, env, sync::Arc, thread};

use diesel_async::{RunQueryDsl as _, SimpleAsyncConnection as _};
use portcullis::{
    redis::{
        ClientLike as _, Redis, RedisAccessTokenStore,
        fred::types::{Builder, config::Config},
    },
    sql::postgres::{self, Database, PostgresAccessTokenStore, PostgresUserStore},
    testing::memory::MemoryUserStore,
};
use portcullis_support::{Answer, Call, Stores, address_of, in_time, run};
use time::Duration;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines},
    net::TcpStream,
};
use uuid::Uuid;

use crate::harness::{Blueprint, Kind, Service, Watch, address, person};

const KIND: Kind = Kind::TrackedBearer;

/// A machine that tests has much to do.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(60);

fn server(variable: &str) -> String {
    env::var(variable).unwrap_or_else(|_absent| panic!("{variable} names a server"))
}

fn own_name() -> String {
    format!("test_{}", Uuid::new_v4().simple())
}

/// A log-in whose tokens do not rotate, and one whose tokens do. `counted` is how often the server was asked since the last
/// time, by the stores whose calls begin with one of `counts`.
async fn of_log_ins_in(stores: Stores, counts: &[&str], mut counted: impl AsyncFnMut() -> u64) {
    const FIND: &str = "tokens.find";
    const USER: &str = "users.find";
    const STEP: &str = "tokens.advance";
    const END: &str = "tokens.delete";
    for (name, rotates) in [("gawain", false), ("lancelot", true)] {
        let watch = Arc::new(Watch::default());
        let mut blueprint = Blueprint::of(&[KIND]);
        blueprint.stores = Some(stores.clone());
        blueprint.watch = Some(Arc::clone(&watch));
        blueprint.refresh.rotate_after = rotates.then_some(std::time::Duration::from_secs(60));
        let service = Service::start(blueprint).await;
        service.seed(person(name)).await;
        // The first time, a server is sent whole scripts, and statements to prepare.
        for is_first in [true, false] {
            let mut asked = async |call: Call| -> (Answer, Vec<&str>) {
                watch.calls();
                counted().await;
                let answer = call.send().await;
                assert!(answer.status < 300, "{answer:?}");
                let (calls, counted) = (watch.calls(), counted().await);
                if !is_first {
                    let is_counted = |call: &&&str| counts.iter().any(|store| call.starts_with(store));
                    let expected = calls.iter().filter(is_counted).count();
                    assert_eq!(counted, expected as u64, "each of {calls:?} is one round trip");
                }
                (answer, calls)
            };
            let pass = service.pass(KIND, &address(name)).await;
            let (_, request) = asked(service.get("/users/me").with(&pass)).await;
            let form = [("refresh_token", pass.refresh())];
            let (answer, refresh) = asked(service.post(&KIND.refresh()).form(&form)).await;
            let mut pass = KIND.issued(&answer);
            service.advance(Duration::seconds(61));
            let (answer, late) = asked(service.get("/users/me").with(&pass)).await;
            let next = answer.header("x-access-token");
            assert_eq!(next.is_some(), rotates);
            pass.token = next.map_or(pass.token, str::to_owned);
            let (_, log_out) = asked(service.post(&KIND.logout()).with(&pass)).await;

            assert_eq!(request, [FIND, USER]);
            assert_eq!(refresh, [USER, STEP]);
            if rotates {
                // The user may be gone since the request began.
                assert_eq!(late, [FIND, USER, USER, STEP]);
                // The token may have been replaced before its grace.
                assert_eq!(log_out, [FIND, USER, FIND, END]);
            } else {
                assert_eq!(late, request);
                assert_eq!(log_out, [FIND, USER, END]);
            }
        }
    }
}

/// The commands that a Redis server receives, from all its clients.
struct Monitor {
    prefix: String,
    /// The addresses of the clients whose keys have the prefix.
    own: HashSet<String>,
    lines: Lines<BufReader<TcpStream>>,
    echoes: TcpStream,
}

impl Monitor {
    async fn of(url: &str, prefix: &str) -> Self {
        let connect = async || TcpStream::connect(address_of(url)).await.expect("a connection");
        let (mut monitored, echoes) = (connect().await, connect().await);
        monitored.write_all(b"MONITOR\r\n").await.expect("asked");
        let mut lines = BufReader::new(monitored).lines();
        let begins = lines.next_line().await.expect("an answer");
        assert_eq!(begins.as_deref(), Some("+OK"));
        Self {
            prefix: prefix.to_owned(),
            own: HashSet::new(),
            lines,
            echoes,
        }
    }

    /// The commands of the clients that use keys with the prefix, since the last time. What scripts call is not among them.
    async fn counted(&mut self) -> u64 {
        let end = own_name();
        let echo = format!("ECHO {end}\r\n");
        self.echoes.write_all(echo.as_bytes()).await.expect("asked");
        let mut senders = Vec::new();
        loop {
            let line = in_time("a command", self.lines.next_line())
                .await
                .expect("a connection");
            let line = line.expect("a command");
            if line.contains(&end) {
                break;
            }
            // `+1764500000.123456 [0 127.0.0.1:40000] "GET" "key"`
            let Some((_, rest)) = line.split_once(" [0 ") else {
                // Others use another database of the server.
                continue;
            };
            let (sender, command) = rest.split_once(']').expect("a command");
            if sender != "lua" {
                if command.contains(&self.prefix) {
                    self.own.insert(sender.to_owned());
                }
                senders.push(sender.to_owned());
            }
        }
        senders.retain(|sender| self.own.contains(sender));
        senders.len() as u64
    }
}

#[test]
#[ignore = "needs Redis"]
fn redis_is_asked_once_by_a_request_with_a_tracked_jwt_a_refresh_and_a_rotation() {
    run(async {
        let (url, prefix) = (server("TEST_REDIS_URL"), format!("{}:", own_name()));
        // Nothing asks over it but the store.
        let client = Builder::from_config(Config::from_url(&url).expect("a URL")).build();
        let client = client.expect("a client");
        client.init().await.expect("connected");
        let redis = Redis::from(&client).prefix(&prefix);
        let redis = redis.and_then(|redis| redis.deadline(PATIENCE)).expect("allowed");
        let mut monitor = Monitor::of(&url, &prefix).await;
        let stores = Stores {
            users: Arc::new(MemoryUserStore::new()),
            tokens: Arc::new(RedisAccessTokenStore::new(redis)),
            pool: None,
        };
        of_log_ins_in(stores, &["tokens"], async || monitor.counted().await).await;
    });
}

#[test]
#[ignore = "needs PostgreSQL"]
fn postgres_is_asked_once_by_a_request_with_a_tracked_jwt_a_refresh_and_a_rotation() {
    run(async {
        let own = OwnDatabase::new(server("TEST_POSTGRES_URL")).await;
        let counters = postgres::connect(&own.server).expect("a pool");
        let pool = postgres::connect(&own.url()).expect("a pool");
        postgres::migrate(&pool).await.expect("migrated");
        let database = Database::new(pool).deadline(PATIENCE).expect("allowed");
        let mut before = 0;
        let counted = async || {
            let calls = calls(&counters, &own.name).await;
            calls - std::mem::replace(&mut before, calls)
        };
        let stores = Stores {
            users: Arc::new(PostgresUserStore::new(&database)),
            tokens: Arc::new(PostgresAccessTokenStore::new(&database)),
            pool: None,
        };
        of_log_ins_in(stores, &["tokens", "users"], counted).await;
    });
}

/// A database of a random name, which goes away with the test.
struct OwnDatabase {
    /// The URL of another database of the server.
    server: String,
    name: String,
}

impl OwnDatabase {
    async fn new(server: String) -> Self {
        let name = own_name();
        execute(&server, &format!("CREATE DATABASE {name}")).await;
        Self { server, name }
    }

    fn url(&self) -> String {
        let (host, _) = self.server.rsplit_once('/').expect("a database");
        format!("{host}/{}", self.name)
    }
}

impl Drop for OwnDatabase {
    fn drop(&mut self) {
        let statement = format!("DROP DATABASE {} WITH (FORCE)", self.name);
        let server = self.server.clone();
        let dropped = thread::spawn(move || run(async move { execute(&server, &statement).await }));
        assert!(
            dropped.join().is_ok() || thread::panicking(),
            "the database goes away"
        );
    }
}

/// The statements that the server has counted in the database `name`.
async fn calls(counters: &postgres::Pool, name: &str) -> u64 {
    #[derive(diesel::QueryableByName)]
    struct Number {
        #[diesel(sql_type = diesel::sql_types::BigInt)]
        number: i64,
    }

    let query = format!(
        "SELECT coalesce(sum(calls), 0)::bigint AS number FROM pg_stat_statements AS statement \
         JOIN pg_database AS database ON database.oid = statement.dbid WHERE database.datname = '{name}'"
    );
    let mut connection = counters.get().await.expect("a connection");
    let row = diesel::sql_query(query)
        .get_result::<Number>(&mut connection)
        .await;
    row.expect("statistics").number.cast_unsigned()
}

async fn execute(server: &str, statement: &str) {
    let pool = postgres::connect(server).expect("a pool");
    let mut connection = pool.get().await.expect("a connection");
    connection.batch_execute(statement).await.expect(statement);
}
