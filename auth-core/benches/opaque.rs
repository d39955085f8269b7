//! How many opaque tokens one core reads in a second: a digest, a look-up, and the clock.

use std::{hint::black_box, sync::Arc, time::Duration};

use auth_core::{
    ClientInfo, ExposeSecret as _, Lifetime, NewLogIn, OpaqueStrategy, Strategy as _, Subject,
    memory::MemoryAccessTokenStore,
};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use uuid::Uuid;

/// So many that neither the table nor the tokens stay in the nearest cache.
const TOKENS: usize = 10_000;

fn verify(criterion: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .expect("a runtime");
    let lifetime = Lifetime::from_secs(3600).expect("positive");
    let strategy: OpaqueStrategy = OpaqueStrategy::new(Arc::new(MemoryAccessTokenStore::new()), lifetime);
    let tokens: Vec<_> = (0..TOKENS)
        .map(|_| {
            let subject = Subject::new(Uuid::now_v7(), 0);
            let issued =
                runtime.block_on(strategy.issue(&NewLogIn::new("api", &subject, &ClientInfo::default())));
            issued.expect("issued").access.secret
        })
        .collect();
    let mut presented = tokens.iter().cycle();
    let mut group = criterion.benchmark_group("opaque/verify");
    group.throughput(Throughput::Elements(1));
    group.bench_function("memory", |bencher| {
        bencher.iter(|| {
            let token = presented.next().expect("endless").expose_secret();
            runtime
                .block_on(strategy.read("api", black_box(token)))
                .expect("valid")
        });
    });
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .sample_size(20)
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2));
    targets = verify
}
criterion_main!(benches);
