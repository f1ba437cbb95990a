//! What the schemas share: arrays of numbers and ids, and tagged fields on the way out.

use kastellan_protocol::primitive::{Malformed, Reader, Writer};

use crate::id::{BrokerId, Uuid};

pub(super) type Out<'a> = Writer<'a, Vec<u8>>;

pub(super) fn read_brokers(reader: &mut Reader<'_>) -> Result<Vec<BrokerId>, Malformed> {
    read_array(reader, 4, |reader| reader.i32().map(BrokerId))
}

pub(super) fn write_brokers(out: &mut Out<'_>, brokers: &[BrokerId]) {
    out.compact_array_len(brokers.len());
    for broker in brokers {
        out.i32(broker.0);
    }
}

pub(super) fn read_uuids(reader: &mut Reader<'_>) -> Result<Vec<Uuid>, Malformed> {
    read_array(reader, 16, Reader::uuid)
}

pub(super) fn write_uuids(out: &mut Out<'_>, ids: &[Uuid]) {
    out.compact_array_len(ids.len());
    for id in ids {
        out.uuid(id);
    }
}

/// An array of elements of at least `smallest` bytes each.
pub(super) fn read_array<'a, T>(
    reader: &mut Reader<'a>,
    smallest: usize,
    mut element: impl FnMut(&mut Reader<'a>) -> Result<T, Malformed>,
) -> Result<Vec<T>, Malformed> {
    let count = reader.compact_array_len(smallest)?;
    (0..count).map(|_| element(reader)).collect()
}

/// A nullable array: a null counts as empty, which is how the schemas use it.
pub(super) fn read_nullable_brokers(bytes: &[u8]) -> Result<Option<Vec<BrokerId>>, Malformed> {
    let mut reader = Reader::new(bytes);
    let Some(count) = reader.compact_nullable_array_len(4)? else { return Ok(None) };
    (0..count).map(|_| reader.i32().map(BrokerId)).collect::<Result<_, _>>().map(Some)
}

/// The tagged fields of one struct, written when all are known.
#[derive(Default)]
pub(super) struct Tags(Vec<(u32, Vec<u8>)>);

impl Tags {
    /// Adds a field; tags have to be added in rising order.
    pub(super) fn add(&mut self, tag: u32, write: impl FnOnce(&mut Out<'_>)) {
        debug_assert!(self.0.last().is_none_or(|(last, _)| *last < tag), "tags have to rise");
        let mut bytes = Vec::new();
        write(&mut Writer::new(&mut bytes));
        self.0.push((tag, bytes));
    }

    /// [`Tags::add`] for an array of brokers that is there.
    pub(super) fn brokers(&mut self, tag: u32, brokers: Option<&[BrokerId]>) {
        if let Some(brokers) = brokers {
            self.add(tag, |out| write_brokers(out, brokers));
        }
    }

    pub(super) fn write(self, out: &mut Out<'_>) {
        out.unsigned_varint(u32::try_from(self.0.len()).expect("a handful of tags"));
        for (tag, bytes) in self.0 {
            out.tagged_field(tag, &bytes);
        }
    }
}
