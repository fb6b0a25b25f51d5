//! Raises the limit of file descriptors. A shell's soft limit is often 1,024, which connections alone may
//! use up; then neither data files nor connections could be opened.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Enough for all connections and for the files of the runs.
const ENOUGH: u64 = 65_536;

/// Raises the soft limit as far as the hard one allows.
pub fn raise() {
    let limit = getrlimit(Resource::Nofile);
    let wanted = limit.maximum.map_or(ENOUGH, |most| most.min(ENOUGH));
    if limit.current.is_none_or(|now| now >= wanted) {
        return;
    }
    let raised = Rlimit {
        current: Some(wanted),
        maximum: limit.maximum,
    };
    if let Err(error) = setrlimit(Resource::Nofile, raised) {
        tracing::warn!("the limit on open files stays as it is: {error}");
    }
}
