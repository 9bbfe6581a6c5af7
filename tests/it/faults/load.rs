//! People at the button, many at once, who write down what they were told and keep the forms they
//! got no answer to.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use diesel::RunQueryDsl;
use reqwest::{Method, RequestBuilder};
use tokio::{task::JoinSet, time::timeout};

use super::installation::Reward;
use crate::support::{Client, client::Fields, page::Page, postgres};

/// Longer than anything the desk may take.
const ANSWER_TIMEOUT: Duration = Duration::from_mins(2);

const EMPTY: &str = "Voucher batch empty";

/// What a person heard of a form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard {
    /// It worked; the new code where the answer shows it.
    Success(Option<String>),
    Refused(String),
    NotSaved,
    Unsure,
    /// No answer, or not to its end.
    Nothing,
    Other(u16, String),
}

/// A form with its token, as it was sent and will be sent again.
#[derive(Debug, Clone)]
pub struct Form {
    pub reward: Reward,
    pub fields: Fields,
    /// As htmx would.
    scripted: bool,
}

/// The successes by reward: the form, and the code where it was told.
pub type Told = BTreeMap<String, (Form, Option<String>)>;

impl Form {
    /// Opens the dialog of a reward; two of four tick the box, one of four has no script. What was
    /// heard instead, otherwise.
    pub async fn open(client: &Client, reward: &Reward, n: usize) -> Result<Self, Heard> {
        let page = ask(client.request(Method::GET, &reward.path)).await.ok_or(Heard::Nothing)?;
        if page.status != 200 {
            return Err(heard(&page, reward));
        }
        let fields = page.fields(&reward.path);
        let fields = if n.is_multiple_of(2) { fields.ticked() } else { fields };
        Ok(Self { reward: reward.clone(), fields, scripted: !n.is_multiple_of(4) })
    }

    pub async fn send(&self, client: &Client) -> Heard {
        let request = client.request(Method::POST, &self.reward.path).form(&self.fields.0);
        let request = if self.scripted { request.header("HX-Request", "true") } else { request };
        match ask(request).await {
            Some(page) => heard(&page, &self.reward),
            None => Heard::Nothing,
        }
    }
}

/// The answer, if it came to its end.
pub async fn ask(request: RequestBuilder) -> Option<Page> {
    let (client, request) = request.build_split();
    let request = request.expect("a request");
    let (what, port) =
        (format!("{} {}", request.method(), request.url()), request.url().port().expect("a port"));
    let answering = async {
        let answer = client.execute(request).await.ok()?;
        let (status, headers, address) =
            (answer.status().as_u16(), answer.headers().clone(), answer.url().clone());
        Some(Page { status, headers, address, body: answer.text().await.ok()? })
    };
    let Ok(answer) = timeout(ANSWER_TIMEOUT, answering).await else {
        panic!(
            "no answer to {what} within {ANSWER_TIMEOUT:?}, and the connection did not end\n{}",
            evidence(port)
        )
    };
    answer
}

/// What the sockets of this port and the databases are doing, to explain a request
/// that nobody answered.
fn evidence(port: u16) -> String {
    #[derive(diesel::QueryableByName)]
    struct Session {
        #[diesel(sql_type = diesel::sql_types::Text)]
        v: String,
    }
    let sockets = std::fs::read_to_string("/proc/net/tcp").unwrap_or_default();
    let of_port = format!(":{port:04X} ");
    let sockets: Vec<&str> = sockets.lines().filter(|line| line.contains(&of_port)).collect();
    let busy = "SELECT concat_ws(' ', datname, pid, client_port, state, wait_event_type, \
        wait_event, now() - xact_start, \
                pg_blocking_pids(pid), left(query, 120)) AS v FROM pg_stat_activity WHERE \
                backend_type = 'client backend' AND state <> 'idle'";
    let sessions: Vec<Session> =
        diesel::sql_query(busy).load(&mut postgres::admin()).unwrap_or_default();
    let sessions: Vec<String> = sessions.into_iter().map(|session| session.v).collect();
    format!(
        "sockets of port {port}:\n{}\nPostgreSQL's sessions at work:\n{}",
        sockets.join("\n"),
        sessions.join("\n")
    )
}

fn heard(page: &Page, reward: &Reward) -> Heard {
    let words = page.words();
    match page.status {
        200 => {
            Heard::Success(Some(new_code(&page.row(&reward.id)).expect("a success shows the code")))
        }
        303 if page.header("Location").starts_with(&reward.profile) => Heard::Success(None),
        409 => Heard::Refused(words),
        503 if words.contains("Not saved, safe to retry.") => Heard::NotSaved,
        503 if words.contains("The desk is busy") && words.contains("Nothing was saved.") => {
            Heard::NotSaved
        }
        503 if words.contains(
            "We can't tell yet whether it was saved. Try again; it can't be reissued twice.",
        ) =>
        {
            Heard::Unsure
        }
        status => Heard::Other(status, words),
    }
}

/// The first of the fresh codes in a text.
pub fn new_code(text: &str) -> Option<String> {
    text.find("NEW-").and_then(|at| text.get(at..at + 8)).map(ToOwned::to_owned)
}

/// Work for many, and what came of it.
#[derive(Default)]
pub struct Load {
    todo: Mutex<VecDeque<(usize, Reward)>>,
    /// What [`Load::release`] is to add to it.
    kept: Mutex<VecDeque<(usize, Reward)>>,
    pub told: Mutex<Told>,
    /// Sent, and not answered with yes or no.
    pub open: Mutex<Vec<(Form, Heard)>>,
    pub refused: Mutex<Vec<String>>,
    /// What should not have been said.
    pub surprises: Mutex<Vec<String>>,
}

impl Load {
    pub fn of(rewards: &[Reward]) -> Arc<Self> {
        Arc::new(Self {
            todo: Mutex::new(rewards.iter().cloned().enumerate().collect()),
            ..Self::default()
        })
    }

    /// Keeps the last `n` back: however slow the machine, they are still to do when the test comes
    /// to [`Load::release`].
    pub fn keep_back(&self, n: usize) {
        let mut todo = self.todo.lock().unwrap();
        let rest = todo.len().saturating_sub(n);
        *self.kept.lock().unwrap() = todo.split_off(rest);
    }

    /// Lets people go on with `n` of those.
    pub fn release(&self, n: usize) {
        let mut kept = self.kept.lock().unwrap();
        let some = n.min(kept.len());
        self.todo.lock().unwrap().extend(kept.drain(..some));
    }

    /// Sets `people` to work at `client`'s address. Each stops at the first answer that is neither
    /// yes nor no.
    pub fn begin(self: &Arc<Self>, client: &Client, people: usize) -> JoinSet<()> {
        let mut tasks = JoinSet::new();
        for _ in 0..people {
            let (load, client) = (Arc::clone(self), client.clone());
            tasks.spawn(async move { while load.step(&client).await {} });
        }
        tasks
    }

    async fn step(&self, client: &Client) -> bool {
        let next = self.todo.lock().unwrap().pop_front();
        let Some((n, reward)) = next else {
            if self.kept.lock().unwrap().is_empty() {
                return false;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
            return true;
        };
        match Form::open(client, &reward, n).await {
            Ok(form) => self.send(client, form).await,
            Err(Heard::Refused(words)) if words.contains(EMPTY) => {
                self.refused.lock().unwrap().push(reward.id);
                true
            }
            Err(heard) => {
                if !matches!(heard, Heard::Nothing | Heard::NotSaved) {
                    self.surprises
                        .lock()
                        .unwrap()
                        .push(format!("the dialog of {}: {heard:?}", reward.id));
                }
                self.todo.lock().unwrap().push_front((n, reward));
                false
            }
        }
    }

    /// Sends one form and writes down what was heard; `false` when that was neither yes nor no.
    async fn send(&self, client: &Client, form: Form) -> bool {
        match form.send(client).await {
            Heard::Success(code) => {
                self.told.lock().unwrap().insert(form.reward.id.clone(), (form, code));
            }
            Heard::Refused(words) if words.contains(EMPTY) => {
                self.refused.lock().unwrap().push(form.reward.id.clone());
            }
            heard @ (Heard::Nothing | Heard::NotSaved | Heard::Unsure) => {
                self.open.lock().unwrap().push((form, heard));
                return false;
            }
            other => self.surprises.lock().unwrap().push(format!("{}: {other:?}", form.reward.id)),
        }
        true
    }

    /// Sends everything again that was not answered with yes or no: with the same token, so nothing
    /// happens twice.
    pub async fn send_again(&self, client: &Client) -> usize {
        let forms = std::mem::take(&mut *self.open.lock().unwrap());
        for (form, _) in &forms {
            self.send(client, form.clone()).await;
        }
        forms.len()
    }

    pub fn successes(&self) -> usize {
        self.told.lock().unwrap().len()
    }

    /// Waits for `n` successes in all.
    pub async fn until(&self, n: usize) {
        let begun = Instant::now();
        while self.successes() < n {
            let left = self.surprises.lock().unwrap().join("\n");
            assert!(
                begun.elapsed() < ANSWER_TIMEOUT,
                "{} of {n} successes; {left}",
                self.successes()
            );
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    /// Nothing was said that should not have been.
    #[track_caller]
    pub fn had_no_surprise(&self) {
        assert_eq!(*self.surprises.lock().unwrap(), Vec::<String>::new());
    }
}
