//! From a presented key to its caller.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ipnet::IpNet;
use jiff::Timestamp;
use pagewire_store::{ApiKey, KeyMode, Revocation, Store, StoreError, Workspace};
use pagewire_types::{KeyId, Scopes, WorkspaceId};
use tokio_util::sync::CancellationToken;

use super::keys::{MintedKey, NoEntropy, PresentedKey};
use super::plan::{CreditAllowance, PlanTable};
use super::workspace::WorkspaceAccount;

/// How often the store is asked whether keys have changed. A revoked key is cut off within this and one query.
const WATCH_INTERVAL: Duration = Duration::from_secs(2);
/// Keys that are remembered while nobody uses them; past this the idle ones are forgotten and looked up again.
const REMEMBERED_MAX: usize = 10_000;

/// Why a key is refused.
#[derive(Debug, thiserror::Error)]
pub enum AuthError {
    /// It has not the form of a key, or its check characters differ.
    #[error("this is not a key: a key is `pw_live_` or `pw_test_` and 32 characters; look for a typo")]
    Malformed,
    /// It was never issued here.
    #[error("this key was never issued by this server")]
    Unknown,
    /// It was revoked.
    #[error("this key has been revoked; make a new one with `pagewire apikey create`")]
    Revoked,
    /// Its time is over.
    #[error("this key has expired; make a new one with `pagewire apikey create`")]
    Expired,
    /// It may not be used from there.
    #[error("this key may not be used from {0}")]
    IpNotAllowed(IpAddr),
    /// The state failed.
    #[error("the key could not be looked up")]
    Store(#[from] StoreError),
}

/// Who is asking. Whoever relies on `cut_off` holds the caller for as long: one that nobody holds may be forgotten, and
/// is then cut off no more.
pub struct Caller {
    /// The workspace that the key belongs to.
    pub workspace: Arc<WorkspaceAccount>,
    /// The key's public name.
    pub key_id: KeyId,
    /// What the key may do.
    pub scopes: Scopes,
    /// What the key reaches.
    pub mode: KeyMode,
    /// Cancelled when the key is revoked or its time is over.
    pub cut_off: CancellationToken,
    expires_at: Option<Timestamp>,
    allow_ips: Vec<IpNet>,
}

/// A key to be made.
#[derive(Debug, Clone)]
pub struct NewKey {
    /// What its maker calls it.
    pub name: String,
    /// Whose it is.
    pub workspace: WorkspaceId,
    /// What it may do.
    pub scopes: Scopes,
    /// What it reaches.
    pub mode: KeyMode,
    /// How long it holds.
    pub expires_in: Option<Duration>,
    /// Where it may be used from; empty for anywhere.
    pub allow_ips: Vec<IpNet>,
}

/// Why a key was not made.
#[derive(Debug, thiserror::Error)]
pub enum NewKeyError {
    /// A key without scopes could do nothing.
    #[error("a key needs at least one scope")]
    NoScope,
    /// No random bytes.
    #[error(transparent)]
    NoEntropy(#[from] NoEntropy),
    /// The state failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Keys and workspaces, remembered.
pub struct Accounts {
    store: Arc<dyn Store>,
    plans: PlanTable,
    default_plan: String,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    callers: HashMap<PresentedKey, Arc<Caller>>,
    workspaces: HashMap<WorkspaceId, Arc<WorkspaceAccount>>,
    /// Counts the comparisons with the store.
    comparison: u64,
    /// A row that was read before the last comparison was remembered after it, so it has been compared with nothing.
    doubtful: bool,
}

impl Known {
    fn remember(
        &mut self,
        key: PresentedKey,
        caller: Arc<Caller>,
        read_at: u64,
        idle_max: usize,
    ) -> Arc<Caller> {
        if self.callers.len() >= idle_max {
            self.callers.retain(|_, caller| Arc::strong_count(caller) > 1);
        }
        self.doubtful |= self.comparison != read_at;
        self.callers.entry(key).or_insert(caller).clone()
    }
}

impl Accounts {
    /// Accounts over a store. Workspaces that are made on the way get the default plan.
    #[must_use]
    pub fn new(store: Arc<dyn Store>, plans: PlanTable, default_plan: String) -> Self {
        Self { store, plans, default_plan, known: Mutex::new(Known::default()) }
    }

    /// Who presents this key, from that address. A key that was seen before costs a hash and a look-up in memory.
    pub async fn authenticate(&self, presented: &str, from: IpAddr) -> Result<Arc<Caller>, AuthError> {
        let key = PresentedKey::parse(presented).ok_or(AuthError::Malformed)?;
        let known = self.lock().callers.get(&key).cloned();
        let caller = match known {
            Some(caller) => caller,
            None => self.look_up(key).await?,
        };
        // First, since whose time is over is cut off too.
        if caller.expires_at.is_some_and(|at| at <= Timestamp::now()) {
            return Err(AuthError::Expired);
        }
        if caller.cut_off.is_cancelled() {
            return Err(AuthError::Revoked);
        }
        let from = from.to_canonical();
        if !caller.allow_ips.is_empty() && !caller.allow_ips.iter().any(|range| range.contains(&from)) {
            return Err(AuthError::IpNotAllowed(from));
        }
        Ok(caller)
    }

    async fn look_up(&self, key: PresentedKey) -> Result<Arc<Caller>, AuthError> {
        let read_at = self.lock().comparison;
        let row = self.store.key_by_hash(key.hash()).await?.ok_or(AuthError::Unknown)?;
        if row.revoked_at.is_some() {
            return Err(AuthError::Revoked);
        }
        let workspace = self.workspace(&row.workspace).await?;
        let caller = Arc::new(Caller {
            workspace,
            key_id: row.id,
            scopes: row.scopes,
            mode: row.mode,
            cut_off: CancellationToken::new(),
            expires_at: row.expires_at,
            allow_ips: row.allow_ips,
        });
        Ok(self.lock().remember(key, caller, read_at, REMEMBERED_MAX))
    }

    /// The account of a workspace.
    pub async fn workspace(&self, id: &WorkspaceId) -> Result<Arc<WorkspaceAccount>, StoreError> {
        if let Some(account) = self.lock().workspaces.get(id) {
            return Ok(account.clone());
        }
        let row = self.store.workspace(id.clone()).await?.ok_or(StoreError::Missing("workspace"))?;
        // What the configuration says now counts, before what it said when the workspace was made.
        let plan_name = self.plans.given_to(id).map_or(row.plan, str::to_owned);
        let plan = self
            .plans
            .get(&plan_name)
            .ok_or(StoreError::Missing("plan of that name in the configuration"))?;
        let spent = self.spent(id, plan.credits).await?;
        let account = Arc::new(WorkspaceAccount::new(id.clone(), plan_name, &plan, spent));
        Ok(self.lock().workspaces.entry(id.clone()).or_insert(account).clone())
    }

    async fn spent(&self, id: &WorkspaceId, allowance: CreditAllowance) -> Result<u64, StoreError> {
        match allowance {
            CreditAllowance::Unlimited | CreditAllowance::PerDay(_) => {
                self.store.spent_on(id.clone(), Timestamp::now()).await
            }
            CreditAllowance::InAll(_) => self.store.spent_in_all(id.clone()).await,
        }
    }

    /// Charges a workspace for something that no run accounts for.
    pub async fn charge(&self, account: &WorkspaceAccount, credits: u64) -> Result<(), StoreError> {
        account.credits.spent(credits);
        let allowance = account.credits.allowance();
        self.store.charge(account.id.clone(), credits, allowance, Timestamp::now()).await
    }

    /// Makes a workspace unless it is there.
    pub(crate) async fn ensure_workspace(&self, id: WorkspaceId) -> Result<(), StoreError> {
        let workspace = Workspace { id, plan: self.default_plan.clone(), created_at: Timestamp::now() };
        self.store.ensure_workspace(workspace).await
    }

    /// Makes a key, and its workspace if need be. The text is in the answer and nowhere else.
    pub async fn create_key(&self, new: NewKey) -> Result<(ApiKey, String), NewKeyError> {
        if new.scopes.is_empty() {
            return Err(NewKeyError::NoScope);
        }
        let now = Timestamp::now();
        self.ensure_workspace(new.workspace.clone()).await?;
        let minted = MintedKey::mint(new.mode)?;
        let expires_at = new.expires_in.and_then(|time| now.checked_add(time).ok());
        let key = ApiKey {
            id: KeyId::generate(),
            workspace: new.workspace,
            name: new.name,
            shown: minted.shown,
            mode: new.mode,
            scopes: new.scopes,
            allow_ips: new.allow_ips,
            created_at: now,
            expires_at,
            revoked_at: None,
        };
        self.store.insert_key(key.clone(), minted.hash).await?;
        Ok((key, minted.text))
    }

    /// The keys of a workspace, or all.
    pub async fn keys(&self, workspace: Option<WorkspaceId>) -> Result<Vec<ApiKey>, StoreError> {
        self.store.keys(workspace).await
    }

    /// Revokes a key, of any workspace where none is named, and cuts off who uses it here.
    pub async fn revoke_key(
        &self,
        workspace: Option<WorkspaceId>,
        id: KeyId,
    ) -> Result<Revocation, StoreError> {
        let outcome = self.store.revoke_key(workspace, id, Timestamp::now()).await?;
        self.look_again().await?;
        Ok(outcome)
    }

    /// Watches for changes that other processes make to keys, for keys whose time is over, and for the new day.
    pub async fn watch(&self, shutdown: CancellationToken) {
        let mut seen = None;
        let mut day = today();
        let mut interval = tokio::time::interval(WATCH_INTERVAL);
        loop {
            tokio::select! {
                () = shutdown.cancelled() => return,
                _ = interval.tick() => {}
            }
            self.cut_off_expired();
            if day != today() {
                day = today();
                self.begin_day().await;
            }
            if let Err(error) = self.notice_changes(&mut seen).await {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(error, "cannot see whether keys have changed");
            }
        }
    }

    /// Looks at the remembered callers again if there is cause to.
    async fn notice_changes(&self, seen: &mut Option<u64>) -> Result<(), StoreError> {
        let epoch = Some(self.store.key_epoch().await?);
        let doubtful = std::mem::take(&mut self.lock().doubtful);
        if epoch == *seen && !doubtful {
            return Ok(());
        }
        // Until the comparison is through, nothing counts as seen: where it fails, the next round does it again.
        *seen = None;
        // Whoever made or revoked a key in another process has told of it too.
        self.store.event_tip().await?;
        self.look_again().await?;
        *seen = epoch;
        Ok(())
    }

    /// Compares the remembered callers with the store.
    async fn look_again(&self) -> Result<(), StoreError> {
        let remembered: Vec<(PresentedKey, Arc<Caller>)> = {
            let mut known = self.lock();
            known.comparison += 1;
            known.callers.iter().map(|(key, caller)| (*key, caller.clone())).collect()
        };
        for (key, caller) in remembered {
            let still_good = match self.store.key_by_hash(key.hash()).await {
                Ok(row) => row.is_some_and(|row| row.revoked_at.is_none()),
                // What cannot be read grants nothing, and keeps nobody else from being cut off.
                Err(StoreError::Damaged(_)) => false,
                Err(error) => return Err(error),
            };
            if !still_good {
                caller.cut_off.cancel();
                self.lock().callers.remove(&key);
            }
        }
        Ok(())
    }

    fn cut_off_expired(&self) {
        let now = Timestamp::now();
        for caller in self.lock().callers.values() {
            if caller.expires_at.is_some_and(|at| at <= now) {
                caller.cut_off.cancel();
            }
        }
        self.lock().callers.retain(|_, caller| !caller.cut_off.is_cancelled());
    }

    async fn begin_day(&self) {
        let accounts: Vec<Arc<WorkspaceAccount>> = self.lock().workspaces.values().cloned().collect();
        for account in accounts {
            match self.spent(&account.id, account.credits.allowance()).await {
                Ok(spent) => account.credits.reset(spent),
                Err(error) => {
                    tracing::warn!(workspace = %account.id, error = &error as &dyn std::error::Error, "cannot read the ledger");
                }
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn today() -> jiff::civil::Date {
    Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date()
}

#[cfg(test)]
mod tests {
    use pagewire_store::{SqliteOptions, SqliteStore};
    use pagewire_types::Scope;

    use super::super::plan::Plan;
    use super::*;

    const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    async fn accounts(path: &std::path::Path) -> Accounts {
        let store = SqliteStore::open(&path.join("state.db"), SqliteOptions::default()).await.expect("opens");
        let plans = [("enterprise".to_owned(), Plan::UNLIMITED)].into_iter().collect();
        Accounts::new(Arc::new(store), plans, "enterprise".to_owned())
    }

    fn new_key() -> NewKey {
        NewKey {
            name: "n".to_owned(),
            workspace: WorkspaceId::default_workspace(),
            scopes: [Scope::Scrape].into_iter().collect(),
            mode: KeyMode::Live,
            expires_in: None,
            allow_ips: Vec::new(),
        }
    }

    #[tokio::test]
    async fn a_key_is_known_from_its_making_to_its_revocation() {
        let directory = tempfile::tempdir().expect("a directory");
        let accounts = accounts(directory.path()).await;
        let (key, text) = accounts.create_key(new_key()).await.expect("made");
        let caller = accounts.authenticate(&text, HERE).await.expect("known");
        assert!(caller.scopes.grant(Scope::Scrape) && !caller.scopes.grant(Scope::Admin));
        assert_eq!(accounts.revoke_key(None, key.id).await.expect("revoked"), Revocation::Revoked);
        assert!(caller.cut_off.is_cancelled());
        assert!(matches!(accounts.authenticate(&text, HERE).await, Err(AuthError::Revoked)));
    }

    #[tokio::test]
    async fn a_revocation_by_another_process_cuts_off_who_streams() {
        let directory = tempfile::tempdir().expect("a directory");
        let (server, command_line) = (accounts(directory.path()).await, accounts(directory.path()).await);
        let (key, text) = command_line.create_key(new_key()).await.expect("made");
        let caller = server.authenticate(&text, HERE).await.expect("known");
        let shutdown = CancellationToken::new();
        let story = async {
            command_line.revoke_key(None, key.id).await.expect("revoked");
            tokio::time::timeout(Duration::from_secs(5), caller.cut_off.cancelled()).await.expect("in time");
            shutdown.cancel();
        };
        tokio::join!(server.watch(shutdown.clone()), story);
    }

    #[tokio::test]
    async fn a_key_revoked_while_it_was_looked_up_is_cut_off_all_the_same() {
        let directory = tempfile::tempdir().expect("a directory");
        let (server, command_line) = (accounts(directory.path()).await, accounts(directory.path()).await);
        let (key, text) = command_line.create_key(new_key()).await.expect("made");
        let presented = PresentedKey::parse(&text).expect("well-formed");
        let mut seen = None;
        server.notice_changes(&mut seen).await.expect("looked");

        let read_at = server.lock().comparison;
        let read = command_line.authenticate(&text, HERE).await.expect("known");
        command_line.revoke_key(None, key.id.clone()).await.expect("revoked");
        server.notice_changes(&mut seen).await.expect("looked");
        let late = Arc::new(Caller {
            workspace: read.workspace.clone(),
            key_id: key.id,
            scopes: read.scopes,
            mode: read.mode,
            cut_off: CancellationToken::new(),
            expires_at: None,
            allow_ips: Vec::new(),
        });
        let caller = server.lock().remember(presented, late, read_at, REMEMBERED_MAX);
        server.notice_changes(&mut seen).await.expect("looked");
        assert!(caller.cut_off.is_cancelled());
    }

    #[tokio::test]
    async fn a_full_memory_forgets_who_is_idle_and_nobody_else() {
        let directory = tempfile::tempdir().expect("a directory");
        let accounts = accounts(directory.path()).await;
        let mut texts = Vec::new();
        for _ in 0..3 {
            texts.push(accounts.create_key(new_key()).await.expect("made").1);
        }
        let streaming = accounts.authenticate(&texts[0], HERE).await.expect("known");
        drop(accounts.authenticate(&texts[1], HERE).await.expect("known"));
        let third = accounts.authenticate(&texts[2], HERE).await.expect("known");
        let presented = PresentedKey::parse(&texts[2]).expect("well-formed");
        let mut known = accounts.lock();
        let comparison = known.comparison;
        known.callers.remove(&presented);
        known.remember(presented, third, comparison, 2);
        let idle = PresentedKey::parse(&texts[1]).expect("well-formed");
        assert!(known.callers.values().any(|caller| Arc::ptr_eq(caller, &streaming)));
        assert!(!known.callers.contains_key(&idle));
    }

    #[tokio::test]
    async fn every_other_key_is_refused_for_its_own_reason() {
        let directory = tempfile::tempdir().expect("a directory");
        let accounts = accounts(directory.path()).await;
        assert!(matches!(accounts.authenticate("pw_live_x", HERE).await, Err(AuthError::Malformed)));
        let stranger = MintedKey::mint(KeyMode::Live).expect("entropy");
        assert!(matches!(accounts.authenticate(&stranger.text, HERE).await, Err(AuthError::Unknown)));
        let expired = NewKey { expires_in: Some(Duration::ZERO), ..new_key() };
        let (_, text) = accounts.create_key(expired).await.expect("made");
        assert!(matches!(accounts.authenticate(&text, HERE).await, Err(AuthError::Expired)));
        let elsewhere = NewKey { allow_ips: vec!["10.0.0.0/8".parse().expect("a range")], ..new_key() };
        let (_, text) = accounts.create_key(elsewhere).await.expect("made");
        assert!(matches!(accounts.authenticate(&text, HERE).await, Err(AuthError::IpNotAllowed(_))));
        let mapped: IpAddr = "::ffff:10.1.2.3".parse().expect("an address");
        assert!(accounts.authenticate(&text, mapped).await.is_ok());
        let none = NewKey { scopes: Scopes::default(), ..new_key() };
        assert!(matches!(accounts.create_key(none).await, Err(NewKeyError::NoScope)));
    }
}
