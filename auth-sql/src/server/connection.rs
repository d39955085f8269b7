use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use deadpool::managed::{Object, Pool};

use super::Server;

/// A connection of a pool, to which it goes back only if it is kept: in whatever way a call ends otherwise, nobody
/// else reads what is left in it.
pub(super) struct Lease<S: Server>(Option<Object<S::Manager>>);

impl<S: Server> Lease<S> {
    pub(super) fn of(connection: Object<S::Manager>) -> Self {
        Self(Some(connection))
    }

    pub(super) fn connection(&mut self) -> Option<&mut S::Connection> {
        self.0.as_deref_mut()
    }

    pub(super) fn keep(mut self) {
        drop(self.0.take());
    }

    /// Discards the connection, and those that wait in `pool`: a server that has ended takes all with it.
    pub(super) fn discard_all(self, pool: &Pool<S::Manager>) {
        drop(self);
        drop(pool.retain(|_connection, _metrics| false));
    }
}

impl<S: Server> Drop for Lease<S> {
    fn drop(&mut self) {
        drop(self.0.take().map(Object::take));
    }
}

/// A call that comes to its end by itself if its caller goes away in the middle.
pub(super) struct Uncut<T: Send + 'static>(Option<Pin<Box<dyn Future<Output = T> + Send>>>);

impl<T: Send + 'static> Uncut<T> {
    pub(super) fn new(call: impl Future<Output = T> + Send + 'static) -> Self {
        Self(Some(Box::pin(call)))
    }
}

impl<T: Send + 'static> Future for Uncut<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
        // Taken out, so that one that panics is not polled again.
        let mut call = self.0.take().expect("a call is not polled once it has ended");
        let polled = call.as_mut().poll(context);
        if polled.is_pending() {
            self.0 = Some(call);
        }
        polled
    }
}

impl<T: Send + 'static> Drop for Uncut<T> {
    fn drop(&mut self) {
        // Where the runtime ends, too, the call is dropped, and its lease with it.
        if let (Some(call), Ok(runtime)) = (self.0.take(), tokio::runtime::Handle::try_current()) {
            drop(runtime.spawn(call));
        }
    }
}
