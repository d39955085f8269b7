//! How a service's store is taken away for a while.

use std::{
    path::PathBuf,
    sync::{Mutex, PoisonError},
};

use async_trait::async_trait;
use diesel::{Connection as _, SqliteConnection, connection::SimpleConnection as _};

use crate::{Fault, Proxy, until};

/// A store that can be taken away.
#[async_trait(?Send)]
pub trait Outage: Send + Sync {
    /// From now on, nothing is written.
    async fn begin(&self);

    /// Returns once the service has its store again.
    async fn end(&self);
}

/// Another process that writes to the service's file, and does not come to an end.
pub struct Locked {
    file: PathBuf,
    writer: Mutex<Option<SqliteConnection>>,
}

impl Locked {
    pub fn new(file: impl Into<PathBuf>) -> Self {
        Self {
            file: file.into(),
            writer: Mutex::default(),
        }
    }
}

#[async_trait(?Send)]
impl Outage for Locked {
    async fn begin(&self) {
        let file = self.file.to_string_lossy();
        let mut writer = SqliteConnection::establish(&file).expect("the file");
        writer
            .batch_execute("PRAGMA busy_timeout = 5000; BEGIN IMMEDIATE")
            .expect("the lock");
        *self.writer.lock().unwrap_or_else(PoisonError::into_inner) = Some(writer);
    }

    async fn end(&self) {
        // The transaction ends with the connection.
        self.writer.lock().unwrap_or_else(PoisonError::into_inner).take();
    }
}

/// The network between a service and its database, which is cut.
pub struct Cut {
    proxy: Proxy,
    /// Answers 200 while the service has its store.
    ready: String,
}

impl Cut {
    pub fn new(proxy: Proxy, ready: String) -> Self {
        Self { proxy, ready }
    }
}

#[async_trait(?Send)]
impl Outage for Cut {
    async fn begin(&self) {
        self.proxy.set(Fault::Cut).await;
    }

    async fn end(&self) {
        self.proxy.heal().await;
        until("the service has its store again", async || {
            let answer = reqwest::get(&self.ready).await;
            answer.is_ok_and(|answer| answer.status() == 200)
        })
        .await;
    }
}
