//! The published holes of Kafka and of what it is made of, each put to our broker.
//!
//! Left out, for there is nothing to put to a broker: CVE-2026-35554 (the Java producer's buffers).

use std::fs;

use anyhow::{Context as _, Result, bail, ensure};
use kafka_protocol::messages::alter_user_scram_credentials_request::ScramCredentialUpsertion;
use kafka_protocol::messages::delete_acls_request::DeleteAclsFilter;
use kafka_protocol::messages::{
    AlterUserScramCredentialsRequest, BrokerId, CreateAclsRequest, DeleteAclsRequest,
    DescribeAclsRequest,
};
use kastellan_e2e::batch::Batch;
use kastellan_e2e::cache;
use kastellan_e2e::ours::Ours;
use kastellan_e2e::suite::Scratch;
use kastellan_e2e::wire::scram::NONCE;
use kastellan_e2e::wire::text;
use kastellan_protocol::compression::{Codec, deflate};

use super::access::acl;
use super::admin::alter;
use super::batches::{good, put};
use super::bombs;
use super::fetches::{fetch, partition_code};
use super::logins::{guess, handshake};
use super::stage::{PASSWORD, Stage, TOPIC};
use super::table::{Is, Row};

pub(crate) const OPEN: &[Row] = &[
    Row::new("CVE-2018-1288: a client that says it is a replica", Is::Code(31), |stage| {
        partition_code(&mut stage.wire()?, &fetch(-1, 0).with_replica_id(BrokerId(2)))
    }),
    Row::new("CVE-2018-17196: a batch that says it is of a transaction", Is::Code(48), |stage| {
        put(stage, &Batch { attributes: 0x10, ..good() }.by_producer(1, 0, 0))
    }),
    Row::new("CVE-2023-25194, CVE-2025-27818: a login module by name", Is::Kept, login_module),
    Row::new("CVE-2023-34455, CVE-2025-12183, CVE-2025-66566: torn codecs", Is::Kept, torn),
    Row::new("CVE-2024-27309: a denial outlives what stood beside it", Is::Kept, denial),
    Row::new("CVE-2024-31141: a setting that names a file", Is::Code(40), |stage| {
        alter(stage, 2, TOPIC, ("retention.ms", "${file:/etc/passwd:root}"))
    }),
    Row::new("CVE-2024-31141: a setting that names the environment", Is::Code(42), |stage| {
        alter(stage, 4, "", ("log.retention.ms", "${env:HOME}"))
    }),
    Row::new("CVE-2024-56128: one round of hashing", Is::Code(93), |stage| rounds(stage, 1)),
    Row::new("CVE-2026-10143: two thousand million rounds", Is::Code(93), |stage| {
        rounds(stage, i32::MAX)
    }),
    Row::new("CVE-2026-41115: ConsumerGroupDescribe is not served yet", Is::Closed, |stage| {
        stage.frame(&[0, 69, 0, 0, 0, 0, 0, 1, 0xff, 0xff, 0, 1, 0, 0])
    }),
    Row::new("CVE-2026-111073: PushTelemetry is not served yet", Is::Closed, |stage| {
        stage.frame(&[&[0, 72, 0, 0, 0, 0, 0, 1, 0xff, 0xff, 0][..], &[0; 24]].concat())
    }),
    Row::new("CVE-2026-111108: counts", Is::Kept, bombs::counts),
    Row::new("CVE-2026-111115: tags", Is::Kept, bombs::tags),
];

pub(crate) const LOGINS: &[Row] = &[
    Row::new("CVE-2017-12610: one who logs in as somebody else", Is::Code(58), |stage| {
        let message = format!("n,a=mallory,n=alice,r={NONCE}");
        let answer = stage.wire()?.begin_scram(message.as_bytes())?;
        Ok(Is::Code(answer.error_code))
    }),
    Row::new("CVE-2021-38153: proofs are compared in constant time", Is::Kept, |_| {
        let core = cache::e2e().join("../broker/core/src/security");
        for file in ["sasl/scram.rs", "secret.rs"] {
            let source = fs::read_to_string(core.join(file))?;
            ensure!(source.contains("ct_eq"), "{file} compares by other means");
        }
        Ok(Is::Kept)
    }),
    Row::new("CVE-2022-34917: sizes before the login", Is::Kept, bombs::half_open),
    Row::new("CVE-2026-111115: tags before the login", Is::Kept, bombs::tags_before_login),
    Row::new("CVE-2024-56128: the right proof lets in", Is::Code(0), |stage| {
        login(stage, str::to_owned)
    }),
    Row::new("CVE-2024-56128: and not with the client's nonce alone", Is::Code(58), |stage| {
        login(stage, |_| NONCE.to_owned())
    }),
    Row::new("CVE-2024-56128: nor with one that goes on", Is::Code(58), |stage| {
        login(stage, |nonce| format!("{nonce}x"))
    }),
    Row::new("CVE-2025-27817, CVE-2025-27819: OAUTHBEARER", Is::Code(33), |stage| {
        handshake(&mut stage.wire()?, "OAUTHBEARER")
    }),
    Row::new("CVE-2026-33558: no secret in a log that says all", Is::Kept, |stage| {
        ensure!(guess(stage, "alice")? == Is::Code(58));
        ensure!(login(stage, str::to_owned)? == Is::Code(0));
        let log = stage.log()?;
        ensure!(log.contains("DEBUG"), "the log is not complete: this judges nothing");
        for secret in [PASSWORD, "p=", NONCE] {
            ensure!(!log.contains(secret), "the log has {secret}");
        }
        Ok(Is::Kept)
    }),
];

/// A broker that is given one does not start, and says what it knows.
fn login_module(_stage: &mut Stage) -> Result<Is> {
    let scratch = Scratch::new("hostile-jaas")?;
    for module in ["JndiLoginModule", "LdapLoginModule"] {
        let jaas = format!(
            "com.sun.security.auth.module.{module} required user.provider.url=\"ldap://127.0.0.1\";"
        );
        let settings = [("listener.name.plain.plain.sasl.jaas.config", jaas.as_str())];
        let Err(refused) = Ours::new(scratch.path(), &settings)?.start() else {
            bail!("it starts with {module}");
        };
        let said = format!("{refused:#}");
        ensure!(said.contains("PlainLoginModule"), "{said}");
    }
    Ok(Is::Kept)
}

/// Each byte of what the codecs made, turned over: taken or refused, and nothing else.
fn torn(stage: &mut Stage) -> Result<Is> {
    for codec in [Codec::Gzip, Codec::Snappy, Codec::Lz4, Codec::Zstd] {
        let whole = Batch::of(1_700_000_000_000, &["the same again and again "; 20]);
        let mut body = Vec::new();
        deflate(codec, &whole.encoded_records(), &mut body);
        for at in 0..body.len() {
            for turned in [0x01, 0x80, 0xff] {
                let mut bad = body.clone();
                if let Some(byte) = bad.get_mut(at) {
                    *byte ^= turned;
                }
                let batch = Batch { attributes: codec.bits(), body: Some(bad), ..whole.clone() };
                let came = put(stage, &batch)?;
                let fine = matches!(came, Is::Code(0 | 2 | 10 | 87));
                ensure!(fine, "{codec:?}, byte {at} turned by {turned:#x}: {came:?}");
            }
        }
    }
    Ok(Is::Kept)
}

/// Of two ACLs of a topic the one that allows goes; the one that denies stays, across a restart.
fn denial(stage: &mut Stage) -> Result<Is> {
    let (allow, deny) = (acl(2, "hole", "*", 3, 3), acl(2, "hole", "10.0.0.1", 3, 2));
    let both = CreateAclsRequest::default().with_creations(vec![allow, deny]);
    let made = stage.good()?.call(2, &both)?;
    ensure!(made.results.iter().all(|result| result.error_code == 0), "{made:?}");
    let filter = DeleteAclsFilter::default()
        .with_resource_type_filter(2)
        .with_resource_name_filter(Some(text("hole")))
        .with_pattern_type_filter(3)
        .with_principal_filter(None)
        .with_host_filter(None)
        .with_operation(1)
        .with_permission_type(3);
    let gone = stage.good()?.call(2, &DeleteAclsRequest::default().with_filters(vec![filter]))?;
    let gone = gone.filter_results.first().context("an answer for the filter")?;
    ensure!(gone.error_code == 0 && gone.matching_acls.len() == 1, "{gone:?}");
    for _ in 0..2 {
        let left = DescribeAclsRequest::default()
            .with_resource_type_filter(2)
            .with_resource_name_filter(Some(text("hole")))
            .with_pattern_type_filter(3)
            .with_principal_filter(None)
            .with_host_filter(None)
            .with_operation(1)
            .with_permission_type(1);
        let left = stage.good()?.call(2, &left)?;
        let acls: Vec<_> = left.resources.iter().flat_map(|resource| &resource.acls).collect();
        let only = acls.first().filter(|_| acls.len() == 1).context("not one ACL")?;
        ensure!(only.permission_type == 2 && only.host.as_str() == "10.0.0.1", "{only:?}");
        stage.restart()?;
    }
    Ok(Is::Kept)
}

fn rounds(stage: &mut Stage, iterations: i32) -> Result<Is> {
    let user = ScramCredentialUpsertion::default()
        .with_name(text("bob"))
        .with_mechanism(2)
        .with_iterations(iterations)
        .with_salt(vec![1; 16].into())
        .with_salted_password(vec![2; 64].into());
    let request = AlterUserScramCredentialsRequest::default().with_upsertions(vec![user]);
    let answer = stage.good()?.call(0, &request)?;
    Ok(Is::Code(answer.results.first().context("an answer for the user")?.error_code))
}

/// Logs alice in with what `nonce` makes of the nonce, and the proof that belongs to it.
fn login(stage: &mut Stage, nonce: fn(&str) -> String) -> Result<Is> {
    let mut wire = stage.wire()?;
    let challenge = wire.challenge("alice")?;
    let message = challenge.answer(PASSWORD, &nonce(challenge.nonce()?))?;
    Ok(Is::Code(wire.authenticate(message.as_bytes())?.error_code))
}
