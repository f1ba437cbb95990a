//! Forges request bodies from the walker's table: valid ones out of random bytes, and ones with as
//! many of the smallest elements as asked for.

use kastellan_protocol::primitive::Writer;
use kastellan_protocol::walk::schema::{Field, Kind, Schema};

/// A source of choices. When it runs dry it answers zero, so that shrinking makes bodies smaller.
pub(super) struct Choices<'a>(pub(super) &'a [u8]);

impl Choices<'_> {
    fn below(&mut self, limit: u8) -> u8 {
        self.byte() % limit
    }

    fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        *first
    }
}

/// What a forge can do wrong, once, at a place where it matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Spoil {
    /// A string that is not UTF-8.
    Utf8,
    /// Null where it is not allowed.
    Null,
    /// A string, or bytes, whose length goes beyond the end.
    Length,
    /// A length below null.
    Negative,
    /// An array that announces a million elements and has none.
    Count,
    /// An array that announces more elements than there can be.
    HugeCount,
    /// A struct with 65 tagged fields.
    Tags,
    /// The same tag twice.
    TagTwice,
    /// A tagged field whose length goes beyond the end.
    TagLength,
}

/// Writes one request body of `version` along the table.
pub(super) struct Forge<'a> {
    /// The version to write.
    pub(super) version: i16,
    /// Where its contents come from.
    pub(super) choices: Choices<'a>,
    /// How many elements the array of this name gets; all others get what the choices say.
    pub(super) crowd: Option<(&'static str, usize)>,
    /// Unknown tagged fields in every element of the crowd.
    pub(super) tags: u32,
    /// What to do wrong, and how many places for it to pass over first.
    pub(super) spoil: Option<(Spoil, usize)>,
    flexible: bool,
    out: Vec<u8>,
}

impl<'a> Forge<'a> {
    /// A forge that takes everything from `choices`.
    pub(super) fn new(schema: &Schema, version: i16, choices: &'a [u8]) -> Self {
        let flexible = version >= schema.flexible;
        let (choices, out) = (Choices(choices), Vec::new());
        Forge { version, choices, crowd: None, tags: 0, spoil: None, flexible, out }
    }

    /// The whole body.
    pub(super) fn body(mut self, schema: &Schema) -> Vec<u8> {
        self.structure(schema.fields, 0);
        self.out
    }

    /// The whole body with something wrong; `None` if there are not so many places for it.
    pub(super) fn spoilt(mut self, schema: &Schema) -> Option<Vec<u8>> {
        self.structure(schema.fields, 0);
        self.spoil.is_none().then_some(self.out)
    }

    /// Whether this is the place to go wrong.
    fn spoils(&mut self, here: &[Spoil]) -> Option<Spoil> {
        let (spoil, places) = self.spoil.filter(|(spoil, _)| here.contains(spoil))?;
        self.spoil = places.checked_sub(1).map(|places| (spoil, places));
        self.spoil.is_none().then_some(spoil)
    }

    fn structure(&mut self, fields: &'static [Field], tags: u32) {
        let version = self.version;
        for field in fields.iter().filter(|field| field.is_plain_in(version)) {
            self.field(field);
        }
        if self.flexible {
            self.tagged_fields(fields, tags);
        }
    }

    fn tagged_fields(&mut self, fields: &'static [Field], crowded: u32) {
        if let Some(spoil) = self.spoils(&[Spoil::Tags, Spoil::TagTwice, Spoil::TagLength]) {
            self.out.extend_from_slice(match spoil {
                Spoil::Tags => &[65],
                Spoil::TagTwice => &[2, 100, 0, 100, 0],
                _ => &[1, 100, 0xff, 0xff, 0x07],
            });
            return;
        }
        let version = self.version;
        let known = fields.iter().filter(|f| f.tag.is_some() && f.versions.contains(version));
        let known: Vec<_> = known.filter(|_| self.choices.below(2) == 1).collect();
        let unknown = crowded.max(u32::from(self.choices.below(8).saturating_sub(5)));
        let count = u32::try_from(known.len()).expect("few") + unknown;
        Writer::new(&mut self.out).unsigned_varint(count);
        for field in known {
            let outer = std::mem::take(&mut self.out);
            self.field(field);
            let value = std::mem::replace(&mut self.out, outer);
            Writer::new(&mut self.out).tagged_field(field.tag.expect("filtered"), &value);
        }
        for tag in 100..100 + unknown {
            let value = vec![7; usize::from(self.choices.below(5))];
            Writer::new(&mut self.out).tagged_field(tag, &value);
        }
    }

    fn field(&mut self, field: &'static Field) {
        let null = field.nullable.contains(self.version) && self.choices.below(4) == 1;
        match field.kind {
            Kind::Struct(_) if null => self.out.push(0xff),
            Kind::Struct(fields) => {
                if field.nullable.contains(self.version) {
                    self.out.push(1);
                }
                self.structure(fields, 0);
            }
            Kind::Array(_) if null && self.flexible => self.out.push(0),
            Kind::Array(_) if null => self.out.extend_from_slice(&[0xff; 4]),
            Kind::Array(array) => {
                let nullable = field.nullable.contains(self.version);
                if self.spoilt_array(nullable) {
                    return;
                }
                let crowd = self.crowd.filter(|(name, _)| *name == field.name);
                let count = match (crowd, self.crowd) {
                    (Some((_, count)), _) => count,
                    (None, Some((name, _))) if holds(array.of, name) => 1,
                    _ => usize::from(self.choices.below(4)),
                };
                let mut writer = Writer::new(&mut self.out);
                if self.flexible {
                    writer.compact_array_len(count);
                } else {
                    writer.array_len(count);
                }
                let tags = if crowd.is_some() { self.tags } else { 0 };
                for _ in 0..count {
                    match *array.of {
                        Kind::Struct(fields) => self.structure(fields, tags),
                        kind => self.scalar(kind, false),
                    }
                }
            }
            kind => {
                let nullable = field.nullable.contains(self.version);
                if !self.spoilt_scalar(kind, nullable) {
                    self.scalar(kind, null);
                }
            }
        }
    }

    fn spoilt_array(&mut self, nullable: bool) -> bool {
        let all = [Spoil::Count, Spoil::HugeCount, Spoil::Negative, Spoil::Null];
        // a compact length cannot be negative
        let usable = all.into_iter().filter(|spoil| match spoil {
            Spoil::Negative => !self.flexible,
            Spoil::Null => !nullable,
            _ => true,
        });
        let usable: Vec<_> = usable.collect();
        let Some(spoil) = self.spoils(&usable) else { return false };
        let bytes: &[u8] = match (spoil, self.flexible) {
            (Spoil::Count, true) => &[0xc1, 0x84, 0x3d],
            (Spoil::Count, false) => &[0, 0x0f, 0x42, 0x40],
            (Spoil::HugeCount, true) => &[0xff, 0xff, 0xff, 0xff, 0x0f],
            (Spoil::HugeCount, false) => &[0x7f, 0xff, 0xff, 0xff],
            (Spoil::Negative, _) => &[0xff, 0xff, 0xff, 0xfe],
            (_, true) => &[0],
            (_, false) => &[0xff; 4],
        };
        self.out.extend_from_slice(bytes);
        true
    }

    fn spoilt_scalar(&mut self, kind: Kind, nullable: bool) -> bool {
        let short = matches!(kind, Kind::String);
        if !short && !matches!(kind, Kind::Bytes | Kind::Records) {
            return false;
        }
        let all = [Spoil::Utf8, Spoil::Null, Spoil::Length, Spoil::Negative];
        let usable = all.into_iter().filter(|spoil| match spoil {
            Spoil::Utf8 => short,
            Spoil::Negative => !self.flexible,
            Spoil::Null => !nullable,
            _ => true,
        });
        let usable: Vec<_> = usable.collect();
        let Some(spoil) = self.spoils(&usable) else { return false };
        let bytes: &[u8] = match (spoil, self.flexible, short) {
            (Spoil::Utf8, true, _) => &[3, 0xc3, 0x28],
            (Spoil::Utf8, false, _) => &[0, 2, 0xc3, 0x28],
            (Spoil::Length, true, _) => &[0xff, 0xff, 0x01],
            (Spoil::Length, false, true) => &[0x7f, 0xff],
            (Spoil::Length, false, false) => &[0x7f, 0xff, 0xff, 0xff],
            (Spoil::Negative, _, true) => &[0xff, 0xfe],
            (Spoil::Negative, _, false) => &[0xff, 0xff, 0xff, 0xfe],
            (_, true, _) => &[0],
            (_, false, true) => &[0xff, 0xff],
            (_, false, false) => &[0xff; 4],
        };
        self.out.extend_from_slice(bytes);
        true
    }

    fn scalar(&mut self, kind: Kind, null: bool) {
        const TEXTS: [&str; 6] = ["", "t", "rider-updates", "\u{20ac}", "__consumer_offsets", "\0"];
        let text = TEXTS.get(usize::from(self.choices.below(6))).copied().unwrap_or("");
        let flexible = self.flexible;
        let (text, blob) = ((!null).then_some(text), (!null).then_some(text.as_bytes()));
        let fixed = match kind {
            Kind::String | Kind::Bytes | Kind::Records => 0,
            kind => kind.smallest(self.version, flexible),
        };
        let mut writer = Writer::new(&mut self.out);
        match (kind, flexible) {
            (Kind::String, true) => writer.compact_nullable_string(text),
            (Kind::String, false) => writer.nullable_string(text),
            (Kind::Bytes | Kind::Records, true) => writer.compact_nullable_bytes(blob),
            (Kind::Bytes | Kind::Records, false) => writer.nullable_bytes(blob),
            (Kind::Bool, _) => writer.bool(self.choices.below(2) == 1),
            _ => (0..fixed).for_each(|_| writer.u8(self.choices.byte())),
        }
    }
}

/// Whether an array called `name` is somewhere inside.
fn holds(kind: &Kind, name: &str) -> bool {
    let Kind::Struct(fields) = kind else { return false };
    fields.iter().any(|field| match field.kind {
        Kind::Array(array) => field.name == name || holds(array.of, name),
        _ => false,
    })
}
