//! livelist
