//! What the SQL servers share: the tables of a resource, and what a batch does to them. Pure; each server
//! has its own statements.

mod halves;
mod plan;
mod table;

pub(crate) use halves::Halves;
pub(crate) use plan::{Before, Plan};
pub(crate) use table::Table;
