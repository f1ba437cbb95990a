//! What hostile, broken and merely mistaken clients send, and what they get: the table of bad
//! input, the published holes of Kafka, and what such bytes cost in memory.
//!
//! With `KASTELLAN_JUDGE=kafka` the table is put to Apache Kafka; the rows where it answers
//! otherwise, or cannot be asked, say so in the table.

#[path = "hostile/access.rs"]
mod access;
#[path = "hostile/admin.rs"]
mod admin;
#[path = "hostile/batches.rs"]
mod batches;
#[path = "hostile/bombs.rs"]
mod bombs;
#[path = "hostile/cves.rs"]
mod cves;
#[path = "hostile/fetches.rs"]
mod fetches;
#[path = "hostile/frames.rs"]
mod frames;
#[path = "hostile/groups.rs"]
mod groups;
#[path = "hostile/logins.rs"]
mod logins;
#[path = "hostile/slow.rs"]
mod slow;
#[path = "hostile/stage.rs"]
mod stage;
#[path = "hostile/table.rs"]
mod table;

use anyhow::Result;
use kastellan_e2e::judged;
use kastellan_e2e::need::{self, Tool};

use self::stage::Stage;

#[test]
fn each_row_of_the_table_of_bad_input_gets_its_answer() -> Result<()> {
    if !judged::ready("hostile/table", &[])? {
        return Ok(());
    }
    let open = [frames::ROWS, batches::ROWS, fetches::ROWS, groups::ROWS, admin::ROWS];
    let mut stage = Stage::open("hostile-open")?;
    let mut said = table::play(&mut stage, &open.concat());
    said.add(table::play(&mut Stage::guarded("hostile-guarded")?, access::ROWS));
    if judged::is_kafka() {
        said.leave_out(logins::ROWS, "the peer is formatted without users")?;
    } else {
        said.add(table::play(&mut Stage::with_logins("hostile-logins")?, logins::ROWS));
    }
    said.judge("bad input")
}

#[test]
fn each_published_hole_of_kafka_is_closed() -> Result<()> {
    let mut said = table::play(&mut Stage::ours("hostile-cves")?, cves::OPEN);
    said.add(table::play(&mut Stage::with_logins("hostile-cves-logins")?, cves::LOGINS));
    said.judge("published holes")
}

#[test]
fn bombs_cost_no_more_than_the_bytes_they_came_in() -> Result<()> {
    let mut said = table::play(&mut Stage::ours("hostile-bombs")?, bombs::OPEN);
    said.add(table::play(&mut Stage::with_logins("hostile-bombs-logins")?, bombs::LOGINS));
    said.judge("bombs")
}

#[test]
fn two_thousand_who_never_end_their_login_are_let_go_and_cost_little() -> Result<()> {
    slow::besiege(
        &mut Stage::with_logins("hostile-slow-logins")?,
        &slow::request(),
        slow::with_password,
    )?;
    if !need::ready("hostile/slow-handshakes", &[Tool::Openssl])? {
        return Ok(());
    }
    slow::besiege(
        &mut Stage::under_tls("hostile-slow-handshakes")?,
        &slow::hello(),
        slow::under_tls,
    )
}
