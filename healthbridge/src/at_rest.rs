//! Files at rest are closed to everybody but their owner, whatever made them and with whatever rights.

use std::{
    ffi::CString,
    io,
    os::fd::{AsFd, OwnedFd},
    path::Path,
};

use rustix::{
    fs::{AtFlags, Dir, FileType, Mode, OFlags},
    io::Errno,
};

/// New files and folders are closed to others from their first moment.
pub(crate) fn close_new_files() {
    rustix::process::umask(Mode::RWXG | Mode::RWXO);
}

/// Closes all that is in a folder, the folders 0700 and the files 0600, and leaves the folder itself to the caller.
///
/// Links are neither followed nor changed: everything is reached from the folder above it, so that nothing outside is
/// touched even when another process changes the tree meanwhile.
pub(crate) fn close_content(folder: &Path) -> io::Result<()> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let opened = rustix::fs::open(folder, flags, Mode::empty())?;
    let mut foreign = 0;
    walk(&opened, &mut foreign)?;
    if foreign > 0 {
        tracing::warn!(foreign, folder = %folder.display(), "files that belong to others cannot be closed");
    }
    Ok(())
}

fn walk(folder: &OwnedFd, foreign: &mut u64) -> io::Result<()> {
    for name in names(folder)? {
        match close_one(folder, &name) {
            Ok(Some(below)) => walk(&below, foreign)?,
            // A database that still ends removes its files meanwhile.
            Ok(None) | Err(Errno::NOENT | Errno::LOOP) => {}
            Err(Errno::PERM | Errno::ACCESS) => *foreign += 1,
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

fn names(folder: &OwnedFd) -> io::Result<Vec<CString>> {
    let mut names = Vec::new();
    for entry in Dir::read_from(folder)? {
        let name = entry?.file_name().to_owned();
        if !matches!(name.as_bytes(), b"." | b"..") {
            names.push(name);
        }
    }
    Ok(names)
}

/// Closes a file or a folder; gives the folder.
fn close_one(parent: &OwnedFd, name: &CString) -> Result<Option<OwnedFd>, Errno> {
    let stat = rustix::fs::statat(parent, name, AtFlags::SYMLINK_NOFOLLOW)?;
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let (found, wanted) = (Mode::from_raw_mode(stat.st_mode), Mode::RUSR | Mode::WUSR);
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::Directory => {
            let folder = rustix::fs::openat(parent, name, flags | OFlags::DIRECTORY, Mode::empty())?;
            if found != wanted | Mode::XUSR {
                rustix::fs::fchmod(folder.as_fd(), wanted | Mode::XUSR)?;
            }
            Ok(Some(folder))
        }
        FileType::RegularFile if found != wanted => {
            rustix::fs::fchmod(rustix::fs::openat(parent, name, flags, Mode::empty())?, wanted)?;
            Ok(None)
        }
        _ => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use std::{
        fs,
        os::unix::fs::{PermissionsExt, symlink},
    };

    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).expect("it works").permissions().mode() & 0o7777
    }

    #[test]
    fn everything_below_a_folder_is_closed_and_nothing_that_a_link_leads_to() {
        let folder = tempfile::tempdir().expect("it works");
        let (inside, outside) = (folder.path().join("inside"), folder.path().join("outside"));
        fs::create_dir_all(inside.join("a/b")).expect("it works");
        fs::create_dir_all(outside.join("c")).expect("it works");
        let files = [inside.join("x"), inside.join("a/b/y"), outside.join("z")];
        for file in &files {
            fs::write(file, "").expect("it works");
            fs::set_permissions(file, fs::Permissions::from_mode(0o755)).expect("it works");
        }
        fs::set_permissions(inside.join("a"), fs::Permissions::from_mode(0o2775)).expect("it works");
        symlink(outside.join("c"), inside.join("folder")).expect("it works");
        symlink(&files[2], inside.join("a/file")).expect("it works");
        let before = mode(&outside.join("c"));
        close_content(&inside).expect("it works");
        assert_eq!(files.each_ref().map(|file| mode(file)), [0o600, 0o600, 0o755]);
        assert_eq!([inside.join("a"), inside.join("a/b")].map(|folder| mode(&folder)), [0o700, 0o700]);
        assert_eq!(mode(&outside.join("c")), before);
    }
}
