//! The hasher of passwords (Argon2id, RFC 9106): at most [`BUFFERS`] at a time, in memory that is used again and wiped.
//!
//! A buffer of 19 MiB that is allocated for each password comes to lie in an arena of the thread that asked, and stays
//! there: memory would grow with the number of threads. So a hasher keeps its buffers, and a caller waits for one.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use argon2::password_hash::phc::{Output, ParamsString, PasswordHash, Salt};
use argon2::{ARGON2ID_IDENT, Algorithm, Argon2, Block, Params, Version};
use rand::TryRng as _;
use rand::rngs::SysRng;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use zeroize::Zeroize as _;

/// Memory, passes and lanes of a hash: 19 MiB, 2 and 1, the least that OWASP's "Password Storage Cheat Sheet" (2024)
/// names for Argon2id.
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;
/// Bytes of a salt and of a hash: those that RFC 9106, section 4, recommends.
const SALT_BYTES: usize = 16;
const HASH_BYTES: usize = 32;

/// The longest password, in bytes: a longer one would let any caller keep a core busy. It is never right.
pub const MAX_PASSWORD_BYTES: usize = 256;

/// Hashes computed at a time, and so the buffers there are: each takes a core and 19 MiB.
pub const BUFFERS: usize = 4;
/// Hashes that may wait for a buffer. One more would wait for longer than a request has time.
const MAX_WAITING: usize = 64;

/// Why a password could be neither hashed nor checked. It says nothing about the password.
#[derive(Debug, thiserror::Error)]
pub enum HasherError {
    /// [`MAX_WAITING`] wait already.
    #[error("too many passwords wait already")]
    Overloaded,
    /// The hasher failed.
    #[error("a password could not be hashed: {0}")]
    Failed(String),
}

/// Hashes passwords and checks them.
pub struct Hasher(Arc<Shared>);

struct Shared {
    permits: Arc<Semaphore>,
    /// Places in the queue for those.
    waiting: Semaphore,
    /// The buffers that nobody uses now, wiped.
    idle: Mutex<Vec<Box<[Block]>>>,
    computed: AtomicU64,
}

/// A buffer in use; wiped and given back when it is dropped.
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
    /// The hash of a password with a salt of its own, as a PHC string. Takes tens of milliseconds, off the async threads.
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

    /// Whether the password is the one that was hashed. Without a hash the answer is no, after the same work, so that the
    /// time taken does not tell whether there is an account.
    ///
    /// Errors: also for a hash that cannot be read, or that takes more memory than a buffer has.
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
        let (Some(salt), Some(kept)) = (phc.salt, phc.hash) else { return Err(failed("the kept hash is cut short")) };
        if (phc.algorithm, phc.version) != (ARGON2ID_IDENT, Some(Version::V0x13.into())) {
            return Err(failed("the kept hash is of another kind"));
        }
        let params = Params::try_from(&phc).map_err(failed)?;
        // Compared in constant time: that is how the type compares.
        Ok(self.compute(argon2(params), password, salt.to_vec(), kept.len()).await? == kept)
    }

    /// Hashes computed so far, those of checks included.
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
            // Given back after the buffer, and not when the caller goes away: the work goes on without it.
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
    /// Waits for one of the buffers. Errors: [`HasherError::Overloaded`].
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
    async fn a_password_is_known_by_its_hash_alone() {
        let hasher = Hasher::default();
        let hash = hasher.hash(typed("correct horse")).await.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        assert_ne!(hash, hasher.hash(typed("correct horse")).await.unwrap(), "each has a salt of its own");
        assert!(hasher.verify(typed("correct horse"), Some(&hash)).await.unwrap());
        assert!(!hasher.verify(typed("correct  horse"), Some(&hash)).await.unwrap());
        assert!(!hasher.verify(typed("correct horse"), None).await.unwrap());
        assert_eq!(hasher.computed(), 5, "also where there is no account");
    }

    #[tokio::test]
    async fn hashes_are_those_of_the_crate_that_allocates_for_each() {
        let hasher = Hasher::default();
        let theirs = argon2(params().unwrap()).hash_password(b"correct horse").unwrap().to_string();
        assert!(hasher.verify(typed("correct horse"), Some(&theirs)).await.unwrap());
        let ours = hasher.hash(typed("correct horse")).await.unwrap();
        argon2(params().unwrap()).verify_password(b"correct horse", ours.as_str()).unwrap();
    }

    #[tokio::test]
    async fn a_hash_that_cannot_be_computed_is_an_error_and_no_wrong_password() {
        let hasher = Hasher::default();
        let hash = hasher.hash(typed("correct horse")).await.unwrap();
        let larger = hash.replace("m=19456", "m=19460");
        let other = hash.replace("argon2id", "argon2i");
        let (unsalted, _) = hash.rsplit_once('$').unwrap();
        for kept in [larger.as_str(), &other, unsalted, "", "$argon2id$v=19$m=8,t=2,p=1$", "nonsense"] {
            assert!(hasher.verify(typed("correct horse"), Some(kept)).await.is_err(), "{kept}");
        }
        hasher.0.permits.close();
        assert!(hasher.verify(typed("correct horse"), Some(&hash)).await.is_err());
        assert!(hasher.verify(typed("correct horse"), None).await.is_err());
        assert!(hasher.hash(typed("correct horse")).await.is_err());
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn there_are_four_buffers_at_most_and_nothing_stays_in_them() {
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
    async fn sixty_four_hashes_wait_for_a_buffer_and_one_more_is_refused_at_once() {
        let hasher = Hasher::default();
        let all = hasher.0.permits.acquire_many(BUFFERS as u32).await.unwrap();
        let mut waiting: Vec<_> = (0..64).map(|_| Box::pin(hasher.hash(typed("correct horse")))).collect();
        for one in &mut waiting {
            assert!(futures::poll!(one).is_pending());
        }
        assert!(matches!(hasher.hash(typed("correct horse")).await, Err(HasherError::Overloaded)));
        assert!(matches!(hasher.verify(typed("correct horse"), None).await, Err(HasherError::Overloaded)));
        assert_eq!(hasher.computed(), 0);
        // One that goes away leaves its permit in the queue.
        waiting.pop();
        assert!(futures::poll!(Box::pin(hasher.verify(typed("correct horse"), None))).is_pending());
        drop(waiting);
        drop(all);
        assert!(!hasher.verify(typed("correct horse"), None).await.unwrap());
    }

    #[tokio::test]
    async fn a_caller_that_goes_away_keeps_its_place_until_the_work_is_done() {
        let hasher = Hasher::default();
        {
            let gone = hasher.verify(typed("correct horse"), None);
            let mut gone = std::pin::pin!(gone);
            assert!(futures::poll!(gone.as_mut()).is_pending());
        }
        assert_eq!(hasher.0.permits.available_permits(), BUFFERS - 1);
        // All permits are free again only when the work has ended.
        let all = hasher.0.permits.acquire_many(BUFFERS as u32).await.unwrap();
        assert_eq!((hasher.computed(), hasher.0.idle.lock().unwrap().len()), (1, 1));
        drop(all);
    }
}
