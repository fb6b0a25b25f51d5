//! livelist-aws
