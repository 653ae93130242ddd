//! Header fields in the order and case they came, all bytes in one vector.

use super::known::Known;

/// A list of header fields.
#[derive(Clone, Debug, Default)]
pub struct Fields {
    /// The fields' lines as they are sent. Lines of fields that were taken away or changed stay where they are.
    bytes: Vec<u8>,
    fields: Vec<Entry>,
    /// Whose names have been here.
    names: Marks,
    /// Whether `bytes` holds more than the fields' lines in their order.
    gaps: bool,
}

/// Where a field's line is, and where in it the name and the value end.
#[derive(Clone, Debug)]
struct Entry {
    start: u32,
    name: u32,
    value: u32,
    known: Option<Known>,
}

/// A field as it stands in a list.
#[derive(Clone, Copy, Debug)]
pub struct Field<'a> {
    /// Its name.
    pub name: &'a [u8],
    /// Its value.
    pub value: &'a [u8],
    /// What its reader took it for.
    pub known: Option<Known>,
    /// All of it, its end included.
    pub line: &'a [u8],
}

/// A field as it was read.
#[derive(Clone, Copy, Debug)]
pub struct Line<'a> {
    /// Its name, where the text begins.
    pub name: &'a [u8],
    /// Its value.
    pub value: &'a [u8],
    /// The line, its end included.
    pub text: &'a [u8],
}

impl Line<'_> {
    /// Whether it is written as we write one: a single space, and nothing behind the value.
    fn is_plain(&self) -> bool {
        let name = self.name.len();
        self.text.len() == name + self.value.len() + 4
            && self.text.get(name..).is_some_and(|rest| rest.starts_with(b": ") && rest.ends_with(b"\r\n"))
    }
}

impl Fields {
    /// Forgets all fields but keeps the memory.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.fields.clear();
        self.names = Marks::default();
        self.gaps = false;
    }

    /// Adds a field at the end.
    pub fn push(&mut self, name: &[u8], value: &[u8]) {
        self.push_known(name, value, None);
    }

    /// Adds a field that its reader has recognised, or has not.
    pub fn push_known(&mut self, name: &[u8], value: &[u8], known: Option<Known>) {
        self.names.add(name);
        let entry = self.store(name, value, known);
        self.fields.push(entry);
    }

    /// Adds a field as its line was read.
    #[inline(always)]
    pub fn push_line(&mut self, line: &Line<'_>, known: Option<Known>) {
        self.names.add(line.name);
        let entry =
            if line.is_plain() { self.store_line(line, known) } else { self.store(line.name, line.value, known) };
        self.fields.push(entry);
    }

    fn store_line(&mut self, line: &Line<'_>, known: Option<Known>) -> Entry {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(line.text);
        let value = self.bytes.len() - 2;
        Entry { start: start as u32, name: (start + line.name.len()) as u32, value: value as u32, known }
    }

    /// Adds a field of another list as it is.
    pub fn push_field(&mut self, field: &Field<'_>) {
        self.names.add(field.name);
        let start = self.bytes.len();
        self.bytes.extend_from_slice(field.line);
        let name = start + field.name.len();
        let value = name + 2 + field.value.len();
        let (start, name, value) = (start as u32, name as u32, value as u32);
        self.fields.push(Entry { start, name, value, known: field.known });
    }

    fn store(&mut self, name: &[u8], value: &[u8], known: Option<Known>) -> Entry {
        let start = self.bytes.len();
        self.bytes.reserve(name.len() + value.len() + 4);
        self.bytes.extend_from_slice(name);
        self.bytes.extend_from_slice(b": ");
        self.bytes.extend_from_slice(value);
        let end = self.bytes.len();
        self.bytes.extend_from_slice(b"\r\n");
        Entry { start: start as u32, name: (start + name.len()) as u32, value: end as u32, known }
    }

    fn field(&self, entry: &Entry) -> Field<'_> {
        let (start, name, value) = (entry.start as usize, entry.name as usize, entry.value as usize);
        let line = self.bytes.get(start..value + 2).unwrap_or_default();
        Field {
            name: line.get(..name - start).unwrap_or_default(),
            value: line.get(name - start + 2..value - start).unwrap_or_default(),
            known: entry.known,
            line,
        }
    }

    /// The first field of this name, in any case.
    #[inline]
    pub fn get(&self, name: &[u8]) -> Option<&[u8]> {
        if self.names.may_have(name) { self.find(name) } else { None }
    }

    fn find(&self, name: &[u8]) -> Option<&[u8]> {
        self.iter().find(|(have, _)| is_named(have, name)).map(|(_, value)| value)
    }

    /// All fields of this name, in any case.
    pub fn all<'a>(&'a self, name: &'a [u8]) -> impl Iterator<Item = &'a [u8]> {
        let some = if self.names.may_have(name) { self.fields.as_slice() } else { &[] };
        let fields = some.iter().map(|entry| self.field(entry));
        fields.filter(move |field| is_named(field.name, name)).map(|field| field.value)
    }

    /// All fields as name and value.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.each().map(|field| (field.name, field.value))
    }

    /// All fields.
    pub fn each(&self) -> impl Iterator<Item = Field<'_>> {
        self.fields.iter().map(|entry| self.field(entry))
    }

    /// Appends all fields as they are sent.
    pub fn write(&self, out: &mut Vec<u8>) {
        match self.gaps {
            false => out.extend_from_slice(&self.bytes),
            true => self.each().for_each(|field| out.extend_from_slice(field.line)),
        }
    }

    /// Whether there is a field of this name.
    #[inline]
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
        self.remove_after(0, name);
    }

    /// Takes away all fields of this name but the first `keep`.
    fn remove_after(&mut self, keep: usize, name: &[u8]) {
        if !self.names.may_have(name) {
            return;
        }
        let (bytes, before, mut seen) = (&self.bytes, self.fields.len(), 0);
        self.fields.retain(|entry| {
            let have = bytes.get(entry.start as usize..entry.name as usize).unwrap_or_default();
            seen += usize::from(is_named(have, name));
            seen <= keep || !is_named(have, name)
        });
        self.gaps |= self.fields.len() != before;
    }

    /// Gives the first field of this name a new value in its place, or adds it at the end.
    pub fn set(&mut self, name: &[u8], value: &[u8]) {
        let place = self.iter().position(|(have, _)| is_named(have, name));
        let Some(index) = place else { return self.push(name, value) };
        let have = self.fields.get(index).map(|entry| self.field(entry));
        let have = have.map(|field| (field.name.to_vec(), field.known));
        let Some((name, known)) = have else { return };
        let entry = self.store(&name, value, known);
        if let Some(place) = self.fields.get_mut(index) {
            *place = entry;
            self.gaps = true;
        }
    }

    /// Gives the first field of this name a new value and takes the others away.
    pub fn set_only(&mut self, name: &[u8], value: &[u8]) {
        self.set(name, value);
        self.remove_after(1, name);
    }
}

/// Names that fields are looked up in, in any case.
#[derive(Debug, Default)]
pub struct NameSet {
    names: Vec<String>,
    marks: Marks,
}

impl NameSet {
    /// Adds a name.
    pub fn add(&mut self, name: &str) {
        self.marks.add(name.as_bytes());
        self.names.push(name.to_owned());
    }

    /// Whether it is among them.
    #[inline]
    pub fn has(&self, name: &[u8]) -> bool {
        self.marks.may_have(name) && self.names.iter().any(|have| is_named(name, have.as_bytes()))
    }
}

impl<N: AsRef<str>> FromIterator<N> for NameSet {
    fn from_iter<I: IntoIterator<Item = N>>(names: I) -> Self {
        let mut set = NameSet::default();
        names.into_iter().for_each(|name| set.add(name.as_ref()));
        set
    }
}

/// A bit for each name, which few others share: most names that are not there need not be looked for.
#[derive(Clone, Copy, Debug, Default)]
struct Marks(u64);

impl Marks {
    fn bit(name: &[u8]) -> u64 {
        let first = u64::from(name.first().copied().unwrap_or_default() | 0x20);
        // Of what tells names apart, so that those which are often there and those often asked for do not meet.
        1 << ((name.len() as u64 + first * 55) & 63)
    }

    #[inline]
    fn add(&mut self, name: &[u8]) {
        self.0 |= Marks::bit(name);
    }

    #[inline]
    fn may_have(self, name: &[u8]) -> bool {
        self.0 & Marks::bit(name) != 0
    }
}

/// Whether two names are the same in any case. Most that are not differ in their ends, so these are looked at first.
#[inline]
pub fn is_named(have: &[u8], name: &[u8]) -> bool {
    let near = |one: Option<&u8>, other: Option<&u8>| one.map(|byte| byte | 0x20) == other.map(|byte| byte | 0x20);
    have.len() == name.len()
        && near(have.last(), name.last())
        && near(have.first(), name.first())
        && have.iter().zip(name).all(|(one, other)| one.eq_ignore_ascii_case(other))
}

/// A value without the spaces around it.
#[inline]
pub fn trim(value: &[u8]) -> &[u8] {
    let value = value.strip_prefix(b" ").unwrap_or(value);
    match value {
        [b' ', ..] | [.., b' '] => trim_more(value),
        _ => value,
    }
}

/// The same for values that have not just the one space before them that nearly all have.
fn trim_more(mut value: &[u8]) -> &[u8] {
    while let [b' ', rest @ ..] = value {
        value = rest;
    }
    while let [rest @ .., b' '] = value {
        value = rest;
    }
    value
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
        let sent = |fields: &Fields| {
            let mut out = Vec::new();
            fields.write(&mut out);
            String::from_utf8(out).unwrap()
        };
        assert_eq!(sent(&fields), "Host: longer\r\nX-Foo: 1\r\nx-foo: 2\r\n");
        let mut copy = Fields::default();
        fields.each().for_each(|field| copy.push_field(&field));
        assert_eq!(sent(&copy), sent(&fields));
        copy.set_only(b"x-foo", b"3");
        assert_eq!(sent(&copy), "Host: longer\r\nX-Foo: 3\r\n");
        fields.remove(b"X-FOO");
        assert_eq!((fields.len(), sent(&fields).as_str()), (1, "Host: longer\r\n"));
        assert!(matches_variable(b"X-Foo", b"x_foo"));
        assert!(!matches_variable(b"X-Foo", b"x_fo"));
    }
}
