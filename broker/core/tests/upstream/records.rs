//! Record by record.

use kastellan_core::{
    id::{BrokerId, Uuid},
    metadata::{
        AccessControlEntryRecord, BrokerRegistrationChange, ClientQuotaRecord, ConfigRecord,
        DecodeError, DelegationTokenRecord, Endpoint, FRAME_VERSION, FeatureLevelRecord,
        PartitionChangeRecord, PartitionRecord, ProducerIdsRecord, Record, RegisterBroker,
        RemoveUserScramCredentialRecord, SecurityProtocol, SupportedFeature, TopicRecord,
        UserScramCredentialRecord,
    },
    security::{ScramCredential, Secret},
};
use kastellan_protocol::primitive::Reader;
use serde_json::Value;

use super::{
    jar::Definitions,
    walk::{Found, walk, within},
};

/// All schemas of metadata records.
fn schemas() -> Option<Vec<Value>> {
    let definitions = Definitions::open("kafka-metadata", "common/metadata")?;
    Some(definitions.all().map(|(_, schema)| schema).collect())
}

const BROKER: BrokerId = BrokerId(3);

fn id(number: u128) -> Uuid {
    Uuid::from_u128(number)
}

fn partition(elr: &[i32]) -> PartitionRecord {
    PartitionRecord {
        partition: 4,
        topic: id(9),
        replicas: vec![BrokerId(1), BrokerId(2)],
        isr: vec![BrokerId(2)],
        removing: vec![BrokerId(5)],
        adding: vec![BrokerId(6)],
        leader: BrokerId(2),
        leader_recovery_state: 1,
        leader_epoch: 7,
        partition_epoch: 8,
        directories: vec![id(1), id(2)],
        elr: elr.iter().copied().map(BrokerId).collect(),
        last_known_elr: Vec::new(),
    }
}

fn change() -> PartitionChangeRecord {
    let brokers = |numbers: &[i32]| Some(numbers.iter().copied().map(BrokerId).collect());
    PartitionChangeRecord {
        partition: 4,
        topic: id(9),
        isr: brokers(&[1]),
        leader: BrokerId(2),
        replicas: brokers(&[2]),
        removing: brokers(&[3]),
        adding: brokers(&[4]),
        leader_recovery_state: Some(1),
        elr: brokers(&[5]),
        last_known_elr: brokers(&[6]),
        directories: Some(vec![id(7)]),
    }
}

fn registration() -> RegisterBroker {
    RegisterBroker {
        broker: BROKER,
        incarnation: id(11),
        epoch: 12,
        endpoints: vec![Endpoint {
            name: "plain".to_owned(),
            host: "localhost".to_owned(),
            port: 65_535,
            protocol: SecurityProtocol::SaslSsl,
        }],
        features: vec![SupportedFeature { name: "f".to_owned(), min: 1, max: 2 }],
        rack: Some("r".to_owned()),
        fenced: true,
        in_controlled_shutdown: true,
        log_dirs: vec![id(13)],
    }
}

/// One record of every kind, all fields set.
fn samples() -> Vec<Record> {
    let text = str::to_owned;
    let (broker, epoch) = (BROKER, 12);
    vec![
        Record::RegisterBroker(registration()),
        Record::UnregisterBroker { broker, epoch },
        Record::BrokerRegistrationChange(BrokerRegistrationChange {
            broker,
            epoch,
            fenced: Some(false),
            in_controlled_shutdown: true,
            log_dirs: vec![id(13)],
        }),
        Record::FenceBroker { broker, epoch },
        Record::UnfenceBroker { broker, epoch },
        Record::Topic(TopicRecord { name: text("orders"), id: id(9) }),
        Record::RemoveTopic { id: id(9) },
        Record::Partition(partition(&[])),
        Record::Partition(partition(&[4])),
        Record::PartitionChange(PartitionChangeRecord::new(id(9), 4)),
        Record::PartitionChange(change()),
        Record::Config(ConfigRecord {
            resource_type: 2,
            resource_name: text("orders"),
            name: text("retention.ms"),
            value: None,
        }),
        Record::FeatureLevel(FeatureLevelRecord { name: text("metadata.version"), level: 27 }),
        Record::ProducerIds(ProducerIdsRecord { broker, epoch, next: 1000 }),
        Record::UserScramCredential(UserScramCredentialRecord {
            name: text("alice"),
            mechanism: 2,
            credential: ScramCredential {
                salt: vec![1],
                stored_key: Secret(vec![2, 2]),
                server_key: Secret(vec![3]),
                iterations: 4096,
            },
        }),
        Record::RemoveUserScramCredential(RemoveUserScramCredentialRecord {
            name: text("alice"),
            mechanism: 1,
        }),
        Record::ClientQuota(ClientQuotaRecord {
            entity: [(text("client-id"), None), (text("user"), Some(text("alice")))].into(),
            key: text("producer_byte_rate"),
            value: 1024.5,
            remove: true,
        }),
        Record::AccessControlEntry(AccessControlEntryRecord {
            id: id(14),
            resource_type: 2,
            resource_name: text("orders"),
            pattern_type: 4,
            principal: text("User:alice"),
            host: text("*"),
            operation: 3,
            permission_type: 2,
        }),
        Record::RemoveAccessControlEntry { id: id(14) },
        token(),
        Record::RemoveDelegationToken { id: text("token") },
        Record::NoOp,
    ]
}

fn token() -> Record {
    let text = str::to_owned;
    Record::DelegationToken(DelegationTokenRecord {
        owner: text("User:alice"),
        requester: text("User:bob"),
        renewers: vec![text("User:carol"), text("User:dave")],
        issued: 1,
        ends: 3,
        expires: 2,
        id: text("token"),
    })
}

/// What Kafka's schema says is in our bytes.
fn read(schemas: &[Value], record: &Record) -> (String, Found) {
    let bytes = record.encode();
    let reader = &mut Reader::new(&bytes);
    assert_eq!(reader.unsigned_varint(), Ok(FRAME_VERSION));
    let api_key = reader.unsigned_varint().expect("as the schema says");
    assert_eq!(api_key, record.api_key());
    let version = i64::from(reader.unsigned_varint().expect("as the schema says"));
    let schema =
        schemas.iter().find(|schema| schema["apiKey"] == api_key).expect("as the schema says");
    assert!(within(&schema["validVersions"], version), "{record:?}: version {version}");
    let found = walk(schema, version, reader);
    assert_eq!(reader.finish(), Ok(()), "{record:?}");
    (schema["name"].as_str().expect("as the schema says").to_owned(), found)
}

#[test]
fn every_record_of_ours_follows_its_schema_to_the_last_byte() {
    let Some(schemas) = schemas() else { return };
    for record in samples() {
        let (name, _) = read(&schemas, &record);
        let ours =
            format!("{record:?}").split(['(', ' ']).next().expect("as the schema says").to_owned();
        assert_eq!(name, format!("{ours}Record"));
    }
}

#[test]
fn every_field_is_where_the_schema_has_it() {
    let Some(schemas) = schemas() else { return };
    let is = |found: &Found, expected: &[(&str, &str)]| {
        for (path, value) in expected {
            assert_eq!(found.get(*path).map(String::as_str), Some(*value), "{path}: {found:?}");
        }
    };
    let (_, found) = read(&schemas, &Record::RegisterBroker(registration()));
    is(
        &found,
        &[
            ("/BrokerId", "3"),
            ("/IncarnationId", "11"),
            ("/BrokerEpoch", "12"),
            ("/EndPoints[0]/Port", "65535"),
            ("/EndPoints[0]/SecurityProtocol", "3"),
            ("/Features[0]/MaxSupportedVersion", "2"),
            ("/Rack", "Some(\"r\")"),
            ("/Fenced", "true"),
            ("/InControlledShutdown", "true"),
            ("/LogDirs[0]", "13"),
        ],
    );
    let (_, found) = read(&schemas, &Record::Partition(partition(&[4])));
    is(
        &found,
        &[
            ("/PartitionId", "4"),
            ("/TopicId", "9"),
            ("/Replicas[1]", "2"),
            ("/Isr[0]", "2"),
            ("/RemovingReplicas[0]", "5"),
            ("/AddingReplicas[0]", "6"),
            ("/Leader", "2"),
            ("/LeaderRecoveryState", "1"),
            ("/LeaderEpoch", "7"),
            ("/PartitionEpoch", "8"),
            ("/Directories[1]", "2"),
            ("/EligibleLeaderReplicas[0]", "4"),
        ],
    );
    let (_, found) = read(&schemas, &Record::PartitionChange(change()));
    is(
        &found,
        &[
            ("/Isr[0]", "1"),
            ("/Leader", "2"),
            ("/Replicas[0]", "2"),
            ("/RemovingReplicas[0]", "3"),
            ("/AddingReplicas[0]", "4"),
            ("/LeaderRecoveryState", "1"),
            ("/EligibleLeaderReplicas[0]", "5"),
            ("/LastKnownElr[0]", "6"),
            ("/Directories[0]", "7"),
        ],
    );
}

#[test]
fn every_schema_is_known_at_least_by_its_name_and_newest_version() {
    let Some(schemas) = schemas() else { return };
    for schema in &schemas {
        let name = schema["name"].as_str().expect("as the schema says");
        let api_key = u8::try_from(schema["apiKey"].as_u64().expect("as the schema says"))
            .expect("as the schema says");
        let newest = (0..9)
            .rev()
            .find(|it| within(&schema["validVersions"], *it))
            .expect("as the schema says");
        let beyond = u8::try_from(newest).expect("as the schema says") + 1;
        match Record::decode(&[1, api_key, beyond]) {
            Err(DecodeError::Unknown { name: ours, .. }) => assert_eq!(ours, name),
            Err(DecodeError::Version { name: ours, max, .. }) => {
                assert_eq!((ours, i64::from(max)), (name, newest));
            }
            other => panic!("{name}: {other:?}"),
        }
    }
}
