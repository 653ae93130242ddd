//! Header fields in the order and case they came, all bytes in one vector.

use std::ops::Range;

/// A list of header fields.
#[derive(Clone, Debug, Default)]
pub struct Fields {
    bytes: Vec<u8>,
    fields: Vec<Entry>,
    /// A bit for each length that a name has or had, so that most names that are not there are not looked for.
    lengths: u64,
}

/// Places of one field's name and value.
#[derive(Clone, Debug)]
struct Entry {
    name: Range<u32>,
    value: Range<u32>,
}

impl Fields {
    /// Forgets all fields but keeps the memory.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.fields.clear();
        self.lengths = 0;
    }

    /// Adds a field at the end.
    pub fn push(&mut self, name: &[u8], value: &[u8]) {
        self.lengths |= length_bit(name);
        let name = self.store(name);
        let value = self.store(value);
        self.fields.push(Entry { name, value });
    }

    fn store(&mut self, bytes: &[u8]) -> Range<u32> {
        let start = self.bytes.len() as u32;
        self.bytes.extend_from_slice(bytes);
        start..self.bytes.len() as u32
    }

    fn bytes(&self, range: &Range<u32>) -> &[u8] {
        self.bytes.get(range.start as usize..range.end as usize).unwrap_or_default()
    }

    /// The first field of this name, in any case.
    pub fn get(&self, name: &[u8]) -> Option<&[u8]> {
        if self.lengths & length_bit(name) == 0 {
            return None;
        }
        self.iter().find(|(have, _)| is_named(have, name)).map(|(_, value)| value)
    }

    /// All fields of this name, in any case.
    pub fn all<'a>(&'a self, name: &'a [u8]) -> impl Iterator<Item = &'a [u8]> {
        self.iter().filter(move |(have, _)| have.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// All fields as name and value.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.fields.iter().map(|entry| (self.bytes(&entry.name), self.bytes(&entry.value)))
    }

    /// Whether there is a field of this name.
    pub fn has(&self, name: &[u8]) -> bool {
        self.get(name).is_some()
    }

    /// Bytes of memory held.
    pub fn capacity(&self) -> usize {
        self.bytes.capacity() + self.fields.capacity() * size_of::<Entry>()
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.fields.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }

    /// Takes away all fields of this name.
    pub fn remove(&mut self, name: &[u8]) {
        let bytes = &self.bytes;
        self.fields.retain(|entry| {
            let have = bytes.get(entry.name.start as usize..entry.name.end as usize).unwrap_or_default();
            !have.eq_ignore_ascii_case(name)
        });
    }

    /// Gives the first field of this name a new value in its place, or adds it at the end.
    pub fn set(&mut self, name: &[u8], value: &[u8]) {
        let place = self.iter().position(|(have, _)| have.eq_ignore_ascii_case(name));
        match place {
            Some(index) => self.set_at(index, value),
            None => self.push(name, value),
        }
    }

    /// Gives the first field of this name a new value and takes the others away.
    pub fn set_only(&mut self, name: &[u8], value: &[u8]) {
        self.set(name, value);
        let mut seen = false;
        let bytes = &self.bytes;
        self.fields.retain(|entry| {
            let have = bytes.get(entry.name.start as usize..entry.name.end as usize).unwrap_or_default();
            let same = have.eq_ignore_ascii_case(name);
            !same || !std::mem::replace(&mut seen, true)
        });
    }

    /// Gives the field at `index` a new value.
    pub fn set_at(&mut self, index: usize, value: &[u8]) {
        let value = self.store(value);
        if let Some(entry) = self.fields.get_mut(index) {
            entry.value = value;
        }
    }

    /// Forgets all but the first `count` fields.
    pub fn truncate(&mut self, count: usize) {
        self.fields.truncate(count);
    }
}

/// Names that fields are looked up in, in any case; most that are not among them are known by their length alone.
#[derive(Debug, Default)]
pub struct NameSet {
    names: Vec<String>,
    lengths: u64,
}

impl NameSet {
    /// Adds a name.
    pub fn add(&mut self, name: &str) {
        self.lengths |= length_bit(name.as_bytes());
        self.names.push(name.to_owned());
    }

    /// Whether it is among them.
    pub fn has(&self, name: &[u8]) -> bool {
        self.lengths & length_bit(name) != 0 && self.names.iter().any(|have| is_named(name, have.as_bytes()))
    }
}

impl<N: AsRef<str>> FromIterator<N> for NameSet {
    fn from_iter<I: IntoIterator<Item = N>>(names: I) -> Self {
        let mut set = NameSet::default();
        names.into_iter().for_each(|name| set.add(name.as_ref()));
        set
    }
}

/// A bit for a name's length, those above 62 sharing one.
fn length_bit(name: &[u8]) -> u64 {
    1 << name.len().min(63)
}

/// Whether two names are the same in any case. Most that are not differ in their ends, so these are looked at first.
pub fn is_named(have: &[u8], name: &[u8]) -> bool {
    let ends = |name: &[u8]| (name.first().map(u8::to_ascii_lowercase), name.last().map(u8::to_ascii_lowercase));
    have.len() == name.len() && ends(have) == ends(name) && have.eq_ignore_ascii_case(name)
}

/// Whether a field name with dashes equals a variable's name with underscores, in any case: `X-Foo`, `x_foo`.
pub fn matches_variable(field: &[u8], variable: &[u8]) -> bool {
    field.len() == variable.len()
        && field.iter().zip(variable).all(|(&have, &want)| {
            let have = if have == b'-' { b'_' } else { have.to_ascii_lowercase() };
            have == want
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_and_case_stay() {
        let mut fields = Fields::default();
        fields.push(b"Host", b"a");
        fields.push(b"X-Foo", b"1");
        fields.push(b"x-foo", b"2");
        assert_eq!(fields.get(b"x-FOO"), Some(&b"1"[..]));
        assert_eq!(fields.all(b"x-foo").collect::<Vec<_>>(), [b"1", b"2"]);
        fields.set(b"HOST", b"longer");
        assert_eq!(fields.iter().next(), Some((&b"Host"[..], &b"longer"[..])));
        fields.remove(b"X-FOO");
        assert_eq!(fields.len(), 1);
        assert!(matches_variable(b"X-Foo", b"x_foo"));
        assert!(!matches_variable(b"X-Foo", b"x_fo"));
    }
}
