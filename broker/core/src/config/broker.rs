//! A broker's settings as values.

use super::{
    FleetConfig, Invalid, ListenerLimits, Overrides, Scope, Source, TokenConfig, Update,
    broker_table::STANDARD,
    check, find,
    kind::{parse_bool, words},
    listener,
    setting::Synonym,
};
use crate::{quota::Windows, security::Authorizer};

/// What a broker is configured to do: as it was started, and what was set since. Times are in
/// milliseconds, sizes in bytes.
#[derive(Debug, Clone, PartialEq)]
pub struct BrokerConfig {
    /// Set for this broker while it ran.
    own: Overrides,
    /// Set for all brokers while they ran.
    cluster: Overrides,
    /// Given at the start.
    fixed: Overrides,
    /// The strongest value of each.
    effective: Overrides,
    /// auto.create.topics.enable.
    pub auto_create_topics: bool,
    /// delete.topic.enable.
    pub delete_topics: bool,
    /// num.partitions.
    pub num_partitions: i32,
    /// default.replication.factor.
    pub default_replication_factor: i16,
    /// broker.rack.
    pub rack: Option<String>,
    /// connections.max.idle.ms; `None`: never closed for being idle.
    pub connections_max_idle_ms: Option<i64>,
    /// max.connections.
    pub max_connections: usize,
    /// max.connections.per.ip.
    pub max_connections_per_ip: usize,
    /// max.connections.per.ip.overrides: addresses with limits of their own.
    pub max_connections_per_ip_overrides: Vec<(String, usize)>,
    /// max.connection.creation.rate, in connections per second.
    pub max_connection_creation_rate: usize,
    /// Listeners with limits of their own, by their names in small letters.
    pub listener_limits: Vec<(String, ListenerLimits)>,
    /// socket.request.max.bytes.
    pub socket_request_max_bytes: usize,
    /// socket.listen.backlog.size.
    pub socket_listen_backlog: i32,
    /// queued.max.request.bytes; `None`: no limit.
    pub queued_max_request_bytes: Option<usize>,
    /// controller.quota.window.num and controller.quota.window.size.seconds.
    pub controller_quota_windows: Windows,
    /// quota.window.num and quota.window.size.seconds.
    pub quota_windows: Windows,
    /// fetch.max.bytes.
    pub fetch_max_bytes: usize,
    /// max.incremental.fetch.session.cache.slots.
    pub fetch_session_slots: usize,
    /// kastellan.max.partitions.
    pub max_partitions: usize,
    /// max.request.partition.size.limit.
    pub max_request_partitions: usize,
    /// group.initial.rebalance.delay.ms.
    pub group_initial_rebalance_delay_ms: i32,
    /// group.min.session.timeout.ms.
    pub group_min_session_timeout_ms: i32,
    /// group.max.session.timeout.ms.
    pub group_max_session_timeout_ms: i32,
    /// group.max.size.
    pub group_max_size: usize,
    /// offset.metadata.max.bytes.
    pub offset_metadata_max_bytes: usize,
    /// offsets.commit.timeout.ms.
    pub offsets_commit_timeout_ms: i32,
    /// offsets.retention.minutes, in milliseconds.
    pub offsets_retention_ms: i64,
    /// offsets.retention.check.interval.ms.
    pub offsets_retention_check_interval_ms: i64,
    /// offsets.topic.num.partitions.
    pub offsets_topic_num_partitions: i32,
    /// offsets.topic.replication.factor.
    pub offsets_topic_replication_factor: i16,
    /// offsets.topic.segment.bytes.
    pub offsets_topic_segment_bytes: u32,
    /// producer.id.expiration.ms.
    pub producer_id_expiration_ms: i64,
    /// producer.id.expiration.check.interval.ms.
    pub producer_id_expiration_check_interval_ms: i64,
    /// log.retention.check.interval.ms.
    pub retention_check_interval_ms: i64,
    /// log.cleaner.backoff.ms.
    pub cleaner_backoff_ms: i64,
    /// num.recovery.threads.per.data.dir.
    pub recovery_threads: i32,
    /// log.cleaner.threads.
    pub cleaner_threads: i32,
    /// log.cleaner.dedupe.buffer.size.
    pub cleaner_dedupe_buffer_bytes: i64,
    /// log.cleaner.io.buffer.load.factor.
    pub cleaner_load_factor: f64,
    /// log.cleaner.io.buffer.size.
    pub cleaner_io_buffer_bytes: i32,
    /// log.cleaner.io.max.bytes.per.second.
    pub cleaner_io_max_bytes_per_second: f64,
    /// log.flush.offset.checkpoint.interval.ms.
    pub checkpoint_interval_ms: i64,
    /// Whether kastellan.durability is `fsync`.
    pub fsync: bool,
    /// kastellan.frame.timeout.ms.
    pub frame_timeout_ms: i64,
    /// connection.failed.authentication.delay.ms.
    pub rejection_delay_ms: i64,
    /// sasl.server.max.receive.size.
    pub unknown_request_max_bytes: usize,
    /// kastellan.max.logins.per.ip.
    pub max_logins_per_ip: usize,
    /// kastellan.login.timeout.ms.
    pub login_timeout_ms: i64,
    /// kastellan.write.timeout.ms.
    pub write_timeout_ms: i64,
    /// metadata.log.max.record.bytes.between.snapshots.
    pub metadata_snapshot_bytes: u64,
    /// How requests are held against the access control lists; `None`: everybody may do
    /// everything.
    pub authorizer: Option<Authorizer>,
    /// Delegation tokens.
    pub tokens: TokenConfig,
    /// The brokers among each other.
    pub fleet: FleetConfig,
}

/// Nothing new comes to a broker where it is `*` (KIP-1066).
pub(crate) const CORDONED: &str = "cordoned.log.dirs";

impl Default for BrokerConfig {
    fn default() -> Self {
        Self::resolve(Overrides::new(), Overrides::new(), Overrides::new())
    }
}

impl BrokerConfig {
    /// Checks every setting, and how they fit together. All that is wrong is reported at once, so
    /// that a manifest needs one round of corrections.
    pub fn parse(settings: Overrides) -> Result<Self, Vec<Invalid>> {
        let mut wrong: Vec<_> = settings
            .iter()
            .filter_map(|(name, value)| check(Scope::Broker, name, value).err())
            .collect();
        if settings.contains_key(CORDONED) {
            wrong.push(Invalid::Conflict(format!(
                "{CORDONED} is set on a broker that runs, by its id (kafka-configs --entity-type \
                 brokers --entity-name ID): whoever places partitions knows nothing of what \
                 brokers were started with"
            )));
        }
        let config = Self::resolve(settings, Overrides::new(), Overrides::new());
        wrong.extend(config.conflicts());
        if wrong.is_empty() { Ok(config) } else { Err(wrong) }
    }

    /// The same broker with what was set for all brokers and for this one while they ran.
    ///
    /// Never fails: what is set is checked before it is recorded, and what a different version
    /// recorded and this one cannot read counts as not set.
    #[must_use]
    pub fn with_dynamic(&self, cluster: &Overrides, own: &Overrides) -> Self {
        let legible = |(name, value): &(&String, &String)| {
            let dynamic = |setting: &super::Setting| setting.update != Update::ReadOnly;
            check(Scope::Broker, name, value).is_ok()
                && find(Scope::Broker, name).is_ok_and(dynamic)
        };
        let taken = |from: &Overrides| -> Overrides {
            let taken = from.iter().filter(legible);
            taken.map(|(name, value)| (name.clone(), value.clone())).collect()
        };
        Self::resolve(self.fixed.clone(), taken(cluster), taken(own))
    }

    /// The value of the setting called `name`: its own or a synonym's; `None` where it has neither
    /// a value nor a default, or is unknown.
    pub fn value(&self, name: &str) -> Option<String> {
        let setting = find(Scope::Broker, name).ok()?;
        let own = [Synonym { name: setting.name, scale: 1 }];
        let chain = || own.iter().chain(setting.synonyms);
        let set = chain().find_map(|synonym| self.set(synonym));
        set.or_else(|| chain().find_map(default_of))
    }

    /// [`Self::value`] as a number, where it is one.
    pub(super) fn number(&self, name: &str) -> Option<i64> {
        self.value(name)?.parse().ok()
    }

    /// What `name` was set to, at the start or since.
    pub fn explicit(&self, name: &str) -> Option<&str> {
        self.effective.get(name).map(String::as_str)
    }

    /// Everything that `name` was set to, the strongest first.
    pub(super) fn layers(&self, name: &str) -> impl Iterator<Item = (Source, &str)> {
        let layers = [
            (Source::DynamicBroker, &self.own),
            (Source::DynamicDefault, &self.cluster),
            (Source::Static, &self.fixed),
        ];
        layers.into_iter().filter_map(|(source, layer)| Some((source, layer.get(name)?.as_str())))
    }

    /// What is set for all brokers while they run.
    pub(super) fn cluster(&self) -> &Overrides {
        &self.cluster
    }

    /// Every name that is set, once.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.effective.keys().map(String::as_str)
    }

    /// What a setting that a listener may have of its own is for `listener`.
    pub fn of_listener(&self, listener: &str, name: &str) -> Option<&str> {
        let own = format!("listener.name.{}.{name}", listener.to_ascii_lowercase());
        self.explicit(&own).or_else(|| self.explicit(name))
    }

    /// What a topic that does not override `name` gets, as text.
    pub fn topic_default(&self, name: &str) -> String {
        self.inherited(Scope::Topic, name)
    }

    /// What a topic or a group that does not override `name` gets, as text.
    pub(super) fn inherited(&self, scope: Scope, name: &str) -> String {
        let Ok(setting) = find(scope, name) else { return String::new() };
        let set = setting.synonyms.iter().find_map(|synonym| self.set(synonym));
        set.unwrap_or_else(|| setting.default.unwrap_or_default().to_owned())
    }

    fn set(&self, synonym: &Synonym) -> Option<String> {
        Some(scale(self.explicit(synonym.name)?.trim(), synonym.scale))
    }

    fn resolve(fixed: Overrides, cluster: Overrides, own: Overrides) -> Self {
        let mut settings = fixed.clone();
        settings.extend(cluster.iter().chain(&own).map(|(k, v)| (k.clone(), v.clone())));
        let value = Reader(&settings);
        Self {
            auto_create_topics: value.boolean("auto.create.topics.enable"),
            delete_topics: value.boolean("delete.topic.enable"),
            num_partitions: value.int("num.partitions"),
            default_replication_factor: value.number("default.replication.factor"),
            rack: settings.get("broker.rack").filter(|rack| !rack.is_empty()).cloned(),
            connections_max_idle_ms: Some(value.long("connections.max.idle.ms"))
                .filter(|idle| *idle >= 0),
            max_connections: value.number("max.connections"),
            max_connections_per_ip: value.number("max.connections.per.ip"),
            max_connections_per_ip_overrides: value.per_host("max.connections.per.ip.overrides"),
            max_connection_creation_rate: value.number("max.connection.creation.rate"),
            listener_limits: listener::limits(&settings),
            socket_request_max_bytes: value.number("socket.request.max.bytes"),
            socket_listen_backlog: value.int("socket.listen.backlog.size"),
            queued_max_request_bytes: usize::try_from(value.long("queued.max.request.bytes")).ok(),
            controller_quota_windows: value.windows("controller.quota.window"),
            quota_windows: value.windows("quota.window"),
            fetch_max_bytes: value.number("fetch.max.bytes"),
            fetch_session_slots: value.number("max.incremental.fetch.session.cache.slots"),
            max_partitions: value.number("kastellan.max.partitions"),
            max_request_partitions: value.number("max.request.partition.size.limit"),
            group_initial_rebalance_delay_ms: value.int("group.initial.rebalance.delay.ms"),
            group_min_session_timeout_ms: value.int("group.min.session.timeout.ms"),
            group_max_session_timeout_ms: value.int("group.max.session.timeout.ms"),
            group_max_size: value.number("group.max.size"),
            offset_metadata_max_bytes: value.number("offset.metadata.max.bytes"),
            offsets_commit_timeout_ms: value.int("offsets.commit.timeout.ms"),
            offsets_retention_ms: value.long("offsets.retention.minutes").saturating_mul(60_000),
            offsets_retention_check_interval_ms: value.long("offsets.retention.check.interval.ms"),
            offsets_topic_num_partitions: value.int("offsets.topic.num.partitions"),
            offsets_topic_replication_factor: value.number("offsets.topic.replication.factor"),
            offsets_topic_segment_bytes: value.number("offsets.topic.segment.bytes"),
            producer_id_expiration_ms: value.long("producer.id.expiration.ms"),
            producer_id_expiration_check_interval_ms: value
                .long("producer.id.expiration.check.interval.ms"),
            retention_check_interval_ms: value.long("log.retention.check.interval.ms"),
            cleaner_backoff_ms: value.long("log.cleaner.backoff.ms"),
            recovery_threads: value.int("num.recovery.threads.per.data.dir"),
            cleaner_threads: value.int("log.cleaner.threads"),
            cleaner_dedupe_buffer_bytes: value.long("log.cleaner.dedupe.buffer.size"),
            cleaner_load_factor: value.double("log.cleaner.io.buffer.load.factor"),
            cleaner_io_buffer_bytes: value.int("log.cleaner.io.buffer.size"),
            cleaner_io_max_bytes_per_second: value.double("log.cleaner.io.max.bytes.per.second"),
            checkpoint_interval_ms: value.long("log.flush.offset.checkpoint.interval.ms"),
            fsync: value.text("kastellan.durability").trim() == "fsync",
            frame_timeout_ms: value.long("kastellan.frame.timeout.ms"),
            rejection_delay_ms: value.long("connection.failed.authentication.delay.ms"),
            unknown_request_max_bytes: value.number("sasl.server.max.receive.size"),
            max_logins_per_ip: value.number("kastellan.max.logins.per.ip"),
            login_timeout_ms: value.long("kastellan.login.timeout.ms"),
            write_timeout_ms: value.long("kastellan.write.timeout.ms"),
            metadata_snapshot_bytes: value
                .number("metadata.log.max.record.bytes.between.snapshots"),
            authorizer: value.authorizer(),
            tokens: TokenConfig::read(&value),
            fleet: FleetConfig::read(&value),
            own,
            cluster,
            fixed,
            effective: settings,
        }
    }

    /// What its settings may not be together.
    pub(crate) fn conflicts(&self) -> Vec<Invalid> {
        let mut found = Vec::new();
        if self.group_min_session_timeout_ms > self.group_max_session_timeout_ms {
            found.push(Invalid::Conflict(
                "group.min.session.timeout.ms is larger than group.max.session.timeout.ms: no \
                 member could join"
                    .to_owned(),
            ));
        }
        found.extend(self.fleet.conflicts());
        for name in ["log.retention.ms", "log.retention.minutes", "log.retention.hours"] {
            if self.explicit(name).is_some_and(|value| value.trim() == "0") {
                found.push(Invalid::Value {
                    name: name.to_owned(),
                    value: "0".to_owned(),
                    expected: "-1 (for ever) or a number of 1 or more".to_owned(),
                });
            }
        }
        found
    }
}

fn default_of(synonym: &Synonym) -> Option<String> {
    let setting = find(Scope::Broker, synonym.name).ok()?;
    Some(scale(setting.default?, synonym.scale))
}

/// A number in another unit; negative ones mean "no limit" and become -1.
fn scale(value: &str, by: i64) -> String {
    match value.parse::<i64>() {
        Ok(number) if by != 1 && number < 0 => "-1".to_owned(),
        Ok(number) if by != 1 => number.saturating_mul(by).to_string(),
        _ => value.to_owned(),
    }
}

/// Reads typed values; what does not parse, [`BrokerConfig::parse`] has reported already.
pub(super) struct Reader<'a>(&'a Overrides);

impl Reader<'_> {
    pub(super) fn text(&self, name: &str) -> &str {
        let known = find(Scope::Broker, name);
        debug_assert!(known.is_ok(), "{name} is not in the table");
        let default = known.ok().and_then(|setting| setting.default);
        self.0.get(name).map(|value| value.trim()).or(default).unwrap_or_default()
    }

    pub(super) fn long(&self, name: &str) -> i64 {
        self.text(name).parse().unwrap_or_default()
    }

    pub(super) fn number<T: TryFrom<i64> + Default>(&self, name: &str) -> T {
        T::try_from(self.long(name)).unwrap_or_default()
    }

    fn double(&self, name: &str) -> f64 {
        self.text(name).parse().unwrap_or_default()
    }

    /// How many samples of what length: two settings whose names begin alike.
    fn windows(&self, name: &str) -> Windows {
        let [number, seconds] = ["num", "size.seconds"].map(|it| self.int(&format!("{name}.{it}")));
        Windows::new(number, seconds)
    }

    /// Pairs of an address and a number.
    fn per_host(&self, name: &str) -> Vec<(String, usize)> {
        let pair = |word: &str| {
            let (host, count) = word.rsplit_once(':')?;
            Some((host.to_owned(), count.parse().ok()?))
        };
        words(self.text(name)).filter_map(pair).collect()
    }

    fn authorizer(&self) -> Option<Authorizer> {
        (self.text("authorizer.class.name") == STANDARD).then(|| Authorizer {
            super_users: Authorizer::super_users(self.text("super.users")).unwrap_or_default(),
            open_if_unlisted: self.boolean("allow.everyone.if.no.acl.found"),
        })
    }

    pub(super) fn int(&self, name: &str) -> i32 {
        self.number(name)
    }

    pub(super) fn boolean(&self, name: &str) -> bool {
        parse_bool(self.text(name)).unwrap_or_default()
    }
}
