//! `GET /v1/blockers?brokers=0,1`: what would suffer if these brokers stopped. Changes nothing.

use hyper::StatusCode;

use super::{Api, Refusal, json, parameters, registered};
use crate::manage::{blockers, http::Answer};

pub(super) fn get(api: &Api, query: &str) -> Result<Answer, Refusal> {
    let [brokers] = parameters(query, ["brokers"])?;
    let ids = brokers.unwrap_or_default().split(',').filter(|id| !id.is_empty());
    let ids: Vec<i32> = ids.map(str::parse).collect::<Result<_, _>>().map_err(|why| {
        Refusal::invalid(format!("brokers: {why}: write ids with commas, as in brokers=0,1"))
    })?;
    api.ask(|broker| {
        let ids = registered(broker, ids)?;
        let found = blockers::find(&broker.controller.image(), &broker.settings.load(), &ids);
        Ok(json(StatusCode::OK, &found))
    })?
}
