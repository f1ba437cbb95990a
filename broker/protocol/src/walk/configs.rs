//! The requests that read and change the settings of topics, brokers, groups and metrics.

use super::caps::{FILTERS, SETTINGS, TOPICS};
use super::schema::{Field, Kind, Schema, boolean, int8, int8s, row, string, strings, structs};
use crate::messages::ApiKey;
use crate::messages::alter_configs_request::{AlterConfigsResource, AlterableConfig};
use crate::messages::describe_configs_request::DescribeConfigsResource;
use crate::messages::incremental_alter_configs_request as incremental;

pub(super) static SCHEMAS: &[Schema] = &[
    row(ApiKey::DescribeConfigs, 1, 4, 4, DESCRIBE_CONFIGS),
    row(ApiKey::AlterConfigs, 0, 2, 2, ALTER_CONFIGS),
    row(ApiKey::IncrementalAlterConfigs, 0, 1, 1, INCREMENTAL_ALTER_CONFIGS),
    row(ApiKey::ListConfigResources, 0, 1, 0, LIST_CONFIG_RESOURCES),
];

static DESCRIBE_CONFIGS: &[Field] = &[
    structs::<DescribeConfigsResource>(
        "Resources",
        &Kind::Struct(&[
            int8("ResourceType"),
            string("ResourceName"),
            strings("ConfigurationKeys").nullable(0).at_most(SETTINGS),
        ]),
    )
    .at_most(TOPICS),
    boolean("IncludeSynonyms").since(1),
    boolean("IncludeDocumentation").since(3),
];

static ALTER_CONFIGS: &[Field] = &[
    structs::<AlterConfigsResource>(
        "Resources",
        &Kind::Struct(&[
            int8("ResourceType"),
            string("ResourceName"),
            structs::<AlterableConfig>(
                "Configs",
                &Kind::Struct(&[string("Name"), string("Value").nullable(0)]),
            )
            .at_most(SETTINGS),
        ]),
    )
    .at_most(TOPICS),
    boolean("ValidateOnly"),
];

static INCREMENTAL_ALTER_CONFIGS: &[Field] = &[
    structs::<incremental::AlterConfigsResource>(
        "Resources",
        &Kind::Struct(&[
            int8("ResourceType"),
            string("ResourceName"),
            structs::<incremental::AlterableConfig>(
                "Configs",
                &Kind::Struct(&[
                    string("Name"),
                    int8("ConfigOperation"),
                    string("Value").nullable(0),
                ]),
            )
            .at_most(SETTINGS),
        ]),
    )
    .at_most(TOPICS),
    boolean("ValidateOnly"),
];

static LIST_CONFIG_RESOURCES: &[Field] = &[int8s("ResourceTypes").since(1).at_most(FILTERS)];
