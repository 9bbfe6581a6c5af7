//! Every statement that the desk sends is served by an index, on both databases, and each index
//! serves one.
//!
//! The desk is driven through everything it does (`http::drive`), its statements are written down
//! (`support::statements`), and the plan of each is read on a database that looks large to its
//! planner (`large`). What each click sends, PostgreSQL plans once.

mod explain;
mod large;
mod lists;

use std::collections::BTreeMap;

use rewarddesk::web::server::{access::Access, router};

use self::{
    explain::Planner,
    lists::{EXCUSED, LOOKS, MAY_WALK, UNSEEN, WORKERS},
};
use crate::{
    http::drive,
    support::{
        Engine, TestDb,
        statements::{self, Answer, BY_ITSELF, Statement},
    },
};

/// The route's pattern that answers this request.
fn pattern(method: &str, path: &str) -> Option<&'static str> {
    let fits = |pattern: &str| {
        let (wanted, given): (Vec<_>, Vec<_>) =
            (pattern.split('/').collect(), path.split('/').collect());
        wanted.len() == given.len()
            && wanted.iter().zip(&given).all(|(w, g)| w.starts_with('{') || w == g)
    };
    let rules = router::rules();
    let fitting =
        rules.all().iter().filter(|rule| rule.method.as_str() == method && fits(rule.pattern));
    fitting.min_by_key(|rule| rule.pattern.matches('{').count()).map(|rule| rule.pattern)
}

/// What of the desk was not driven: routes that never did what they are for, and steps and routes
/// that asked the database nothing.
fn left_out(engine: Engine, statements: &[Statement], answers: &[Answer]) -> Vec<String> {
    let mut left: Vec<String> = vec![];
    for rule in router::rules().all() {
        let name = format!("{} {}", rule.method, rule.pattern);
        let done = answers.iter().any(|Answer { method, path, status, location }| {
            pattern(method, path) == Some(rule.pattern)
                && method == rule.method.as_str()
                && *status < 400
                && (rule.access == Access::Public || !location.starts_with("/sign-in"))
        });
        let asked = statements.iter().any(|statement| {
            statement.during.iter().any(|what| {
                what.split_once(' ').is_some_and(|(m, p)| {
                    m == rule.method.as_str() && pattern(m, p) == Some(rule.pattern)
                })
            })
        });
        if UNSEEN.iter().any(|(unseen, _)| *unseen == name) {
            continue;
        }
        if !done {
            left.push(format!("{name} was never done"));
        }
        if !asked && !LOOKS.contains(&name.as_str()) {
            left.push(format!("{name} asked the database nothing"));
        }
    }
    for step in drive::STEPS.iter().chain(&[BY_ITSELF]) {
        if engine == Engine::Postgres && *step == "rewarddesk backup" {
            continue;
        }
        if !statements.iter().any(|statement| statement.during.contains(*step)) {
            left.push(format!("{step} asked the database nothing"));
        }
    }
    left
}

/// Why this statement may do what its plan says, where it may.
fn excuse(engine: Engine, statement: &Statement) -> Option<&'static str> {
    let whole = MAY_WALK
        .iter()
        .find(|(step, _)| statement.during.iter().all(|what| what == step))
        .map(|(_, why)| *why);
    let applies = |(part, on, _): &&(&str, Option<Engine>, &str)| {
        statement.sql.contains(part) && on.is_none_or(|on| on == engine)
    };
    whole.or_else(|| EXCUSED.iter().find(applies).map(|(_, _, why)| *why))
}

/// Whether each click sends it and it looks for something: a row that is only added needs no plan.
fn is_of_the_button(statement: &Statement) -> bool {
    // The workers send their own meanwhile, now and then beside a click: what they do in steps of
    // their own is theirs.
    let of_worker =
        ["lease_holder", "mails.state = 'queued'"].iter().any(|part| statement.sql.contains(part))
            || statement.during.iter().any(|what| WORKERS.contains(&what.as_str()));
    !of_worker
        && !statement.sql.starts_with("INSERT")
        && statement
            .during
            .iter()
            .any(|what| what.starts_with("POST") && what.ends_with("/reissue"))
}

fn shown(statement: &Statement) -> String {
    let during: Vec<&str> = statement.during.iter().map(String::as_str).take(4).collect();
    format!("{}\n    in {}", statement.sql, during.join(", "))
}

#[both]
async fn every_statement_is_served_and_every_index_serves_one(engine: Engine) {
    // What databases are copied from is made before anybody listens.
    drop(TestDb::new(engine));
    statements::listen();
    drive::drive(engine).await;
    let disorder = statements::disorder();
    let (statements, answers) = statements::told();
    let mut complaints = left_out(engine, &statements, &answers);
    if engine == Engine::Postgres {
        complaints.extend(disorder);
    }

    let db = large::database(engine);
    let mut planner = Planner::new(&db);
    let (mut plans, mut excused, mut clicked) = (vec![], BTreeMap::new(), 0);
    for statement in statements.iter().filter(|statement| explain::has_plan(&statement.sql)) {
        match planner.plan(statement) {
            Err(error) => {
                complaints.push(format!("has no plan: {error}\n    {}", shown(statement)));
            }
            Ok(plan) => {
                match excuse(engine, statement) {
                    Some(why) => {
                        *excused.entry(why).or_insert(0) += usize::from(!plan.faults.is_empty());
                    }
                    None => complaints.extend(
                        plan.faults
                            .iter()
                            .map(|fault| format!("{fault}\n    {}", shown(statement))),
                    ),
                }
                if is_of_the_button(statement) && engine == Engine::Postgres {
                    clicked += 1;
                    if !statement.is_kept || planner.plans_anew(statement) {
                        complaints.push(format!(
                            "is planned anew at each click\n    {}",
                            shown(statement)
                        ));
                    }
                }
                plans.push((statement, plan));
            }
        }
    }
    for (why, times) in excused {
        if times == 0 {
            complaints.push(format!("nothing needs the excuse {why:?}"));
        }
    }
    assert!(engine == Engine::Sqlite || clicked > 12, "{clicked} statements of the button");
    assert!(plans.len() > 300, "{} statements", plans.len());
    if engine == Engine::Postgres {
        let (db, allocate) =
            (large::skewed(), |statement: &&Statement| statement.sql.starts_with("WITH next"));
        let found: Vec<&Statement> = statements.iter().filter(allocate).collect();
        assert!(!found.is_empty(), "nobody takes a code");
        for statement in found {
            let plan = Planner::new(&db).plan(statement).expect("a plan");
            complaints.extend(
                plan.faults.iter().map(|fault| {
                    format!("beside small batches: {fault}\n    {}", shown(statement))
                }),
            );
        }
    }
    complaints.extend(explain::idle_indexes(&db, &mut planner, &plans));
    assert!(
        complaints.is_empty(),
        "{} of {} statements and their indexes:\n{}",
        complaints.len(),
        plans.len(),
        complaints.join("\n")
    );
}
