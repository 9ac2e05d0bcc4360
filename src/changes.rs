//! Descriptors that become readable when there may be something new: for event loops.

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::sync::{Mutex, MutexGuard, PoisonError};

use socket2::SockRef;

/// Those that were given out. Each is one end of a pair of sockets: either side notices when the other has closed its own.
#[derive(Debug, Default)]
pub struct Changes {
    ends: Mutex<Vec<UnixStream>>,
}

impl Changes {
    /// A new one, readable at once: whatever is known, its owner has not seen it yet.
    pub fn descriptor(&self) -> io::Result<OwnedFd> {
        let (ours, theirs) = UnixStream::pair()?;
        theirs.set_nonblocking(true)?;
        tell(&ours);
        self.lock().push(ours);
        Ok(theirs.into())
    }

    /// Makes all of them readable.
    pub fn tell(&self) {
        self.lock().retain(tell);
    }

    fn lock(&self) -> MutexGuard<'_, Vec<UnixStream>> {
        self.ends.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Says whether somebody has the other end still.
fn tell(end: &UnixStream) -> bool {
    // No signal where it is closed, and no waiting where nobody has read for long.
    let sent = SockRef::from(end).send_with_flags(&[1], libc::MSG_NOSIGNAL | libc::MSG_DONTWAIT);
    sent.is_ok() || sent.is_err_and(|e| e.kind() == io::ErrorKind::WouldBlock)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;

    fn read(stream: &mut UnixStream) -> io::Result<usize> {
        stream.read(&mut [0; 64])
    }

    #[test]
    fn readable_at_once_after_each_change_and_at_the_end() {
        let changes = Changes::default();
        let mut theirs = UnixStream::from(changes.descriptor().unwrap());
        assert_eq!(read(&mut theirs).unwrap(), 1);
        assert_eq!(read(&mut theirs).unwrap_err().kind(), io::ErrorKind::WouldBlock);
        (0..3).for_each(|_| changes.tell());
        assert_eq!(read(&mut theirs).unwrap(), 3);
        drop(changes);
        assert_eq!(read(&mut theirs).unwrap(), 0);
    }

    #[test]
    fn whoever_does_not_read_holds_nobody_up_and_whoever_has_closed_is_forgotten() {
        let changes = Changes::default();
        let lazy = changes.descriptor().unwrap();
        let mut busy = UnixStream::from(changes.descriptor().unwrap());
        for _ in 0..100_000 {
            changes.tell();
            while read(&mut busy).is_ok() {}
        }
        assert_eq!(changes.lock().len(), 2);
        drop(lazy);
        changes.tell();
        assert_eq!((changes.lock().len(), read(&mut busy).unwrap()), (1, 1));
    }
}
