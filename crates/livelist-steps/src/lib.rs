//! livelist-steps
