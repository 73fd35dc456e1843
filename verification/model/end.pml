/* RingCore::close, and what must hold at the end. */

inline end_sequences_of_leases() {
#ifdef WITH_SEQUENCE
#ifdef PLANT_PLACE_LEFT_ALONE
  /* Looks at each leased slot, and gives up its place afterwards; a lease that ended in between has
   * given up its own, and sent nothing. */
  which = 0;
  do
  :: which < SLOTS ->
     which++;
     d_step {
       !state_locked ->
       record = 0;
       k = 1;
       do
       :: k <= RECORDS ->
          if
          :: slot_of[k] == which && phase[k] == LEASED -> record = k
          :: else
          fi;
          k++
       :: else -> break
       od;
       k = 0
     };
     if
     :: record != 0 && phase[record] == LEASED -> leave_sequence()
     :: else
     fi
  :: else -> break
  od;
  which = 0;
  record = 0
#else
  /* All leases give up their places at once; then what is held back goes on, whoever gave up the
   * place before it. */
  d_step {
    !state_locked ->
    k = 1;
    do
    :: k <= RECORDS ->
       if
       :: phase[k] == LEASED -> give_up_place(k)
       :: else
       fi;
       k++
    :: else -> break
    od;
    k = 0
  };
  lock(submit_mutex[0]);
  advance();
  visit_to_tell();
  unlock(submit_mutex[0]);
  tell()
#endif
#else
  skip
#endif
}

inline wait_until_idle() {
  q = 0;
  d_step { serial = submitted[0] };
  wait_serial(0, serial);
  thrown = false;
#if QUEUES > 1
  d_step { serial = submitted[1] };
  wait_serial(1, serial);
  thrown = false;
#endif
  serial = 0
}

inline abandon_leased_slots() {
  d_step {
    !state_locked ->
    k = 1;
    do
    :: k <= RECORDS ->
       if
       :: slot_of[k] != 0 ->
          assert(phase[k] == LEASED);
          lose_slot(slot_of[k]);
          slot_of[k] = 0
       :: else
       fi;
       k++
    :: else -> break
    od;
    k = 0
  }
}

inline close() {
#ifdef WITH_RACE
#ifdef PLANT_CLOSED_TOO_LATE
  gate_closed = true;
  stopped = true;
#else
  /* In this order: whom the gate refuses, and who finds the ring stopped, finds it closed too. */
  d_step { !state_locked -> closed = true };
  stopped = true;
  gate_closed = true;
#endif
#ifndef PLANT_MUTEXES_NOT_PASSED
#ifdef WITH_STRUCTURE
  lock(structure_mutex);
#endif
  !submit_mutex[0];
#if QUEUES > 1
  !submit_mutex[1];
#endif
#ifdef WITH_STRUCTURE
  unlock(structure_mutex);
#endif
#endif
#endif
  d_step {
    !state_locked ->
    closed = true;
    stopped = true;
#ifndef PLANT_END_WAKES_NOBODY
    asleep = 0;
#endif
    wake_up = wake_numbers
  };
  wake();
  end_sequences_of_leases();
  wait_until_idle();
#ifdef WITH_CALLBACK
#ifdef PLANT_THREADS_END_BEFORE_VISITS
  stop_thread();
#endif
#endif
#ifdef WITH_RACE
  wait_until_gate_is_empty();
#endif
#ifdef WITH_CALLBACK
#ifndef PLANT_THREADS_END_BEFORE_VISITS
  stop_thread();
#endif
#endif
#ifdef WITH_CALLBACK
  assert(queued == 0 && running == 0);
#endif
#ifdef WITH_RACE
  abandon_leased_slots();
#endif
  detached = true;
#ifdef WITH_RACE
  d_step {
    !state_locked ->
    if
    :: in_use == 0 && self -> self = false; keeps_core = true
    :: else
    fi
  };
  drop_core();
  /* The ring's own. */
  d_step { touch_core(); core_users-- }
#endif
}

/* Once each lease was submitted or has ended, nothing is held back any more. */
inline check_nothing_is_held() {
#ifdef WITH_SEQUENCE
  d_step {
    i = 1;
    do
    :: i <= RECORDS -> assert(phase[i] != HELD); i++
    :: else -> break
    od;
    i = 0
  }
#else
  skip
#endif
}

/* Everything is as it should be once the ring and all that came from it are gone. */
inline check_end() {
  d_step {
    assert(!state_locked && waiter_count == 0 && lead_waiter == 0 && granted == 0);
    assert(asleep == 0 && asleep_on_record == 0);
#ifdef WITH_RACE
    assert(visits == 0 && in_use == 0 && !self && core_users == 0);
#endif
    i = 0;
    do
    :: i < SLOTS ->
       assert(holder[i] == 0);
#ifndef WITH_RACE
       assert(slot_state[i] != TAKEN && (slot_state[i] != LOST || lost));
#ifdef WITH_RESIZE
       assert(slot_state[i] == (i < ring_size -> FREE : ABSENT));
       assert(is_set(native_there, i) == (slot_state[i] == FREE));
#endif
#endif
       i++
    :: else -> break
    od;
    i = 0;
    do
    :: i < QUEUES ->
       assert(!submit_mutex[i] && !retire_mutex[i]);
       if
       :: lost
       :: else ->
          assert(submitted[i] == native_submitted[i]);
          assert(native_completed[i] == native_submitted[i] && retired[i] == submitted[i])
       fi;
       i++
    :: else -> break
    od;
    i = 1;
    do
    :: i <= RECORDS ->
       assert(phase[i] == NONE && slot_of[i] == 0);
#ifdef WITH_CALLBACK
       assert(!is_set(with_callback, i) || is_set(ran, i) + is_set(cancelled, i) + is_set(destroyed, i) == 1);
       assert(!is_set(kept, i));
#endif
       i++
    :: else -> break
    od;
    i = 0;
#ifdef WITH_SEQUENCE
    assert(place_count == 0)
#endif
  }
}

/* While a queue stands still and nothing else can move: whoever was handed a slot has gone on with
 * it, and what has ended has reached those who wait. */
inline check_nobody_forgotten() {
  assert(granted == 0);
  i = 0;
  do
  :: i < QUEUES ->
     assert(waiter_count == 0 || retired[i] == submitted[i] || retired[i] == native_completed[i]);
#ifdef WITH_CALLBACK
     find_watched(w);
     assert(w == 0 || w > native_completed[i]);
     w = 0;
#endif
     i++
  :: else -> break
  od;
  i = 0;
  do
  :: i < SLOTS -> assert(waiter_count == 0 || slot_state[i] != FREE); i++
  :: else -> break
  od;
  i = 0
}
