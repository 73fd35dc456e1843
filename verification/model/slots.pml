/* ring_state.cpp, and the pure logic that it consists of: SlotTable, WaiterQueue, SequenceRecord,
 * WatchedQueue. All of it runs within one step, with the state locked. */

/* The first free slot is taken; `result` counts from 1. With one queue the slots differ in name only,
 * so the lowest is taken. */
inline take_free_slot(result) {
  result = 0;
  i = 0;
  do
  :: i < SLOTS && result == 0 ->
#ifdef WITH_CURSOR
     j = (cursor + i) % SLOTS;
#else
     j = i;
#endif
#ifdef PLANT_TAKEN_COUNTS_AS_FREE
     if
     :: slot_state[j] == FREE || slot_state[j] == TAKEN -> result = j + 1
#else
     if
     :: slot_state[j] == FREE -> result = j + 1
#endif
     :: else
     fi;
     i++
  :: else -> break
  od;
  if
  :: result != 0 ->
     slot_state[result - 1] = TAKEN;
#ifdef WITH_CURSOR
     cursor = (result >= ring_size -> 0 : result);
#endif
  :: else
  fi;
  i = 0;
  j = 0
}

/* RingState::lease: `result` is the slot, or 0. */
inline lease(record, result) {
  take_free_slot(result);
  if
  :: result != 0 ->
     slot_of[record] = result;
     phase[record] = LEASED;
#ifdef WITH_SEQUENCE
     reserve_place(record)
#endif
  :: else
  fi
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
  assert(found);
  waiter_count--;
  waiters[waiter_count] = 0;
  came_before[who] = 0;
  j = 0;
  do
  :: j < THREADS -> clear_bit(came_before[j], who); j++
  :: else -> break
  od;
  found = false;
  j = 0
}

/* RingState::serve_waiters: `wake_up` becomes the wake number that is owed. */
inline serve_waiters() {
  do
  :: waiter_count > 0 && !closed && !lost ->
#ifdef PLANT_SERVED_OUT_OF_ORDER
     k = waiters[waiter_count - 1];
#else
     k = waiters[0];
#endif
     lease(waits_with[k], w);
     if
     :: w == 0 -> break
     :: else ->
        assert(came_before[k] == 0);
        set_bit(granted, k);
        remove_waiter(k);
#ifndef PLANT_SKIP_NOTIFY
        clear_bit(asleep, k);
#endif
#ifndef PLANT_WAKE_FORGOTTEN
        if
        :: lead_waiter == k + 1 -> wake_up = larger(wake_up, lead_wake_number)
        :: else
        fi
#endif
     fi
  :: else -> break
  od;
  k = 0;
  w = 0
}

/* SlotTable::free: taken → free, or → outside. `slot` is from 1. */
inline free_slot(which) {
  assert(slot_state[which - 1] == TAKEN);
#if defined(WITH_RESIZE) && !defined(PLANT_FREED_PAST_THE_END)
  slot_state[which - 1] = (which <= ring_size -> FREE : OUTSIDE)
#else
  slot_state[which - 1] = FREE
#endif
}

inline lose_slot(which) {
  assert(slot_state[which - 1] == TAKEN);
  slot_state[which - 1] = LOST
}

/* RingState::note_submission */
inline note_submission(number) {
  if
  :: lead_waiter == 0 && waiter_count > 0 -> clear_bit(asleep, waiters[0])
  :: lead_waiter != 0 && lead_points[number] == 0 ->
     clear_bit(asleep, lead_waiter - 1);
     wake_up = larger(wake_up, lead_wake_number)
  :: else
  fi
}

/* The record with a serial, as Timeline's operator[]; `result` is 0 if there is none. */
inline find_record(number, which, result) {
  result = 0;
  m = 1;
  do
  :: m <= RECORDS ->
     if
     :: phase[m] == IN_FLIGHT && serial_of[m] == which && queue_of(slot_of[m]) == number -> result = m
     :: else
     fi;
     m++
  :: else -> break
  od;
  m = 0;
  assert(result != 0)
}

/* A record goes back to its pool. Who gives back the last one once the ring has ended keeps the core
 * for the rest of its call: FollowUp::core. */
inline give_back() {
#ifdef WITH_RACE
  assert(in_use > 0);
  in_use--;
  if
  :: closed && in_use == 0 && self -> self = false; keeps_core = true
  :: else
  fi
#else
  skip
#endif
}

inline drop_reference(record) {
#ifdef WITH_RACE
  assert(references[record] > 0);
  references[record]--;
  if
  :: references[record] == 0 -> give_back()
  :: else
  fi
#else
  skip
#endif
}

/* RingState::resolve: a ticket has its outcome, once. */
inline resolve(record) {
  assert(!is_set(done, record));
  set_bit(done, record);
  phase[record] = NONE;
  slot_of[record] = 0;
  serial_of[record] = 0;
#ifndef PLANT_SLEEPERS_NOT_WOKEN
  clear_bit(asleep_on_record, thread_of(record));
#endif
#ifdef WITH_CALLBACK
  if
  :: is_watched(record) ->
     clear_bit(watched, record);
     set_bit(watched_ended, record);
#ifndef PLANT_THREAD_NOT_NOTIFIED
     thread_asleep = false
#endif
  :: else -> assert(!is_set(watched, record)); drop_reference(record)
  fi
#else
  drop_reference(record)
#endif
}

/* RingState::retire */
inline retire_record(record) {
  free_slot(slot_of[record]);
  resolve(record)
}

/* RingState::end_unsubmitted */
inline end_lease(record) {
  assert(phase[record] == LEASED);
#ifdef WITH_SEQUENCE
  give_up_place(record);
#endif
  free_slot(slot_of[record]);
  slot_of[record] = 0;
  phase[record] = NONE;
#ifndef PLANT_FREED_SLOT_NOT_SERVED
  serve_waiters();
#endif
  give_back()
}

#ifdef WITH_SEQUENCE
inline reserve_place(record) {
  placed_before[record] = 0;
  j = 0;
  do
  :: j < place_count -> set_bit(placed_before[record], places[j]); j++
  :: else -> break
  od;
  j = 0;
  places[place_count] = record;
  place_count++
}

/* SequenceRecord::give_up: does nothing if there is no place. */
inline give_up_place(record) {
  j = 0;
  found = false;
  do
  :: j < place_count ->
     if
     :: found -> places[j - 1] = places[j]
     :: !found && places[j] == record -> found = true
     :: else
     fi;
     j++
  :: else -> break
  od;
  if
  :: found ->
     place_count--;
     places[place_count] = 0;
     placed_before[record] = 0;
     j = 1;
     do
     :: j <= RECORDS -> clear_bit(placed_before[j], record); j++
     :: else -> break
     od
  :: else
  fi;
  found = false;
  j = 0
}
#endif

/* RingState::send, of what the driver has. */
inline send(record) {
  submitted[queue_of(slot_of[record])]++;
  serial_of[record] = submitted[queue_of(slot_of[record])];
  assert(serial_of[record] == native_serial[slot_of[record] - 1]);
  phase[record] = IN_FLIGHT;
#ifdef WITH_SEQUENCE
  give_up_place(record);
#endif
#ifdef WITH_CALLBACK
  order_of[record] = serial_of[record];
  if
  :: is_watched(record) ->
     set_bit(watched, record);
     thread_asleep = false
  :: else
  fi;
#endif
#ifndef PLANT_SENT_NOT_TOLD
  clear_bit(asleep_on_record, thread_of(record))
#endif
}

#ifdef WITH_LOSS
/* RingState::fail */
inline fail(record) {
#ifdef WITH_SEQUENCE
  give_up_place(record);
#endif
  lose_slot(slot_of[record]);
  resolve(record)
}

/* RingState::fail_in_flight */
inline fail_in_flight(number) {
  if
  :: lost_after[number] == NOT_YET ->
#ifdef PLANT_LOSS_TAKES_CLAIMED
     lost_after[number] = retired[number];
#else
     lost_after[number] = larger(retired[number], claimed[number]);
#endif
     lost_up_to[number] = lost_after[number]
  :: else
  fi;
  do
  :: lost_up_to[number] < submitted[number] ->
     lost_up_to[number]++;
     find_record(number, lost_up_to[number], k);
     fail(k)
  :: else -> break
  od;
  k = 0
}

/* RingState::fail_claimed: those up to `last`, that this thread has claimed. */
inline fail_claimed(number, last) {
  w = retired[number] + 1;
  do
  :: w <= last && w <= lost_after[number] ->
     find_record(number, w, k);
     fail(k);
     w++
  :: else -> break
  od;
  w = 0;
  k = 0;
#ifndef PLANT_CLAIMED_FAILED_TWICE
  lost_after[number] = retired[number]
#endif
}

/* RingState::lose, but for `stopped`, which was set before. */
inline lose_everything() {
  lost = true;
  asleep = 0;
#ifdef WITH_SEQUENCE
  k = 1;
  do
  :: k <= RECORDS ->
     if
     :: phase[k] == HELD -> fail(k)
     :: else
     fi;
     k++
  :: else -> break
  od;
#endif
  q = 0;
  do
  :: q < QUEUES -> fail_in_flight(q); q++
  :: else -> break
  od;
  q = 0;
#ifdef WITH_CALLBACK
  thread_asleep = false;
#endif
  wake_up = larger(wake_up, wake_numbers)
}
#endif
