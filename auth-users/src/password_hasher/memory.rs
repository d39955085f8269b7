//! The working memory of a hash.

use argon2::Block;
use zeroize::Zeroize as _;

/// The memory that one worker reuses for each hash.
///
/// A hash in 19 MiB of newly allocated memory costs thousands of page faults, and many allocators keep the memory that
/// a thread frees.
pub(crate) struct Memory {
    /// As many as a hash with today's parameters needs, after the first one.
    blocks: Vec<Block>,
    /// The number that the last hash wrote to. The others are zero.
    used: usize,
    /// The number that are kept between two hashes.
    usual: usize,
}

impl Memory {
    /// No memory yet. A hash that needs more than `usual` blocks frees them when it ends.
    pub(crate) fn new(usual: usize) -> Self {
        Self {
            blocks: Vec::new(),
            used: 0,
            usual,
        }
    }

    /// Memory of `count` blocks.
    ///
    /// # Errors
    /// If the system is out of memory.
    pub(crate) fn blocks(&mut self, count: usize) -> Result<&mut [Block], argon2::Error> {
        if self.blocks.len() < count {
            self.blocks
                .try_reserve_exact(count - self.blocks.len())
                .map_err(|_full| argon2::Error::OutOfMemory)?;
            self.blocks.resize(count, Block::new());
        }
        // The hash will overwrite it.
        for block in self.blocks.iter_mut().take(self.used).skip(count) {
            block.zeroize();
        }
        self.used = count;
        Ok(&mut self.blocks[..count])
    }

    /// Wipes the memory of the last hash. A reader of it could test passwords at a fraction of the cost.
    pub(crate) fn wipe(&mut self) {
        for block in &mut self.blocks[..std::mem::take(&mut self.used)] {
            block.zeroize();
        }
        if self.blocks.len() > self.usual {
            self.blocks = Vec::new();
        }
    }

    #[cfg(test)]
    pub(super) fn kept(&self) -> usize {
        self.blocks.len()
    }
}
