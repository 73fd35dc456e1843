/* What a thread does with a lease, and the end of the ring: ring_core.cpp, and begin from
 * ring_acquire.cpp. */

/* The slot's earlier work has ended, and nobody else records into it. */
inline check_slot_is_mine() {
  assert(slot_state[slot - 1] == LEASED);
  assert(holder[slot - 1] == 0);
  assert(native_serial[slot - 1] <= native_completed[queue_of(slot - 1)]);
  assert(!detached)
}

/* begin, with what acquire does if it fails. */
inline begin() {
  if
  :: d_step { !device_lost -> check_slot_is_mine(); holder[slot - 1] = me + 1 }
#ifdef WITH_BEGIN_FAILURE
  :: d_step { !device_lost -> check_slot_is_mine(); thrown = true }
#endif
  OR_LOSE
  fi;
  if
  :: thrown -> give_up()
  :: else
  fi
}

/* Frees a lease that was not submitted, and wakes the leader if its turn has come. */
inline give_up() {
  d_step {
    lock(state_mutex);
    holder[slot - 1] = 0;
    free_unsubmitted(slot, wake_up);
    slot = 0
  };
  unlock(state_mutex);
  wake_leader()
}

inline use_lease() {
#ifdef WITH_KEPT_LEASE
  if
  :: true
  :: d_step { round == ROUNDS && (kept + 1 < SLOTS || finished + kept + 1 == THREADS) -> kept++ };
#ifdef PLANT_SUBMIT_DURING_CLOSE
     true;
#else
     gone;
#endif
     kept--
  fi;
#endif
  if
  :: submit()
#ifdef WITH_DISCARD
  :: discard()
#endif
  fi;
  thrown = false;
#ifdef WITH_TICKET
#ifdef PLANT_TICKET_DURING_CLOSE
  /* The owner does not wait for a thread that has only its ticket left. */
  kept = kept + (round == ROUNDS -> 1 : 0);
#endif
  if
  :: serial == 0
  :: serial != 0 -> wait_for_ticket(queue, serial)
#ifdef WITH_TIMEOUT
  :: serial != 0 -> limited = true; wait_for_ticket(queue, serial)
#endif
  :: serial != 0
  fi;
#ifdef PLANT_TICKET_DURING_CLOSE
  kept = kept - (round == ROUNDS -> 1 : 0);
#endif
#endif
  serial = 0;
  queue = 0
}

/* RingCore::submit. `serial` is the ticket's, or 0 if it throws. */
inline submit() {
  queue = queue_of(slot - 1);
#ifdef PLANT_SERIAL_OUTSIDE_LOCK
  serial = last_submitted[queue] + 1;
  d_step { lock(submit_mutex[queue]) };
#else
  d_step { lock(submit_mutex[queue]); serial = last_submitted[queue] + 1 };
#endif
  if
  :: stopped ->
     /* require_open */
     d_step { lock(state_mutex); assert(closed || lost); thrown = true };
     unlock(state_mutex)
  :: !stopped ->
     if
     :: d_step { !device_lost -> native_submit() }
#ifdef WITH_SUBMIT_FAILURE
     :: d_step {
          !device_lost ->
          assert(!detached);
#ifdef PLANT_SUBMIT_FAILURE_BURNS_SERIAL
          last_submitted[queue]++;
#endif
          thrown = true
        }
#endif
     OR_LOSE
     fi
  fi;
  if
  :: thrown ->
#ifdef PLANT_SUBMIT_FAILURE_LEAKS_SLOT
     d_step { holder[slot - 1] = 0; slot = 0 };
#else
     give_up();
#endif
     serial = 0;
     unlock(submit_mutex[queue])
  :: else ->
#ifdef PLANT_RECORD_OUTSIDE_LOCK
     unlock(submit_mutex[queue]);
#endif
     d_step { lock(state_mutex); record() };
     unlock(state_mutex);
#ifndef PLANT_RECORD_OUTSIDE_LOCK
     unlock(submit_mutex[queue]);
#endif
     wake_leader()
  fi
}

/* Backend::submit that succeeds: serials reach the queue one after the other, none is left out. */
inline native_submit() {
  assert(!detached);
  assert(slot_state[slot - 1] == LEASED);
  assert(holder[slot - 1] == me + 1);
  assert(serial == native_submitted[queue] + 1);
  native_submitted[queue] = serial;
  native_serial[slot - 1] = serial
}

/* What submit writes down once the driver has the work. */
inline record() {
  assert(slot_state[slot - 1] == LEASED);
  holder[slot - 1] = 0;
  slot_state[slot - 1] = IN_FLIGHT;
  slot_serial[slot - 1] = serial;
  assert(timeline_length[queue] < SLOTS);
  timeline_slot[queue * SLOTS + timeline_length[queue]] = slot - 1;
  timeline_length[queue]++;
  last_submitted[queue]++;
  assert(last_submitted[queue] == serial);
  slot = 0;
  if
  :: lost -> fail_in_flight()
  :: else -> note_new_point(queue, wake_up)
  fi
}

/* RingCore::discard */
inline discard() {
  d_step {
    lock(state_mutex);
    if
    :: closed -> holder[slot - 1] = 0; slot = 0
    :: else
    fi;
    state_mutex = 0
  };
  if
  :: slot == 0
  :: else ->
     d_step { assert(!detached); assert(holder[slot - 1] == me + 1) };
     give_up()
  fi
}

/* drain */
inline drain_queue(number) {
  if
  :: thrown
  :: else ->
     d_step {
       lock(state_mutex);
       if
       :: lost -> thrown = true
       :: else -> serial = last_submitted[number]
       fi
     };
     unlock(state_mutex);
     if
     :: thrown
     :: else -> wait_serial(number, serial)
     fi
  fi;
  serial = 0
}

/* close */
inline close() {
  drain_queue(0);
#if QUEUES > 1
  drain_queue(1);
#endif
  if
  :: thrown ->
     lose();
     thrown = false
  :: else
  fi;
  d_step { lock(state_mutex); closed = true; stopped = true };
  unlock(state_mutex);
  /* Nobody may call the ring now, so this needs no lock. */
  d_step {
    i = 0;
    do
    :: i < SLOTS ->
       assert(slot_state[i] == FREE || slot_state[i] == LEASED || slot_state[i] == LOST);
       i++
    :: else -> break
    od;
    i = 0;
    detached = true
  }
}

/* At the end nothing is held, in flight, waited for or unresolved. */
inline check_end() {
  d_step {
    assert(state_mutex == 0);
    assert(waiter_count == 0 && lead_waiter == 0 && asleep == 0 && asleep_resolved == 0);
    i = 0;
    do
    :: i < SLOTS ->
       assert(holder[i] == 0);
#ifdef WITH_KEPT_LEASE
       assert(slot_state[i] == FREE || slot_state[i] == LEASED || slot_state[i] == LOST);
#else
       assert(slot_state[i] == FREE || (slot_state[i] == LOST && lost));
#endif
       i++
    :: else -> break
    od;
    i = 0;
    do
    :: i < QUEUES ->
       assert(submit_mutex[i] == 0);
       assert(timeline_length[i] == 0);
       assert(last_submitted[i] == native_submitted[i]);
       assert(lost || native_completed[i] == native_submitted[i]);
       assert(resolved[i] == (1 << (last_submitted[i] + 1)) - 2);
       i++
    :: else -> break
    od;
    i = 0
  }
}

/* While a queue stands still and nothing else can move: whoever was handed a slot has gone on with
 * it, and what has ended has reached those who wait. */
inline check_nobody_forgotten() {
  i = 0;
  do
  :: i < THREADS -> assert(granted[i] == 0); i++
  :: else -> break
  od;
  i = 0;
  do
  :: i < QUEUES ->
     assert(waiter_count == 0 || timeline_length[i] == 0 || oldest(i) > native_completed[i]);
     i++
  :: else -> break
  od;
  i = 0
}
