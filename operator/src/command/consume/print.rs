//! One record as one line.

use std::io::{BufWriter, StdoutLock, Write, stdout};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kastellan_protocol::batch::RecordView;
use serde::Serialize;

use crate::command::client::Format;
use crate::command::moment;
use crate::failure::Failure;

/// What of a record is printed.
#[derive(Debug, Clone)]
pub(super) struct Look {
    /// `-o`.
    pub(super) format: Format,
    /// What is printed between key and value.
    pub(super) separator: Option<String>,
    /// Whether headers are printed.
    pub(super) headers: bool,
    /// Whether timestamps are printed.
    pub(super) timestamps: bool,
    /// Whether partition and offset are printed.
    pub(super) offsets: bool,
    /// What is printed for null.
    pub(super) null: String,
}

/// Prints to stdout, up to a number of records.
#[derive(Debug)]
pub(super) struct Printer {
    topic: String,
    look: Look,
    left: u64,
    out: BufWriter<StdoutLock<'static>>,
}

/// A record. The names of the fields are an interface.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Record<'a> {
    topic: &'a str,
    partition: i32,
    offset: i64,
    timestamp: i64,
    key: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    key_base64: Option<String>,
    value: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    value_base64: Option<String>,
    headers: Vec<Header<'a>>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Header<'a> {
    name: std::borrow::Cow<'a, str>,
    value: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    value_base64: Option<String>,
}

impl Printer {
    /// Prints records of `topic` like that; `max` of them at most.
    pub(super) fn new(topic: String, mut look: Look, max: Option<u64>) -> Self {
        if look.format == Format::Wide {
            (look.headers, look.timestamps, look.offsets) = (true, true, true);
            look.separator.get_or_insert_with(|| "\t".to_owned());
        }
        let out = BufWriter::with_capacity(64 << 10, stdout().lock());
        Self { topic, look, left: max.unwrap_or(u64::MAX), out }
    }

    /// Whether as many records were printed as were asked for.
    pub(super) fn is_done(&self) -> bool {
        self.left == 0
    }

    /// Prints a record, sooner or later.
    pub(super) fn record(
        &mut self,
        partition: i32,
        record: &RecordView<'_>,
    ) -> Result<(), Failure> {
        self.left = self.left.saturating_sub(1);
        match self.look.format {
            Format::Json => {
                let record = document(&self.topic, partition, record);
                serde_json::to_writer(&mut self.out, &record)
                    .map_err(std::io::Error::from)
                    .and_then(|()| self.out.write_all(b"\n"))
                    .map_err(|why| Failure::stdout(&why))
            }
            Format::Yaml => {
                let text = serde_saphyr::to_string(&document(&self.topic, partition, record))
                    .map_err(|why| Failure::new(format!("write YAML: {why}")))?;
                write!(self.out, "---\n{text}").map_err(|why| Failure::stdout(&why))
            }
            Format::Table | Format::Wide => line(&mut self.out, &self.look, partition, record)
                .map_err(|why| Failure::stdout(&why)),
        }
    }

    /// Prints what was not printed yet.
    pub(super) fn flush(&mut self) -> Result<(), Failure> {
        self.out.flush().map_err(|why| Failure::stdout(&why))
    }
}

fn line(
    out: &mut impl Write,
    look: &Look,
    partition: i32,
    record: &RecordView<'_>,
) -> std::io::Result<()> {
    if look.timestamps {
        write!(out, "{}\t", moment::format(record.timestamp))?;
    }
    if look.offsets {
        write!(out, "{partition}:{}\t", record.offset)?;
    }
    if look.headers {
        for (index, (name, value)) in record.headers().enumerate() {
            let comma = if index > 0 { "," } else { "" };
            write!(out, "{comma}{}=", String::from_utf8_lossy(name))?;
            out.write_all(value.unwrap_or(look.null.as_bytes()))?;
        }
        out.write_all(b"\t")?;
    }
    if let Some(separator) = &look.separator {
        out.write_all(record.key.unwrap_or(look.null.as_bytes()))?;
        out.write_all(separator.as_bytes())?;
    }
    out.write_all(record.value.unwrap_or(look.null.as_bytes()))?;
    out.write_all(b"\n")
}

/// Text as it is, other bytes as base64.
fn text(bytes: Option<&[u8]>) -> (Option<&str>, Option<String>) {
    let Some(bytes) = bytes else { return (None, None) };
    match std::str::from_utf8(bytes) {
        Ok(text) => (Some(text), None),
        Err(_) => (None, Some(STANDARD.encode(bytes))),
    }
}

fn document<'a>(topic: &'a str, partition: i32, record: &RecordView<'a>) -> Record<'a> {
    let (key, key_base64) = text(record.key);
    let (value, value_base64) = text(record.value);
    let header = |(name, value): (&'a [u8], Option<&'a [u8]>)| {
        let (value, value_base64) = text(value);
        Header { name: String::from_utf8_lossy(name), value, value_base64 }
    };
    Record {
        topic,
        partition,
        offset: record.offset,
        timestamp: record.timestamp,
        key,
        key_base64,
        value,
        value_base64,
        headers: record.headers().map(header).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kastellan_protocol::batch::{Builder, Malformed, Scratch, for_each_record};

    fn look() -> Look {
        Look {
            format: Format::Table,
            separator: None,
            headers: false,
            timestamps: false,
            offsets: false,
            null: String::new(),
        }
    }

    fn printed(look: &Look, key: Option<&[u8]>, value: Option<&[u8]>) -> (String, String) {
        let headers: [(&[u8], Option<&[u8]>); 2] = [(b"a", Some(b"1")), (b"a", None)];
        let batch = Builder::new(7, 0).record(1_500, key, value, &headers).finish();
        let (mut text, mut json) = (Vec::new(), String::new());
        for_each_record::<Malformed>(&batch, &mut Scratch::default(), |record| {
            line(&mut text, look, 3, &record).unwrap();
            json = serde_json::to_string(&document("t", 3, &record)).unwrap();
            Ok(())
        })
        .unwrap();
        (String::from_utf8_lossy(&text).into_owned(), json)
    }

    #[test]
    fn a_line_has_what_was_asked_for_and_the_value() {
        let (text, _) = printed(&look(), Some(b"k"), Some(b"v"));
        assert_eq!(text, "v\n");
        let all = Look {
            separator: Some(":".to_owned()),
            headers: true,
            timestamps: true,
            offsets: true,
            null: "NULL".to_owned(),
            ..look()
        };
        let (text, _) = printed(&all, Some(b"k"), None);
        assert_eq!(text, "1970-01-01T00:00:01.500Z\t3:7\ta=1,a=NULL\tk:NULL\n");
    }

    #[test]
    fn json_keeps_every_byte() {
        let (_, json) = printed(&look(), None, Some(&[0xff, 0x00]));
        assert_eq!(
            json,
            r#"{"topic":"t","partition":3,"offset":7,"timestamp":1500,"key":null,"value":null,"#
                .to_owned()
                + r#""valueBase64":"/wA=","headers":[{"name":"a","value":"1"},"#
                + r#"{"name":"a","value":null}]}"#
        );
    }
}
