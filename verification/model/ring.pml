/* The protocol of the ring in Promela: slots, serials and waiting, as src/core/ does them.
 *
 * docs/design/model.md explains the model, its names and its properties. `verification/model/check`
 * runs every configuration and every planted error.
 *
 * A configuration is a set of macros:
 *
 *   THREADS SLOTS QUEUES ROUNDS   how many; a thread acquires ROUNDS times
 *   WITH_DISCARD                  a lease may be discarded
 *   WITH_SUBMIT_FAILURE           a native submit may fail
 *   WITH_BEGIN_FAILURE            a begin may fail
 *   WITH_TIMEOUT                  a wait may have a deadline, which may pass at any time
 *   WITH_TRY                      an acquire may be one that does not wait
 *   WITH_TICKET                   a thread may wait for its ticket
 *   WITH_STALL                    a queue may stand still until nothing else can move
 *   WITH_KEPT_LEASE               a lease may be kept until the ring is gone
 *   WITH_LOSS                     the device may be lost
 *   SPURIOUS                      a sleeping thread may wake for no reason
 *
 * A planted error is one macro more, PLANT_…; `verification/model/check --help` lists them.
 */

#include "state.pml"
#include "backend.pml"
#include "slots.pml"
#include "completion.pml"
#include "acquire.pml"
#include "submit.pml"

/* A thread that uses the ring. The threads are alike, so it is enough to look at the runs in which
 * they start in order: every other run is one of these with the names exchanged. */
active [THREADS] proctype worker() {
  byte round;
  byte slot;       /* the slot this thread holds, from 1; 0 is none */
  byte serial;     /* the serial of its ticket; 0 is none */
  byte queue;
  byte completed;  /* what the backend answered */
  byte batch;      /* the slots that this thread retires, one bit each */
  byte wake_up;    /* the wake number that this thread owes the leader; 0 is none */
  byte status;     /* how a wait in the backend ended */
  bool limited;    /* the wait has a deadline */
  bool in_time;
  bool waiting;    /* on the way through wait_for_slot */
  bool thrown;     /* an exception is on its way up */
  bool ended;      /* what a wait for a serial returns */
  byte scratch;

  started == me -> started++;

  do
  :: round < ROUNDS ->
     round++;
     acquire();
     if
     :: thrown || slot == 0 -> thrown = false
     :: else ->
        begin();
        if
        :: thrown -> thrown = false
        :: else -> use_lease()
        fi
     fi
  :: else -> break
  od;
  finished++
}

/* Destroys the ring once no call is under way. Leases may still be held. */
active proctype owner() {
  byte serial;
  byte queue;
  byte completed;
  byte batch;
  byte wake_up;
  byte status;
  bool limited;
  bool in_time;
  bool waiting;
  bool thrown;
  bool ended;
  byte scratch;

  finished + kept == THREADS;
  close();
  gone = true;
  finished == THREADS;
  check_end()
}

/* Ends the submissions of each queue in order, at any time. */
active proctype gpu() {
  byte number;
end:
  do
  :: (QUEUES > 0) && gpu_can_end(0) -> native_completed[0]++
#if QUEUES > 1
  :: gpu_can_end(1) -> native_completed[1]++
#endif
#ifdef WITH_STALL
  :: gpu_can_end(0) -> stalled[0] = true
#if QUEUES > 1
  :: gpu_can_end(1) -> stalled[1] = true
#endif
  /* Nothing but this queue can move on: who still waits must be waiting for it. */
  :: timeout && stalled[0] -> d_step { check_nobody_forgotten(); stalled[0] = false; native_completed[0]++ }
#if QUEUES > 1
  :: timeout && stalled[1] -> d_step { check_nobody_forgotten(); stalled[1] = false; native_completed[1]++ }
#endif
#endif
#ifdef WITH_LOSS
  :: !device_lost && !gone -> device_lost = true
#endif
  od
}
