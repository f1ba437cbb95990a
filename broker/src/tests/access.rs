//! Every request is held against the access control lists, row by row of the table; and what else
//! the lists must keep.

mod probes;

use std::fmt::Debug;

use kastellan_protocol::{
    ErrorCode, api_version,
    messages::{
        ApiKey, CreateAclsRequest, DeleteAclsRequest, DescribeAclsRequest, FetchRequest,
        create_acls_request::AclCreation,
    },
    protocol::{Request, StrBytes},
};

use self::probes::{
    Ask, ROWS,
    drive::{Batches, State, VISITOR, drive},
};
use super::*;
use crate::{
    access::needs,
    tests::client::{Ask as Wanted, Topic, batch, fetch_request, values},
};

/// The messages that the probes are made of.
mod types {
    pub(super) use kastellan_protocol::{messages, protocol};
}

const AUTHORIZER: (&str, &str) =
    ("authorizer.class.name", "org.apache.kafka.metadata.authorizer.StandardAuthorizer");
const OPEN: (&str, &str) = ("allow.everyone.if.no.acl.found", "true");

impl Ask for Client {
    fn newest<R: Request>(&self) -> i16 {
        let api = ApiKey::try_from(R::KEY).unwrap();
        api_version::range(api).unwrap().1.min(R::VERSIONS.max)
    }

    fn ask<R>(&mut self, _case: &str, version: i16, request: &R) -> R::Response
    where
        R: Request,
        R::Response: Debug + Default,
    {
        self.call(version, request)
    }
}

impl Harness {
    /// A client from an address of its own.
    fn visitor(&self, from: &str) -> Client {
        let address = self.running.as_ref().unwrap().addresses()[0].1;
        Client::connect_from(SocketAddr::new(from.parse().unwrap(), 0), address)
    }
}

#[test]
fn every_row_of_the_table_has_a_question_and_every_question_its_row() {
    let of = |name: &str| name.split('/').next().unwrap().to_owned();
    // those about tokens are asked by who has logged in: see `tests/delegation.rs`
    let about_tokens = |api| delegation::APIS.contains(&api);
    for (name, need) in needs::ALL.iter().filter(|(_, need)| !about_tokens(need.api)) {
        let asked: Vec<_> = ROWS.iter().filter(|row| of(row.name) == *name).collect();
        assert!(!asked.is_empty(), "{name} is not asked about");
        for row in asked {
            let takes = (need.operation.code(), need.of.code());
            assert_eq!((row.operation, row.resource_type), takes, "{name}");
        }
    }
    for row in ROWS {
        let known = |(name, _): &(&str, _)| *name == of(row.name);
        assert!(needs::ALL.iter().any(known), "{} is not in the table", row.name);
    }
}

#[test]
fn the_whole_matrix_is_held_against_the_lists() {
    let harness = Harness::with(&[AUTHORIZER, OPEN]);
    let (mut host, mut visitor) = (harness.client(), harness.visitor(VISITOR));
    let batches = Batches { plain: batch(&["a"]), transactional: batch(&["a"]) };
    let (mut right, mut all) = (0, 0);
    drive(&mut host, &mut visitor, batches, |row, state, allowed| {
        all += 1;
        if allowed == state.is_enough() {
            right += 1;
        } else {
            println!("{}, who may {state:?}: allowed is {allowed}", row.name);
        }
    });
    println!("{right} of {all} questions answered as the table says");
    assert_eq!((right, all), (ROWS.len() * State::ALL.len(), right));
}

fn entry(operation: i8, permission: i8) -> AclCreation {
    let text = |text: &str| StrBytes::from_string(text.to_owned());
    AclCreation::default()
        .with_resource_type(2)
        .with_resource_name(text("kept"))
        .with_resource_pattern_type(3)
        .with_principal(text("User:ANONYMOUS"))
        .with_host(text(VISITOR))
        .with_operation(operation)
        .with_permission_type(permission)
}

fn create(host: &mut Client, entries: Vec<AclCreation>) {
    let request = CreateAclsRequest::default().with_creations(entries);
    let answer = host.call(3, &request);
    assert!(answer.results.iter().all(|result| result.error_code == 0), "{answer:?}");
}

fn everything() -> DescribeAclsRequest {
    DescribeAclsRequest::default()
        .with_resource_type_filter(1)
        .with_resource_name_filter(None)
        .with_pattern_type_filter(1)
        .with_principal_filter(None)
        .with_host_filter(None)
        .with_operation(1)
        .with_permission_type(1)
}

pub(super) fn delete_all(host: &mut Client) -> usize {
    let filter = kastellan_protocol::messages::delete_acls_request::DeleteAclsFilter::default()
        .with_resource_type_filter(1)
        .with_resource_name_filter(None)
        .with_pattern_type_filter(1)
        .with_principal_filter(None)
        .with_host_filter(None)
        .with_operation(1)
        .with_permission_type(1);
    let answer = host.call(3, &DeleteAclsRequest::default().with_filters(vec![filter]));
    answer.filter_results[0].matching_acls.len()
}

#[test]
fn a_fetch_that_waits_is_looked_at_anew_when_it_is_woken() {
    let harness = Harness::with(&[AUTHORIZER, OPEN]);
    let (mut host, mut visitor) = (harness.client(), harness.visitor(VISITOR));
    let topic: Topic = host.create("kept", 1, &[]);
    create(&mut host, vec![entry(3, 3)]);
    for version in [12, 17] {
        let ask = Wanted { version, max_wait_ms: 20_000, ..Wanted::default() };
        let offset = i64::from(version == 17);
        let asked = visitor.send(version, &fetch_request(ask, &topic, &[(0, offset)]));
        assert!(visitor.hears_nothing());
        // what it may read is taken away, and given back to others
        create(&mut host, vec![entry(3, 2)]);
        create(&mut host, vec![entry(2, 3).with_host(StrBytes::from("*"))]);
        assert_eq!(host.put(&topic, 0, batch(&["secret"])).0, 0);
        let (id, answer) = visitor.receive::<FetchRequest>(version);
        assert_eq!(id, asked);
        let partition = &answer.responses[0].partitions[0];
        assert_eq!(partition.error_code, ErrorCode::TopicAuthorizationFailed.code());
        assert!(values(partition.records.as_ref()).is_empty());
        assert_eq!(delete_all(&mut host), 3);
        create(&mut host, vec![entry(3, 3)]);
    }
}

#[test]
fn entries_are_there_after_a_restart_and_gone_ones_are_not() {
    let mut harness = Harness::with(&[
        AUTHORIZER,
        ("super.users", "User:ANONYMOUS"),
        ("metadata.log.max.record.bytes.between.snapshots", "1"),
    ]);
    let mut host = harness.client();
    create(&mut host, vec![entry(3, 3), entry(4, 2)]);
    assert_eq!(delete_all(&mut host), 2);
    create(&mut host, vec![entry(6, 3)]);
    let before = host.call(3, &everything()).resources;
    assert_eq!((before.len(), before[0].acls.len()), (1, 1));
    drop(host);
    harness.restart();
    assert_eq!(harness.client().call(3, &everything()).resources, before);
    harness.kill_and_restart();
    assert_eq!(harness.client().call(3, &everything()).resources, before);
}

#[test]
fn without_an_authorizer_there_are_no_lists() {
    let harness = Harness::new();
    let mut client = harness.client();
    let disabled = ErrorCode::SecurityDisabled.code();
    assert_eq!(client.call(3, &everything()).error_code, disabled);
    let request = CreateAclsRequest::default().with_creations(vec![entry(3, 3)]);
    assert_eq!(client.call(3, &request).results[0].error_code, disabled);
}
