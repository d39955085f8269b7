//! A service that listens.

mod backend;
mod blueprint;
mod probe;
mod watch;

pub use backend::{Refresh, backend};
pub use blueprint::{Blueprint, Store, Stores, run};
pub use watch::{At, Watch};

use std::{
    net::SocketAddr,
    ops::Deref,
    path::PathBuf,
    sync::{Arc, mpsc},
    thread::JoinHandle,
    time::Duration,
};

use actix_web::{App, HttpServer, dev::ServerHandle, web};
use portcullis::{
    Lifetime, OpaqueStrategy, SigningSecret,
    actix::{Auth, not_found},
    http::{AuthBackend, CookieTransport, CsrfPolicy},
    sql::sqlite::Pool,
    store::{Clock, RotateTokens},
    testing::{Journal, Mailbox, ManualClock},
    users::{AuditEvent, UserManager},
};
use tempfile::TempDir;

use crate::{Client, Kind, Sent, Site};
use backend::LIFETIME;

/// Signs the JWTs and the tokens in mails.
pub const SECRET: &str = "a secret of the tests, of 32 bytes or more";

/// A service on a port of this machine. It ends when it is dropped.
pub struct Service {
    pub auth: Auth,
    pub tokens: Arc<dyn RotateTokens>,
    pub pool: Option<Pool>,
    pub clock: Arc<ManualClock>,
    pub mailbox: Arc<Mailbox>,
    /// What was told.
    pub journal: Arc<Journal>,
    /// What a client meets.
    pub site: Arc<Site>,
    server: ServerHandle,
    thread: Option<JoinHandle<()>>,
    folder: TempDir,
}

impl Deref for Service {
    type Target = Site;

    fn deref(&self) -> &Site {
        &self.site
    }
}

impl Service {
    pub async fn start(blueprint: Blueprint) -> Self {
        let kinds = blueprint.backends.clone();
        let (takes_fastapi_users, refresh) = (blueprint.takes_fastapi_users, blueprint.refresh);
        Self::build(blueprint, |tokens, secret, clock| {
            let build = |kind: &Kind| backend(*kind, tokens, secret, clock, takes_fastapi_users, refresh);
            kinds.iter().map(build).collect()
        })
        .await
    }

    /// A service in memory with this transport of opaque tokens alone, named `cookie`.
    pub async fn with_cookie(transport: CookieTransport, csrf: CsrfPolicy) -> Self {
        let mut blueprint = Blueprint::of(&[]);
        blueprint.csrf = csrf;
        blueprint.store = Store::Memory;
        Self::build(blueprint, |tokens, _secret, clock| {
            let lifetime = Lifetime::from_secs(LIFETIME).expect("positive");
            let strategy = OpaqueStrategy::new(tokens.clone(), lifetime).clock(Arc::clone(clock));
            vec![AuthBackend::new("cookie", transport, strategy)]
        })
        .await
    }

    async fn build(
        blueprint: Blueprint,
        backends: impl FnOnce(&Arc<dyn RotateTokens>, &SigningSecret, &Arc<dyn Clock>) -> Vec<AuthBackend>,
    ) -> Self {
        let folder = folder();
        let stores = blueprint.stores(&folder.path().join("service.db")).await;
        let clock = Arc::new(ManualClock::default());
        let shared_clock: Arc<dyn Clock> = clock.clone();
        let secret = SigningSecret::new(SECRET).expect("long enough");
        let mailbox = Arc::new(Mailbox::new());
        let mailer = blueprint.mailer.clone().unwrap_or_else(|| mailbox.clone());
        let users = UserManager::builder(stores.users, &secret)
            .mailer(mailer)
            .clock(shared_clock.clone());
        let users = blueprint.configure(users).build().expect("users");
        let journal = Arc::new(Journal::new());
        users.audit().observe(journal.clone());
        let mut auth = Auth::builder(users).csrf(blueprint.csrf.clone());
        if let Some(url) = blueprint.public_url {
            auth = auth.public_url(url).expect("a URL");
        }
        for backend in backends(&stores.tokens, &secret, &shared_clock) {
            auth = auth.backend(backend);
        }
        if let Some(limit) = blueprint.body_timeout {
            auth = auth.body_timeout(limit);
        }
        if blueprint.keeps_log_in {
            auth = auth.keep_log_in_after_password_change();
        }
        let auth = auth.build().expect("a configuration");
        let (address, server, thread) = serve(auth.clone(), &blueprint);
        let site = Arc::new(Site {
            client: Client::new(address),
            kinds: blueprint.backends.clone(),
            users: Arc::clone(auth.users().store()),
            clock: Some(Arc::clone(&clock)),
            mails: Box::new(Sent {
                users: Arc::clone(auth.users()),
                mailbox: Arc::clone(&mailbox),
            }),
            protected: |kind| format!("/only/{}/required/active", kind.name()),
            outage: None,
        });
        Self {
            auth,
            tokens: stores.tokens,
            pool: stores.pool,
            clock,
            mailbox,
            journal,
            site,
            server,
            thread: Some(thread),
            folder,
        }
    }

    /// The events since the last call.
    pub async fn events(&self) -> Vec<AuditEvent> {
        self.auth.users().audit().drained().await;
        self.journal.take()
    }

    /// The files of the database.
    pub fn database_files(&self) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(self.folder.path()).expect("the folder");
        entries.map(|entry| entry.expect("an entry").path()).collect()
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        drop(self.server.stop(false));
        if let Some(thread) = self.thread.take() {
            let _ended = thread.join();
        }
    }
}

/// The server on a thread with a runtime of its own, as in an application.
fn serve(auth: Auth, blueprint: &Blueprint) -> (SocketAddr, ServerHandle, JoinHandle<()>) {
    let (sender, receiver) = mpsc::channel();
    let (workers, own_routes) = (blueprint.workers, blueprint.own_routes);
    let thread = std::thread::spawn(move || {
        actix_web::rt::System::new().block_on(async move {
            let server = HttpServer::new(move || {
                App::new()
                    .app_data(web::Data::new(auth.clone()))
                    .configure(own_routes)
                    .configure(probe::routes(&auth))
                    .configure(auth.routes())
                    .default_service(web::to(not_found))
            });
            let server = server
                .workers(workers)
                // Of a crowd's connections the last is spoken on late.
                .client_request_timeout(Duration::from_secs(60))
                .disable_signals()
                .bind(("127.0.0.1", 0))
                .expect("a free port");
            let address = server.addrs()[0];
            let server = server.run();
            sender.send((address, server.handle())).expect("a receiver");
            server.await.expect("the server ends in order");
        });
    });
    let (address, handle) = receiver.recv().expect("a server");
    (address, handle, thread)
}

/// In memory where the system has such a place: every commit waits for the disk elsewhere.
fn folder() -> TempDir {
    tempfile::tempdir_in("/dev/shm")
        .or_else(|_elsewhere| tempfile::tempdir())
        .expect("a folder")
}
