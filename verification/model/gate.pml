/* gate.cpp: calls that may outlive the ring, or race its end, and what keeps the core. */

#ifdef WITH_RACE

/* Gate::enter. One that is refused is counted for a moment too; that can only delay the ring's end. */
inline enter_gate() {
#ifdef PLANT_VISIT_COUNTED_LATE
  d_step { touch_core(); allowed = !gate_closed };
  if
  :: allowed -> visits++
  :: else
  fi
#else
  d_step {
    touch_core();
    allowed = !gate_closed;
    visits = (allowed -> visits + 1 : visits)
  }
#endif
}

/* Gate::leave. Once the gate is closed, a visit leaves with Gate::mutex_ held: the ring's end can't miss
 * it, and can't be over before the visit is out. */
inline leave_visit() {
#ifdef PLANT_GATE_LEFT_IN_TWO_STEPS
  d_step {
    touch_core();
    assert(visits > 0);
    visits--;
    last_visit = gate_closed && visits == 0
  };
  if
  :: last_visit -> d_step { touch_core(); gate_asleep = false; last_visit = false }
  :: else
  fi
#else
  d_step {
    touch_core();
    assert(visits > 0);
    visits--;
    gate_asleep = gate_asleep && visits != 0
  }
#endif
}

/* The end of a Visit. */
inline leave_gate() {
  if
  :: allowed -> leave_visit(); allowed = false
  :: else
  fi
}

/* ~FollowUp */
inline drop_core() {
  if
  :: keeps_core -> d_step { touch_core(); core_users--; keeps_core = false }
  :: else
  fi
}

/* An observer is told of something: not once the ring's end has returned. */
inline observe() {
#ifdef WITH_OBSERVER
  d_step { touch_core(); assert(!gone) }
#else
  skip
#endif
}

/* Gate::wait_until_empty */
inline wait_until_gate_is_empty() {
#ifdef PLANT_GATE_NOT_WAITED_FOR
  skip
#else
  do
  :: visits == 0 -> break
#ifdef PLANT_GATE_LEFT_WITHOUT_MUTEX
  /* The last visit may end between the look and the sleep. */
  :: visits != 0 -> gate_asleep = true; !gate_asleep
#else
  :: d_step { visits != 0 -> gate_asleep = true }; !gate_asleep
#endif
  od
#endif
}

#else

#define enter_gate() allowed = true
#define leave_gate() allowed = false
#define drop_core() skip
#define observe() skip

#endif
