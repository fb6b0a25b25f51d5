//! Objects with a hook before each call, for tests that record what is read, or that inject errors.

use async_trait::async_trait;

use crate::{Body, Condition, Listed, Object, Objects, Retention, StoreError};

/// A call of [`Objects`], with its key or prefix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Call<'a> {
    /// `get`
    Get(&'a str),
    /// `put`
    Put(&'a str),
    /// `delete`
    Delete(&'a str),
    /// `list`
    List(&'a str),
    /// `list_names`
    ListNames(&'a str),
    /// `retire`
    Retire(&'a str),
}

impl<'a> Call<'a> {
    /// The object or prefix that is read or listed.
    pub fn reads(self) -> Option<&'a str> {
        match self {
            Call::Get(key) | Call::List(key) | Call::ListNames(key) => Some(key),
            Call::Put(_) | Call::Delete(_) | Call::Retire(_) => None,
        }
    }
}

/// Objects whose calls first go through `hook`; if it returns an error, the call is not made.
pub struct Hooked<O, H> {
    /// The objects.
    pub objects: O,
    /// The hook.
    pub hook: H,
}

#[async_trait]
impl<O, H> Objects for Hooked<O, H>
where
    O: std::ops::Deref<Target: Objects> + Send + Sync,
    H: Fn(Call<'_>) -> Result<(), StoreError> + Send + Sync,
{
    async fn get(&self, key: &str) -> Result<Option<Object>, StoreError> {
        (self.hook)(Call::Get(key))?;
        self.objects.get(key).await
    }

    async fn put(
        &self,
        key: &str,
        body: Body,
        condition: Condition,
        retention: Retention,
    ) -> Result<String, StoreError> {
        (self.hook)(Call::Put(key))?;
        self.objects.put(key, body, condition, retention).await
    }

    async fn delete(&self, key: &str, condition: Condition) -> Result<(), StoreError> {
        (self.hook)(Call::Delete(key))?;
        self.objects.delete(key, condition).await
    }

    async fn list(&self, prefix: &str) -> Result<Vec<Listed>, StoreError> {
        (self.hook)(Call::List(prefix))?;
        self.objects.list(prefix).await
    }

    async fn list_names(&self, prefix: &str) -> Result<Vec<String>, StoreError> {
        (self.hook)(Call::ListNames(prefix))?;
        self.objects.list_names(prefix).await
    }

    async fn retire(&self, key: &str) -> Result<(), StoreError> {
        (self.hook)(Call::Retire(key))?;
        self.objects.retire(key).await
    }
}
