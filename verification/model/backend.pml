/* cbr::Backend as the ring sees it. Each call is one step.
 *
 * A call that throws DeviceLost is one that `device_lost` lets through; what the ring does then, be it
 * `guarded` or a catch, is written out. */

/* How a wait ended. */
#define REACHED 1
#define WOKEN 2
#define TIMED_OUT 3

/* A backend that lost its device may say so at any call. */
#ifdef WITH_LOSS
#define OR_LOSE :: device_lost -> lose(); thrown = true
#else
#define OR_LOSE
#endif
/* Some drivers go on answering what has ended. */
#ifdef WITH_SILENT
#define answers_well true
#else
#define answers_well !device_lost
#endif

/* submit(slot, serial) that succeeds: serials reach the queue one after the other, none is left
 * out. */
inline native_submit(record, which) {
  touch_core();
  assert(!detached);
  assert(phase[record] == LEASED || phase[record] == HELD);
  assert(which == native_submitted[queue_of(slot_of[record])] + 1);
#ifdef WITH_SEQUENCE
  assert(placed_before[record] == 0);
#endif
  native_submitted[queue_of(slot_of[record])] = which;
  native_serial[slot_of[record] - 1] = which;
  holder[slot_of[record] - 1] = 0
}

/* finish(slot), for each slot of a batch: after its end, once, and while nobody else has it. */
inline finish(number) {
  touch_core();
  assert(!detached);
  w = retired[number] + 1;
  do
  :: w <= claim ->
     find_record(number, w, k);
     k = slot_of[k];
     assert(slot_state[k - 1] == TAKEN && native_serial[k - 1] == w);
     assert(native_serial[k - 1] <= native_completed[number]);
     native_serial[k - 1] = 0;
     w++
  :: else -> break
  od;
  w = 0;
  k = 0
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

/* wait for the leader's points. */
inline wait_for_points() {
  if
  :: d_step { any_point_reached -> assert(!detached); status = REACHED }
  :: d_step { !any_point_reached && lead_wake_number != 0 && woken >= lead_wake_number -> status = WOKEN }
  :: d_step { !any_point_reached && limited -> status = TIMED_OUT }
#ifdef WITH_INTERRUPT
  :: d_step { !any_point_reached && !interrupted -> thrown = true; interrupted = true }
#endif
  OR_LOSE
  fi
}

/* wake: called with no lock held. */
inline wake() {
  if
  :: wake_up != 0 ->
     d_step {
       touch_core();
       assert(!detached);
       woken = larger(woken, wake_up);
       wake_up = 0
     }
  :: else
  fi
}
