//! Tasks that spawn, abort, wake, join, let go, yield and panic, in any order: in their polls, and
//! as they are dropped.
//!
//! `PROPTEST_CASES=20000 cargo test -p dormouse --test any_order`: more programs, for longer. They
//! are others each time; one that fails is printed, cut down to the shortest.
//!
//! A random program is a few trees: a task is a list of things to do in its polls, and one of
//! things to do in its drop; to spawn is one of them. Each task keeps account of what it went
//! through, and that is the model: whoever waits for it must be told the same. What must hold
//! besides:
//!
//! - Nobody is polled without a spawn, a wake, or the end of who it waits for; nor once aborted.
//! - Who was woken is polled, and who was aborted is dropped, before the thread has nothing to do.
//! - Every future, and every value, is dropped once, by the end of the runtime at the latest.
//! - The books balance: see `support/mod.rs`.
//!
//! Broken once, to see it fail: an abort that wakes nobody, or is lost with its handle; an aborted
//! future that is polled once more; a task that aborts itself, and goes on; a joiner that is not
//! woken; a value, a future or a late spawn that is never dropped; a future that is dropped while
//! the table of tasks is borrowed, or where its panic ends all; a letter that queues nobody.
#![allow(clippy::unwrap_used, reason = "a test ends at what it did not expect")]

mod support;

use std::cell::{Cell, RefCell};
use std::panic::resume_unwind;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;
use std::vec;

use dormouse::time::sleep;
use dormouse::{JoinError, JoinHandle, spawn};
use proptest::prelude::*;

use support::{lab, wake_from_elsewhere};

/// What a task does next. A number chooses among all tasks that there are by then.
#[derive(Clone, Debug)]
enum Op {
    Spawn(Script),
    Abort(usize),
    Wake(usize),
    WakeFromElsewhere(usize),
    /// The task runs on.
    DropHandle(usize),
    DropWaker(usize),
    /// The poll ends here, and the next one goes on, at once or when somebody wakes.
    Yield,
    Wait,
    /// Takes the handle of the other, and waits for its end.
    Join(usize),
    Panic,
}

#[derive(Clone, Debug)]
struct Script {
    polled: Vec<Op>,
    dropped: Vec<Op>,
}

fn scripts() -> impl Strategy<Value = Script> {
    let any = || 0..12usize;
    let op = prop_oneof![
        2 => any().prop_map(Op::Abort),
        3 => any().prop_map(Op::Wake),
        1 => any().prop_map(Op::WakeFromElsewhere),
        2 => any().prop_map(Op::DropHandle),
        1 => any().prop_map(Op::DropWaker),
        3 => Just(Op::Yield),
        3 => Just(Op::Wait),
        3 => any().prop_map(Op::Join),
        1 => Just(Op::Panic),
    ]
    .boxed();
    let list = |op: BoxedStrategy<Op>, most| prop::collection::vec(op, 0..most);
    let script = move |op: BoxedStrategy<Op>| {
        let lists = (list(op.clone(), 8), list(op, 3));
        lists.prop_map(|(polled, dropped)| Script { polled, dropped })
    };
    let leaf = script(op.clone());
    leaf.prop_recursive(3, 20, 3, move |inner| {
        script(prop_oneof![2 => op.clone(), 1 => inner.prop_map(Op::Spawn)].boxed())
    })
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Value,
    Panicked,
    Cancelled,
}

/// What a task went through, by its own account.
#[derive(Default)]
struct Life {
    /// Spawned or woken, and not polled since.
    woken: bool,
    /// How often, less the polls: a letter may be read after the poll that it was in time for.
    causes: u32,
    /// Waits for its end.
    joiner: Option<usize>,
    aborted: bool,
    end: Option<End>,
    drops: u32,
    values_dropped: u32,
}

/// All tasks of one program, by the order of their spawns. Nothing here is borrowed while foreign
/// code runs: that is, while a handle is dropped or a waker called.
#[derive(Default)]
struct World {
    lives: RefCell<Vec<Life>>,
    handles: RefCell<Vec<Option<JoinHandle<Value>>>>,
    wakers: RefCell<Vec<Option<Waker>>>,
    /// The runtime is about to be dropped: whoever is spawned by now has ended before it began.
    closes: Cell<bool>,
    /// What must not be.
    wrong: RefCell<Vec<String>>,
}

impl World {
    fn expect(&self, holds: bool, what: &str, id: usize) {
        if !holds {
            self.wrong.borrow_mut().push(format!("task {id}: {what}"));
        }
    }

    fn any(&self, n: usize) -> usize {
        n % self.lives.borrow().len()
    }

    fn life<R>(&self, id: usize, with: impl FnOnce(&mut Life) -> R) -> R {
        with(&mut self.lives.borrow_mut()[id])
    }

    fn woken(&self, id: usize) {
        self.life(id, |life| {
            life.woken = true;
            life.causes += 1;
        });
    }

    fn ends(&self, id: usize, end: End) {
        let joiner = self.life(id, |life| {
            life.end = Some(end);
            life.joiner
        });
        if let Some(joiner) = joiner {
            self.woken(joiner);
        }
    }

    fn spawn(self: &Rc<Self>, script: Script) {
        let id = self.lives.borrow().len();
        self.lives.borrow_mut().push(Life::default());
        self.woken(id);
        self.wakers.borrow_mut().push(None);
        self.handles.borrow_mut().push(None);
        let Script { polled, dropped } = script;
        let polled = polled.into_iter();
        let handle = spawn(Scripted { id, polled, dropped, joins: None, world: Rc::clone(self) });
        self.handles.borrow_mut()[id] = Some(handle);
    }

    fn take_handle(&self, n: usize) -> Option<(usize, JoinHandle<Value>)> {
        let id = self.any(n);
        let handle = self.handles.borrow_mut()[id].take();
        handle.map(|handle| (id, handle))
    }

    fn joins(&self, joiner: usize, n: usize) -> Option<(usize, JoinHandle<Value>)> {
        let (id, handle) = self.take_handle(n)?;
        self.life(id, |life| life.joiner = Some(joiner));
        Some((id, handle))
    }

    fn polled(&self, id: usize) {
        let (causes, aborted, end) = self.life(id, |life| {
            life.woken = false;
            let causes = life.causes;
            life.causes = causes.saturating_sub(1);
            (causes, life.aborted, life.end)
        });
        self.expect(causes > 0, "polled more often than it was woken", id);
        self.expect(!aborted, "polled, though it was aborted", id);
        self.expect(end.is_none(), "polled after its end", id);
    }

    fn dropped(&self, id: usize) {
        if self.life(id, |life| life.end.is_none()) {
            self.ends(id, End::Cancelled);
        }
        self.life(id, |life| life.drops += 1);
    }

    fn wake(&self, n: usize, how: fn(&Waker)) {
        let id = self.any(n);
        let waker = self.wakers.borrow()[id].clone();
        if let Some(waker) = waker {
            self.woken(id);
            how(&waker);
        }
    }

    fn abort(&self, n: usize) {
        if let Some((id, handle)) = self.take_handle(n) {
            let ended = self.life(id, |life| life.end.is_some()) || self.closes.get();
            self.expect(ended || !handle.is_finished(), "'finished', and has not ended", id);
            self.life(id, |life| life.aborted = true);
            handle.abort();
            self.handles.borrow_mut()[id] = Some(handle);
        }
    }

    /// What can be done anywhere; the rest belongs into a poll.
    fn does(self: &Rc<Self>, op: Op) {
        match op {
            Op::Spawn(script) => self.spawn(script),
            Op::Abort(n) => self.abort(n),
            Op::Wake(n) => self.wake(n, Waker::wake_by_ref),
            Op::WakeFromElsewhere(n) => self.wake(n, wake_from_elsewhere),
            Op::DropHandle(n) => drop(self.take_handle(n)),
            Op::DropWaker(n) => {
                let waker = self.wakers.borrow_mut()[self.any(n)].take();
                drop(waker);
            }
            Op::Yield | Op::Wait | Op::Join(_) | Op::Panic => {}
        }
    }

    /// Whoever waited for `id` was told this.
    fn told(&self, id: usize, answer: &Result<Value, JoinError>) {
        let told = match answer {
            Ok(value) if value.id != id => return self.expect(false, "another's value", id),
            Ok(_) => End::Value,
            Err(error) if error.is_panic() => End::Panicked,
            Err(_) => End::Cancelled,
        };
        let end = self.life(id, |life| life.end);
        self.expect(end == Some(told), &format!("ended as {end:?}, told {told:?}"), id);
    }

    /// Nobody has been woken and not polled, or aborted and not dropped.
    fn is_at_rest(&self) -> bool {
        let lives = self.lives.borrow();
        lives.iter().all(|life| life.drops > 0 || !(life.woken || life.aborted))
    }

    /// The runtime is gone, and so must be all of its tasks.
    fn check_the_end(&self) {
        let spawned = self.lives.borrow().len();
        for id in 0..spawned {
            self.expect(self.life(id, |life| life.drops) == 1, "not dropped once", id);
            if let Some((id, mut handle)) = self.take_handle(id) {
                match Pin::new(&mut handle).poll(&mut Context::from_waker(Waker::noop())) {
                    Poll::Ready(answer) => self.told(id, &answer),
                    Poll::Pending => self.expect(false, "nobody is told of its end", id),
                }
            }
            let values = self.life(id, |life| life.values_dropped);
            let returned = self.life(id, |life| life.end) == Some(End::Value);
            self.expect(values == u32::from(returned), "its value is not dropped once", id);
        }
    }
}

struct Scripted {
    id: usize,
    polled: vec::IntoIter<Op>,
    dropped: Vec<Op>,
    joins: Option<(usize, JoinHandle<Value>)>,
    world: Rc<World>,
}

impl Future for Scripted {
    type Output = Value;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Value> {
        let Scripted { id, polled, joins, world, .. } = &mut *self;
        world.polled(*id);
        world.wakers.borrow_mut()[*id].get_or_insert_with(|| cx.waker().clone());
        loop {
            if let Some((other, handle)) = joins {
                let answer = ready!(Pin::new(handle).poll(cx));
                world.told(*other, &answer);
                *joins = None;
            }
            match polled.next() {
                None => break,
                Some(Op::Wait) => return Poll::Pending,
                Some(Op::Yield) => {
                    world.woken(*id);
                    cx.waker().wake_by_ref();
                    return Poll::Pending;
                }
                Some(Op::Join(n)) => *joins = world.joins(*id, n),
                Some(Op::Panic) => {
                    world.ends(*id, End::Panicked);
                    resume_unwind(Box::new("on purpose"));
                }
                Some(op) => world.does(op),
            }
        }
        world.ends(*id, End::Value);
        Poll::Ready(Value { id: *id, world: Rc::clone(world) })
    }
}

impl Drop for Scripted {
    fn drop(&mut self) {
        self.world.dropped(self.id);
        for op in std::mem::take(&mut self.dropped) {
            if let Op::Panic = op {
                resume_unwind(Box::new("as it is dropped"));
            }
            self.world.does(op);
        }
    }
}

/// What a task returns.
struct Value {
    id: usize,
    world: Rc<World>,
}

impl Drop for Value {
    fn drop(&mut self) {
        self.world.life(self.id, |life| life.values_dropped += 1);
    }
}

/// Runs the program, drops the runtime in the midst of it, and says what went wrong.
fn run(program: Vec<Script>) -> Vec<String> {
    let world = Rc::new(World::default());
    lab(|runtime| {
        runtime.block_on(async {
            for script in program {
                world.spawn(script);
            }
            for _ in 0..100 {
                sleep(Duration::from_millis(1)).await;
                if world.is_at_rest() {
                    return;
                }
            }
            world.expect(false, "the program does not come to rest", 0);
        });
        world.closes.set(true);
    });
    world.check_the_end();
    world.wakers.take();
    world.expect(Rc::strong_count(&world) == 1, "something holds on to a task", 0);
    world.wrong.take()
}

proptest! {
    #![proptest_config(ProptestConfig {
        // Each takes ten times as long as one without a runtime.
        cases: ProptestConfig::default().cases / 3,
        failure_persistence: None,
        max_shrink_iters: 1000,
        ..ProptestConfig::default()
    })]

    #[test]
    fn whatever_tasks_do_each_ends_once_and_its_joiner_is_told_how(
        program in prop::collection::vec(scripts(), 1..6)
    ) {
        let wrong = run(program);
        prop_assert!(wrong.is_empty(), "{wrong:#?}");
    }
}
