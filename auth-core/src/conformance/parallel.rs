//! Calls that start together.

use std::{future::Future, panic::resume_unwind, sync::Arc};

use tokio::sync::Barrier;

/// Enough rounds to lose a race that is only lost sometimes.
pub(super) const ROUNDS: u32 = 5;

/// Runs each call in its own task, starts all at once, and returns their answers in order.
pub(super) async fn at_once<T, C>(calls: impl IntoIterator<Item = C>) -> Vec<T>
where
    T: Send + 'static,
    C: Future<Output = T> + Send + 'static,
{
    let calls: Vec<C> = calls.into_iter().collect();
    let start = Arc::new(Barrier::new(calls.len()));
    let tasks: Vec<_> = calls
        .into_iter()
        .map(|call| {
            let start = Arc::clone(&start);
            tokio::spawn(async move {
                start.wait().await;
                call.await
            })
        })
        .collect();
    let mut answers = Vec::with_capacity(tasks.len());
    for task in tasks {
        match task.await {
            Ok(answer) => answers.push(answer),
            Err(error) => resume_unwind(error.into_panic()),
        }
    }
    answers
}
