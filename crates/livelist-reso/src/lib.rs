//! livelist-reso
