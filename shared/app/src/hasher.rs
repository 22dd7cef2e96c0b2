//! Hashing of passwords (Argon2id, RFC 9106): at most [`BUFFERS`] concurrently, in memory that is wiped and reused.
//!
//! A buffer of 19 MiB that is allocated for each password would stay in the allocator's arena of the calling thread,
//! and memory would grow with the number of threads. So a hasher keeps its buffers, and a caller waits for one.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use argon2::password_hash::phc::{Output, ParamsString, PasswordHash, Salt};
use argon2::{ARGON2ID_IDENT, Algorithm, Argon2, Block, Params, Version};
use rand::TryRng as _;
use rand::rngs::SysRng;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use zeroize::Zeroize as _;

/// Memory, passes and lanes of a hash: 19 MiB, 2 and 1, the minimum for Argon2id in OWASP's "Password Storage Cheat
/// Sheet" (2024).
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;
/// Bytes of a salt and of a hash, as recommended by RFC 9106, section 4.
const SALT_BYTES: usize = 16;
const HASH_BYTES: usize = 32;

/// The longest password, in bytes: a longer one would let any caller keep a core busy. It never matches. 256 characters
/// have at most this many bytes in UTF-8.
pub const MAX_PASSWORD_BYTES: usize = 4 * 256;

/// Hashes computed concurrently, and so the number of buffers: each takes a core and 19 MiB.
pub const BUFFERS: usize = 4;
/// Hashes that may wait for a buffer. A longer queue would exceed the deadline of a request.
const MAX_WAITING: usize = 64;

/// Why a password could be neither hashed nor checked. It reveals nothing about the password.
#[derive(Debug, thiserror::Error)]
pub enum HasherError {
    /// [`MAX_WAITING`] hashes are waiting.
    #[error("too many passwords are waiting to be hashed")]
    Overloaded,
    /// The hasher failed.
    #[error("a password could not be hashed: {0}")]
    Failed(String),
}

/// Hashes passwords and checks them.
pub struct Hasher(Arc<Shared>);

struct Shared {
    permits: Arc<Semaphore>,
    /// Places in the queue for a permit.
    waiting: Semaphore,
    /// The unused buffers, wiped.
    idle: Mutex<Vec<Box<[Block]>>>,
    computed: AtomicU64,
}

/// A buffer in use; wiped and returned when it is dropped.
struct BorrowedBuffer<'a> {
    buffer: Box<[Block]>,
    of: &'a Shared,
}

impl Default for Hasher {
    fn default() -> Self {
        let permits = Arc::new(Semaphore::new(BUFFERS));
        let waiting = Semaphore::new(MAX_WAITING);
        Self(Arc::new(Shared { permits, waiting, idle: Mutex::default(), computed: AtomicU64::new(0) }))
    }
}

impl Hasher {
    /// Hashes a password with a random salt, as a PHC string. Takes tens of milliseconds, off the async threads.
    pub async fn hash(&self, password: impl AsRef<[u8]> + Send + 'static) -> Result<String, HasherError> {
        let mut salt = [0; SALT_BYTES];
        SysRng.try_fill_bytes(&mut salt).map_err(failed)?;
        let params = params()?;
        let phc_params = ParamsString::try_from(&params).map_err(failed)?;
        let hash = self.compute(argon2(params), password, salt.to_vec(), HASH_BYTES).await?;
        let phc = PasswordHash {
            algorithm: ARGON2ID_IDENT,
            version: Some(Version::V0x13.into()),
            params: phc_params,
            salt: Some(Salt::new(&salt).map_err(failed)?),
            hash: Some(hash),
        };
        Ok(phc.to_string())
    }

    /// Whether the password matches the hash. Without a hash it returns false after the same work, so that the time
    /// does not reveal whether the account exists.
    ///
    /// Errors: also for a hash that cannot be parsed, or that needs more memory than a buffer has.
    pub async fn verify(
        &self,
        password: impl AsRef<[u8]> + Send + 'static,
        hash: Option<&str>,
    ) -> Result<bool, HasherError> {
        if password.as_ref().len() > MAX_PASSWORD_BYTES {
            return Ok(false);
        }
        let Some(hash) = hash else {
            self.compute(argon2(params()?), password, vec![0; SALT_BYTES], HASH_BYTES).await?;
            return Ok(false);
        };
        let phc = PasswordHash::new(hash).map_err(failed)?;
        let (Some(salt), Some(stored)) = (phc.salt, phc.hash) else {
            return Err(failed("the stored hash is incomplete"));
        };
        if (phc.algorithm, phc.version) != (ARGON2ID_IDENT, Some(Version::V0x13.into())) {
            return Err(failed("the stored hash has another algorithm or version"));
        }
        let params = Params::try_from(&phc).map_err(failed)?;
        // The type compares in constant time.
        Ok(self.compute(argon2(params), password, salt.to_vec(), stored.len()).await? == stored)
    }

    /// The number of hashes computed so far, including those of checks.
    #[must_use]
    pub fn computed(&self) -> u64 {
        self.0.computed.load(Ordering::Relaxed)
    }

    async fn compute(
        &self,
        argon2: Argon2<'static>,
        password: impl AsRef<[u8]> + Send + 'static,
        salt: Vec<u8>,
        length: usize,
    ) -> Result<Output, HasherError> {
        let shared = self.0.clone();
        let permit = shared.acquire_permit().await?;
        let computed = tokio::task::spawn_blocking(move || {
            // Released after the buffer, not when the caller is cancelled: the work goes on.
            let _permit = permit;
            let mut borrowed = shared.borrow_buffer()?;
            let mut out = vec![0; length];
            shared.computed.fetch_add(1, Ordering::Relaxed);
            let bytes = password.as_ref();
            argon2.hash_password_into_with_memory(bytes, &salt, &mut out, &mut borrowed.buffer).map_err(failed)?;
            Output::new(&out).map_err(failed)
        });
        computed.await.map_err(failed)?
    }
}

impl Shared {
    /// Waits for a permit to use a buffer. Errors: [`HasherError::Overloaded`].
    async fn acquire_permit(&self) -> Result<OwnedSemaphorePermit, HasherError> {
        if let Ok(permit) = self.permits.clone().try_acquire_owned() {
            return Ok(permit);
        }
        let _waiting = self.waiting.try_acquire().map_err(|_| HasherError::Overloaded)?;
        self.permits.clone().acquire_owned().await.map_err(failed)
    }

    fn borrow_buffer(&self) -> Result<BorrowedBuffer<'_>, HasherError> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let buffer = idle.map_or_else(new_buffer, Ok)?;
        Ok(BorrowedBuffer { buffer, of: self })
    }
}

impl Drop for BorrowedBuffer<'_> {
    fn drop(&mut self) {
        let mut buffer = std::mem::take(&mut self.buffer);
        buffer.zeroize();
        self.of.idle.lock().unwrap_or_else(PoisonError::into_inner).push(buffer);
    }
}

fn new_buffer() -> Result<Box<[Block]>, HasherError> {
    let blocks = params()?.block_count();
    let mut buffer = Vec::new();
    buffer.try_reserve_exact(blocks).map_err(failed)?;
    buffer.resize(blocks, Block::new());
    Ok(buffer.into_boxed_slice())
}

fn params() -> Result<Params, HasherError> {
    Params::new(MEMORY_KIB, PASSES, LANES, None).map_err(failed)
}

fn argon2(params: Params) -> Argon2<'static> {
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

fn failed(cause: impl std::fmt::Display) -> HasherError {
    HasherError::Failed(cause.to_string())
}

#[cfg(test)]
mod tests {
    use argon2::{PasswordHasher as _, PasswordVerifier as _};

    use super::*;

    fn typed(text: &str) -> String {
        text.to_owned()
    }

    #[tokio::test]
    async fn a_password_matches_its_own_hash_only() {
        let hasher = Hasher::default();
        let hash = hasher.hash(typed("correct horse")).await.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        assert_ne!(hash, hasher.hash(typed("correct horse")).await.unwrap(), "every hash has its own salt");
        assert!(hasher.verify(typed("correct horse"), Some(&hash)).await.unwrap());
        assert!(!hasher.verify(typed("correct  horse"), Some(&hash)).await.unwrap());
        assert!(!hasher.verify(typed("correct horse"), None).await.unwrap());
        assert_eq!(hasher.computed(), 5, "also without an account");
    }

    #[tokio::test]
    async fn hashes_equal_those_of_the_argon2_crate() {
        let hasher = Hasher::default();
        let theirs = argon2(params().unwrap()).hash_password(b"correct horse").unwrap().to_string();
        assert!(hasher.verify(typed("correct horse"), Some(&theirs)).await.unwrap());
        let ours = hasher.hash(typed("correct horse")).await.unwrap();
        argon2(params().unwrap()).verify_password(b"correct horse", ours.as_str()).unwrap();
    }

    #[tokio::test]
    async fn a_hash_that_cannot_be_computed_is_an_error_not_a_mismatch() {
        let hasher = Hasher::default();
        let hash = hasher.hash(typed("correct horse")).await.unwrap();
        let larger = hash.replace("m=19456", "m=19460");
        let other = hash.replace("argon2id", "argon2i");
        let (unsalted, _) = hash.rsplit_once('$').unwrap();
        for stored in [larger.as_str(), &other, unsalted, "", "$argon2id$v=19$m=8,t=2,p=1$", "nonsense"] {
            assert!(hasher.verify(typed("correct horse"), Some(stored)).await.is_err(), "{stored}");
        }
        hasher.0.permits.close();
        assert!(hasher.verify(typed("correct horse"), Some(&hash)).await.is_err());
        assert!(hasher.verify(typed("correct horse"), None).await.is_err());
        assert!(hasher.hash(typed("correct horse")).await.is_err());
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn at_most_four_buffers_exist_and_they_are_wiped() {
        let hasher = Hasher::default();
        let checks = futures::future::join_all((0..20).map(|_| hasher.verify(typed("correct horse"), None)));
        assert!(checks.await.into_iter().all(|right| !right.unwrap()));
        let idle = hasher.0.idle.lock().unwrap();
        assert!((1..=BUFFERS).contains(&idle.len()), "{}", idle.len());
        for buffer in idle.iter() {
            assert_eq!(buffer.len(), 19 * 1024);
            assert!(buffer.iter().all(|block| block.as_ref().iter().all(|word| *word == 0)));
        }
    }

    #[tokio::test]
    async fn sixty_four_hashes_wait_and_one_more_is_refused_immediately() {
        let hasher = Hasher::default();
        let all = hasher.0.permits.acquire_many(BUFFERS as u32).await.unwrap();
        let mut waiting: Vec<_> = (0..64).map(|_| Box::pin(hasher.hash(typed("correct horse")))).collect();
        for one in &mut waiting {
            assert!(futures::poll!(one).is_pending());
        }
        assert!(matches!(hasher.hash(typed("correct horse")).await, Err(HasherError::Overloaded)));
        assert!(matches!(hasher.verify(typed("correct horse"), None).await, Err(HasherError::Overloaded)));
        assert_eq!(hasher.computed(), 0);
        // A cancelled call frees its place in the queue.
        waiting.pop();
        assert!(futures::poll!(Box::pin(hasher.verify(typed("correct horse"), None))).is_pending());
        drop(waiting);
        drop(all);
        assert!(!hasher.verify(typed("correct horse"), None).await.unwrap());
    }

    #[tokio::test]
    async fn a_cancelled_call_keeps_its_permit_until_the_work_is_done() {
        let hasher = Hasher::default();
        {
            let gone = hasher.verify(typed("correct horse"), None);
            let mut gone = std::pin::pin!(gone);
            assert!(futures::poll!(gone.as_mut()).is_pending());
        }
        assert_eq!(hasher.0.permits.available_permits(), BUFFERS - 1);
        // All permits are free only after the work has ended.
        let all = hasher.0.permits.acquire_many(BUFFERS as u32).await.unwrap();
        assert_eq!((hasher.computed(), hasher.0.idle.lock().unwrap().len()), (1, 1));
        drop(all);
    }
}
