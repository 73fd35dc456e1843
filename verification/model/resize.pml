/* RingCore::set_ring_size, and SlotTable's part in it. */

#ifdef WITH_RESIZE

/* RingContext::remove_outside_slots, with the structure mutex. */
inline remove_outside_slots() {
  do
  :: d_step {
       !state_locked ->
       which = 0;
       i = ring_size;
       do
       :: i < SLOTS && which == 0 ->
          if
          :: slot_state[i] == OUTSIDE && !closed -> which = i + 1; slot_state[i] = ABSENT
          :: else
          fi;
          i++
       :: else -> break
       od;
       i = 0
     };
     if
     :: which == 0 -> break
     :: else ->
        d_step {
          assert(!detached);
          assert(is_set(native_there, which - 1));
          assert(holder[which - 1] == 0 && native_serial[which - 1] == 0);
          clear_bit(native_there, which - 1);
          which = 0
        }
     fi
  od
}

/* SlotTable::resize, and what set_ring_size does with it under the state's lock. */
inline resize(size) {
  ring_size = size;
  if
  :: cursor >= ring_size -> cursor = 0
  :: else
  fi;
  i = 0;
  do
  :: i < SLOTS ->
     if
     :: i < ring_size && slot_state[i] == OUTSIDE -> slot_state[i] = FREE
#ifdef PLANT_SHRINKS_TAKEN
     :: i >= ring_size && (slot_state[i] == FREE || slot_state[i] == TAKEN) -> slot_state[i] = OUTSIDE
#else
     :: i >= ring_size && slot_state[i] == FREE -> slot_state[i] = OUTSIDE
#endif
     :: else
     fi;
     i++
  :: else -> break
  od;
  i = 0;
#ifndef PLANT_GROWN_SERVES_NOBODY
  serve_waiters()
#endif
}

inline set_ring_size(size) {
#ifndef PLANT_RESIZES_WITHOUT_MUTEX
  lock(structure_mutex);
#endif
  d_step { !state_locked -> resize(size) };
  wake();
  do
  :: d_step {
       !state_locked ->
       which = 0;
       i = 0;
       do
       :: i < ring_size && which == 0 ->
          which = (slot_state[i] == ABSENT -> i + 1 : 0);
          i++
       :: else -> break
       od;
       i = 0
     };
     if
     :: which == 0 -> break
     :: else
     fi;
     /* Backend::add_slot */
     if
     :: d_step {
          assert(!detached && !is_set(native_there, which - 1));
          set_bit(native_there, which - 1)
        };
        d_step {
          !state_locked ->
          /* SlotTable::add */
          assert(slot_state[which - 1] == ABSENT);
          slot_state[which - 1] = (which <= ring_size -> FREE : OUTSIDE);
#ifndef PLANT_ADDED_SERVES_NOBODY
          serve_waiters();
#endif
          which = 0
        };
        wake()
     :: d_step { !state_locked -> resize(which - 1); which = 0 };
        wake();
        break
     fi
  od;
  remove_outside_slots();
#ifndef PLANT_RESIZES_WITHOUT_MUTEX
  unlock(structure_mutex)
#endif
}

#endif
