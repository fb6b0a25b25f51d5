//! skeleton
use crate::{FaultRule, LoggedRequest};
use std::collections::BTreeMap;
/// The hands on one simulated MLS; cheap to clone.
#[derive(Clone)]
pub struct Control {}
#[allow(missing_docs, unused_variables)]
impl Control {
    pub fn live_keys(&self) -> Vec<String> { Vec::new() }
    pub fn live_keys_matching(&self, filter: &str) -> Result<Vec<String>, String> { Ok(Vec::new()) }
    pub fn live_count(&self) -> u64 { 0 }
    pub fn sell(&self, n: u64) -> Vec<String> { Vec::new() }
    pub fn sell_keys(&self, keys: &[String]) -> u64 { 0 }
    pub fn add(&self, n: u64) -> Vec<String> { Vec::new() }
    pub fn relist(&self, keys: &[String]) -> u64 { 0 }
    pub fn touch(&self, n: u64) -> Vec<String> { Vec::new() }
    pub fn touch_all_same_timestamp(&self) {}
    pub fn rekey_all(&self) {}
    pub fn set_faults(&self, rules: Vec<FaultRule>) {}
    pub fn clear_faults(&self) {}
    pub fn log(&self) -> Vec<LoggedRequest> { Vec::new() }
    pub fn clear_log(&self) {}
    pub fn struck(&self) -> BTreeMap<String, u64> { BTreeMap::new() }
    pub fn expire_tokens(&self) {}
    pub fn revoke(&self, revoked: bool) {}
    pub fn secrets(&self) -> Vec<String> { Vec::new() }
}
