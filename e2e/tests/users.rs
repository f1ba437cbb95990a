//! `KafkaUser` on this machine: a manifest, a directory, and a client that is given nothing but the
//! properties in it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use kastellan_e2e::need::{self, Tool};
use kastellan_e2e::ours::{binary, first_line};
use kastellan_e2e::process::{Process, pause};
use kastellan_e2e::suite::{self, Scratch};
use kastellan_e2e::{cache, peer, port};

const LIMIT: Duration = Duration::from_mins(1);

/// `kastellan up` with a cluster that lets in only who is known.
struct Up {
    folder: PathBuf,
    cluster: String,
    process: Process,
}

fn document(kind: &str, name: &str, spec: &str) -> String {
    format!(
        "apiVersion: kastellan.dev/v1alpha1\nkind: {kind}\nmetadata: {{name: {name}}}\n\
         spec: {spec}\n---\n"
    )
}

/// A user who may write to `orders`, and change users' passwords.
fn user(kind: &str) -> String {
    let spec = format!(
        "{{clusterRef: {{name: demo}}, authentication: {{type: {kind}}}, acls: [{{resource: \
         {{type: Topic, name: orders}}, operations: [Write]}}, {{resource: {{type: Cluster}}, \
         operations: [Alter]}}]}}"
    );
    document("KafkaUser", "rider", &spec)
}

impl Up {
    fn start(scratch: &Scratch, users: &str) -> Result<Self> {
        let folder = scratch.path().to_owned();
        let [scram, tls] = [port::free()?, port::free()?];
        let spec = format!(
            "{{replicas: 1, authorization: {{}}, listeners: [{{name: scram, port: {scram}, tls: \
             {{}}, authentication: {{type: SCRAM-SHA-512}}}}, {{name: mtls, port: {tls}, \
             tls: {{}}, authentication: {{type: TLS}}}}]}}"
        );
        let topic =
            |name| document("KafkaTopic", name, "{clusterRef: {name: demo}, partitions: 1}");
        let cluster = document("KafkaCluster", "demo", &spec) + &topic("orders") + &topic("other");
        fs::write(folder.join("demo.yaml"), cluster.clone() + users)?;
        let mut command = Command::new(binary()?);
        command.current_dir(&folder).env("RUST_LOG", "trace").stdout(Stdio::piped());
        command.args(["up", "demo.yaml", "--data-dir", "data"]);
        let log = folder.join("up.log");
        let mut process = Process::start_keeping_stdout(&mut command, &log)?;
        first_line(&mut process, LIMIT)?;
        Ok(Self { folder, cluster, process })
    }

    /// Changes the users of the file, and waits for what is said then.
    fn edit(&self, users: &str, said: &str) -> Result<()> {
        self.says(said, || self.write(users))
    }

    fn write(&self, users: &str) -> Result<()> {
        Ok(fs::write(self.folder.join("demo.yaml"), self.cluster.clone() + users)?)
    }

    /// Waits for what is said once something was done.
    fn says(&self, said: &str, act: impl FnOnce() -> Result<()>) -> Result<()> {
        let before = self.process.log_text().matches(said).count();
        act()?;
        let deadline = Instant::now() + LIMIT;
        while self.process.log_text().matches(said).count() == before {
            ensure!(Instant::now() < deadline, "never said {said}:\n{}", self.process.tail());
            pause();
        }
        Ok(())
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.join("data/demo/users/rider").join(name)
    }

    fn read(&self, name: &str) -> Result<String> {
        fs::read_to_string(self.file(name)).with_context(|| format!("no {name}"))
    }

    /// Whether the log says anything that it should not.
    fn keeps(&self, secret: &str) -> Result<()> {
        ensure!(secret.len() >= 32, "no secret: {secret}");
        ensure!(!self.process.log_text().contains(secret), "the log has a secret");
        Ok(())
    }
}

/// What a client says that is given a file of properties.
fn client(properties: &Path, scratch: &Scratch) -> Result<String> {
    let source = cache::e2e().join("clients/java");
    let jars = peer::maven("kafka-java-client", &source.join("pom.xml"))?;
    let mut command = Command::new("java");
    command.arg("-cp").arg(format!("{}/*", jars.display())).arg("-XX:TieredStopAtLevel=1");
    command.arg("-Dorg.slf4j.simpleLogger.defaultLogLevel=off").arg(source.join("Mounted.java"));
    command.arg(properties).args(["orders", "other"]);
    Ok(suite::run(&mut command, &scratch.path().join("client.log"), LIMIT * 2)?.text)
}

/// Sets the password of `rider` to another one by Apache's tool.
fn another_password(up: &Up, scratch: &Scratch) -> Result<()> {
    let mut command = peer::java(&peer::jars()?);
    command.args(["kafka.admin.ConfigCommand", "--bootstrap-server"]);
    let properties = up.read("client.properties")?;
    let servers = properties.lines().find_map(|line| line.strip_prefix("bootstrap.servers="));
    command.arg(servers.context("no servers")?).arg("--command-config");
    command.arg(up.file("client.properties")).args(["--alter", "--entity-type", "users"]);
    command.args(["--entity-name", "rider", "--add-config", "SCRAM-SHA-512=[password=theirs]"]);
    let output = suite::run(&mut command, &scratch.path().join("configs.log"), LIMIT)?;
    ensure!(output.status.success(), "{}", output.text);
    Ok(())
}

fn may_write_orders_alone(properties: &Path, scratch: &Scratch) -> Result<()> {
    let said = client(properties, scratch)?;
    ensure!(said.contains("orders in"), "{said}");
    ensure!(said.contains("other refused: org.apache.kafka.common.errors.TopicAuthori"), "{said}");
    Ok(())
}

#[test]
fn a_user_of_a_manifest_logs_in_and_one_that_is_gone_does_not() -> Result<()> {
    if !need::ready("users/java", &[need::APACHE, &[Tool::Java]].concat())? {
        return Ok(());
    }
    let scratch = Scratch::new("users-java")?;
    let up = Up::start(&scratch, &user("SCRAM-SHA-512"))?;
    let (properties, first) = (up.file("client.properties"), up.read("password")?);
    may_write_orders_alone(&properties, &scratch)?;
    up.keeps(&first)?;

    // somebody sets another: what stands in the files is put back
    let looked_at = user("SCRAM-SHA-512") + "# looked at before its minute is over\n";
    up.says("users change: 1 passwords to set", || {
        another_password(&up, &scratch)?;
        up.write(&looked_at)
    })?;
    may_write_orders_alone(&properties, &scratch)?;

    // by certificate instead: the password is nothing any more
    let old = scratch.path().join("old.properties");
    fs::copy(&properties, &old)?;
    up.edit(&user("TLS"), "users change: 1 passwords to forget")?;
    let said = client(&old, &scratch)?;
    ensure!(said.contains("orders refused: ") && said.contains("SaslAuthentication"), "{said}");
    ensure!(!up.file("password").exists(), "the password is still there");
    may_write_orders_alone(&properties, &scratch)?;
    let key = up.read("user.key")?;
    up.keeps(key.lines().nth(1).context("no key")?)?;

    // and back, with another password
    up.edit(&user("SCRAM-SHA-512"), "users change: 1 passwords to set")?;
    ensure!(up.read("password")? != first, "the same password again");
    may_write_orders_alone(&properties, &scratch)?;
    fs::copy(&properties, &old)?;
    up.edit("", "KafkaUser/rider: gone")?;
    let said = client(&old, &scratch)?;
    ensure!(said.contains("orders refused: ") && said.contains("SaslAuthentication"), "{said}");
    ensure!(!up.file("").exists(), "its files are still there");
    Ok(())
}
