//! The values that lookups can have, and their names in an `EnumType`.

use crate::book::dice::mix;

/// The values of unknown lookups.
const WORDS: [&str; 24] = [
    "Brick",
    "Stone",
    "Wood",
    "Metal",
    "Other",
    "None",
    "See Remarks",
    "Central",
    "Natural Gas",
    "Electric",
    "Built-in",
    "Carpet",
    "Tile/Marble",
    "Public",
    "Private",
    "Gated",
    "Corner Lot",
    "Level",
    "Few Trees",
    "Community",
    "In Ground",
    "Sprinkler(s)",
    "Call Agent",
    "To Be Built",
];

/// The values of a lookup.
pub(crate) fn values(name: &str) -> Vec<&'static str> {
    let known: &[&str] = match name {
        "StandardStatus" => &[
            "Active",
            "Active Under Contract",
            "Canceled",
            "Closed",
            "Expired",
            "Pending",
            "Withdrawn",
        ],
        "MemberStatus" | "OfficeStatus" => &["Active", "Inactive"],
        "MediaCategory" => &["Photo", "Video", "Document"],
        "MlsStatus" => &["Active", "Under Contract", "Sold"],
        "PropertyType" => &["Residential", "Residential Lease", "Land"],
        "PropertySubType" => &[
            "Single Family Residence",
            "Condominium",
            "Townhouse",
            "Duplex",
        ],
        "StateOrProvince" => &["TX"],
        "Country" => &["US"],
        "CountyOrParish" => &["Travis", "Williamson", "Hays"],
        "StreetSuffix" => &["Street", "Avenue", "Lane", "Court", "Cove", "Drive"],
        "StreetDirPrefix" | "StreetDirSuffix" => &["N", "E", "S", "W"],
        "MajorChangeType" => &["New Listing", "Price Change", "Status Change"],
        "LivingAreaUnits" | "LotSizeUnits" => &["Square Feet", "Acres"],
        _ if name.ends_with("Units") => &["Square Feet", "Miles", "Acres"],
        _ if name.ends_with("Frequency") => &["Monthly", "Quarterly", "Annually"],
        _ if name.ends_with("AOR") => &["Austin Board", "Williamson County"],
        _ => &[],
    };
    if !known.is_empty() {
        return known.to_vec();
    }
    let drawn = mix(name.bytes().fold(7, |sum, byte| mix(sum ^ u64::from(byte))));
    // Steps of five through 24 words meet none twice.
    let word = |step: u64| WORDS[((drawn + 5 * step) % WORDS.len() as u64) as usize];
    (0..5 + drawn % 8).map(word).collect()
}

/// A value as an identifier (OData CSDL XML 4.01, 17.3).
pub(crate) fn identifier(value: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { '_' };
    value.chars().map(plain).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_lookup_says_a_thing_twice() {
        for name in [
            "Appliances",
            "Roof",
            "View",
            "Zoning",
            "LotSizeUnits",
            "Sewer",
        ] {
            let values = values(name);
            let names: BTreeSet<_> = values.iter().map(|value| identifier(value)).collect();
            assert!(values.len() > 1 && names.len() == values.len(), "{name}");
        }
    }
}
