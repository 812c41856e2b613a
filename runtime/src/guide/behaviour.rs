//! What happens when …: the contract of behaviour, and the test that keeps each line of it.
//!
//! The tests are in `runtime/tests/`; `cargo test -p dormouse NAME` runs one.
//!
//! # Tasks and their handles
//!
//! | when | then | test |
//! |---|---|---|
//! | a task is spawned | it is polled for the first time when those that can run before it were | `tasks.rs`: `tasks_are_polled_in_the_order_of_their_wakes` |
//! | its [`JoinHandle`](crate::JoinHandle) is dropped | it runs on, detached; its result is dropped, a panic is logged | `tasks.rs`: `a_dropped_handle_lets_its_task_run_on` |
//! | it is aborted | its future is dropped when its turn comes, and not polled again; the handle says 'cancelled' | `tasks.rs`: `an_aborted_task_is_dropped_in_its_turn_and_never_polled_again` |
//! | … and had finished | the result stays | `tasks.rs`: `an_abort_after_the_end_keeps_the_value` |
//! | … by itself | its poll goes on to the next 'not yet'; then as above | `tasks.rs`: `a_task_may_abort_itself` |
//! | it panics | it alone ends; the handle gives the payload | `tasks.rs`: `a_panic_ends_its_task_alone` |
//! | its drop panics, or the drop of its value | that is logged, all others go on | `tasks.rs`: `a_panic_ends_its_task_alone` |
//! | it is woken a thousand times before its poll | it is polled once | `tasks.rs`: `a_thousand_wakes_are_one_poll` |
//! | it is woken after its end, or after that of its runtime or thread | nothing | `tasks.rs`: `a_waker_outlives_its_task` |
//! | its last waker is dropped on another thread | the future stays, and is dropped at home | `tasks.rs`: `the_last_waker_may_go_on_another_thread_but_the_future_goes_at_home` |
//! | its socket is always ready | after 32 calls it gives way, and goes on in its next turn | `fairness.rs`: `a_socket_that_is_always_ready_does_not_keep_the_thread_to_itself` |
//! | a task is spawned from another thread, and its runtime is gone | the future is dropped, the handle says 'cancelled' | `handle.rs`: `what_is_spawned_on_a_runtime_that_is_gone_is_told_to_be_cancelled` |
//!
//! # Runtimes
//!
//! | when | then | test |
//! |---|---|---|
//! | `block_on` is called inside of `block_on` | it panics and says what to do; the outer one is not harmed | `parts.rs`: `a_nested_block_on_says_what_to_do_and_breaks_nothing` |
//! | the future of `block_on` panics | the panic comes out of `block_on`; the runtime can be used again | `parts.rs`: `a_panic_of_block_on_leaves_the_runtime_as_it_was` |
//! | `block_on` ends, and tasks have not | they stay, and go on with the next `block_on` | `parts.rs`: `what_was_not_done_goes_on_with_the_next_block_on` |
//! | the runtime is dropped with live tasks | each is dropped once, whatever its drop does: spawn, wake, abort, open, panic; handles say 'cancelled'; then whoever waits for a socket or a deadline is woken | `tasks.rs`: `a_dropped_runtime_drops_a_hundred_entangled_tasks`, `a_drop_may_do_as_it_likes` |
//! | a task is spawned while its runtime is being dropped | it is dropped unpolled, the handle says 'cancelled' | `tasks.rs`: `a_task_spawned_as_its_runtime_is_dropped_never_runs` |
//! | a runtime is dropped inside of another one's `block_on` | that one stays in place | `parts.rs`: `a_runtime_dropped_inside_of_another_leaves_that_one_in_place` |
//! | `spawn`, a socket or a sleep is used outside of a runtime | a panic, of a socket an error; both say what to do | `parts.rs`: `a_spawn_outside_of_a_runtime_says_what_to_do`, `a_socket_opened_outside_of_a_runtime_is_an_error` |
//!
//! # Sockets and time
//!
//! | when | then | test |
//! |---|---|---|
//! | a source moves to another task, in the midst of a wait | the newer waker is woken, the older one not | `wakers.rs`: `a_reader_may_change_its_waker` |
//! | a read, an accept, a wait for a tick is dropped | nothing is lost | `net.rs`: `a_dropped_accept_loses_no_connection`; `time.rs`: `a_dropped_wait_loses_no_tick` |
//! | a socket is used in another runtime, or after the end of its own | an error that says so | `net.rs`: `a_socket_of_another_runtime_says_so`, `a_socket_that_outlives_its_runtime_says_so` |
//! | a sleep is | it moves to the runtime that polls it | `time.rs`: `a_sleep_can_move_to_another_runtime` |
//! | two deadlines are equal | they fire in the order in which they were armed | `time.rs`: `equal_deadlines_fire_in_the_order_they_came` |
//! | a deadline has come, and a socket was ready in time | the socket's task is woken first | `laws/park.rs`: `who_was_ready_in_time_wins_against_a_deadline_that_is_seen_late` |
//! | a timer is dropped | it ends no park, and leaves no memory | `time.rs`: `a_hundred_thousand_timeouts_leave_nothing_behind` |
//! | ticks of an interval were missed | one comes at once, the others never; the rhythm stays | `time.rs`: `an_interval_keeps_its_rhythm_and_skips_what_was_missed` |
//! | a deadline is beyond what the clock can say | it never comes | `time.rs`: `a_deadline_beyond_all_time_harms_nobody` |
