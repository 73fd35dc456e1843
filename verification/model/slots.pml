/* SlotTable, Timeline and WaiterQueue, and what is done under the state mutex with them. All of it
 * runs within a step of the caller. */

#ifdef PLANT_HAND_OUT_LEASED
#define can_be_leased(index) (slot_state[index] == FREE || slot_state[index] == LEASED)
#else
#define can_be_leased(index) (slot_state[index] == FREE)
#endif

/* lease_free_slot: `result` is the slot leased, from 1, or 0. Slots of one queue are alike, so with
 * one queue the lowest will do; the round robin matters only where the choice is between queues. */
inline lease_free_slot(result) {
  result = 0;
  i = 0;
  do
  :: i < SLOTS ->
#if QUEUES > 1
     j = (cursor + i) % SLOTS;
#else
     j = i;
#endif
     if
     :: result == 0 && can_be_leased(j) ->
        slot_state[j] = LEASED;
        slot_serial[j] = 0;
        result = j + 1
     :: else
     fi;
     i++
  :: else -> break
  od;
#if QUEUES > 1
  if
  :: result != 0 -> cursor = result % SLOTS
  :: else
  fi;
#endif
  if
  :: result != 0 -> set_full()
  :: else
  fi
}

inline set_full() {
  seems_full = true;
  j = 0;
  do
  :: j < SLOTS ->
     if
     :: slot_state[j] == FREE -> seems_full = false
     :: else
     fi;
     j++
  :: else -> break
  od;
  j = 0
}

/* WaiterQueue::push */
inline push_waiter() {
  came_before[me] = 0;
  j = 0;
  do
  :: j < waiter_count -> set_bit(came_before[me], waiters[j]); j++
  :: else -> break
  od;
  j = 0;
  waiters[waiter_count] = me;
  waiter_count++
}

/* WaiterQueue::remove */
inline remove_waiter(who) {
  j = 0;
  found = false;
  do
  :: j < waiter_count ->
     if
     :: found -> waiters[j - 1] = waiters[j]
     :: !found && waiters[j] == who -> found = true
     :: else
     fi;
     j++
  :: else -> break
  od;
  if
  :: found ->
     waiter_count--;
     waiters[waiter_count] = 0;
     came_before[who] = 0;
     j = 0;
     do
     :: j < THREADS -> clear_bit(came_before[j], who); j++
     :: else -> break
     od
  :: else
  fi;
  found = false;
  j = 0
}

/* serve_waiters: `number` becomes the wake number that is owed, or 0. */
inline serve_waiters(number) {
  number = 0;
  found = true;
  do
  :: found && waiter_count > 0 ->
     lease_free_slot(w);
     if
     :: w != 0 ->
#ifdef PLANT_SERVED_OUT_OF_ORDER
        i = waiters[waiter_count - 1];
#else
        i = waiters[0];
#endif
        assert(came_before[i] == 0);
        granted[i] = w;
        remove_waiter(i);
#ifndef PLANT_SKIP_NOTIFY
        clear_bit(asleep, i);
#endif
        if
        :: lead_waiter == i + 1 -> number = lead_wake_number
        :: else
        fi;
        found = true
     :: else -> found = false
     fi
  :: else -> break
  od;
#ifdef PLANT_WAKE_FORGOTTEN
  number = 0;
#endif
  found = false;
  w = 0;
  i = 0
}

/* free_slot: leased or retiring → free. */
inline free_slot(index) {
  assert(slot_state[index] == LEASED || slot_state[index] == RETIRING);
  slot_state[index] = FREE;
  seems_full = false
}

/* free_unsubmitted; `which` counts from 1. */
inline free_unsubmitted(which, number) {
  assert(slot_state[which - 1] == LEASED);
  free_slot(which - 1);
#ifdef PLANT_FREED_SLOT_NOT_SERVED
  number = 0
#else
  serve_waiters(number)
#endif
}

/* note_new_point: the leader must learn that `number` has work. `result` is the wake number owed. */
inline note_new_point(number, result) {
  result = 0;
#ifndef PLANT_NEW_POINT_IGNORED
  if
  :: lead_waiter != 0 ->
     found = false;
     i = 0;
     do
     :: i < QUEUES ->
        found = found || (lead_points[i] != 0);
        i++
     :: else -> break
     od;
     if
     :: !found -> clear_bit(asleep, lead_waiter - 1)
     :: found && lead_points[number] == 0 -> result = lead_wake_number
     :: else
     fi;
     found = false;
     i = 0
  :: else
  fi
#endif
}

/* resolve: a ticket has its outcome, once. */
inline resolve(number, which) {
  assert(which != 0);
  assert(!is_set(resolved[number], which));
  set_bit(resolved[number], which)
}

/* Timeline::pop for everything that `limit` covers, and SlotTable::retire: `slots` is what went. */
inline retire_covered(number, limit, slots) {
  slots = 0;
#ifdef PLANT_RECYCLE_EARLY
  do
  :: timeline_length[number] > 0 ->
#else
  do
  :: timeline_length[number] > 0 && oldest(number) <= limit ->
#endif
     j = timeline_slot[number * SLOTS];
#ifdef PLANT_RESOLVE_TWICE
     /* Only looks; the slot is taken out once its outcome is read. */
     set_bit(slots, j);
     break
#else
     assert(slot_state[j] == IN_FLIGHT);
     slot_state[j] = RETIRING;
     set_bit(slots, j);
     pop_timeline(number)
#endif
  :: else -> break
  od;
  j = 0
}

inline pop_timeline(number) {
  i = 1;
  do
  :: i < timeline_length[number] ->
     timeline_slot[number * SLOTS + i - 1] = timeline_slot[number * SLOTS + i];
     i++
  :: else -> break
  od;
  timeline_length[number]--;
  timeline_slot[number * SLOTS + timeline_length[number]] = 0;
  i = 0
}

/* SlotTable::pending: `result` tells whether a submission up to `limit` has yet to end. */
inline pending(number, limit, result) {
  result = false;
  j = 0;
  do
  :: j < SLOTS ->
     if
     :: queue_of(j) == number && slot_serial[j] <= limit &&
#ifdef PLANT_RETIRING_NOT_PENDING
        slot_state[j] == IN_FLIGHT ->
#else
        (slot_state[j] == IN_FLIGHT || slot_state[j] == RETIRING) ->
#endif
        result = true
     :: else
     fi;
     j++
  :: else -> break
  od;
  j = 0
}

/* fail_in_flight: everything in flight ends with the device. */
inline fail_in_flight() {
  q = 0;
  do
  :: q < QUEUES ->
     do
     :: timeline_length[q] > 0 ->
        j = timeline_slot[q * SLOTS];
        assert(slot_state[j] == IN_FLIGHT);
        slot_state[j] = LOST;
        resolve(q, slot_serial[j]);
        pop_timeline(q)
     :: else -> break
     od;
     q++
  :: else -> break
  od;
  q = 0;
  j = 0
}
