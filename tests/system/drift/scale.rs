//! Compares the model of a night with the deployment.

use livelist_scale::settings::{API, Function, Settings, Size, size, time};
use livelist_steps::Limits;
use livelist_tests::template::Template;
use serde_json::{Map, Value, json};

#[test]
fn the_model_counts_with_what_is_deployed() {
    let template = Template::read();
    let of = |pointer: &str| template.at(pointer).as_u64().unwrap();
    let settings = Settings::default();
    let large = Settings {
        size: Size::Large,
        ..Settings::default()
    };
    let default = |name: &str| of(&format!("/Parameters/{name}/Default"));
    assert_eq!(settings.scan_seconds, default("ScanSeconds"));
    assert_eq!(settings.max_hops, default("MaxHops"));
    assert_eq!(settings.workers as u64, default("WorkerConcurrency"));
    assert_eq!(
        u64::from(settings.pairs_a_second),
        default("PairsPerSecond")
    );
    for trigger in ["WorkerTakesPairs", "NotifyTakesEvents"] {
        let pointer = format!("/Resources/{trigger}/Properties/BatchSize");
        assert_eq!(settings.batch as u64, of(&pointer), "{trigger}");
    }
    let notify = "/Resources/NotifyTakesEvents/Properties";
    let most = of(&format!("{notify}/ScalingConfig/MaximumConcurrency"));
    assert_eq!(settings.notifiers as u64, most);
    let window = of(&format!("{notify}/MaximumBatchingWindowInSeconds"));
    assert_eq!(settings.window, window * 1_000);
    let usual = &template.at("/Globals/Function")["MemorySize"];
    let functions = template.resources("AWS::Serverless::Function");
    for function in Function::ALL {
        let mut here = functions.values();
        let properties = here.find(|p| p["Handler"] == function.name()).unwrap();
        let memory = properties.get("MemorySize").unwrap_or(usual);
        assert_eq!(
            memory,
            &Value::from(function.memory()),
            "{}",
            function.name()
        );
        let cap = match function {
            Function::Worker => json!({"Ref": "WorkerConcurrency"}),
            _ => json!(large.reserve(function)),
        };
        assert_eq!(reserve(properties), cap, "{}", function.name());
        assert_eq!(settings.reserve(function), None, "{}", function.name());
    }
    for function in ["Pull", "Apply"] {
        let memory = of(&format!("/Resources/{function}/Properties/MemorySize"));
        assert_eq!(livelist_scale::syncs::MEMORY, memory, "{function}");
    }
    assert_eq!(
        large.reserve(Function::Worker),
        Some(settings.workers as u64)
    );
    let api = functions.values().find(|p| p["Handler"] == "api").unwrap();
    assert_eq!(reserve(api), json!(API));
}

/// What `Size=large` reserves for a function.
fn reserve(properties: &Map<String, Value>) -> Value {
    let Some(reserved) = properties.get("ReservedConcurrentExecutions") else {
        return Value::Null;
    };
    assert_eq!(reserved["Fn::If"][0], "IsLarge");
    assert_eq!(reserved["Fn::If"][2], json!({"Ref": "AWS::NoValue"}));
    reserved["Fn::If"][1].clone()
}

#[test]
fn the_model_waits_as_the_steps_do() {
    let limits = Limits::default();
    let busy = u64::try_from(limits.busy_wait.as_millis()).unwrap();
    assert_eq!(Settings::default().busy_wait, busy);
    assert_eq!(Settings::default().pairs_a_second, limits.pairs_a_second);
    assert_eq!(size::PART, limits.part_bytes as u64);
    assert_eq!(u128::from(time::LEASE), limits.lease_ttl.as_millis());
}
