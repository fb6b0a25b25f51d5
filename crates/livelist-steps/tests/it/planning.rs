//! A large plan is spread, so that its runs do not ask for their secrets all at once.

use std::sync::Arc;

use livelist_mls::Provider::Reso;
use livelist_steps::{Env, Limits, plan};
use livelist_store::memory::MemoryQueue;
use livelist_store::{Condition, ObjectsExt as _, Retention};
use serde_json::json;

use crate::world::World;

#[tokio::test]
async fn a_plan_is_sent_with_delays() {
    let world = World::one(Reso, 30).await;
    let queue = Arc::new(MemoryQueue::default());
    let env = Env {
        queue: queue.clone(),
        limits: Limits {
            pairs_a_second: 3,
            ..Limits::default()
        },
        ..world.env()
    };
    let pairs: Vec<_> = (0..8)
        .map(|n| json!({"mls": "abor", "resource": "Property", "filter": format!("City eq '{n}'")}))
        .collect();
    let mls = json!({"mls": "abor", "provider": "reso",
        "base_url": world.simulator.base_url("abor"), "credential": "ssm:/abor"});
    for (name, document) in [
        ("mls/abor", mls),
        ("clients/acme", json!({"client": "acme", "pairs": pairs})),
    ] {
        let key = format!("registry/{name}.json");
        let (condition, keep) = (Condition::Always, Retention::Keep);
        let written = world.objects.write_json(&key, &document, condition, keep);
        written.await.unwrap();
    }
    let planned = plan::run(&env, plan::Input::default()).await.unwrap();
    assert_eq!((planned.sent, planned.findings), (8, vec![]));
    let delays: Vec<u64> = std::iter::from_fn(|| queue.take())
        .map(|message| message.delay.as_secs())
        .collect();
    assert_eq!(delays, [0, 0, 0, 1, 1, 1, 2, 2]);
}
