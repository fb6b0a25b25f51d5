//! Records that could not be stored.

use tokio_postgres::types::Type;

use super::apply::{Applying, Params, plain};
use super::error::Fault;

impl Applying<'_> {
    /// Records that were rejected before are there now, or gone.
    pub(super) async fn accept(&self, resource: &str, keys: &[&str]) -> Result<(), Fault> {
        let sql = format!(
            "DELETE FROM {} WHERE log = $1 AND resource = $2 AND key = ANY($3)",
            self.place.own("rejects")
        );
        let keys: Vec<String> = keys.iter().map(|key| plain(key)).collect();
        let params: Params<'_> = &[
            (&self.log.replication, Type::TEXT),
            (&resource, Type::TEXT),
            (&keys, Type::TEXT_ARRAY),
        ];
        self.on.execute_typed(&sql, params).await?;
        Ok(())
    }

    /// Counts a record that cannot be stored.
    pub(super) async fn reject(
        &self,
        resource: &str,
        key: &str,
        number: u64,
        reason: &str,
    ) -> Result<(), Fault> {
        let sql = format!(
            "INSERT INTO {} AS r (log, resource, key, number, reason, first_at, last_at, times)
             VALUES ($1, $2, $3, $4, $5, $6::timestamptz, $6::timestamptz, 1)
             ON CONFLICT (log, resource, key) DO UPDATE SET number = excluded.number,
                 reason = excluded.reason, last_at = excluded.last_at, times = r.times + 1",
            self.place.own("rejects")
        );
        let params: Params<'_> = &[
            (&self.log.replication, Type::TEXT),
            (&resource, Type::TEXT),
            (&plain(key), Type::TEXT),
            (&number.cast_signed(), Type::INT8),
            (&plain(reason), Type::TEXT),
            (&self.now, Type::TEXT),
        ];
        self.on.execute_typed(&sql, params).await?;
        Ok(())
    }
}
