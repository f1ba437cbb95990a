//! The users of the files: what their clients need stands in `users/NAME/` below the data
//! directory, under the names that a Secret has on Kubernetes, and brokers are told what stands
//! there.
//!
//! A file `password` that is changed is a new password, one that is removed makes a new one. A user
//! that the files have no more loses everything, also if that was while nothing ran here.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use k8s_openapi::jiff::{Timestamp, ToSpan as _};
use kastellan_core::security::{Principal, Secret};
use kastellan_crds::condition::{ConditionType, Reason};
use serde::{Deserialize, Serialize};

use super::bootstrap::{make, read, write};
use super::keys::Keys;
use crate::admin::RefusedUsers;
use crate::failure::Failure;
use crate::fleet::Fleet;
use crate::fleet::user::secret::{Client, Proof, password, unusable};
use crate::fleet::user::{Changes, Former, Held, Login, LoginKind, User, removal};
use crate::pki::Subject;

/// What is kept of a user beside its files.
const RECORD: &str = "record.json";

/// What this process knows of users.
#[derive(Debug)]
pub(super) struct Users {
    dir: PathBuf,
    keys: Keys,
    /// The passwords that brokers were told in this run, by the name of an object.
    told: BTreeMap<String, Secret<String>>,
}

/// What brokers were told of a user, and of its certificate.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Record {
    name: String,
    principal: Option<String>,
    had_login: bool,
    /// Of a certificate: whom it is for, by which authority, and when it ends.
    certified: Option<(String, String, String)>,
}

/// What has to be done, and what is true of each user once it is.
#[derive(Debug, Default)]
pub(super) struct Plan {
    /// What the brokers are told.
    pub(super) changes: Changes,
    /// Which object that is for, by a user's name or principal.
    asks: BTreeMap<String, String>,
    /// What is written down once they have been.
    records: BTreeMap<String, Record>,
    passwords: BTreeMap<String, Secret<String>>,
    /// Users that are gone once they have been.
    gone: Vec<String>,
    /// What is true of users.
    pub(super) verdicts: BTreeMap<String, (ConditionType, Reason, String)>,
}

impl Users {
    /// Those of a cluster whose data is in `dir`.
    pub(super) fn new(dir: &Path, keys: Keys) -> Self {
        Self { dir: dir.join("users"), keys, told: BTreeMap::new() }
    }

    /// The plan, once every user has its files. `bootstrap` says where a listener's clients begin.
    pub(super) fn plan(
        &self,
        fleet: &Fleet,
        held: &Held,
        bootstrap: impl Fn(&str) -> String,
    ) -> Result<Plan, Failure> {
        let mut plan = Plan::default();
        let principals: BTreeMap<&str, &Principal> =
            fleet.users.iter().map(|(name, user)| (name.as_str(), &user.principal)).collect();
        for object in self.known()? {
            if !principals.contains_key(object.as_str()) {
                self.goes(&object, held, &principals, &mut plan)?;
            }
        }
        for (object, user) in &fleet.users {
            let object = object.as_str();
            let record = self.record(object)?;
            let others = principals.iter().filter(|(name, _)| **name != object);
            let others: BTreeSet<Principal> = others.map(|(_, one)| (*one).clone()).collect();
            let mut now = Record {
                name: user.name.clone(),
                principal: Some(user.principal.as_str().to_owned()),
                had_login: user.login.is_some(),
                certified: record.certified.clone(),
            };
            let mut password = None;
            if let Some(login) = &user.login {
                let begin = bootstrap(login.listener.as_str());
                let proof = self.files(object, (user, login), begin, &mut now)?;
                if let Proof::Password(mechanism, text) = proof {
                    let known = held.knows(&user.name, mechanism);
                    let told = known && self.told.get(object) == Some(&text);
                    plan.passwords.insert(object.to_owned(), text.clone());
                    password = Some(text).filter(|_| !told);
                }
            }
            let changes = user.differs(held, &record.former(), password.as_ref(), &others);
            let whom = [user.name.clone(), user.principal.as_str().to_owned()];
            let whom = whom.into_iter().chain(record.principal.clone());
            plan.asks.extend(whom.map(|whom| (whom, object.to_owned())));
            plan.changes.add(changes);
            let message = match user.login {
                Some(_) => format!("its client's files are in {}", self.folder(object).display()),
                None => "brokers know what the user may do".to_owned(),
            };
            let verdict = (ConditionType::Ready, Reason::AsSpecified, message);
            plan.verdicts.insert(object.to_owned(), verdict);
            if now != record {
                plan.records.insert(object.to_owned(), now);
            }
        }
        Ok(plan)
    }

    /// Writes down what the brokers have been told, but for what they refused; those verdicts
    /// change.
    pub(super) fn done(&mut self, plan: &mut Plan, refused: &RefusedUsers) -> Result<(), Failure> {
        let mut without = BTreeSet::new();
        for (whom, refusal) in refused {
            let Some(object) = plan.asks.get(whom) else { continue };
            let message = format!("the cluster refused: {}", refusal.message);
            let verdict = (ConditionType::Stalled, Reason::RequestRefused, message);
            plan.verdicts.insert(object.clone(), verdict);
            without.insert(object.clone());
        }
        for (object, record) in plan.records.iter().filter(|(name, _)| !without.contains(*name)) {
            make(&self.folder(object))?;
            let text = serde_json::to_string(record).expect("a record is plain data");
            write(&self.folder(object).join(RECORD), &text)?;
        }
        let passwords = std::mem::take(&mut plan.passwords).into_iter();
        self.told.extend(passwords.filter(|(name, _)| !without.contains(name)));
        for object in plan.gone.iter().filter(|name| !without.contains(*name)) {
            let folder = self.folder(object);
            fs::remove_dir_all(&folder)
                .map_err(|why| Failure::new(format!("remove {}: {why}", folder.display())))?;
            self.told.remove(object);
        }
        Ok(())
    }

    /// A user that the files have no more.
    fn goes(
        &self,
        object: &str,
        held: &Held,
        principals: &BTreeMap<&str, &Principal>,
        plan: &mut Plan,
    ) -> Result<(), Failure> {
        let record = self.record(object)?;
        let former = record.former();
        let others: BTreeSet<&Principal> = principals.values().copied().collect();
        let principal = former.principal.into_iter().filter(|one| !others.contains(one));
        let of_user: BTreeSet<Principal> = principal.collect();
        let changes = removal(&record.name, &of_user, former.had_login, held);
        let whom = [Some(record.name.clone()), record.principal].into_iter().flatten();
        plan.asks.extend(whom.map(|whom| (whom, object.to_owned())));
        plan.changes.add(changes);
        plan.gone.push(object.to_owned());
        Ok(())
    }

    fn folder(&self, object: &str) -> PathBuf {
        self.dir.join(object)
    }

    /// The users that have files.
    fn known(&self) -> Result<Vec<String>, Failure> {
        let failed = |why| Failure::new(format!("read {}: {why}", self.dir.display()));
        let entries = match fs::read_dir(&self.dir) {
            Ok(entries) => entries,
            Err(why) if why.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            Err(why) => return Err(failed(why)),
        };
        let mut known = Vec::new();
        for entry in entries {
            known.extend(entry.map_err(failed)?.file_name().into_string().ok());
        }
        Ok(known)
    }

    fn record(&self, object: &str) -> Result<Record, Failure> {
        let path = self.folder(object).join(RECORD);
        match fs::read_to_string(&path) {
            Ok(text) => serde_json::from_str(&text)
                .map_err(|why| Failure::new(format!("read {}: {why}", path.display()))),
            Err(why) if why.kind() == ErrorKind::NotFound => Ok(Record::default()),
            Err(why) => Err(Failure::new(format!("read {}: {why}", path.display()))),
        }
    }

    /// Makes what is missing of a client's files; what it shows.
    fn files(
        &self,
        object: &str,
        (user, login): (&User, &Login),
        bootstrap: String,
        record: &mut Record,
    ) -> Result<Proof, Failure> {
        let folder = self.folder(object);
        make(&self.dir)?;
        make(&folder)?;
        let proof = match &login.kind {
            LoginKind::Password(mechanism, _) => {
                record.certified = None;
                let kept = fs::read_to_string(folder.join("password")).ok();
                // an editor ends a file with a line break
                let kept = kept.map(|text| text.trim_end_matches(['\r', '\n']).to_owned());
                let kept = kept.filter(|text| unusable(text).is_none()).map(Secret);
                let made =
                    || password().map_err(|why| Failure::new(format!("make a password: {why}")));
                Proof::Password(*mechanism, kept.map_or_else(made, Ok)?)
            }
            LoginKind::Certificate(days, renewal) => {
                let subject = Subject::user(&user.name, *days);
                self.certificate(&folder, &subject, *renewal, record)?
            }
        };
        let trusted = if login.tls { Some(read(&self.keys.trusted())?) } else { None };
        let (name, tls) = (user.name.clone(), login.tls);
        let files = Client { name, bootstrap, tls, trusted, proof: proof.clone() }.files();
        for (name, text) in &files {
            let path = folder.join(name);
            if fs::read_to_string(&path).ok().as_ref() != Some(&text.0) {
                write(&path, &text.0)?;
            }
        }
        for old in ["password", "sasl.jaas.config", "user.crt", "user.key", "ca.crt"] {
            if !files.contains_key(old)
                && let Err(why) = fs::remove_file(folder.join(old))
                && why.kind() != ErrorKind::NotFound
            {
                return Err(Failure::new(format!("remove {old} of KafkaUser {object}: {why}")));
            }
        }
        Ok(proof)
    }

    /// The certificate that is there, if it is good, or another one.
    fn certificate(
        &self,
        folder: &Path,
        subject: &Subject,
        renewal_days: i64,
        record: &mut Record,
    ) -> Result<Proof, Failure> {
        let whom = format!("{}/{}", subject.common_name, subject.days);
        let authority = self.keys.clients()?;
        let good = |(of, by, end): &(String, String, String)| {
            let end = end.parse::<Timestamp>().unwrap_or_default() - (renewal_days * 24).hours();
            *of == whom && *by == authority && end > Timestamp::now()
        };
        if record.certified.as_ref().is_some_and(good)
            && let (Ok(certificate), Ok(key)) =
                (read(&folder.join("user.crt")), read(&folder.join("user.key")))
        {
            return Ok(Proof::Certificate(certificate, Secret(key)));
        }
        let pair = self.keys.client(subject)?;
        // with the next record; a certificate that is made twice harms nobody
        record.certified = Some((whom, authority, pair.not_after.to_string()));
        Ok(Proof::Certificate(pair.certificate, Secret(pair.key)))
    }
}

impl Record {
    fn former(&self) -> Former {
        let principal = self.principal.as_ref().and_then(|principal| principal.parse().ok());
        Former { principal, had_login: self.had_login }
    }
}
