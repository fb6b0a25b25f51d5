//! The values of a record: a pure function of the seed, the row, the number of its changes, and the field.
//! A change of a row changes about three fields of a hundred.

use super::lookups::values;
use super::media::Photos;
use super::people::{self, Side};
use super::{Field, Kind, Schema, odd, texts};
use crate::book::dice::mix;
use crate::book::{Edit, Row, lot, price, status};

/// A record about to be written.
pub(crate) struct Record<'a> {
    pub seed: u64,
    pub row: Row,
    pub edit: Edit,
    pub schema: Schema,
    /// Whether some records have odd values.
    pub odd: bool,
    /// Another one with each answer.
    pub salt: u64,
    /// The most photos of a listing.
    pub photos: u16,
    /// Writes an instant, in microseconds, as the provider does.
    pub stamp: &'a dyn Fn(i64) -> String,
}

/// Of a hundred values of an ordinary field, how many are null. Fields after the usual 150 are rarely
/// filled.
const NULLS: [u64; 2] = [92, 55];
const USUAL: u16 = 150;
const DAY_US: i64 = 86_400_000_000;

impl Record<'_> {
    /// Appends the value of a field as JSON.
    pub fn write(&self, place: u16, out: &mut String) {
        let Some(field) = self.schema.field(place) else {
            out.push_str("null");
            return;
        };
        if let Some(text) = self.odd().and_then(|odd| odd.value(field.name)) {
            out.push_str(text);
            return;
        }
        let drawn = self.draw(place);
        let value = match self.ruled(field.name, drawn) {
            Some(value) => value,
            None if drawn % 100 < NULLS[usize::from(place >= USUAL)] => "null".into(),
            None => self.usual(field, mix(drawn)),
        };
        // A number whose field has become a text.
        let is_number = value.starts_with(|c: char| c.is_ascii_digit());
        if field.kind == Kind::Text && is_number {
            out.push_str(&texts::quoted(&value));
        } else {
            out.push_str(&value);
        }
    }

    /// The odd value of this record, if any.
    pub fn odd(&self) -> Option<odd::OddValue> {
        self.odd
            .then(|| odd::OddValue::of(self.seed, self.row.index))
            .flatten()
    }

    pub fn status(&self) -> &'static str {
        let set = self.edit.status;
        set.unwrap_or_else(|| status(self.seed, self.row.index))
    }

    fn price(&self) -> u64 {
        let set = self.edit.price;
        set.unwrap_or_else(|| price(self.seed, self.row.index))
    }

    fn draw(&self, place: u16) -> u64 {
        let what = u64::from(place);
        let revision = u64::from(self.row.slot) << 32 | u64::from(self.edit.revision);
        let again = mix(mix(self.seed ^ revision) ^ what << 20 ^ 0x7265_7669);
        match again % 100 {
            0..3 => mix(again),
            _ => self.lot(1_000 + what),
        }
    }

    /// A draw that no change changes.
    fn lot(&self, what: u64) -> u64 {
        lot(self.seed, self.row.index, what)
    }

    fn street_suffix(&self) -> &'static str {
        texts::one_of(&values("StreetSuffix"), self.lot(34))
    }

    /// The value of a field that is never null, or follows from others.
    fn ruled(&self, name: &str, drawn: u64) -> Option<String> {
        if let Some((side, rest)) = Side::of(name) {
            return self.of_side(side, rest);
        }
        let sold = self.status() == "Closed";
        let quoted = texts::quoted;
        let of_lookup = || quoted(texts::one_of(&values(name), drawn));
        let at = |us: i64| quoted(&(self.stamp)(us));
        let changed = self.row.changed_us;
        let days_ago = |days: u64| changed - days as i64 * DAY_US;
        let listed = days_ago(self.lot(31) % 300);
        Some(match name {
            "MlsStatus" => quoted(match self.status() {
                "Closed" => "Sold",
                "Pending" => "Under Contract",
                other => other,
            }),
            "PropertySubType" | "CountyOrParish" | "Country" => of_lookup(),
            "StreetSuffix" => quoted(self.street_suffix()),
            "MajorChangeType" => quoted(match (self.edit.moved_us, self.edit.priced_us) {
                (Some(moved), Some(priced)) if moved < priced => "Price Change",
                (Some(_), _) => "Status Change",
                (None, Some(_)) => "Price Change",
                (None, None) => "New Listing",
            }),
            "OriginalListPrice" => format!("{}.0", price(self.seed, self.row.index)),
            "PreviousListPrice" => match self.edit.former {
                Some(former) => format!("{former}.0"),
                None => "null".into(),
            },
            "ClosePrice" if sold => format!("{}.0", self.price() * 97 / 100),
            "CloseDate" | "OffMarketDate" | "PurchaseContractDate" if sold => {
                quoted(&texts::date(self.edit.moved_us.unwrap_or(listed)))
            }
            "ClosePrice" | "CloseDate" | "OffMarketDate" | "PurchaseContractDate" => "null".into(),
            "ListingContractDate" | "OnMarketDate" => quoted(&texts::date(listed)),
            "OriginalEntryTimestamp" => at(listed),
            "StatusChangeTimestamp" => at(self.edit.moved_us.unwrap_or(listed)),
            "PriceChangeTimestamp" => match self.edit.priced_us {
                Some(us) => at(us),
                None => "null".into(),
            },
            "MajorChangeTimestamp" => at(self
                .edit
                .moved_us
                .max(self.edit.priced_us)
                .unwrap_or(listed)),
            "PublicRemarks" => quoted(&texts::remarks(drawn)),
            "StreetNumber" => quoted(&(1 + self.lot(32) % 19_999).to_string()),
            "StreetName" => quoted(texts::street(self.lot(33))),
            "UnparsedAddress" => quoted(&format!(
                "{} {} {}",
                1 + self.lot(32) % 19_999,
                texts::street(self.lot(33)),
                self.street_suffix(),
            )),
            "Latitude" => format!("30.{:08}", drawn % 100_000_000),
            "Longitude" => format!("-97.{:08}", drawn % 100_000_000),
            "BathroomsTotalInteger" => (1 + drawn % 5).to_string(),
            "BathroomsFull" => (1 + drawn % 4).to_string(),
            "YearBuilt" => (1890 + drawn % 136).to_string(),
            "PhotosCount" => {
                let photos = Photos::of(self.seed, self.row.index, &self.edit, self.photos);
                photos.count.to_string()
            }
            "DaysOnMarket" | "CumulativeDaysOnMarket" => (drawn % 400).to_string(),
            "LivingArea" => format!("{}.00", 450 + drawn % 6_000),
            "LotSizeAcres" => format!("{}.{:04}", drawn % 12, mix(drawn) % 10_000),
            "LivingAreaUnits" => quoted("Square Feet"),
            "Appliances" | "InteriorFeatures" => self.list(name, drawn),
            "PoolPrivateYN" | "GarageYN" | "NewConstructionYN" => {
                drawn.is_multiple_of(3).to_string()
            }
            "InternetEntireListingDisplayYN" | "InternetAddressDisplayYN" => {
                (!drawn.is_multiple_of(50)).to_string()
            }
            "ParcelNumber" => quoted(&format!("{:013}", drawn % 10_000_000_000_000)),
            _ => return None,
        })
    }

    /// A record's value about an agent or office. Most sales have no second one, and there is no buyer
    /// before a sale.
    fn of_side(&self, side: Side, rest: &str) -> Option<String> {
        let absent = match side {
            Side::List => false,
            Side::CoList => self.lot(41) % 100 < 70,
            Side::Buyer => self.status() != "Closed",
            Side::CoBuyer => self.status() != "Closed" || self.lot(42) % 100 < 70,
        };
        if absent {
            return Some("null".into());
        }
        let office = self.lot(match side {
            Side::List => 9,
            other => 43 + other as u64,
        }) % people::OFFICES;
        let nth = self.lot(50 + side as u64) % people::TEAMS;
        let agent = office + people::OFFICES * nth;
        let text = match rest.strip_prefix("Agent") {
            Some(rest) => people::agent(agent, rest)?,
            None => people::office(office, rest.strip_prefix("Office")?)?,
        };
        Some(texts::quoted(&text))
    }

    /// A value that is there, by the field's kind.
    fn usual(&self, field: Field, drawn: u64) -> String {
        let small = mix(drawn) % 1_000;
        match field.kind {
            Kind::Text => texts::quoted(&texts::short(field.name, drawn)),
            Kind::Remarks => texts::quoted(&texts::remarks(drawn)),
            Kind::Lookup => texts::quoted(texts::one_of(&values(field.name), drawn)),
            Kind::Lookups if small < 100 => "[]".into(),
            Kind::Lookups => self.list(field.name, drawn),
            Kind::Decimal(scale) => {
                let scale = usize::from(scale);
                let behind = drawn % 10_u64.pow(scale as u32);
                format!("{}.{behind:0scale$}", drawn >> 40 & 0xf_ffff)
            }
            Kind::Int => small.to_string(),
            Kind::Bool => drawn.is_multiple_of(2).to_string(),
            Kind::Date => texts::quoted(&texts::date(
                self.row.changed_us - (drawn % 4_000) as i64 * DAY_US,
            )),
            Kind::Moment => {
                let before = (drawn % (400 * DAY_US as u64)) as i64;
                texts::quoted(&(self.stamp)(self.row.changed_us - before))
            }
        }
    }

    /// Two to five values of a lookup.
    fn list(&self, name: &str, drawn: u64) -> String {
        let mut chosen = values(name);
        let mut order = mix(drawn);
        if chosen.len() > 1 {
            let by = (order % chosen.len() as u64) as usize;
            chosen.rotate_left(by);
        }
        chosen.truncate(2 + (drawn % 4) as usize);
        if self.odd() == Some(odd::OddValue::ListsInMotion) {
            order = mix(self.salt);
            let by = (order % chosen.len().max(1) as u64) as usize;
            chosen.rotate_left(by);
        }
        let texts: Vec<_> = chosen.iter().map(|value| texts::quoted(value)).collect();
        format!("[{}]", texts.join(","))
    }
}
