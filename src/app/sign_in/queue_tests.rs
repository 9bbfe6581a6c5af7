//! Who is next in a queue, who is refused, and that those who leave take no place.

use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Waker},
    time::Duration,
};

use tokio::runtime::{Builder, Runtime};

use super::{
    Busy,
    Caller::{self, Desk, Known, SignedIn, Stranger},
    Limits, Permit, Queue,
};

type Entering = Pin<Box<dyn Future<Output = Result<Permit, Busy>>>>;

const LIMITS: Limits = Limits { max_waiting: 3, timeout: Duration::from_hours(1) };
const MANY: Limits = Limits { max_waiting: 100, ..LIMITS };

/// Timers need a runtime; nothing here waits for one.
fn runtime() -> Runtime {
    Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap_or_else(|error| panic!("no runtime: {error}"))
}

fn poll(entering: &mut Entering) -> Option<Result<Permit, Busy>> {
    match entering.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(entered) => Some(entered),
        Poll::Pending => None,
    }
}

fn enter(queue: &Arc<Queue>, caller: Caller, limits: Limits) -> Entering {
    let queue = Arc::clone(queue);
    Box::pin(async move { queue.enter(caller, limits).await })
}

/// Somebody who has to wait.
fn waiting(queue: &Arc<Queue>, caller: Caller, limits: Limits) -> Entering {
    let mut entering = enter(queue, caller, limits);
    assert!(poll(&mut entering).is_none(), "{caller:?} waits");
    entering
}

fn at_once(queue: &Arc<Queue>, caller: Caller) -> Result<Permit, Busy> {
    poll(&mut enter(queue, caller, LIMITS)).unwrap_or_else(|| panic!("{caller:?} waits"))
}

/// In which order one permit serves these, by their numbers.
fn order(callers: &[Caller]) -> Vec<usize> {
    let queue = Queue::new(1);
    let mut permit = at_once(&queue, Desk).ok();
    let mut waiting: Vec<(usize, Entering)> =
        callers.iter().map(|caller| waiting(&queue, *caller, MANY)).enumerate().collect();
    let mut served = vec![];
    while !waiting.is_empty() {
        drop(permit.take());
        let at = waiting.iter_mut().position(|(_, entering)| match poll(entering) {
            Some(entered) => {
                permit = entered.ok();
                true
            }
            None => false,
        });
        served.push(waiting.remove(at.unwrap_or_else(|| panic!("nobody is served"))).0);
    }
    served
}

#[test]
fn sessions_go_first_then_known_callers_and_no_stranger_starves() {
    let runtime = runtime();
    let _entered = runtime.enter();
    assert_eq!(order(&[Stranger, Stranger, Known, SignedIn, Desk, SignedIn]), [4, 3, 5, 2, 0, 1]);
    assert_eq!(
        order(&[Stranger, Stranger, Known, Known, Known, Known, Known, Known]),
        [2, 3, 4, 5, 0, 6, 7, 1]
    );
    let mut sessions = vec![Stranger, Known];
    sessions.extend([SignedIn; 20]);
    assert_eq!(order(&sessions)[20..], [1, 0], "a session waits for nobody without one");
}

#[test]
fn those_who_leave_the_queue_take_no_place_in_it() {
    let runtime = runtime();
    let _entered = runtime.enter();
    let queue = Queue::new(1);
    let permit = at_once(&queue, Stranger);
    assert!(permit.is_ok());
    let mut gone: Vec<Entering> = (0..3).map(|_| waiting(&queue, Stranger, LIMITS)).collect();
    assert!(at_once(&queue, Stranger).is_err());
    drop(gone.pop());
    assert_eq!(queue.waiting(), 2);
    let mut stays = waiting(&queue, Stranger, LIMITS);
    // The first of them is handed the permit, and leaves before it has seen it.
    drop(permit);
    drop(gone);
    assert_eq!(queue.waiting(), 0);
    assert!(matches!(poll(&mut stays), Some(Ok(_))), "its turn has come");
    assert!(at_once(&queue, Stranger).is_ok(), "the permit is free again");
}

#[test]
fn each_class_has_a_bound_of_its_own_and_the_desk_has_none() {
    let runtime = runtime();
    let _entered = runtime.enter();
    let queue = Queue::new(1);
    let permit = at_once(&queue, Stranger);
    assert!(permit.is_ok());
    let _others =
        [Stranger, Known, SignedIn].map(|caller| [(); 3].map(|()| waiting(&queue, caller, LIMITS)));
    for caller in [Stranger, Known, SignedIn] {
        assert!(at_once(&queue, caller).is_err(), "{caller:?}");
    }
    let _later = waiting(&queue, SignedIn, MANY);
    let _desk = waiting(&queue, Desk, LIMITS);
    assert_eq!(queue.waiting(), 10, "requests");
}

#[test]
fn nobody_waits_for_longer_than_the_timeout() {
    let queue = Queue::new(1);
    let permit = at_once(&queue, Stranger);
    assert!(permit.is_ok());
    assert!(
        runtime()
            .block_on(queue.enter(SignedIn, Limits { timeout: Duration::from_millis(1), ..LIMITS }))
            .is_err()
    );
    assert_eq!(queue.waiting(), 0);
}

#[test]
fn work_is_the_desks_own_unless_a_caller_is_named() {
    runtime().block_on(async {
        assert_eq!(Caller::current(), Desk);
        assert_eq!(Stranger.runs(async { Caller::current() }).await, Stranger);
    });
}
