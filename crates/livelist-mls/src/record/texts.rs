//! Texts as people write them into listings.

use jiff::Timestamp;
use jiff::tz::Offset;
use serde_json::Value;

use crate::book::dice::mix;

const STREETS: [&str; 10] = [
    "Barton Springs",
    "Congress",
    "Old 2222",
    "Martin Luther King, Jr.",
    "Fitzhugh",
    "Río Grande",
    "O'Quinn",
    "Ranch to Market 620",
    "É. Zilker",
    "Slaughter",
];

/// Sentences for remarks: characters of several scripts, quotes, backslashes, tabs, text that looks like
/// markup or like an end of data.
const SENTENCES: [&str; 20] = [
    "Welcome home! 🏡✨",
    "Three bedrooms, two baths, and a \"bonus\" room over the garage.",
    "Open floor plan with tall ceilings; the kitchen has a 6' island.",
    "Buyer to verify schools, taxes & square footage.",
    "Minutes to downtown—no HOA.",
    "Recent updates:\n- roof (2021)\n- HVAC (2019)\n- water heater",
    "Gate code in \\\\showings\\private\\notes.",
    "Lot:\t0.25 acres\tFenced:\tyes",
    "Se habla español. ¡Pregunte por la casita!",
    "<b>MOTIVATED SELLER</b> &amp; priced to sell",
    "Agents: see docs; use ShowingTime 👨‍👩‍👧 only.",
    "Sunset views over the lake 🌅 from a 400 sq. ft. deck.",
    "“Charming” doesn’t begin to describe it…",
    "100% financing may be available (o.a.c.).",
    "Taxes without exemptions; see attached -- DROP BY any time;",
    "Zoned SF-3, \\N in the survey, '%s' in the plat.",
    "築30年、日当たり良好。",
    "Washer/dryer convey. Refrigerator does NOT convey.\r\n",
    "Quiet cul-de-sac   with mature oaks  ",
    "Sold as-is.",
];

const WORDS: [&str; 16] = [
    "North",
    "Crest",
    "Lot 7",
    "Travis",
    "see remarks",
    "per seller",
    "Builder",
    "Phase II",
    "N/A",
    "Blk \"C\"",
    "Oak",
    "Hills",
    "12-B",
    "County",
    "Café",
    "varies ",
];

/// A text as JSON.
pub(crate) fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}

pub(crate) fn one_of<'a>(texts: &[&'a str], drawn: u64) -> &'a str {
    let at = drawn % texts.len().max(1) as u64;
    texts.get(at as usize).copied().unwrap_or_default()
}

pub(crate) fn street(drawn: u64) -> &'static str {
    one_of(&STREETS, drawn)
}

/// Four to 23 sentences.
pub(crate) fn remarks(drawn: u64) -> String {
    let many = 4 + drawn % 20;
    let sentence = |nth: u64| one_of(&SENTENCES, mix(drawn ^ nth));
    (0..many).map(sentence).collect::<Vec<_>>().join(" ")
}

/// A short text that suits the field.
pub(crate) fn short(name: &str, drawn: u64) -> String {
    let number = drawn % 10_000;
    let ends = |ends: &[&str]| ends.iter().any(|end| name.ends_with(end));
    if ends(&["Email"]) {
        return format!("desk{number}@example.com");
    }
    if ends(&["Phone", "Fax", "Pager", "VoiceMail"]) {
        return format!("512-555-{number:04}");
    }
    if name.contains("URL") {
        return format!("https://tours.example/{name}/{drawn:x}?b=1&c=2");
    }
    if ends(&["Key", "Id", "ID", "License", "Number", "Ext"]) {
        return number.to_string();
    }
    let words = 1 + drawn % 4;
    let word = |nth: u64| one_of(&WORDS, mix(drawn.wrapping_add(nth)));
    (0..words).map(word).collect::<Vec<_>>().join(" ")
}

/// The day of an instant in microseconds.
pub(crate) fn date(us: i64) -> String {
    let at = Timestamp::from_microsecond(us).unwrap_or_default();
    Offset::UTC.to_datetime(at).strftime("%Y-%m-%d").to_string()
}
