//! Descriptors for event loops. They become readable when a call may have a new outcome.

use std::io;
use std::mem::MaybeUninit;
use std::net::Shutdown;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::sync::{Mutex, MutexGuard, PoisonError};

use socket2::SockRef;

/// The descriptors of one provider. Each is one end of a pair of sockets, so that either side
/// notices when the other closes its end.
#[derive(Debug, Default)]
pub struct ChangeNotifier {
    ends: Mutex<Ends>,
}

#[derive(Debug, Default)]
struct Ends {
    open: Vec<UnixStream>,
    /// How many ends may be open before the next new one checks which of them the host has closed.
    /// A check of all ends for each new one would take quadratic time.
    check_at: usize,
}

/// So few ends are kept without a check.
const FEW: usize = 8;

impl Ends {
    fn retain(&mut self, open: impl Fn(&UnixStream) -> bool) {
        self.open.retain(open);
        self.check_at = FEW.max(2 * self.open.len());
    }
}

impl Drop for ChangeNotifier {
    fn drop(&mut self) {
        self.end();
    }
}

impl ChangeNotifier {
    /// Returns a new descriptor. It is readable at once, because its owner has not read the present
    /// state yet.
    pub fn descriptor(&self) -> io::Result<OwnedFd> {
        let (ours, theirs) = UnixStream::pair()?;
        theirs.set_nonblocking(true)?;
        notify(&ours);
        let mut ends = self.lock();
        // While nothing changes, only this notices that the host has closed descriptors.
        if ends.open.len() >= ends.check_at {
            ends.retain(is_open);
        }
        ends.open.push(ours);
        Ok(theirs.into())
    }

    /// Makes all descriptors readable.
    pub fn notify(&self) {
        self.lock().retain(notify);
    }

    /// Ends all descriptors: they stay readable, and reading returns 0, even if a child process has
    /// copies of our ends.
    pub fn end(&self) {
        for end in self.lock().open.drain(..) {
            // It fails only if the host has closed its end.
            let _ = end.shutdown(Shutdown::Both);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Ends> {
        self.ends.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn is_open(end: &UnixStream) -> bool {
    let received =
        SockRef::from(end).recv_with_flags(&mut [MaybeUninit::uninit()], libc::MSG_DONTWAIT);
    !matches!(&received, Ok(0)) && !received.is_err_and(is_over)
}

/// Returns whether the host still has its end.
fn notify(end: &UnixStream) -> bool {
    // Neither raises SIGPIPE if the other end is closed nor blocks if the host has not read for
    // long.
    let sent = SockRef::from(end).send_with_flags(&[1], libc::MSG_NOSIGNAL | libc::MSG_DONTWAIT);
    !sent.is_err_and(is_over)
}

/// Returns whether the other end is closed. Other errors are transient.
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
    fn descriptor_is_readable_at_once_after_each_change_and_at_the_end() {
        let notifier = ChangeNotifier::default();
        let mut theirs = UnixStream::from(notifier.descriptor().unwrap());
        assert_eq!(read(&mut theirs).unwrap(), 1);
        assert_eq!(read(&mut theirs).unwrap_err().kind(), io::ErrorKind::WouldBlock);
        (0..3).for_each(|_| notifier.notify());
        assert_eq!(read(&mut theirs).unwrap(), 3);
        drop(notifier);
        assert_eq!(read(&mut theirs).unwrap(), 0);
    }

    #[test]
    fn unread_descriptor_does_not_block_others_and_closed_one_is_dropped() {
        let notifier = ChangeNotifier::default();
        let lazy = notifier.descriptor().unwrap();
        let mut busy = UnixStream::from(notifier.descriptor().unwrap());
        for _ in 0..100_000 {
            notifier.notify();
            while read(&mut busy).is_ok() {}
        }
        assert_eq!(notifier.lock().open.len(), 2);
        drop(lazy);
        notifier.notify();
        assert_eq!((notifier.lock().open.len(), read(&mut busy).unwrap()), (1, 1));
        (0..1000).for_each(|_| drop(notifier.descriptor()));
        assert!(notifier.lock().open.len() <= FEW);
    }
}
