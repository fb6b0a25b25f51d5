//! The providers that a registry document can name. How each one's API behaves is its dialect's
//! business (`livelist-reso`); this is only the name.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Who serves an MLS.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Provider {
    /// Any RESO Web API server.
    Reso,
    /// Trestle (Cotality).
    Trestle,
    /// MLS Grid v2.
    MlsGrid,
    /// Bridge Data Output.
    Bridge,
}

impl Provider {
    /// Every provider there is, in the order of their names.
    pub const ALL: [Provider; 4] = [
        Provider::Bridge,
        Provider::MlsGrid,
        Provider::Reso,
        Provider::Trestle,
    ];

    /// The name in registry documents and in the state machine's Choice.
    pub fn as_str(self) -> &'static str {
        match self {
            Provider::Reso => "reso",
            Provider::Trestle => "trestle",
            Provider::MlsGrid => "mlsgrid",
            Provider::Bridge => "bridge",
        }
    }
}

impl fmt::Display for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_json_name_is_the_name() {
        for provider in Provider::ALL {
            assert_eq!(serde_json::to_value(provider).unwrap(), provider.as_str());
        }
    }
}
