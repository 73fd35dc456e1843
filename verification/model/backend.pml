/* cbr::Backend as the ring sees it, and what the ring does when it throws. Each call is one step.
 *
 * `guarded` is written out: where a call may throw DeviceLost, `lose` comes first, and `thrown`
 * tells the caller. */

/* How a wait ended. */
#define REACHED 1
#define WOKEN 2
#define TIMED_OUT 3

/* A backend that lost its device may say so at any call. */
#ifdef WITH_LOSS
#define OR_LOSE :: device_lost -> lose()
#else
#define OR_LOSE
#endif

/* completed(queue) */
inline ask_completed(number) {
  if
  :: d_step { !device_lost -> assert(!detached); completed = native_completed[number] }
  OR_LOSE
  fi
}

/* finish(slot), for each slot of a batch: after its end, once, and while nobody else has it. */
inline finish(slots) {
  if
  :: d_step {
       !device_lost ->
       assert(!detached);
       i = 0;
       do
       :: i < SLOTS ->
          if
          :: is_set(slots, i) ->
             assert(native_serial[i] != 0);
             assert(native_serial[i] <= native_completed[queue_of(i)]);
             native_serial[i] = 0
          :: else
          fi;
          i++
       :: else -> break
       od;
       i = 0
     }
#ifdef WITH_LOSS
  :: device_lost ->
     lose();
     thrown = false
#endif
  fi
}

/* wait for one point, not to be woken: what a ticket does. `completed` of the queue only grows, so
 * the answers exclude each other as the interface asks for. */
inline wait_for_serial(number, which) {
  if
  :: d_step { native_completed[number] >= which -> assert(!detached); status = REACHED }
  :: d_step { limited && native_completed[number] < which -> status = TIMED_OUT }
  OR_LOSE
  fi
}

/* True once one of the leader's points has ended. */
#if QUEUES > 1
#define point_reached(number) (lead_points[number] != 0 && native_completed[number] >= lead_points[number])
#define any_point_reached (point_reached(0) || point_reached(1))
#else
#define any_point_reached (native_completed[0] >= lead_points[0])
#endif

/* wait for the leader's points. The number is read under the lock before; it does not change while
 * the leader waits. */
inline wait_for_points() {
  if
  :: d_step { any_point_reached -> assert(!detached); status = REACHED }
  :: d_step { !any_point_reached && lead_wake_number != 0 && woken >= lead_wake_number -> status = WOKEN }
  :: d_step { !any_point_reached && limited -> status = TIMED_OUT }
  OR_LOSE
  fi
}

/* wake_leader: called with no lock of the state held. */
inline wake_leader() {
  if
  :: wake_up != 0 ->
     d_step {
       woken = (woken > wake_up -> woken : wake_up);
       wake_up = 0
     }
  :: else
  fi
}

/* lose: device loss becomes final, and everyone wakes. */
inline lose() {
  d_step {
    lock(state_mutex);
    scratch = 0;
    wake_up = 0;
    if
    :: !lost ->
       lost = true;
       seems_full = false;
       stopped = true;
       fail_in_flight();
#ifndef PLANT_LOSS_WAKES_NOBODY
       asleep = 0;
#endif
       wake_up = lead_wake_number;
       scratch = 1
    :: else
    fi
  };
  unlock(state_mutex);
  if
  :: scratch == 1 -> d_step { asleep_resolved = 0; scratch = 0 }
  :: else
  fi;
  wake_leader();
  thrown = true
}
