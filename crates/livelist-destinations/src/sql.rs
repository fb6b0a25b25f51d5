//! What the SQL servers share: the tables of a resource, and what a batch does to them. Pure; each server
//! has its own statements.

#[cfg(any(feature = "mysql", feature = "postgres"))]
mod halves;
#[cfg(any(feature = "mysql", feature = "postgres"))]
mod plan;
#[cfg(any(feature = "mysql", feature = "postgres"))]
mod table;

#[cfg(any(feature = "mysql", feature = "postgres"))]
pub(crate) use halves::Halves;
#[cfg(any(feature = "mysql", feature = "postgres"))]
pub(crate) use plan::{Before, Plan};
#[cfg(any(feature = "mysql", feature = "postgres"))]
pub(crate) use table::{Missing, Table, Whose};

/// The column with the key of the record that an expansion belongs to.
pub(crate) const PARENT: &str = "_parent";
/// The column with what tells the records of one parent apart.
pub(crate) const CHILD: &str = "_child";
/// As what it is written down: no field of a record has such a name.
pub(crate) const PARENT_FIELD: &str = "@parent";
