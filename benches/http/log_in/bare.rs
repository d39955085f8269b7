//! Argon2 without a server, with the parameters of the library.

use std::{
    thread,
    time::{Duration, Instant},
};

use argon2::{Argon2, Block, Params};

use crate::Fallible;

/// Hashes in one buffer, as the library does: to allocate each time is slower.
struct Hasher {
    argon2: Argon2<'static>,
    blocks: Vec<Block>,
}

impl Hasher {
    fn new() -> Self {
        Self {
            argon2: Argon2::default(),
            blocks: vec![Block::new(); Params::DEFAULT.block_count()],
        }
    }

    fn hash(&mut self) -> Result<(), argon2::Error> {
        let mut output = [0; 32];
        let password = b"an unknown user's";
        self.argon2
            .hash_password_into_with_memory(password, &[0; 16], &mut output, &mut self.blocks)
    }
}

/// Hashes a second on `cores` threads that do nothing else.
pub(super) fn rate(cores: usize, span: Duration) -> Fallible<f64> {
    let threads: Vec<_> = (0..cores)
        .map(|_| {
            thread::spawn(move || {
                let mut hasher = Hasher::new();
                let (start, mut hashes) = (Instant::now(), 0_u32);
                while start.elapsed() < span {
                    hasher.hash()?;
                    hashes += 1;
                }
                Ok::<_, argon2::Error>(f64::from(hashes) / start.elapsed().as_secs_f64())
            })
        })
        .collect();
    let mut rate = 0.0;
    for thread in threads {
        rate += thread.join().map_err(|_panic| "a hash panicked")??;
    }
    Ok(rate)
}

/// Hashes until the process ends.
pub(super) fn hash_for_ever() {
    let mut hasher = Hasher::new();
    while hasher.hash().is_ok() {}
}
