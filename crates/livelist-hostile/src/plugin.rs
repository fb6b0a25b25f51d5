//! What the WordPress plugin makes of a post: a mirror of `Decision::post` in
//! `wordpress/livelist-sync/src/Core/Decision.php`. Both run the cases of
//! `wordpress/tests/fixtures/decision-cases.json`. Pure; depends on nothing but the switches of guards.

use livelist_model::guard_switch::{Guard, is_off};
use serde::Deserialize;

/// So many seconds the clocks of a site and of the service may be apart.
const TOLERANCE: i64 = 300;
/// A second look has to be so many seconds younger than the first that missed a post.
const SECOND_LOOK: i64 = 72_000;

/// What the plugin did to a post.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Did {
    /// Nothing.
    #[default]
    #[serde(rename = "")]
    Nothing,
    /// It made a draft of it.
    Drafted,
    /// It put it into the trash.
    Trashed,
    /// A person wants the post up.
    Kept,
    /// It was brought back by a person who undid a run, and is to be decided on anew.
    Undone,
}

/// What `check` said of a key that is not in the list.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Said {
    /// It was not asked.
    #[default]
    #[serde(rename = "")]
    Nothing,
    /// The listing is gone.
    Gone,
    /// Anything else.
    Unknown,
}

/// What is known of a post. Instants are Unix seconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
pub struct Post {
    /// Whether its key is in the list.
    pub listed: bool,
    /// What the plugin did to it.
    pub did: Did,
    /// The instant of the list that it was first missed in; 0 for none.
    pub missed: i64,
    /// Since when the site has it under this key.
    pub seen: i64,
    /// The instant of the list.
    pub as_of: i64,
    /// What `check` said of its key.
    pub said: Said,
}

/// What becomes of a post.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Becomes {
    /// It stays as it is.
    Keep,
    /// It stays: it may be younger than the list.
    Young,
    /// It is brought back.
    Restore,
    /// `check` has to be asked.
    Ask,
    /// It stays: the service does not say that the listing is gone.
    Unknown,
    /// It becomes a draft.
    Draft,
    /// It goes to the trash.
    Trash,
}

impl Becomes {
    /// Whether the post is taken down.
    pub fn is_down(self) -> bool {
        matches!(self, Becomes::Draft | Becomes::Trash)
    }
}

impl Post {
    /// What becomes of it.
    pub fn becomes(self) -> Becomes {
        let is_down = matches!(self.did, Did::Drafted | Did::Trashed);
        match self.did {
            Did::Kept => return Becomes::Keep,
            _ if self.listed && is_down => return Becomes::Restore,
            _ if self.listed => return Becomes::Keep,
            Did::Trashed => return Becomes::Keep,
            _ if self.seen > self.as_of - TOLERANCE => return Becomes::Young,
            Did::Drafted if self.as_of < self.missed + SECOND_LOOK => return Becomes::Keep,
            Did::Nothing | Did::Undone | Did::Drafted => {}
        }
        match self.said {
            Said::Nothing => Becomes::Ask,
            Said::Unknown if !is_off(Guard::AsksCheck) => Becomes::Unknown,
            Said::Unknown | Said::Gone if self.did == Did::Drafted => Becomes::Trash,
            Said::Unknown | Said::Gone => Becomes::Draft,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Deserialize)]
    struct Case {
        name: String,
        #[serde(flatten)]
        post: Post,
        becomes: Becomes,
    }

    #[derive(Deserialize)]
    struct Table {
        cases: Vec<Case>,
    }

    #[test]
    fn the_plugins_table_of_cases_holds_for_its_mirror() {
        let path = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../wordpress/tests/fixtures/decision-cases.json"
        );
        let text = std::fs::read_to_string(path).unwrap();
        let table: Table = serde_json::from_str(&text).unwrap();
        for case in &table.cases {
            assert_eq!(case.post.becomes(), case.becomes, "{}", case.name);
        }
        let all = [
            Becomes::Keep,
            Becomes::Young,
            Becomes::Restore,
            Becomes::Ask,
            Becomes::Unknown,
            Becomes::Draft,
            Becomes::Trash,
        ];
        let is_told = |becomes| table.cases.iter().any(|case| case.becomes == becomes);
        assert!(all.into_iter().all(is_told));
    }
}
