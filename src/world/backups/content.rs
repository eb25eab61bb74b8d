//! The content of a backup: read, unpacked and compared with its checksums on the way.

use super::configs::open;
use super::manifest::{MANIFEST, SUMS};
use super::{Backup, LARGEST_MANIFEST, Manifest, age};
use crate::text;
use crate::world::World;
use crate::world::command::stream;
use crate::world::files::Files;
use anyhow::{Context as _, Result, anyhow, bail, ensure};
use sha2::{Digest as _, Sha256};
use std::fs::File;
use std::io::{self, Read};

/// A window of zstd is at most so many bits wide: what `maint` writes needs 8 MB.
const WIDEST_WINDOW: u32 = 27;

impl Backup {
    /// Reads all of it; the error says what is damaged. Without the key, the plain content of an encrypted one is not
    /// looked at: false then.
    pub(crate) fn verify(&self, world: &World) -> Result<bool> {
        self.verify_with(world, |content| io::copy(content, &mut io::sink()).map(drop).map_err(Into::into))
    }

    /// The same, with a look of the caller's own at the plain content.
    pub(crate) fn verify_with(
        &self,
        world: &World,
        look: impl FnOnce(&mut dyn Read) -> Result<()>,
    ) -> Result<bool> {
        if self.manifest.is_encrypted && world.config.backup.identity.is_none() {
            let mut packed = self.packed(world)?;
            drain(&mut packed)?;
            self.compare(&packed.digest())?;
            return Ok(false);
        }
        self.read(world, look).map(|()| true)
    }

    /// Hands over the plain content: decrypted and decompressed. The error is also for a content that ends early or is not
    /// what was written; so what is done with it must be undone then.
    pub(crate) fn read<T>(&self, world: &World, take: impl FnOnce(&mut dyn Read) -> Result<T>) -> Result<T> {
        // A manifest that was altered must not decide what is done with the content.
        let mut packed = self.packed(world)?;
        let read = if self.manifest.is_encrypted {
            let (command, _key) = age::decryption(world)?;
            let read = stream::read_through(command, "age", world, &mut packed, |plain| {
                let unpacked = self.unpacked(plain, take);
                // It ends by itself, and so tells why there was no more.
                drain(plain)?;
                Ok(unpacked)
            });
            read.and_then(|(ended, unpacked)| age::judge(&ended).and(unpacked))
        } else {
            self.unpacked(&mut packed, take)
        };
        if world.stop.reason().is_some() {
            bail!("the run was ended");
        }
        // What is damaged explains every other failure.
        drain(&mut packed)?;
        self.compare(&packed.digest())?;
        read
    }

    fn packed<'w>(&self, world: &'w World) -> Result<Hashing<'w, File>> {
        let Manifest { file, size_bytes, .. } = &self.manifest;
        let path = self.folder.join(file);
        let opened =
            open(&path).with_context(|| format!("its content {} cannot be read", text::escape(file)))?;
        ensure!(opened.metadata()?.is_file(), "it is damaged: {} is no file", text::escape(file));
        let length = opened.metadata()?.len();
        ensure!(
            length == *size_bytes,
            "it is damaged: {} has {length} bytes, not {size_bytes}",
            text::escape(file)
        );
        Ok(Hashing::of(opened, world))
    }

    /// Decompresses, and compares with what was written once.
    fn unpacked<T>(&self, packed: &mut dyn Read, take: impl FnOnce(&mut dyn Read) -> Result<T>) -> Result<T> {
        let mut decoder = zstd::Decoder::new(packed)?;
        decoder.window_log_max(WIDEST_WINDOW)?;
        let mut content = Counting { inner: decoder, count: 0 };
        let taken = take(&mut content);
        drain(&mut content).map_err(|error| anyhow!("it is damaged: {error}"))?;
        let is_same = content.count == self.manifest.content_bytes;
        ensure!(is_same, "it is damaged: its content is not what was backed up");
        taken
    }

    /// Compares every byte of both files with the checksums, and every byte of these.
    fn compare(&self, digest: &[u8]) -> Result<()> {
        let read = |name| Files::default().read(&self.folder.join(name), LARGEST_MANIFEST);
        let (manifest, sums) = (read(MANIFEST)?, read(SUMS)?);
        ensure!(
            Manifest::parse(&manifest, &self.id)? == self.manifest,
            "it is damaged: its manifest has changed"
        );
        let expected = self.manifest.sums(digest, &Sha256::digest(&manifest));
        ensure!(sums == expected.as_bytes(), "it is damaged: its checksums do not match");
        Ok(())
    }
}

fn drain(reader: &mut (impl Read + ?Sized)) -> io::Result<()> {
    io::copy(reader, &mut io::sink()).map(drop)
}

/// A reader that sums up what passes, and ends when the run has to.
struct Hashing<'w, R> {
    inner: R,
    sum: Sha256,
    world: &'w World,
}

impl<'w, R: Read> Hashing<'w, R> {
    fn of(inner: R, world: &'w World) -> Hashing<'w, R> {
        Hashing { inner, sum: Sha256::new(), world }
    }

    fn digest(&self) -> Vec<u8> {
        self.sum.clone().finalize().to_vec()
    }
}

impl<R: Read> Read for Hashing<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.world.stop.reason().is_some() {
            return Err(io::Error::other("the run was ended"));
        }
        let count = self.inner.read(buffer)?;
        self.sum.update(&buffer[..count]);
        Ok(count)
    }
}

/// A reader that counts what passes.
struct Counting<R> {
    inner: R,
    count: u64,
}

impl<R: Read> Read for Counting<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.count += count as u64;
        Ok(count)
    }
}
