//! Values taken out of messages.

use std::borrow::Cow;

use crate::entry::Text;

/// For how many fields room is made at first: most messages that have some have no more.
const FIRST_ROOM: usize = 8;

/// Names and values that a message carries, in the message's order.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Fields<'a>(Vec<(&'static str, FieldValue<'a>)>);

impl<'a> Fields<'a> {
    /// Makes a list without any.
    #[must_use]
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// Appends a field.
    #[inline]
    pub fn push(&mut self, name: &'static str, value: impl Into<FieldValue<'a>>) {
        if self.0.capacity() == 0 {
            self.0 = Vec::with_capacity(FIRST_ROOM);
        }
        self.0.push((name, value.into()));
    }

    /// Appends a field unless its value is absent.
    pub fn push_some(&mut self, name: &'static str, value: Option<impl Into<FieldValue<'a>>>) {
        if let Some(value) = value {
            self.push(name, value);
        }
    }

    /// Returns the first value of this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&FieldValue<'a>> {
        self.0.iter().find(|(key, _)| *key == name).map(|(_, value)| value)
    }

    /// Returns names and values in their order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&'static str, &FieldValue<'a>)> {
        self.0.iter().map(|(name, value)| (*name, value))
    }

    /// Returns how many there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.0.len()
    }

    /// Takes all fields away and keeps their room.
    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    /// Takes all but the first fields away.
    pub(crate) fn truncate(&mut self, len: usize) {
        self.0.truncate(len);
    }

    /// Tells whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Copies what is borrowed.
    #[must_use]
    pub fn into_owned(self) -> Fields<'static> {
        Fields(self.0.into_iter().map(|(name, value)| (name, value.into_owned())).collect())
    }
}

impl<'a> FromIterator<(&'static str, FieldValue<'a>)> for Fields<'a> {
    fn from_iter<I: IntoIterator<Item = (&'static str, FieldValue<'a>)>>(fields: I) -> Self {
        Self(fields.into_iter().collect())
    }
}

/// The value of a field.
#[derive(Debug, Clone, PartialEq)]
pub enum FieldValue<'a> {
    /// A count, a size, a number of a process.
    U64(u64),
    /// A number that may be negative.
    I64(i64),
    /// A number with a fraction. It is finite.
    F64(f64),
    /// Yes or no.
    Bool(bool),
    /// A name, or any other text.
    Text(Text<'a>),
    /// Several values.
    List(Vec<Self>),
    /// Values that belong together.
    Object(Fields<'a>),
}

impl FieldValue<'_> {
    /// Copies what is borrowed.
    #[must_use]
    pub fn into_owned(self) -> FieldValue<'static> {
        match self {
            Self::U64(number) => FieldValue::U64(number),
            Self::I64(number) => FieldValue::I64(number),
            Self::F64(number) => FieldValue::F64(number),
            Self::Bool(yes) => FieldValue::Bool(yes),
            Self::Text(text) => FieldValue::Text(Cow::Owned(text.into_owned())),
            Self::List(values) => {
                FieldValue::List(values.into_iter().map(FieldValue::into_owned).collect())
            }
            Self::Object(fields) => FieldValue::Object(fields.into_owned()),
        }
    }
}

impl From<u64> for FieldValue<'_> {
    fn from(number: u64) -> Self {
        Self::U64(number)
    }
}

impl From<u32> for FieldValue<'_> {
    fn from(number: u32) -> Self {
        Self::U64(number.into())
    }
}

impl From<i64> for FieldValue<'_> {
    fn from(number: i64) -> Self {
        Self::I64(number)
    }
}

impl From<f64> for FieldValue<'_> {
    fn from(number: f64) -> Self {
        Self::F64(if number.is_finite() { number } else { 0.0 })
    }
}

impl From<bool> for FieldValue<'_> {
    fn from(yes: bool) -> Self {
        Self::Bool(yes)
    }
}

impl<'a> From<&'a str> for FieldValue<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(Cow::Borrowed(text))
    }
}

impl<'a> From<Text<'a>> for FieldValue<'a> {
    fn from(text: Text<'a>) -> Self {
        Self::Text(text)
    }
}

impl From<Vec<Self>> for FieldValue<'_> {
    fn from(values: Vec<Self>) -> Self {
        Self::List(values)
    }
}

impl<'a> From<Fields<'a>> for FieldValue<'a> {
    fn from(fields: Fields<'a>) -> Self {
        Self::Object(fields)
    }
}
