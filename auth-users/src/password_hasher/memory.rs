//! The working memory of a hash.

use argon2::Block;
use zeroize::Zeroize as _;

/// The memory that one worker hashes in, again and again.
///
/// A hash of 19 MiB in newly allocated memory costs thousands of page faults, and many allocators keep what each thread
/// freed.
pub(crate) struct Memory {
    /// As many as a hash with today's parameters needs, once there was one.
    blocks: Vec<Block>,
    /// How many the last hash wrote to. The others are zero.
    used: usize,
    /// How many are kept between two hashes.
    usual: usize,
}

impl Memory {
    /// No memory yet. A hash that needs more than `usual` blocks gives them back when it ends.
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
    /// If the system has no memory to give.
    pub(crate) fn blocks(&mut self, count: usize) -> Result<&mut [Block], argon2::Error> {
        if self.blocks.len() < count {
            self.blocks
                .try_reserve_exact(count - self.blocks.len())
                .map_err(|_full| argon2::Error::OutOfMemory)?;
            self.blocks.resize(count, Block::new());
        }
        // What is handed out will be overwritten.
        for block in self.blocks.iter_mut().take(self.used).skip(count) {
            block.zeroize();
        }
        self.used = count;
        Ok(&mut self.blocks[..count])
    }

    /// Overwrites what the last hash left, which would let its reader test passwords at a fraction of the cost.
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
