//! livelist-api
