//! The agents and offices that listings name: twenty offices with ten agents each.

pub(crate) const OFFICES: u64 = 20;
pub(crate) const TEAMS: u64 = 10;

const FIRST: [&str; 10] = [
    "Ana", "Ben", "Chloé", "Dmitri", "Eve", "Farid", "Gül", "Hana", "Ivo", "Jo",
];
const LAST: [&str; 10] = [
    "O'Hara",
    "Müller",
    "Nguyễn",
    "Smith",
    "García",
    "Van der Berg",
    "Lee",
    "St. James",
    "Kim",
    "Ng",
];
const OFFICE: [&str; 5] = [
    "Bluebonnet Realty",
    "\"Keys\" & Co.",
    "Hill Country Homes",
    "Lakeway Brokers, LLC",
    "Río Bravo",
];

/// A side of a sale.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    List,
    CoList,
    Buyer,
    CoBuyer,
}

impl Side {
    /// The side of a field, and the rest of its name.
    pub fn of(name: &str) -> Option<(Self, &str)> {
        let sides = [
            ("CoList", Self::CoList),
            ("CoBuyer", Self::CoBuyer),
            ("List", Self::List),
            ("Buyer", Self::Buyer),
        ];
        sides.into_iter().find_map(|(prefix, side)| {
            let rest = name.strip_prefix(prefix)?;
            let told = rest.starts_with("Agent") || rest.starts_with("Office");
            told.then_some((side, rest))
        })
    }
}

/// A value of an agent, by the end of the field's name.
pub(crate) fn agent(number: u64, what: &str) -> Option<String> {
    let first = FIRST[(number % 10) as usize];
    let last = LAST[(number / 10 % 10) as usize];
    Some(match what {
        "Key" => agent_key(number),
        "MlsId" => format!("M{number}"),
        "FullName" => format!("{first} {last}"),
        "FirstName" => first.into(),
        "LastName" => last.into(),
        "Email" => format!("agent{number}@example.com"),
        "DirectPhone" => format!("512-555-{number:04}"),
        _ => return None,
    })
}

/// A value of an office, by the end of the field's name.
pub(crate) fn office(number: u64, what: &str) -> Option<String> {
    Some(match what {
        "Key" => office_key(number),
        "MlsId" => format!("OFF{number}"),
        "Name" => format!("{} {}", OFFICE[(number % 5) as usize], number / 5 + 1),
        "Phone" => format!("512-555-9{number:03}"),
        "Email" => format!("office{number}@example.com"),
        _ => return None,
    })
}

pub(crate) fn agent_key(number: u64) -> String {
    format!("MBR{number:05}")
}

pub(crate) fn office_key(number: u64) -> String {
    format!("OFK{number:03}")
}
