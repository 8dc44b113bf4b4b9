//! The Unix socket: only its owner may open it, and then everything is allowed.

use super::{BACKLOG, BindError};
use std::fs::{self, Permissions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _};
use std::os::unix::net::UnixStream as Blocking;
use std::path::{Path, PathBuf};
use tokio::net::{UnixListener, UnixStream};

/// A socket with its file, which goes when it goes.
#[derive(Debug)]
pub(super) struct Socket {
    listener: UnixListener,
    path: PathBuf,
    inode: u64,
}

impl Socket {
    /// Takes the name. One whose process is gone is taken over; one on which somebody answers is not.
    pub(super) fn bind(path: PathBuf) -> Result<Self, BindError> {
        clear(&path)?;
        match listen(&path) {
            Ok((listener, inode)) => Ok(Self { listener, path, inode }),
            Err(error) => Err(BindError::Socket(path, error)),
        }
    }

    pub(super) async fn accept(&self) -> io::Result<UnixStream> {
        self.listener.accept().await.map(|(stream, _)| stream)
    }
}

/// Makes room for the name.
fn clear(path: &Path) -> Result<(), BindError> {
    let fault = |error| BindError::Socket(path.to_owned(), error);
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(fault(error)),
        Ok(found) if !found.file_type().is_socket() => {
            return Err(BindError::NoSocket(path.to_owned()));
        }
        Ok(_) => {}
    }
    match Blocking::connect(path) {
        Err(error) if error.kind() == ErrorKind::ConnectionRefused => {
            fs::remove_file(path).map_err(fault)
        }
        Err(error) => Err(fault(error)),
        Ok(_) => Err(BindError::SocketInUse(path.to_owned())),
    }
}

/// Nobody can connect before it listens, and before that it belongs to its owner alone.
fn listen(path: &Path) -> io::Result<(UnixListener, u64)> {
    let socket = socket2::Socket::new(socket2::Domain::UNIX, socket2::Type::STREAM, None)?;
    socket.set_nonblocking(true)?;
    socket.bind(&socket2::SockAddr::unix(path)?)?;
    fs::set_permissions(path, Permissions::from_mode(0o600))?;
    socket.listen(BACKLOG)?;
    let inode = fs::symlink_metadata(path)?.ino();
    Ok((UnixListener::from_std(socket.into())?, inode))
}

impl Drop for Socket {
    fn drop(&mut self) {
        // Another process may have taken the name meanwhile.
        let ours = fs::symlink_metadata(&self.path).is_ok_and(|found| found.ino() == self.inode);
        if ours {
            fs::remove_file(&self.path).ok();
        }
    }
}
