/* submitting.cpp, and what a thread does with a lease from ring_core.cpp. */

#ifndef WITH_SEQUENCE
#define turn_has_not_come false
#endif
#ifndef WITH_LOSS
#define told_loss false
#define late false
#endif

/* The slot's earlier work has ended, and nobody else records into it. */
inline check_slot_is_mine() {
  touch_core();
  assert(!detached);
  assert(slot_state[slot - 1] == TAKEN);
  assert(holder[slot - 1] == 0);
  assert(native_serial[slot - 1] <= native_completed[queue_of(slot)]);
#ifdef WITH_RESIZE
  assert(is_set(native_there, slot - 1))
#endif
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
  :: thrown -> give_up(); slot = 0
  :: else
  fi
}

/* RingContext::follow_up */
inline follow_up() {
  wake();
#ifdef WITH_RESIZE
  if
  :: outside ->
     outside = false;
     lock(structure_mutex);
     remove_outside_slots();
     unlock(structure_mutex)
  :: else
  fi
#endif
}

/* RingState::settle */
inline settle() {
#ifdef WITH_RESIZE
  i = 0;
  do
  :: i < SLOTS -> outside = outside || (slot_state[i] == OUTSIDE); i++
  :: else -> break
  od;
  i = 0
#else
  skip
#endif
}

/* SlotLeasing::give_up */
inline give_up() {
#ifdef WITH_CALLBACK
  clear_bit(kept, record);
#endif
#ifdef WITH_SEQUENCE
  leave_sequence();
#endif
  d_step {
    !state_locked ->
    touch_core();
    references_to_none();
    end_lease(record);
    settle()
  };
  follow_up();
  drop_core()
}

#ifdef WITH_RACE
/* SlotLeasing::give_up_after_ring */
inline give_up_after_ring() {
#ifdef WITH_CALLBACK
  clear_bit(kept, record);
#endif
  d_step {
    !state_locked ->
    touch_core();
#ifdef WITH_SEQUENCE
    give_up_place(record);
#endif
    if
    :: slot_of[record] != 0 -> lose_slot(slot)
    :: else
    fi;
    holder[slot - 1] = 0;
    slot_of[record] = 0;
    phase[record] = NONE;
    references_to_none();
    give_back()
  };
  drop_core()
}
#endif

/* RingCore::discard */
inline discard() {
  enter_gate();
#ifdef WITH_RACE
  if
  :: !allowed -> give_up_after_ring()
  :: else ->
#endif
  discard_natively();
  give_up();
  observe();
#ifdef WITH_RACE
  fi;
#endif
  leave_gate();
  slot = 0
}

inline discard_natively() {
  d_step {
    touch_core();
    assert(!detached);
    assert(holder[slot - 1] == me + 1);
    holder[slot - 1] = 0
  }
}

/* RingCore::submit: `record` is the ticket's, or `thrown`. */
inline submit() {
  queue = queue_of(slot);
#ifdef PLANT_SERIAL_OUTSIDE_MUTEX
  serial = submitted[queue] + 1;
#endif
  lock(submit_mutex[queue]);
#ifndef PLANT_SERIAL_OUTSIDE_MUTEX
  serial = submitted[queue] + 1;
#endif
  if
  :: stopped -> d_step { !state_locked -> thrown = lost || closed }
  :: else
  fi;
#ifdef WITH_SEQUENCE
  if
  :: thrown
  :: else -> hold_back()
  fi;
#endif
  if
  :: thrown || turn_has_not_come
  :: else ->
     if
     :: d_step { !device_lost -> native_submit(record, serial) }
#ifdef WITH_SUBMIT_FAILURE
     :: d_step {
          !device_lost ->
          assert(!detached);
#ifdef PLANT_SUBMIT_FAILURE_BURNS_SERIAL
          native_submitted[queue]++;
#endif
          holder[slot - 1] = 0;
          thrown = true
        }
#endif
#ifdef WITH_LOSS
     :: d_step { device_lost -> holder[slot - 1] = 0; told_loss = true; thrown = true }
#endif
     fi;
     if
     :: thrown
     :: else -> record_submission()
     fi
  fi;
  serial = 0;
#ifdef WITH_SEQUENCE
  if
  :: thrown || turn_has_not_come
  :: else -> advance()
  fi;
#endif
  visit_to_tell();
#ifdef PLANT_PUSHED_OUTSIDE_MUTEX
  if
  :: thrown -> unlock(submit_mutex[queue])
  :: else
  fi;
#else
  unlock(submit_mutex[queue]);
#endif
  tell();
  if
  :: thrown -> end_refused()
  :: else
  fi;
#ifdef WITH_SEQUENCE
  turn_has_not_come = false;
#endif
  slot = 0
}

/* What RingCore::submit does with a lease that was not to be submitted. */
inline end_refused() {
#ifdef PLANT_SUBMIT_FAILURE_LEAKS_SLOT
  skip
#else
  enter_gate();
#ifdef WITH_RACE
  if
  :: !allowed -> give_up_after_ring()
  :: else ->
#endif
  if
  :: holder[slot - 1] == me + 1 -> discard_natively()
  :: else
  fi;
  give_up();
#ifndef PLANT_OBSERVED_AFTER_VISIT
  observe();
#else
  scratch = true;
#endif
#ifdef WITH_RACE
  fi;
#endif
  leave_gate();
#ifdef PLANT_OBSERVED_AFTER_VISIT
  if
  :: scratch -> observe(); scratch = false
  :: else
  fi
#endif
#endif
}

/* Submitting::send after the native submit. A plain submission takes no lock but its queue's. */
inline record_submission() {
#ifdef PLANT_PUSHED_OUTSIDE_MUTEX
  unlock(submit_mutex[queue]);
#endif
#ifdef PLANT_WANTED_BEFORE_PUSH
  scratch = wanted[queue];
#endif
#ifdef WITH_SEQUENCE
  d_step { !state_locked -> add_references(); send(record) };
#else
#ifdef WITH_CALLBACK
  if
  :: d_step { !is_set(kept, record) -> add_references(); send(record) }
  :: d_step { is_set(kept, record) && !state_locked -> add_references(); send(record) }
  fi;
#else
  d_step { add_references(); send(record) };
#endif
#endif
  note()
}

/* The ring's and the ticket's. */
inline add_references() {
#ifdef WITH_RACE
  references[record] = 2
#else
  skip
#endif
}

/* Submitting::note */
inline note() {
#ifdef PLANT_WANTED_BEFORE_PUSH
  if
  :: scratch -> d_step { !state_locked -> note_submission(queue); scratch = false }
  :: else
  fi;
#else
#ifdef PLANT_NEW_WORK_IGNORED
  skip;
#else
  if
  :: wanted[queue] -> d_step { !state_locked -> touch_core(); note_submission(queue) }
  :: else
  fi;
#endif
#endif
#if defined(WITH_LOSS) && !defined(PLANT_LATE_NOT_FAILED)
  late = late || stopped
#endif
}

/* Counts a visit, whether the gate is closed or not, for what is to be told once the submit mutex is
 * free: the ring's end passes through that mutex before it waits for visits. */
inline visit_to_tell() {
#if defined(WITH_RACE) && !defined(PLANT_TOLD_WITHOUT_VISIT)
  d_step {
#ifdef WITH_OBSERVER
    telling = wake_up != 0 || told_loss || late || (!thrown && !turn_has_not_come);
#else
    telling = wake_up != 0 || told_loss || late;
#endif
    visits = (telling -> visits + 1 : visits)
  }
#else
  skip
#endif
}

/* Submitting::tell */
inline tell() {
  follow_up();
#ifdef WITH_LOSS
  if
  :: told_loss -> lose(); told_loss = false
  :: else
  fi;
  if
  :: late -> fail_late(queue); late = false
  :: else
  fi;
#endif
  if
  :: !thrown && !turn_has_not_come -> observe()
  :: else
  fi;
#if defined(WITH_RACE) && !defined(PLANT_TOLD_WITHOUT_VISIT)
  if
  :: telling -> leave_visit(); telling = false
  :: else
  fi
#endif
}

#ifdef WITH_SEQUENCE
/* Submitting::hold_back */
inline hold_back() {
  d_step {
    !state_locked ->
    touch_core();
    if
    :: lost || closed -> thrown = true
#ifdef PLANT_SENT_OUT_OF_TURN
    :: else
#else
    :: !lost && !closed && places[0] != record ->
       phase[record] = HELD;
       holder[slot - 1] = 0;
       add_references();
       turn_has_not_come = true
    :: else
#endif
    fi
  }
}

/* Submitting::advance. The record is kept by a reference more; here its slot is enough. */
inline advance() {
  do
  :: told_loss -> break
  :: else ->
     d_step {
       !state_locked ->
       touch_core();
       next = (place_count > 0 && phase[places[0]] == HELD -> places[0] : 0)
     };
     if
     :: next == 0 -> break
     :: else
     fi;
     if
     :: d_step { !device_lost -> native_submit(next, submitted[queue] + 1) }
#ifdef WITH_SUBMIT_FAILURE
     :: !device_lost -> assert(!detached); scratch = true
#endif
#ifdef WITH_LOSS
     :: device_lost -> told_loss = true
#endif
     fi;
     d_step {
       !state_locked ->
       if
       :: told_loss || phase[next] != HELD -> scratch = false; next = 0
       :: !told_loss && phase[next] == HELD && !scratch -> send(next)
       :: else ->
          /* RingState::refuse: nobody's submit is there to throw, so its ticket does. */
          give_up_place(next);
#ifdef PLANT_REFUSED_NOT_TOLD
          free_slot(slot_of[next]);
          slot_of[next] = 0;
          phase[next] = NONE;
#else
          retire_record(next);
#endif
          serve_waiters()
       fi
     };
     if
     :: next == 0 -> break
     :: else
     fi;
     if
     :: scratch -> scratch = false
     :: else -> note()
     fi;
     next = 0;
#ifdef PLANT_ONLY_ONE_ADVANCES
     break
#endif
  od
}

/* Submitting::leave_sequence */
inline leave_sequence() {
  queue = 0;
  lock(submit_mutex[queue]);
  d_step { !state_locked -> touch_core(); give_up_place(record) };
#ifndef PLANT_LEFT_WITHOUT_ADVANCE
  advance();
#endif
  visit_to_tell();
  unlock(submit_mutex[queue]);
  tell()
}
#endif
