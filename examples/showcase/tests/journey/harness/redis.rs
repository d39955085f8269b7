//! What a Redis holds.

use std::time::Duration;

use portcullis::redis::{
    self, ClientLike as _, Pool, Redis,
    fred::types::{CustomCommand, Value},
};
use tokio::time::timeout;

/// Every key of the server, and what is under it.
pub(crate) async fn dump(url: &str) -> Vec<u8> {
    let pool = redis::connect(url).await;
    let pool = pool.expect("a URL");
    Redis::new(pool.clone()).ping().await.expect("Redis");
    let mut dump = Vec::new();
    let mut cursor = "0".to_owned();
    loop {
        let page: (String, Vec<Vec<u8>>) =
            ask(&pool, "SCAN", vec![cursor.as_bytes(), b"COUNT", b"1000"]).await;
        for key in page.1 {
            let kind: String = ask(&pool, "TYPE", vec![&*key]).await;
            let value: Value = match kind.as_str() {
                "string" => ask(&pool, "GET", vec![&*key]).await,
                "hash" => ask(&pool, "HGETALL", vec![&*key]).await,
                "set" => ask(&pool, "SMEMBERS", vec![&*key]).await,
                "zset" => ask(&pool, "ZRANGE", vec![&*key, b"0", b"-1"]).await,
                "list" => ask(&pool, "LRANGE", vec![&*key, b"0", b"-1"]).await,
                "stream" => ask(&pool, "XRANGE", vec![&*key, b"-", b"+"]).await,
                // It expired since.
                "none" => continue,
                other => panic!("a {other}, which nothing here reads"),
            };
            dump.extend(key);
            write_out(value, &mut dump);
        }
        if page.0 == "0" {
            break;
        }
        cursor = page.0;
    }
    // It may be left without an answer.
    let _ended = timeout(Duration::from_secs(5), pool.quit()).await;
    dump
}

async fn ask<T: redis::fred::types::FromValue>(
    pool: &Pool,
    command: &'static str,
    arguments: Vec<&[u8]>,
) -> T {
    let command = CustomCommand::new_static(command, None::<u16>, false);
    let answer = pool.custom(command, arguments).await;
    answer.expect("an answer")
}

fn write_out(value: Value, dump: &mut Vec<u8>) {
    dump.push(b'\n');
    match value {
        Value::Array(values) => values.into_iter().for_each(|value| write_out(value, dump)),
        Value::Map(map) => {
            for (key, value) in map.inner() {
                dump.extend(key.as_bytes());
                write_out(value, dump);
            }
        }
        one => dump.extend(one.as_bytes().unwrap_or_default()),
    }
}
