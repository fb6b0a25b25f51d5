//! Values that contradict the metadata, and that servers send nevertheless.

use crate::book::lot;

/// The odd value of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OddValue {
    /// A year that no calendar of a database has.
    YearOne,
    /// More digits than declared, and more than a double holds.
    LongDecimal,
    /// Numbers in quotes, which OData allows if a client asked for them (`IEEE754Compatible`).
    QuotedNumber,
    ZeroByte,
    HalfSurrogate,
    WrongType,
    /// A field that the metadata does not name.
    Unlisted,
    /// Lists in another order with each answer.
    ListsInMotion,
}

/// The field that nothing names, and its value.
pub(crate) const UNLISTED: &str = "\"LL_Unlisted\":\"nobody told\"";

impl OddValue {
    const ALL: [Self; 8] = [
        Self::YearOne,
        Self::LongDecimal,
        Self::QuotedNumber,
        Self::ZeroByte,
        Self::HalfSurrogate,
        Self::WrongType,
        Self::Unlisted,
        Self::ListsInMotion,
    ];

    /// One record of five has something odd.
    pub fn of(seed: u64, row: u32) -> Option<Self> {
        let drawn = lot(seed, row, 61);
        let which = (drawn / 5 % Self::ALL.len() as u64) as usize;
        drawn.is_multiple_of(5).then_some(Self::ALL[which])
    }

    /// The odd value of a field, as JSON.
    pub fn value(self, name: &str) -> Option<&'static str> {
        Some(match (self, name) {
            (Self::YearOne, "OnMarketDate") => "\"0001-01-01\"",
            (Self::YearOne, "OriginalEntryTimestamp") => "\"0001-01-01T00:00:00Z\"",
            (Self::LongDecimal, "LotSizeAcres") => "0.123456789012345678",
            (Self::LongDecimal, "TaxAnnualAmount") => "123456789012345678.905",
            (Self::QuotedNumber, "BathroomsTotalInteger") => "\"3\"",
            (Self::QuotedNumber, "LivingArea") => "\"1850.00\"",
            (Self::ZeroByte, "PublicRemarks") => "\"Gate\\u0000code\"",
            (Self::HalfSurrogate, "PublicRemarks") => "\"Sunny \\ud83c view\"",
            (Self::WrongType, "YearBuilt") => "\"about 1920\"",
            (Self::WrongType, "PoolPrivateYN") => "\"Y\"",
            (Self::WrongType, "Appliances") => "\"Range,Oven\"",
            _ => return None,
        })
    }
}
