use std::sync::{Arc, Mutex};

use futures::FutureExt;
use livelist_model::registry::AnyProvider;

use super::*;
use crate::hooked::{Call, Hooked};
use crate::memory::MemoryObjects;
use crate::{Condition, Retention};

/// Objects that record what is read, and in which a document can vanish before it is read.
#[derive(Default)]
struct Noted {
    objects: Arc<MemoryObjects>,
    vanishing: Option<String>,
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

    /// The documents that a refresh reads, whether anything changed, and the resulting names.
    async fn refresh(&self, documents: &mut Documents) -> (Vec<String>, bool, Vec<String>) {
        let read = Mutex::new(Vec::new());
        let noting = Hooked {
            objects: self.objects.clone(),
            hook: |call: Call<'_>| {
                let Call::Get(key) = call else {
                    return Ok(());
                };
                read.lock().unwrap().push(key.to_owned());
                if self.vanishing.as_deref() == Some(key) {
                    let gone = self.objects.delete(key, Condition::Always);
                    gone.now_or_never().unwrap()?;
                }
                Ok(())
            },
        };
        let is_changed = documents.refresh(&noting).await.unwrap();
        let read = read.into_inner().unwrap();
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
    let gone = store
        .objects
        .delete("registry/mls/abor.json", Condition::Always);
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
