//! Descriptors that become readable when there may be something new: for event loops.

use std::io;
use std::mem::MaybeUninit;
use std::net::Shutdown;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::sync::{Mutex, MutexGuard, PoisonError};

use socket2::SockRef;

/// Those that were given out. Each is one end of a pair of sockets: either side notices when the other has closed its own.
#[derive(Debug, Default)]
pub struct Changes {
    ends: Mutex<Ends>,
}

#[derive(Debug, Default)]
struct Ends {
    open: Vec<UnixStream>,
    /// How many there may be before it is looked which of them others have closed: looking at each one for each new one
    /// would take the longer the more there are.
    many: usize,
}

/// Few enough to be kept without a look.
const FEW: usize = 8;

impl Ends {
    fn retain(&mut self, open: impl Fn(&UnixStream) -> bool) {
        self.open.retain(open);
        self.many = FEW.max(2 * self.open.len());
    }
}

impl Drop for Changes {
    fn drop(&mut self) {
        self.end();
    }
}

impl Changes {
    /// A new one, readable at once: whatever is known, its owner has not seen it yet.
    pub fn descriptor(&self) -> io::Result<OwnedFd> {
        let (ours, theirs) = UnixStream::pair()?;
        theirs.set_nonblocking(true)?;
        tell(&ours);
        let mut ends = self.lock();
        // While nothing changes, this is where it is noticed that others have closed theirs.
        if ends.open.len() >= ends.many {
            ends.retain(is_open);
        }
        ends.open.push(ours);
        Ok(theirs.into())
    }

    /// Makes all of them readable.
    pub fn tell(&self) {
        self.lock().retain(tell);
    }

    /// There will be nothing new any more: all of them are at their end, also where a child process has copies of our sides.
    pub fn end(&self) {
        for end in self.lock().open.drain(..) {
            // Fails only where the other side is closed.
            let _ = end.shutdown(Shutdown::Both);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Ends> {
        self.ends.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn is_open(end: &UnixStream) -> bool {
    let received = SockRef::from(end).recv_with_flags(&mut [MaybeUninit::uninit()], libc::MSG_DONTWAIT);
    !matches!(&received, Ok(0)) && !received.is_err_and(is_over)
}

/// Says whether somebody has the other end still.
fn tell(end: &UnixStream) -> bool {
    // No signal where it is closed, and no waiting where nobody has read for long.
    let sent = SockRef::from(end).send_with_flags(&[1], libc::MSG_NOSIGNAL | libc::MSG_DONTWAIT);
    !sent.is_err_and(is_over)
}

/// Other errors pass.
fn is_over(error: io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset)
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
        assert_eq!(changes.lock().open.len(), 2);
        drop(lazy);
        changes.tell();
        assert_eq!((changes.lock().open.len(), read(&mut busy).unwrap()), (1, 1));
        (0..1000).for_each(|_| drop(changes.descriptor()));
        assert!(changes.lock().open.len() <= FEW);
    }
}
