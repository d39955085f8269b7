//! How many tokens one core reads in a second.

use std::{hint::black_box, time::Duration};

use auth_core::{ClientInfo, ExposeSecret as _, Lifetime, NewLogIn, SigningSecret, Strategy as _, Subject};
use auth_jwt::{
    FASTAPI_USERS_AUDIENCE, HmacAlgorithm, HmacKey, JwtKeys, JwtStrategy, SigningAlgorithm, SigningKey,
};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use uuid::Uuid;

fn keys() -> [(&'static str, JwtKeys); 4] {
    let secret = SigningSecret::generate().expect("randomness");
    let hmac = HmacKey::new(HmacAlgorithm::Hs256, &secret).expect("long enough");
    let pair = |algorithm, pem| SigningKey::from_pem(algorithm, pem).expect("valid").into();
    [
        ("HS256", hmac.into()),
        (
            "EdDSA",
            pair(
                SigningAlgorithm::EdDsa,
                include_str!("../tests/keys/ed25519-1.pem"),
            ),
        ),
        (
            "ES256",
            pair(SigningAlgorithm::Es256, include_str!("../tests/keys/p256.pem")),
        ),
        (
            "PS256",
            pair(SigningAlgorithm::Ps256, include_str!("../tests/keys/rsa2048.pem")),
        ),
    ]
}

fn verify(criterion: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .expect("a runtime");
    let lifetime = Lifetime::from_secs(3600).expect("positive");
    let mut group = criterion.benchmark_group("jwt/verify");
    group.throughput(Throughput::Elements(1));
    for (name, keys) in keys() {
        let strategy: JwtStrategy = JwtStrategy::new(keys, lifetime).expect("valid");
        let subject = Subject::new(Uuid::now_v7(), 0);
        let issued = runtime
            .block_on(strategy.issue(&NewLogIn::new(
                FASTAPI_USERS_AUDIENCE,
                &subject,
                &ClientInfo::default(),
            )))
            .expect("issued");
        let token = issued.access.secret.expose_secret();
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                runtime
                    .block_on(strategy.read(FASTAPI_USERS_AUDIENCE, black_box(token)))
                    .expect("valid")
            });
        });
    }
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
