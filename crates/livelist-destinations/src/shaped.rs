//! Records that are changed on their way into a copy: by programs, by leaving prefixes of keys out, and by
//! saying whose they are where several MLSs share tables. It stands before a destination, and is one.

use std::borrow::Cow;
use std::collections::BTreeMap;

use async_trait::async_trait;
use livelist_records::children::with_members;
use livelist_records::fields::quoted;
use livelist_records::{Change, Children, Field, Fields, Kind, Reason, Removal, Schema, What};
use serde_json::value::RawValue;

use crate::destination::{Batch, Destination, Held, KeyStamp, LogId, Position, Prepared, Written};
use crate::error::DestinationError;
use crate::layout::{Checked, Layout};
use crate::options::{MLS, Options};

/// What changes records.
pub trait Shaper: Send {
    /// What becomes of a record of this resource: nothing where it is not wanted.
    ///
    /// # Errors
    /// The reason why nothing can become of it, which names the program.
    fn shape(&self, resource: &str, record: &str) -> Result<Option<String>, String>;
}

/// What keys of the log are in a copy.
#[derive(Debug, Clone, Default)]
pub struct KeyForm {
    /// Fields whose prefixes are left out, by resource.
    strip: BTreeMap<String, Vec<String>>,
    /// The MLS, where several share the tables.
    mls: Option<String>,
}

impl KeyForm {
    /// In a copy that is kept like this.
    pub fn of(options: &Options) -> KeyForm {
        KeyForm {
            strip: options.strip_prefix.clone(),
            mls: options.shared.clone(),
        }
    }

    /// What a key of the log is.
    pub fn key_of<'k>(&self, resource: &str, key: &'k str) -> Cow<'k, str> {
        let prefix = prefix(key).filter(|_| self.strip.contains_key(resource));
        let key = &key[prefix.map_or(0, str::len)..];
        match &self.mls {
            Some(mls) => Cow::Owned(format!("{mls}:{key}")),
            None => Cow::Borrowed(key),
        }
    }
}

/// A destination with a shaper before it.
pub struct Shaped {
    inner: Box<dyn Destination>,
    shaper: Box<dyn Shaper>,
    form: KeyForm,
    /// Resources whose records go through the shaper.
    shapes: Vec<String>,
}

impl Shaped {
    /// Puts what `options` says before a destination that was opened with them.
    pub fn new(inner: Box<dyn Destination>, options: &Options, shaper: Box<dyn Shaper>) -> Shaped {
        Shaped {
            inner,
            shaper,
            form: KeyForm::of(options),
            shapes: options.transform.keys().cloned().collect(),
        }
    }

    fn shape(&self, resource: &str, record: &str) -> Result<Option<String>, String> {
        match self.shapes.iter().any(|shaped| shaped == resource) {
            true => self.shaper.shape(resource, record),
            false => Ok(Some(record.to_owned())),
        }
    }

    /// A change as the destination takes it; the error is the reason why it cannot.
    fn change(&self, change: &Change, now: jiff::Timestamp) -> Result<Change, String> {
        let place = &change.place;
        let mut shaped = change.clone();
        shaped.place.key = self.key_of(&place.resource, &place.key).into_owned();
        let What::Upsert { record, .. } = &mut shaped.what else {
            return Ok(shaped);
        };
        let Some(sent) = record.take() else {
            return Ok(shaped);
        };
        let stripped = self.stripped(place.resource.as_str(), &place.key, sent.get());
        let Some(json) = self.shape(&place.resource, &stripped)? else {
            shaped.what = What::Removal(Removal {
                reason: Reason::Transform,
                proof: "transform".to_owned(),
                at: now,
            });
            return Ok(shaped);
        };
        let json = match &self.form.mls {
            Some(mls) => {
                let fields = Fields::read(&json).map_err(|error| error.to_string())?;
                with_members(&fields, &[(MLS, &quoted(mls))])
            }
            None => json,
        };
        *record = Some(RawValue::from_string(json).map_err(|error| error.to_string())?);
        Ok(shaped)
    }

    /// A record whose fields are without the prefix of its key, in its expansions as well.
    fn stripped<'r>(&self, resource: &str, key: &str, record: &'r str) -> Cow<'r, str> {
        let (Some(names), Some(prefix)) = (self.form.strip.get(resource), prefix(key)) else {
            return Cow::Borrowed(record);
        };
        // What cannot be read is rejected where it is written.
        let Ok(fields) = Fields::read(record) else {
            return Cow::Borrowed(record);
        };
        let mut members = stripped_members(&fields, names, prefix);
        for (name, value) in fields.iter() {
            let Some(children) = Children::every(value, None) else {
                continue;
            };
            let rows = children.rows.iter().map(|child| {
                let members = stripped_members(&child.fields, names, prefix);
                with_members(&child.fields, &as_str(&members))
            });
            let rows: Vec<String> = rows.collect();
            let list = match value.starts_with('{') {
                true => rows.concat(),
                false => format!("[{}]", rows.join(",")),
            };
            members.push((name, list));
        }
        Cow::Owned(with_members(&fields, &as_str(&members)))
    }
}

fn as_str<'a>(members: &'a [(&'a str, String)]) -> Vec<(&'a str, &'a str)> {
    members
        .iter()
        .map(|(name, value)| (*name, &**value))
        .collect()
}

/// Those of the fields whose text begins with the prefix, without it.
fn stripped_members<'f>(
    fields: &'f Fields<'_>,
    names: &[String],
    prefix: &str,
) -> Vec<(&'f str, String)> {
    let named = fields
        .iter()
        .filter(|(name, _)| names.iter().any(|n| n == name));
    let texts = named.filter(|(_, value)| value.starts_with('"'));
    let stripped = texts.filter_map(|(name, _)| {
        let text = fields.text(name)?;
        let rest = text.strip_prefix(prefix).filter(|rest| !rest.is_empty())?;
        Some((name, quoted(rest)))
    });
    stripped.collect()
}

/// The letters before the digits of a key: those of the system that the record is from (MLS Grid).
fn prefix(key: &str) -> Option<&str> {
    let length = key.bytes().take_while(u8::is_ascii_alphabetic).count();
    let is_prefix = length > 0 && key[length..].starts_with(|c: char| c.is_ascii_digit());
    is_prefix.then(|| &key[..length])
}

impl Shaped {
    /// The schema of the rows: those that MLSs share say whose they are.
    fn schema(&self, schema: &Schema) -> Schema {
        let mut schema = schema.clone();
        if self.form.mls.is_some() {
            schema.fields.retain(|field| field.name != MLS);
            schema.fields.push(Field {
                name: MLS.to_owned(),
                kind: Kind::Text,
            });
        }
        schema
    }
}

#[async_trait]
impl Destination for Shaped {
    async fn position(&mut self, log: &LogId) -> Result<Option<Position>, DestinationError> {
        self.inner.position(log).await
    }

    async fn prepare(&mut self, schema: &Schema) -> Result<Prepared, DestinationError> {
        self.inner.prepare(&self.schema(schema)).await
    }

    async fn layout(&mut self, schema: &Schema) -> Result<Layout, DestinationError> {
        self.inner.layout(&self.schema(schema)).await
    }

    async fn check(&mut self) -> Result<Checked, DestinationError> {
        self.inner.check().await
    }

    async fn write(
        &mut self,
        log: &LogId,
        from: Option<&Position>,
        batch: &Batch,
    ) -> Result<Written, DestinationError> {
        let mut shaped = Batch {
            changes: Vec::with_capacity(batch.changes.len()),
            ..batch.clone()
        };
        let mut last: Option<(String, String)> = None;
        let (newest, older) = batch.by_resource();
        for change in newest.into_values().flatten() {
            match self.change(change, batch.now) {
                Ok(change) => shaped.changes.push(change),
                Err(reason) => {
                    let mut refused = change.clone();
                    let place = &change.place;
                    refused.place.key = self.key_of(&place.resource, &place.key).into_owned();
                    shaped.refused.push((refused, reason));
                }
            }
        }
        shaped.changes.sort_by(Change::order);
        // Two records cannot be one row: the one that comes first keeps it.
        let (changes, refused) = (std::mem::take(&mut shaped.changes), &mut shaped.refused);
        for change in changes {
            let place = (change.place.resource.clone(), change.place.key.clone());
            if last.as_ref() == Some(&place) {
                let reason = "another record has the same key without its prefix".to_owned();
                refused.push((change, reason));
                continue;
            }
            last = Some(place);
            shaped.changes.push(change);
        }
        let mut written = self.inner.write(log, from, &shaped).await?;
        written.unchanged += older;
        Ok(written)
    }

    async fn keys(
        &mut self,
        resource: &str,
        behind: Option<&str>,
        most: usize,
    ) -> Result<Vec<KeyStamp>, DestinationError> {
        let Some(mls) = &self.form.mls else {
            return self.inner.keys(resource, behind, most).await;
        };
        let mine = format!("{mls}:");
        let behind = behind.unwrap_or(&mine);
        let mut rows = self.inner.keys(resource, Some(behind), most).await?;
        rows.retain(|row| row.key.starts_with(&mine));
        Ok(rows)
    }

    async fn record(
        &mut self,
        resource: &str,
        key: &str,
    ) -> Result<Option<Held>, DestinationError> {
        let key = self.key_of(resource, key).into_owned();
        self.inner.record(resource, &key).await
    }

    fn key_of<'k>(&self, resource: &str, key: &'k str) -> Cow<'k, str> {
        self.form.key_of(resource, key)
    }

    fn reorders(&self, resource: &str) -> bool {
        self.form.strip.contains_key(resource)
    }

    fn wants(&self, change: &Change) -> bool {
        match &change.what {
            What::Upsert {
                record: Some(record),
                ..
            } => {
                let place = &change.place;
                let stripped = self.stripped(&place.resource, &place.key, record.get());
                !matches!(self.shape(&place.resource, &stripped), Ok(None))
            }
            _ => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_is_letters_before_digits() {
        for (key, expected) in [
            ("ACT123", Some("ACT")),
            ("mrd1", Some("mrd")),
            ("123", None),
            ("ACT", None),
            ("ACT-1", None),
            ("", None),
            ("é1", None),
        ] {
            assert_eq!(prefix(key), expected, "{key}");
        }
    }
}
