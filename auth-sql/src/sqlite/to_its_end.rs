//! Futures that may not be dropped half-way.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
};

use tokio::runtime::Handle;

/// A future that runs to its end. If this is dropped before, the rest runs in a task of its own.
///
/// A task from the beginning would do the same, and cost each call a task.
pub(super) struct ToItsEnd<F>
where
    F: Future<Output: Send> + Send + 'static,
{
    /// `None` once it has ended. In a box, because a task takes it over where it stands.
    future: Option<Pin<Box<F>>>,
    runtime: Handle,
}

impl<F> ToItsEnd<F>
where
    F: Future<Output: Send> + Send + 'static,
{
    /// # Panics
    /// Outside of tokio.
    pub(super) fn new(future: F) -> Self {
        Self {
            future: Some(Box::pin(future)),
            runtime: Handle::current(),
        }
    }
}

impl<F> Future for ToItsEnd<F>
where
    F: Future<Output: Send> + Send + 'static,
{
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let Some(future) = &mut self.future else {
            return Poll::Pending;
        };
        let output = ready!(future.as_mut().poll(context));
        self.future = None;
        Poll::Ready(output)
    }
}

impl<F> Drop for ToItsEnd<F>
where
    F: Future<Output: Send> + Send + 'static,
{
    fn drop(&mut self) {
        if let Some(future) = self.future.take() {
            drop(self.runtime.spawn(future));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::{
        sync::oneshot,
        time::{sleep, timeout},
    };

    use super::*;

    #[tokio::test]
    async fn what_is_dropped_half_way_runs_on_and_what_has_ended_does_not() {
        let (begin, begun) = oneshot::channel::<()>();
        let (end, ended) = oneshot::channel();
        let future = ToItsEnd::new(async move {
            begun.await.expect("it begins");
            end.send(()).expect("somebody waits");
        });
        timeout(Duration::from_millis(1), future)
            .await
            .expect_err("it waits");
        begin.send(()).expect("it goes on");
        ended.await.expect("it ends");
        assert_eq!(ToItsEnd::new(async { 7 }).await, 7);
    }

    #[tokio::test]
    async fn the_end_comes_without_a_task() {
        let tasks = || Handle::current().metrics().num_alive_tasks();
        let before = tasks();
        let future = ToItsEnd::new(async move {
            sleep(Duration::from_millis(1)).await;
            tasks()
        });
        assert_eq!(future.await, before);
    }
}
