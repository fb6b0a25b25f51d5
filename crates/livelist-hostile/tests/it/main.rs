//! Worlds that have to come out right, and with guards off, worlds that have to go wrong.

#[cfg(feature = "mutations")]
mod mutations;
#[cfg(not(feature = "mutations"))]
mod worlds;
