//! Presents two directories as one store: the registry, which people edit, and the data.

use async_trait::async_trait;
use livelist_store::directory::DirectoryObjects;
use livelist_store::{Body, Condition, Listed, Object, Objects, Retention, StoreError};

/// The prefix of the registry's documents.
pub const REGISTRY: &str = "registry/";

/// `registry/…` is read from one directory, everything else lives in the other.
pub struct Overlay {
    /// Documents that people edit; only read.
    pub registry: DirectoryObjects,
    /// Everything else.
    pub data: DirectoryObjects,
}

fn read_only(key: &str) -> Result<(), StoreError> {
    if key.starts_with(REGISTRY) {
        return Err(StoreError::refused(
            format!("writing {key}"),
            "the registry is only read",
        ));
    }
    Ok(())
}

#[async_trait]
impl Objects for Overlay {
    async fn get(&self, key: &str) -> Result<Option<Object>, StoreError> {
        match key.strip_prefix(REGISTRY) {
            Some(file) => self.registry.get(file).await,
            None => self.data.get(key).await,
        }
    }

    async fn put(
        &self,
        key: &str,
        body: Body,
        condition: Condition,
        retention: Retention,
    ) -> Result<String, StoreError> {
        read_only(key)?;
        self.data.put(key, body, condition, retention).await
    }

    async fn delete(&self, key: &str, condition: Condition) -> Result<(), StoreError> {
        read_only(key)?;
        self.data.delete(key, condition).await
    }

    async fn list(&self, prefix: &str) -> Result<Vec<Listed>, StoreError> {
        let Some(folder) = prefix.strip_prefix(REGISTRY) else {
            return self.data.list(prefix).await;
        };
        let mut listed = self.registry.list(folder).await?;
        for entry in &mut listed {
            entry.key.insert_str(0, REGISTRY);
        }
        Ok(listed)
    }

    async fn list_names(&self, prefix: &str) -> Result<Vec<String>, StoreError> {
        match prefix.strip_prefix(REGISTRY) {
            Some(folder) => self.registry.list_names(folder).await,
            None => self.data.list_names(prefix).await,
        }
    }

    async fn retire(&self, key: &str) -> Result<(), StoreError> {
        read_only(key)?;
        self.data.retire(key).await
    }
}
