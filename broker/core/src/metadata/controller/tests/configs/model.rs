//! Any sequence of changes gives what a map gives to which they are applied one by one.

use proptest::prelude::*;

use super::*;

/// Settings that take any of [`VALUES`]: numbers and a list, of topics.
const NAMES: [&str; 4] = ["retention.ms", "flush.messages", "segment.ms", "cleanup.policy"];
const WORDS: [&str; 3] = ["compact", "delete", "compact,delete"];

fn value(name: &'static str) -> BoxedStrategy<String> {
    if name == "cleanup.policy" {
        return prop::sample::select(&WORDS[..]).prop_map(str::to_owned).boxed();
    }
    // sometimes out of range
    (-1_i32..4).prop_map(|number| number.to_string()).boxed()
}

fn change() -> impl Strategy<Value = (&'static str, ConfigOp)> {
    prop::sample::select(&NAMES[..]).prop_flat_map(|name| {
        let op = (0..4_usize, value(name)).prop_map(|(op, value)| match op {
            0 => ConfigOp::Set(value),
            1 => ConfigOp::Delete,
            2 => ConfigOp::Append(value),
            _ => ConfigOp::Subtract(value),
        });
        op.prop_map(move |op| (name, op))
    })
}

fn words(text: &str) -> Vec<String> {
    text.split(',').filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

/// What a request does to a topic's settings; `None`: it is refused.
fn model(before: &Overrides, changes: &[(&str, ConfigOp)], replace: bool) -> Option<Overrides> {
    let mut after = if replace { Overrides::new() } else { before.clone() };
    let mut seen = BTreeSet::new();
    for (name, op) in changes {
        if !seen.insert(*name) {
            return None;
        }
        let list = *name == "cleanup.policy";
        let current = after.get(*name).map_or("delete", String::as_str).to_owned();
        match op {
            ConfigOp::Set(value) => drop(after.insert((*name).to_owned(), value.clone())),
            ConfigOp::Delete => drop(after.remove(*name)),
            ConfigOp::Append(_) | ConfigOp::Subtract(_) if !list => return None,
            ConfigOp::Append(more) => {
                let mut all = words(&current);
                all.extend(words(more).into_iter().filter(|word| !current.contains(word.as_str())));
                after.insert((*name).to_owned(), all.join(","));
            }
            ConfigOp::Subtract(less) => {
                let less = words(less);
                let mut left = words(&current);
                left.retain(|word| !less.contains(word));
                after.insert((*name).to_owned(), left.join(","));
            }
        }
    }
    let least = |name: &str| if name == "retention.ms" { -1 } else { 1 };
    let numbers = after.iter().filter(|(name, _)| *name != "cleanup.policy");
    let fits = |(name, value): (&String, &String)| value.parse::<i32>().unwrap() >= least(name);
    numbers.into_iter().all(fits).then_some(after)
}

proptest! {
    #[test]
    fn changes_do_what_they_do_to_a_map_and_refused_ones_do_nothing(
        requests in prop::collection::vec(
            (prop::collection::vec(change(), 0..4), any::<bool>(), any::<bool>()),
            1..12,
        ),
    ) {
        let mut bench = bench();
        let mut known = Overrides::new();
        for (changes, replace, validate_only) in requests {
            let mut resources = alter(&changes);
            resources[0].replace = replace;
            let input = Input::AlterConfigs { ticket: TICKET, resources, validate_only };
            let appended = bench.log.len();
            let Reply::Results(results) = bench.run(input) else { panic!("not the answer") };
            let wanted = model(&known, &changes, replace);
            prop_assert_eq!(results[0].1.is_ok(), wanted.is_some(), "{:?}", results);
            let differs = wanted.as_ref().is_some_and(|wanted| *wanted != known);
            match wanted {
                Some(wanted) if !validate_only => known = wanted,
                _ => (),
            }
            let found = bench.controller.image().topic_overrides("a");
            prop_assert_eq!(&*found, &known);
            prop_assert_eq!(bench.log.len() > appended, differs && !validate_only);
        }
        // and the log says the same to whoever replays it
        let mut image = Image::default();
        for record in &bench.log {
            image.apply(record).unwrap();
        }
        prop_assert_eq!(&*image.topic_overrides("a"), &known);
    }
}
