//! Inputs to start from: valid requests of every API and version, valid batches of every codec.

use std::{fs, path::Path};

use kastellan_core::{
    id::BrokerId,
    metadata::{ConfigRecord, Record, TopicRecord},
};
use kastellan_protocol::{batch::Builder, compression::Codec, header, walk};

use crate::{apis::APIS, forge::Forge};

/// Writes `inputs` into the directory that `KASTELLAN_SEEDS` names; a target does so before it
/// reads its corpus.
///
/// # Panics
/// If the directory cannot be written.
pub fn write(inputs: &[Vec<u8>]) {
    let Some(dir) = std::env::var_os("KASTELLAN_SEEDS") else { return };
    fs::create_dir_all(&dir).expect("the directory of the seeds can be created");
    for (at, input) in inputs.iter().enumerate() {
        let seed = Path::new(&dir).join(format!("seed-{at:04}"));
        fs::write(seed, input).expect("the directory of the seeds can be written");
    }
}

/// A request body of `version`, forged along the walker's table from the bytes of `choices`.
fn body(at: usize, version: i16, choices: &[u8]) -> Vec<u8> {
    let schema = walk::schema(APIS[at].key).expect("every API of the table is served");
    Forge::new(schema, version, choices).body(schema)
}

/// Numbers that look random and are the same each time.
fn choices(seed: usize) -> Vec<u8> {
    (0..400_usize).map(|n| ((n + seed * 401) * 2_654_435_761 >> 11) as u8).collect()
}

fn each_request(mut each: impl FnMut(usize, i16, u8, Vec<u8>)) {
    for (at, api) in APIS.iter().enumerate() {
        for version in api.versions.min..=api.versions.max {
            let selector = u8::try_from(version - api.versions.min + 1).expect("few versions");
            each(at, version, selector, body(at, version, &choices(at * 20 + version as usize)));
        }
    }
}

/// For the target `request`: two bytes that choose, then the body.
pub fn requests() -> Vec<Vec<u8>> {
    let mut seeds = Vec::new();
    each_request(|at, _, selector, body| {
        seeds.push([&[at as u8, selector][..], &body].concat());
    });
    seeds
}

/// For the target `frame`: whole frames.
pub fn frames() -> Vec<Vec<u8>> {
    let mut seeds = Vec::new();
    each_request(|at, version, _, body| {
        let mut frame = Vec::new();
        header::encode(APIS[at].key, version, 7, Some("client"), &mut frame);
        frame.extend_from_slice(&body);
        let size = u32::try_from(frame.len()).expect("small");
        seeds.push([&size.to_be_bytes()[..], &frame].concat());
    });
    seeds
}

fn records(codec: Codec) -> Builder {
    let mut builder = Builder::new(0, -1);
    let headers: [(&[u8], Option<&[u8]>); 2] = [(b"a", None), (b"a", Some(b"b"))];
    builder
        .record(1_000, Some(b"key"), Some(b"value"), &headers)
        .record(1_001, None, Some(&[7; 300]), &[])
        .record(999, Some(b"key"), None, &[])
        .compressed(codec);
    builder
}

/// For the target `record_batch`: a byte that chooses, then a batch, records or compressed bytes.
pub fn batches() -> Vec<Vec<u8>> {
    let mut seeds = Vec::new();
    for codec in Codec::ALL {
        let batch = records(codec).producer(5, 0, 3).finish();
        let bits = u8::try_from(codec.bits()).expect("three bits");
        for mode in 0..2_u8 {
            seeds.push([&[mode << 3 | bits][..], &batch].concat());
        }
        seeds.push([&[2 << 3 | bits][..], &records(Codec::None).finish()[61..]].concat());
        seeds.push([&[3 << 3 | bits][..], &batch[61..]].concat());
    }
    seeds
}

/// For the target `segment_recovery`: a byte that chooses, then what to write and to damage.
pub fn segments() -> Vec<Vec<u8>> {
    let mut seeds: Vec<Vec<u8>> = (0..16).map(|n| choices(n)[..(8 + 4 * n)].to_vec()).collect();
    let log = [records(Codec::None).finish(), records(Codec::Zstd).finish()].concat();
    seeds.push([&[0x80][..], &log].concat());
    seeds
}

/// A token that is not signed by the key it names, as a client shows it.
const TOKEN: &[u8] = b"n,a=alice,\x01auth=Bearer \
    eyJhbGciOiAiRVMyNTYiLCAia2lkIjogImVjIn0.eyJzdWIiOiAiYWxpY2UiLCAiYXVkIjogImthZmth\
    IiwgImlhdCI6IDE3OTk5OTk5OTksICJleHAiOiAxODAwMDAwNjAwfQ.BwcHBwcHBwcHBwcHBwcHBwcHB\
    wcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBw\x01host=h\x01\x01";

/// Keys of an issuer, for the target `sasl`: nobody has the other halves.
pub const KEYS: &str = "{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\",\"kid\":\"ec\",\
    \"x\":\"lifrzHT2GOq7N1TtL-YcpXQOhWbNF1bIZwQFibMMr4g\",\
    \"y\":\"CELcsDo19XL_Z8TpXFoeLa7x8FkS6WEDJfYu7WLbDgo\"},\
    {\"kty\":\"RSA\",\"kid\":\"rsa\",\"e\":\"AQAB\",\"n\":\"\
    kCJVY-Vqh0AgCeg70tsCpEfMpapeIADxeLuTfUvk_VdI_dqP5jVIPSlME_JBlIxcAL1MS2_KaJYEt3YaeEaL\
    AW18NZnPPReNGtO1vVR9GwtmG0HgeNjKd_f_Plu41COe7-sXkIFJmEXGrM-yjaa5KO9d4sb7tQ-Ube88Fwdy\
    hM-KctyW1DxR7WGuuoXEKg0D5ACdwLwXruSMQyXKrM7kCs5HVOy_Y8p75JVDYk6Kwvbm_I-J3iJZwXi7DYUT\
    OmWCr0OxueV2mZu90SumKZM7GfqjJWiNpM_HsFG2Yas7EMJgrbgDTaFtXic6WuLigagvXeD940dQrZOHiqD5\
    C9QPZw\"}]}";

/// For the target `sasl`: a mechanism and its messages, with 0xff between.
pub fn logins() -> Vec<Vec<u8>> {
    let talks: [&[&[u8]]; 10] = [
        &[b"PLAIN", b"\0alice\0orange-pencil"],
        &[b"PLAIN", b"alice\0alice\0orange-pencil"],
        &[
            b"SCRAM-SHA-512",
            b"n,,n=alice,r=rOprNGfwEbeRWgbNEkqO",
            b"c=biws,r=rOprNGfwEbeRWgbNEkqO9f86d081884c7d659a2feaa0,p=AAAA",
        ],
        &[b"SCRAM-SHA-256", b"y,a=bob,n=a=2Cb,r=x,tokenauth=true", b"c=eSws,r=x,p=="],
        &[b"SCRAM-SHA-256", b"n,,n=token,r=x,tokenauth=true", b"c=biws,r=x,p=AAAA"],
        &[b"org.apache.kafka.common.security.plain.PlainLoginModule required user_a=\"b\";"],
        &[b"OAUTHBEARER", b"n,,\x01auth=Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJhIn0.\x01\x01", b"\x01"],
        &[b"OAUTHBEARER", TOKEN, b"\x01"],
        &[KEYS.as_bytes()],
        &[b"RULE:^CN=(.*?),OU=(.*?)$/$1@$2/L, RULE:^.*[Cc][Nn]=([a-z.]*).*$/$1/,DEFAULT"],
    ];
    talks.iter().map(|talk| talk.join(&0xff_u8)).collect()
}

/// For the target `metadata_record`: values with their length before each.
pub fn facts() -> Vec<Vec<u8>> {
    let id = uuid::Uuid::from_u128(7);
    let broker = BrokerId(1);
    let name = |name: &str| name.to_owned();
    let topic = Record::Topic(TopicRecord { name: name("t"), id });
    let config = Record::Config(ConfigRecord {
        resource_type: 2,
        resource_name: name("t"),
        name: name("retention.ms"),
        value: Some(name("1")),
    });
    let mut facts = vec![
        Record::RemoveTopic { id },
        Record::UnregisterBroker { broker, epoch: 3 },
        Record::FenceBroker { broker, epoch: 3 },
    ];
    facts.extend([topic, config]);
    let framed =
        |value: Vec<u8>| [&[u8::try_from(value.len()).unwrap_or(255)][..], &value].concat();
    let mut seeds: Vec<Vec<u8>> = facts.iter().map(|fact| framed(fact.encode())).collect();
    seeds.push(seeds.concat());
    // an offset of the group g: the key's length, the key, the value
    let key = [0, 1, 0, 1, b'g', 0, 1, b't', 0, 0, 0, 0];
    let value = [&[0, 3][..], &[0; 8], &[0; 4], &[0, 0], &[0; 8]].concat();
    seeds.push(framed([&[12][..], &key, &value].concat()));
    seeds
}
