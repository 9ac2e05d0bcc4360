//! The files of another process, which `kubepeers doctor --pid` examines.
//!
//! That process chooses its files, links and mounts. A link must therefore not lead to a file of
//! this process, whose content would be sent to a server that the other process names. The kernel
//! resolves every link in the root of the other process, also if it changes meanwhile. This needs
//! no privilege, unlike chroot, after which a name lookup might also load that process's libraries.

use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use rustix::fs::{FileType, Mode, OFlags, ResolveFlags, fstat, open, openat2};
use rustix::io::Errno;

static EXAMINED: OnceLock<Process> = OnceLock::new();

/// The kernel does not resolve `..` while another process moves folders.
const MOST_TRIES: usize = 32;

struct Process {
    root: OwnedFd,
    /// Relative to the root.
    cwd: PathBuf,
}

/// Reads the files that credentials are in as this process sees them, from now on.
///
/// # Errors
///
/// - `Unsupported`: the kernel or the container runtime has no openat2.
/// - any other: there is no such process, or this one may not examine it.
pub fn read_files_of(pid: u32) -> io::Result<()> {
    let process = Process::open(pid)?;
    match process.file(Path::new("/"), OFlags::PATH) {
        Err(error) if matches!(Errno::from_io_error(&error), Some(Errno::NOSYS | Errno::PERM)) => {
            let why = "it needs the system call openat2: Linux 5.6 or newer, and a container \
                       runtime that permits it";
            return Err(io::Error::new(io::ErrorKind::Unsupported, why));
        }
        other => other?,
    };
    EXAMINED.set(process).map_err(|_| io::Error::other("another process is examined already"))
}

/// Returns whether a path names a regular file.
pub fn is_file(path: &Path) -> bool {
    let Some(process) = EXAMINED.get() else { return path.is_file() };
    let file = process.file(path, OFlags::PATH);
    let status = file.and_then(|file| Ok(fstat(file)?));
    status.is_ok_and(|status| FileType::from_raw_mode(status.st_mode).is_file())
}

/// Returns whether the files are those of another process.
pub(super) fn is_examined() -> bool {
    EXAMINED.get().is_some()
}

/// Opens a file of the other process if there is one.
pub(super) fn open_examined(path: &Path) -> Option<io::Result<File>> {
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY;
    Some(EXAMINED.get()?.file(path, flags).map(File::from))
}

impl Process {
    fn open(pid: u32) -> io::Result<Self> {
        let link = |name: &str| format!("/proc/{pid}/{name}");
        let root = open(link("root"), OFlags::PATH | OFlags::CLOEXEC, Mode::empty())?;
        // A root in the mounts of this process is a part of the path.
        let [within, cwd] = [link("root"), link("cwd")].map(std::fs::read_link);
        let (within, cwd) = (within?, cwd?);
        let cwd = cwd.strip_prefix(&within).map(Path::to_owned).unwrap_or(cwd);
        Ok(Self { root, cwd })
    }

    fn file(&self, path: &Path, flags: OFlags) -> io::Result<OwnedFd> {
        let path = self.cwd.join(path);
        let resolve = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS;
        let open = || openat2(&self.root, &path, flags | OFlags::CLOEXEC, Mode::empty(), resolve);
        let mut opened = open();
        for _ in 1..MOST_TRIES {
            if !matches!(opened, Err(Errno::AGAIN)) {
                break;
            }
            opened = open();
        }
        Ok(opened?)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Read;
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn links_are_resolved_in_the_root_of_the_process() {
        let folder = tempfile::tempdir().unwrap();
        let outside = folder.path().join("outside");
        fs::write(&outside, "outside").unwrap();
        let root = folder.path().join("root");
        fs::create_dir_all(root.join("run/secrets")).unwrap();
        fs::create_dir(root.join("var")).unwrap();
        fs::write(root.join("run/secrets/token"), "inside").unwrap();
        symlink("/run", root.join("var/run")).unwrap();
        symlink("/run/secrets/token", root.join("absolute")).unwrap();
        symlink("../../../../var/run/secrets", root.join("run/relative")).unwrap();
        symlink(&outside, root.join("escape")).unwrap();
        symlink("../outside", root.join("climb")).unwrap();
        symlink("/loop", root.join("loop")).unwrap();
        let flags = OFlags::PATH | OFlags::CLOEXEC;
        let process =
            Process { root: open(&root, flags, Mode::empty()).unwrap(), cwd: PathBuf::from("run") };
        let content = |path: &str| {
            let mut file = File::from(process.file(Path::new(path), OFlags::RDONLY).ok()?);
            let mut text = String::new();
            file.read_to_string(&mut text).ok()?;
            Some(text)
        };
        for inside in
            ["/var/run/secrets/token", "/absolute", "/run/relative/token", "secrets/token"]
        {
            assert_eq!(content(inside).as_deref(), Some("inside"), "{inside}");
        }
        for nothing in ["/escape", "/climb", "/../outside", "/loop", "/proc/self/environ"] {
            assert_eq!(content(nothing), None, "{nothing}");
        }
    }
}
