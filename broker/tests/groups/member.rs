//! A member of the group `g`, as far as a test needs one.

use std::time::{Duration, Instant};

use bytes::Bytes;
use kastellan_protocol::{
    ErrorCode,
    messages::{
        FindCoordinatorRequest, GroupId, HeartbeatRequest, JoinGroupRequest, JoinGroupResponse,
        LeaveGroupRequest, SyncGroupRequest, SyncGroupResponse,
        join_group_request::JoinGroupRequestProtocol, leave_group_request::MemberIdentity,
        sync_group_request::SyncGroupRequestAssignment,
    },
    protocol::StrBytes,
};

use crate::{client::Client, server::Server};

/// The group of every test.
pub(crate) fn group() -> GroupId {
    group_called("g")
}

pub(crate) fn group_called(name: &str) -> GroupId {
    GroupId(StrBytes::from_string(name.to_owned()))
}

/// Asks again until the answer is yes.
pub(crate) fn until(patience: Duration, mut done: impl FnMut() -> bool) {
    let began = Instant::now();
    while !done() {
        assert!(began.elapsed() < patience, "it did not happen within {patience:?}");
    }
}

pub(crate) struct Member {
    pub(crate) client: Client,
    pub(crate) id: StrBytes,
    pub(crate) generation: i32,
    pub(crate) leader: StrBytes,
    /// For a leader: everybody's ids.
    pub(crate) members: Vec<StrBytes>,
    pub(crate) assignment: String,
    pub(crate) session_ms: i32,
    pub(crate) metadata: Bytes,
}

/// A member's name and generation, without its connection.
pub(crate) struct Ids {
    pub(crate) id: StrBytes,
    pub(crate) generation: i32,
}

impl Member {
    pub(crate) fn connect(server: &Server) -> Self {
        Self {
            client: server.connect(),
            id: StrBytes::default(),
            generation: 0,
            leader: StrBytes::default(),
            members: Vec::new(),
            assignment: String::new(),
            session_ms: 30_000,
            metadata: Bytes::from_static(b"topics"),
        }
    }

    pub(crate) fn ids(&self) -> Ids {
        Ids { id: self.id.clone(), generation: self.generation }
    }

    pub(crate) fn find(&mut self) {
        let request = FindCoordinatorRequest::default().with_key(group().0);
        assert_eq!(self.client.call(2, &request).error_code, 0);
    }

    /// The first half of a join: the coordinator gives out an id.
    pub(crate) fn ask_for_id(&mut self, version: i16) {
        let id = self.send_join(version);
        let response: JoinGroupResponse = self.client.take(version, id);
        assert_eq!(response.error_code, ErrorCode::MemberIdRequired.code());
        assert!(response.member_id.starts_with("tester-"));
        self.id = response.member_id;
    }

    pub(crate) fn join_with_id(&mut self, version: i16) {
        self.ask_for_id(version);
        self.join(version);
    }

    pub(crate) fn join(&mut self, version: i16) {
        let id = self.send_join(version);
        self.take_join(id, version);
    }

    pub(crate) fn send_join(&mut self, version: i16) -> i32 {
        let protocol = JoinGroupRequestProtocol::default()
            .with_name("range".into())
            .with_metadata(self.metadata.clone());
        let request = JoinGroupRequest::default()
            .with_group_id(group())
            .with_session_timeout_ms(self.session_ms)
            .with_member_id(self.id.clone())
            .with_protocol_type("consumer".into())
            .with_protocols(vec![protocol]);
        let request =
            if version >= 1 { request.with_rebalance_timeout_ms(10_000) } else { request };
        self.client.send(version, &request)
    }

    pub(crate) fn take_join(&mut self, id: i32, version: i16) {
        let response: JoinGroupResponse = self.client.take(version, id);
        assert_eq!(response.error_code, 0, "{response:?}");
        assert_eq!(response.protocol_name.as_deref(), Some("range"));
        if version >= 7 {
            assert_eq!(response.protocol_type.as_deref(), Some("consumer"));
        }
        self.id = response.member_id;
        self.generation = response.generation_id;
        self.leader = response.leader;
        self.members = response.members.into_iter().map(|it| it.member_id).collect();
    }

    /// Syncs; a leader gives `shares` to the members in order.
    pub(crate) fn sync(&mut self, version: i16, shares: &[&'static str]) {
        let id = self.send_sync(version, shares);
        self.take_sync(id, version);
    }

    pub(crate) fn send_sync(&mut self, version: i16, shares: &[&'static str]) -> i32 {
        let share = |(member, share): (&StrBytes, &&'static str)| {
            SyncGroupRequestAssignment::default()
                .with_member_id(member.clone())
                .with_assignment(Bytes::from_static(share.as_bytes()))
        };
        let request = SyncGroupRequest::default()
            .with_group_id(group())
            .with_generation_id(self.generation)
            .with_member_id(self.id.clone())
            .with_assignments(self.members.iter().zip(shares).map(share).collect());
        self.client.send(version, &request)
    }

    pub(crate) fn take_sync(&mut self, id: i32, version: i16) {
        let response: SyncGroupResponse = self.client.take(version, id);
        assert_eq!(response.error_code, 0, "{response:?}");
        if version >= 5 {
            assert_eq!(response.protocol_type.as_deref(), Some("consumer"));
            assert_eq!(response.protocol_name.as_deref(), Some("range"));
        }
        self.assignment = String::from_utf8(response.assignment.to_vec()).unwrap();
    }

    pub(crate) fn heartbeat(&mut self, version: i16) -> i16 {
        let request = HeartbeatRequest::default()
            .with_group_id(group())
            .with_generation_id(self.generation)
            .with_member_id(self.id.clone());
        self.client.call(version, &request).error_code
    }

    pub(crate) fn leave(&mut self, version: i16) -> i16 {
        let request = LeaveGroupRequest::default().with_group_id(group());
        if version < 3 {
            let request = request.with_member_id(self.id.clone());
            return self.client.call(version, &request).error_code;
        }
        let me = MemberIdentity::default().with_member_id(self.id.clone());
        let response = self.client.call(version, &request.with_members(vec![me]));
        assert_eq!(response.members[0].member_id, self.id);
        response.error_code + response.members[0].error_code
    }

    pub(crate) fn until(&mut self, patience: Duration, mut done: impl FnMut(&mut Self) -> bool) {
        until(patience, || done(self));
    }
}
