use std::sync::Mutex;

use async_trait::async_trait;
use livelist_model::registry::AnyProvider;

use super::*;
use crate::memory::MemoryObjects;
use crate::{Body, Condition, Listed, Object, Retention};

/// Objects that note what is read of them, and where a document vanishes before it is read.
#[derive(Default)]
struct Noted {
    objects: MemoryObjects,
    read: Mutex<Vec<String>>,
    vanishing: Option<String>,
}

#[async_trait]
impl Objects for Noted {
    async fn get(&self, key: &str) -> Result<Option<Object>, StoreError> {
        self.read.lock().unwrap().push(key.to_owned());
        if self.vanishing.as_deref() == Some(key) {
            return Ok(None);
        }
        self.objects.get(key).await
    }

    async fn put(
        &self,
        key: &str,
        body: Body,
        condition: Condition,
        retention: Retention,
    ) -> Result<String, StoreError> {
        self.objects.put(key, body, condition, retention).await
    }

    async fn delete(&self, key: &str, condition: Condition) -> Result<(), StoreError> {
        self.objects.delete(key, condition).await
    }

    async fn list(&self, prefix: &str) -> Result<Vec<Listed>, StoreError> {
        self.objects.list(prefix).await
    }

    async fn list_names(&self, prefix: &str) -> Result<Vec<String>, StoreError> {
        self.objects.list_names(prefix).await
    }

    async fn retire(&self, key: &str) -> Result<(), StoreError> {
        self.objects.retire(key).await
    }
}

impl Noted {
    async fn mls(&self, name: &str) {
        let document = format!(
            r#"{{"mls":"{name}","provider":"reso","credential":"env:X",
                "base_url":"https://x.example/odata"}}"#
        );
        let key = format!("registry/mls/{name}.json");
        let put = self.objects.put(
            &key,
            document.into_bytes().into(),
            Condition::Always,
            Retention::Keep,
        );
        put.await.unwrap();
    }

    /// What `documents` read to be up to date, whether anything changed, and what they say then.
    async fn refresh(&self, documents: &mut Documents) -> (Vec<String>, bool, Vec<String>) {
        let is_changed = documents.refresh(self).await.unwrap();
        let read = std::mem::take(&mut *self.read.lock().unwrap());
        let (registry, findings) = documents.registry(&AnyProvider);
        assert!(findings.is_empty(), "{findings:?}");
        let names = registry.mls.keys().map(ToString::to_string).collect();
        (read, is_changed, names)
    }
}

fn texts<const N: usize>(texts: [&str; N]) -> Vec<String> {
    texts.map(str::to_owned).to_vec()
}

#[tokio::test]
async fn only_what_changed_is_read_again() {
    let store = Noted::default();
    let mut documents = Documents::default();
    assert_eq!(
        store.refresh(&mut documents).await,
        (vec![], false, vec![]),
        "there is nothing"
    );
    store.mls("abor").await;
    store.mls("bolt").await;
    let both = texts(["registry/mls/abor.json", "registry/mls/bolt.json"]);
    let names = texts(["abor", "bolt"]);
    assert_eq!(
        store.refresh(&mut documents).await,
        (both, true, names.clone())
    );
    assert_eq!(
        store.refresh(&mut documents).await,
        (vec![], false, names.clone())
    );
    store.mls("bolt").await;
    let one = texts(["registry/mls/bolt.json"]);
    assert_eq!(store.refresh(&mut documents).await, (one, true, names));
    let gone = store.delete("registry/mls/abor.json", Condition::Always);
    gone.await.unwrap();
    assert_eq!(
        store.refresh(&mut documents).await,
        (vec![], true, texts(["bolt"]))
    );
}

#[tokio::test]
async fn what_vanishes_behind_the_listing_is_not_there() {
    let mut store = Noted::default();
    store.mls("abor").await;
    store.mls("bolt").await;
    let mut documents = Documents::default();
    store.refresh(&mut documents).await;
    store.mls("abor").await;
    store.vanishing = Some("registry/mls/abor.json".to_owned());
    let (_, is_changed, names) = store.refresh(&mut documents).await;
    assert!(is_changed);
    assert_eq!(names, ["bolt"]);
}
