/* slot_wait.cpp, and acquire from ring_core.cpp: how the ring hands out slots. */

/* A record from the pool. */
inline take_record() {
#ifdef WITH_RACE
  in_use++;
  references[record] = 1
#else
  skip
#endif
}

/* A free slot for one that doesn't wait. Waiters have been offered every slot that is free, so this
 * overtakes nobody. */
inline lease_as_newcomer() {
  if
  :: lost || closed -> thrown = true
  :: else ->
     lease(record, slot);
     if
     :: slot != 0 -> assert(waiter_count == 0); take_record()
     :: else
     fi
  fi
}

/* SlotWait::take after its first look, up to and with `enter`. */
inline lease_or_enter(may_wait) {
  lease_as_newcomer();
  if
  :: slot == 0 && !thrown && may_wait ->
     take_record();
     waits_with[me] = record;
     push_waiter();
     waiting = true
  :: else
  fi
}

/* RingCore::try_acquire up to `begin`: `slot` is what was leased, if it was. */
inline acquire() {
  d_step { !state_locked -> touch_core(); lease_as_newcomer() };
  if
  :: slot != 0 || thrown
  :: else ->
     collect_all(true);
     if
     :: thrown
     :: else ->
        if
        :: d_step { !state_locked -> lease_or_enter(true) }
#ifdef WITH_TIMEOUT
        :: d_step { !state_locked -> lease_or_enter(true); limited = waiting }
#endif
#ifdef WITH_TRY
        :: d_step { !state_locked -> lease_or_enter(false) }
#endif
        fi;
        if
        :: waiting ->
           wait_for_slot();
           leave();
           if
           :: thrown && slot != 0 -> give_up(); slot = 0
           :: else
           fi
        :: else
        fi
     fi
  fi
}

#define LOOKING 4
#define LEADING 5

/* SlotWait::wait, with try_to_lead. */
inline wait_for_slot() {
  in_time = true;
  do
  :: !waiting -> break
  :: else ->
     d_step {
       !state_locked ->
       touch_core();
       if
       :: is_set(granted, me) -> waiting = false
       :: !is_set(granted, me) && (lost || closed) -> thrown = true; waiting = false
       :: !is_set(granted, me) && !lost && !closed && !in_time -> waiting = false
       :: else ->
          if
          :: lead_waiter != 0 -> fall_asleep()
          :: else ->
             status = LOOKING;
             state_locked = true;
#ifdef PLANT_WANTED_AFTER_LOOK
             note_points()
#else
             want(true)
#endif
          fi
       fi
     };
     if
     :: !waiting
     :: else ->
        if
        :: status == LOOKING -> look_for_work()
        :: else
        fi;
        if
        :: status == LEADING -> lead()
        :: else -> sleep()
        fi
     fi
  od;
  limited = false;
  d_step { in_time = false; status = 0 }
}

inline fall_asleep() {
#ifdef PLANT_SLEEP_NOT_ATOMIC
  skip
#else
  set_bit(asleep, me)
#endif
}

/* Says that someone waits, or that nobody does: RingQueue::wanted. */
inline want(anyone) {
  q = 0;
  do
  :: q < QUEUES -> wanted[q] = anyone; q++
  :: else -> break
  od;
  q = 0
}

/* The oldest submission of each queue; `found` says whether there is any. */
inline note_points() {
  found = false;
  q = 0;
  do
  :: q < QUEUES ->
     lead_points[q] = (retired[q] < submitted[q] -> retired[q] + 1 : 0);
     found = found || (lead_points[q] != 0);
     q++
  :: else -> break
  od;
  q = 0
}

/* What look_for_work does once it has said that submissions are wanted, and the rest of
 * try_to_lead. */
inline look_for_work() {
  d_step {
#ifdef PLANT_WANTED_AFTER_LOOK
    found = lead_points[0] != 0;
    want(true);
#else
    note_points();
#endif
    if
    :: !found -> status = 0; fall_asleep()
    :: else ->
       q = 0;
       do
       :: q < QUEUES ->
          if
          :: lead_points[q] != 0 -> wanted[q] = false
          :: else
          fi;
          q++
       :: else -> break
       od;
       q = 0;
       lead_waiter = me + 1;
#ifdef PLANT_WAKE_NUMBER_REUSED
       wake_numbers = 1;
#else
       wake_numbers++;
#endif
#ifndef PLANT_UNWAKEABLE_LEADER
       lead_wake_number = wake_numbers;
#endif
       status = LEADING
    fi;
    found = false;
    state_locked = false
  }
}

/* SlotWait::lead */
inline lead() {
  wait_for_points();
  if
  :: thrown || status == WOKEN
  :: else ->
     /* After a timeout too: a slot that got free just now is better than an error. */
     in_time = (status != TIMED_OUT);
     collect_all(false)
  fi;
  d_step {
    !state_locked ->
    lead_waiter = 0;
    lead_wake_number = 0;
    q = 0;
    do
    :: q < QUEUES -> lead_points[q] = 0; q++
    :: else -> break
    od;
    q = 0;
    want(true);
    status = 0;
    if
    :: thrown -> waiting = false
    :: else
    fi
  }
}

/* ThreadWait::sleep: on the thread's own condition variable. */
inline sleep() {
#ifdef PLANT_SLEEP_NOT_ATOMIC
  set_bit(asleep, me);
#endif
  if
  :: !is_set(asleep, me)
#ifdef WITH_TIMEOUT
  :: d_step { limited && is_set(asleep, me) -> clear_bit(asleep, me); in_time = false }
#endif
#ifdef WITH_SPURIOUS
  :: d_step { is_set(asleep, me) -> clear_bit(asleep, me) }
#endif
#ifdef WITH_INTERRUPT
  :: d_step { is_set(asleep, me) && !interrupted -> clear_bit(asleep, me); thrown = true; interrupted = true; waiting = false }
#endif
  fi
}

/* SlotWait::leave: out of the queue, and someone else leads if need be. */
inline leave() {
  d_step {
    !state_locked ->
    touch_core();
    if
    :: is_set(granted, me) ->
       slot = slot_of[record];
       clear_bit(granted, me);
#ifdef PLANT_GRANT_LOST_ON_TIMEOUT
       slot = (thrown -> 0 : slot)
#endif
    :: else ->
       remove_waiter(me);
       clear_bit(asleep, me);
       references_to_none();
       give_back()
    fi;
    waits_with[me] = 0;
#ifndef PLANT_LEADER_NOT_REPLACED
    if
    :: lead_waiter == 0 && waiter_count > 0 ->
       want(true);
       state_locked = true;
       status = LOOKING
    :: lead_waiter == 0 && waiter_count == 0 -> want(false)
    :: else
    fi
#endif
  };
  if
  :: status == LOOKING ->
     d_step {
       note_points();
       if
       :: found -> clear_bit(asleep, waiters[0])
       :: else
       fi;
       q = 0;
       do
       :: q < QUEUES -> lead_points[q] = 0; q++
       :: else -> break
       od;
       q = 0;
       found = false;
       status = 0;
       state_locked = false
     }
  :: else
  fi;
  drop_core()
}

inline references_to_none() {
#ifdef WITH_RACE
  references[record] = 0
#else
  skip
#endif
}
