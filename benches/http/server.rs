//! A server on a thread of its own.

use std::{
    io,
    net::SocketAddr,
    sync::{Arc, mpsc},
    thread,
};

use actix_web::{App, HttpServer, dev::ServerHandle, rt::System, web::ServiceConfig};

pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    handle: ServerHandle,
    thread: thread::JoinHandle<io::Result<()>>,
}

impl Server {
    /// Starts a server of `app`, with as many workers as there are cores unless `workers` says another number.
    pub(crate) fn start(
        workers: Option<usize>,
        app: impl Fn(&mut ServiceConfig) + Send + Sync + 'static,
    ) -> io::Result<Self> {
        let (tell, told) = mpsc::channel();
        let app = Arc::new(app);
        let thread = thread::spawn(move || {
            System::new().block_on(async move {
                let mut server =
                    HttpServer::new(move || App::new().configure(|config| app(config))).disable_signals();
                if let Some(workers) = workers {
                    server = server.workers(workers);
                }
                let server = server.bind(("127.0.0.1", 0))?;
                let address = server.addrs()[0];
                let running = server.run();
                tell.send((address, running.handle())).map_err(io::Error::other)?;
                running.await
            })
        });
        match told.recv() {
            Ok((address, handle)) => Ok(Self {
                address,
                handle,
                thread,
            }),
            Err(_never_told) => Err(ended(thread)
                .err()
                .unwrap_or_else(|| io::Error::other("it ended"))),
        }
    }

    pub(crate) async fn stop(self) -> io::Result<()> {
        self.handle.stop(false).await;
        ended(self.thread)
    }
}

fn ended(thread: thread::JoinHandle<io::Result<()>>) -> io::Result<()> {
    thread
        .join()
        .unwrap_or_else(|_panic| Err(io::Error::other("the server panicked")))
}
