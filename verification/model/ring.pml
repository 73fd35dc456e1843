/* The protocol of the ring in Promela: slots, serials, waiting, and who may outlive whom, as src/core/
 * does them.
 *
 * docs/design/model.md explains the model, its names and its properties. `verification/model/check`
 * runs every configuration and every planted error.
 *
 * A configuration is a set of macros:
 *
 *   THREADS SLOTS QUEUES ROUNDS   how many; a thread acquires ROUNDS times
 *   BATCH                         how many submissions are retired at once
 *   SIZE RESIZES                  the size that a ring begins with, how often it changes (WITH_RESIZE)
 *   WITH_DISCARD                  a lease may be discarded
 *   WITH_SUBMIT_FAILURE           a native submit may fail
 *   WITH_BEGIN_FAILURE            a begin may fail
 *   WITH_TIMEOUT                  a wait may have a deadline, which may pass at any time
 *   WITH_TRY                      an acquire may be one that does not wait
 *   WITH_TICKET                   a thread may wait for its ticket
 *   WITH_STALL                    a queue may stand still until nothing else can move
 *   WITH_INTERRUPT                one wait of each thread may be interrupted, or fail
 *   WITH_SPURIOUS                 a sleeping thread may wake for no reason
 *   WITH_LOSS                     the device may be lost
 *   WITH_SILENT                   the backend may go on answering what has ended (WITH_LOSS)
 *   WITH_SEQUENCE                 all leases are parts of one sequence
 *   WITH_CALLBACK                 tickets may get a callback, which may be cancelled
 *   WITH_COROUTINE                likewise a coroutine, which may be destroyed
 *   WITH_KEEP                     a lease may keep an object alive
 *   WITH_RESIZE                   a thread changes the size
 *   WITH_OBSERVER                 an observer is told of submissions and discards (WITH_RACE)
 *   WITH_RACE                     the ring ends while its leases, tickets and sequences are in use
 *
 * A planted error is one macro more, PLANT_…; `verification/model/check --help` lists them.
 */

#include "state.pml"
#include "gate.pml"
#include "backend.pml"
#include "slots.pml"
#include "completion.pml"
#include "acquire.pml"
#include "submit.pml"
#include "callbacks.pml"
#include "resize.pml"
#include "end.pml"

/* acquire and begin; `slot` is the lease's, or 0. */
inline take_lease() {
#if defined(WITH_RACE) && defined(WITH_SEQUENCE)
  /* RingCore::acquire_in_sequence */
  enter_gate();
  if
  :: allowed
  :: else -> d_step { !state_locked -> thrown = lost || closed }
  fi;
  if
  :: thrown
  :: else ->
#ifndef PLANT_CLOSED_TOO_LATE
     assert(allowed);
#endif
#endif
  acquire();
  if
  :: thrown || slot == 0
  :: else -> begin()
  fi;
#if defined(WITH_RACE) && defined(WITH_SEQUENCE)
  fi;
  leave_gate();
#endif
  thrown = false
}

inline use_lease() {
#ifdef WITH_KEEP
  /* RingCore::keep_alive */
  if
  :: true
  :: enter_gate();
     if
     :: allowed -> require_thread()
     :: else
     fi;
     leave_gate();
     d_step { set_bit(kept, record) }
  fi;
#endif
  if
  :: submit();
     if
     :: thrown -> thrown = false
     :: else -> use_ticket()
     fi
#ifdef WITH_DISCARD
  :: discard()
#endif
  fi;
  queue = 0
}

inline use_ticket() {
#ifdef WITH_CALLBACK
  if
  :: true
  :: add_callback();
     if
     :: !has_handle
     :: has_handle -> let_go_of_handle()
     :: has_handle -> cancel()
     fi;
     has_handle = false
#ifdef WITH_COROUTINE
  :: d_step { set_bit(coroutine, record) };
     add_callback();
     has_handle = false;
     destroy_coroutine()
#endif
  fi;
#endif
#ifdef WITH_TICKET
  if
  :: true
  :: wait_for_ticket()
#ifdef WITH_TIMEOUT
  :: limited = true; wait_for_ticket()
#endif
  fi;
#endif
  /* RingCore::release */
#ifdef WITH_RACE
  d_step { touch_core(); drop_reference(record) };
  drop_core()
#else
  skip
#endif
}

/* Slots past the first size are made later. */
inline set_up() {
#ifdef WITH_RESIZE
  if
  :: started == 0 ->
     i = SIZE;
     do
     :: i < SLOTS -> slot_state[i] = ABSENT; i++
     :: else -> break
     od;
     i = 0
  :: else
  fi
#else
  skip
#endif
}

/* A thread that uses the ring. The threads are alike, so it is enough to look at the runs in which
 * they start in order: every other run is one of these with the names exchanged. */
active [THREADS] proctype worker() {
  byte round;
  byte record;     /* of this round */
  byte slot;       /* the slot this thread holds, from 1; 0 is none */
  byte serial;
  byte queue;
  byte claim;      /* up to where this thread reads outcomes; 0 is none */
  byte wake_up;    /* the wake number that this thread owes; 0 is none */
  byte status;     /* how a wait in the backend ended, or what comes next */
  bool limited;    /* the wait has a deadline */
  bool in_time;
  bool waiting;    /* among those who wait for a slot */
  bool thrown;     /* an exception is on its way up */
  bool ended;      /* what a wait for a ticket returns */
  bool more;
  bool holding;    /* the retire mutex */
  bool allowed;    /* by the gate */
  bool scratch;
#ifdef WITH_CALLBACK
  bool has_handle; /* CallbackHandle::node_ is not null */
#endif
#ifdef WITH_RACE
  bool keeps_core; /* FollowUp::core */
  bool last_visit;
  bool telling;
#endif
#ifdef WITH_LOSS
  bool loss_found;
  bool told_loss;
  bool late;
#endif
#ifdef WITH_INTERRUPT
  bool interrupted;
#endif
#ifdef WITH_SEQUENCE
  bool turn_has_not_come;
  byte next;
#endif
#ifdef WITH_RESIZE
  bool outside;    /* FollowUp::outside_slots */
  byte which;
#endif

  d_step { started == me -> set_up(); started++ };

  do
  :: round < ROUNDS ->
     round++;
     record = record_of(me, round);
     take_lease();
#if defined(WITH_RACE) && !defined(WITH_SEQUENCE)
     if
     :: round == ROUNDS -> let_go++
     :: else
     fi;
#endif
     if
     :: slot == 0
     :: else -> use_lease()
     fi
  :: else -> break
  od;
  record = 0;
#if defined(WITH_RACE) && defined(WITH_SEQUENCE)
  d_step { touch_core(); core_users-- };
#endif
  finished++
}

/* Destroys the ring once no call of the ring itself is under way. What came from it may be in use. */
active proctype owner() {
  byte record;
  byte serial;
  byte queue;
  byte claim;
  byte wake_up;
  byte status;
  bool limited;
  bool thrown;
  bool more;
  bool holding;
  bool scratch;
#ifdef WITH_RACE
  bool keeps_core;
  bool last_visit;
  bool telling;
#endif
#ifdef WITH_LOSS
  bool loss_found;
  bool told_loss;
  bool late;
#endif
#ifdef WITH_SEQUENCE
  bool turn_has_not_come;
  byte next;
#endif
#if defined(WITH_RESIZE) || defined(WITH_SEQUENCE)
  bool outside;
  byte which;
#endif

#ifdef WITH_RACE
#ifndef WITH_SEQUENCE
  let_go == THREADS;
#endif
#else
  finished == THREADS;
  check_nothing_is_held();
#ifdef WITH_CALLBACK
  /* Callbacks run without the ring's end. */
  queued == 0;
#endif
#endif
#ifdef WITH_RESIZE
  resized;
  /* RingCore::drain: what the end leaves to `detach` is to be removed here. */
  wait_until_idle();
#endif
  close();
  gone = true;
  finished == THREADS;
  check_end()
}

/* Ends the submissions of each queue in order, at any time. */
active proctype gpu() {
end:
  do
  :: d_step { gpu_can_end(0) -> native_completed[0]++ }
#if QUEUES > 1
  :: d_step { gpu_can_end(1) -> native_completed[1]++ }
#endif
#ifdef WITH_STALL
  :: d_step { gpu_can_end(0) -> stalled[0] = true }
#if QUEUES > 1
  :: d_step { gpu_can_end(1) -> stalled[1] = true }
#endif
  /* Nothing but this queue can move on: who still waits must be waiting for it. */
  :: timeout && stalled[0] -> d_step { check_nobody_forgotten(); stalled[0] = false; native_completed[0]++ }
#if QUEUES > 1
  :: timeout && stalled[1] -> d_step { check_nobody_forgotten(); stalled[1] = false; native_completed[1]++ }
#endif
#endif
#ifdef WITH_LOSS
  :: d_step { !device_lost && !gone -> device_lost = true }
#endif
  od
}

#ifdef WITH_CALLBACK
/* Callbacks::run_thread */
active proctype completion_thread() {
  byte record;
  byte serial;
  byte wake_up;
  byte status;
  byte claim;
  bool more;
  bool holding;
  bool thrown;
  bool loss_found;
  bool scratch;
  bool keeps_core;
end:
  thread_started;
  do
  :: d_step {
       !state_locked ->
       touch_core();
       thread_wake_number = 0;
       thread_waits_for = 0;
       record = 0;
       serial = 0;
       status = 0;
       if
#ifdef PLANT_STOPS_BEFORE_THE_LAST
       :: thread_stop -> status = TIMED_OUT
       :: else ->
#else
       :: watched_ended == 0 && thread_stop -> status = TIMED_OUT
       :: else ->
#endif
          find_watched(serial);
          find_ended(record, serial);
          if
          :: record != 0 -> serial = 0
          :: record == 0 && (serial == 0 || lost) -> serial = 0; thread_asleep = true
          :: else ->
             wake_numbers++;
             thread_wake_number = wake_numbers;
             thread_waits_for = serial
          fi
       fi
     };
     if
     :: status == TIMED_OUT -> break
     :: record != 0 -> see_to()
     :: record == 0 && serial == 0 && status == 0 -> !thread_asleep
     :: else -> wait_for_work()
     fi
  od;
  thread_ended = true
}

#endif

#ifdef WITH_RESIZE
/* A thread that changes the ring's size again and again. */
active proctype resizer() {
  byte round;
  byte which;
  byte wake_up;
  started > 0;
  do
  :: round < RESIZES ->
     round++;
     if
     :: ring_size > 1 -> set_ring_size(1)
     :: ring_size != SLOTS -> set_ring_size(SLOTS)
#if SLOTS > 2
     :: ring_size != 2 -> set_ring_size(2)
#endif
     fi
  :: else -> break
  od;
  resized = true
}

#endif
