//! The user of this process. A command that root runs on a directory of the service's user continues as
//! that user, so that the service can change all files in it.

use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use rustix::fs::Mode;
use rustix::process::{Gid, Uid, geteuid, umask};
use rustix::thread::{set_thread_groups, set_thread_res_gid, set_thread_res_uid};

use crate::exit::Failed;

/// From now on, new files are only for their owner, and root continues as the owner of `data`. Call this
/// while the process has one thread, so that all threads have the same user.
///
/// # Errors
/// The system does not let root become that user.
pub fn become_owner_of(data: &Path) -> Result<(), Failed> {
    umask(Mode::from_raw_mode(0o077));
    if !geteuid().is_root() {
        return Ok(());
    }
    // A directory that is not there yet is going to be root's.
    let Ok(of) = std::fs::metadata(data) else {
        return Ok(());
    };
    if of.uid() == 0 {
        return Ok(());
    }
    let (user, group) = (Uid::from_raw(of.uid()), Gid::from_raw(of.gid()));
    let become_it = || -> io::Result<()> {
        set_thread_groups(&[])?;
        set_thread_res_gid(group, group, group)?;
        set_thread_res_uid(user, user, user)?;
        Ok(())
    };
    become_it().map_err(|e| {
        let data = data.display();
        Failed::because(format!("cannot go on as the owner of {data}: {e}"))
    })
}
