/* ring_acquire.cpp: how the ring hands out slots. */

/* A thread that is not in the queue takes a slot if nobody is waiting for one. */
inline lease_as_newcomer() {
  if
  :: lost -> thrown = true
  :: !lost && waiter_count == 0 ->
     lease_free_slot(slot)
  :: else
  fi
}

/* take_slot: `slot` is what it returns, unless `thrown`. */
inline acquire() {
  slot = 0;
  if
  :: seems_full
  :: !seems_full ->
     d_step { lock(state_mutex); lease_as_newcomer() };
     unlock(state_mutex)
  fi;
  if
  :: slot != 0 || thrown
  :: else ->
     collect_all();
     if
     :: thrown
     :: else ->
        d_step { lease_as_newcomer() };
        if
        :: slot != 0 || thrown -> unlock(state_mutex)
        :: else ->
           /* The deadline matters from here on only. */
           if
           :: waiting = true
#ifdef WITH_TIMEOUT
           :: waiting = true; limited = true
#endif
#ifdef WITH_TRY
           :: unlock(state_mutex)
#endif
           fi;
           if
           :: waiting -> wait_for_slot()
           :: else
           fi
        fi
     fi
  fi
}

/* wait_for_slot. Comes with the state mutex held and leaves without. */
inline wait_for_slot() {
  d_step {
    push_waiter();
    in_time = true;
    take_turn();
    q = 0
  };
  do
  :: !waiting -> break
  :: waiting && status == 0 ->
     /* Sleeps, as a follower or as a leader with nothing to wait for in the backend. */
     sleep();
     d_step {
       lock(state_mutex);
       if
       :: lead_waiter == me + 1 -> stop_leading()
       :: else
       fi;
       take_turn()
     }
  :: waiting && status != 0 ->
     wait_for_points();
     if
     :: thrown ->
        d_step {
          lock(state_mutex);
          stop_leading();
          take_turn()
        }
     :: !thrown && status == WOKEN ->
        d_step {
          lock(state_mutex);
          stop_leading();
          take_turn()
        }
     :: else ->
        /* Also after a timeout: a slot that got free just now is better than an error. */
        d_step { lock(state_mutex); lead_wake_number = 0 };
        unlock(state_mutex);
        collect_all();
        if
        :: thrown -> d_step { lock(state_mutex) }
        :: else
        fi;
        d_step {
          stop_leading();
          in_time = (status != TIMED_OUT);
          take_turn()
        }
     fi
  od;
  atomic { limited = false; in_time = false; status = 0 };
  unlock(state_mutex);
  wake_leader()
}

inline stop_leading() {
  lead_waiter = 0;
  lead_wake_number = 0;
  q = 0;
  do
  :: q < QUEUES -> lead_points[q] = 0; q++
  :: else -> break
  od;
  q = 0
}

/* One turn of the loop in wait_for_slot, with the state mutex held: leave, lead or follow. Frees the
 * mutex unless the thread leaves. `status` is not 0 if the thread is to wait in the backend.
 *
 * Here the mutex is freed within the step: what the section wrote is read by nobody without it. */
inline take_turn() {
  status = 0;
  if
  :: granted[me] != 0 || !in_time || thrown -> leave()
  :: else ->
     if
     :: lost -> thrown = true; leave()
     :: !lost && lead_waiter == 0 -> lead()
     :: else -> fall_asleep()
     fi
  fi
}

inline fall_asleep() {
#ifdef PLANT_SLEEP_NOT_ATOMIC
  state_mutex = 0
#else
  go_to_sleep(asleep)
#endif
}

/* sleep: on the thread's own condition variable. */
inline sleep() {
#ifdef PLANT_SLEEP_NOT_ATOMIC
  set_bit(asleep, me);
#endif
  if
  :: !is_set(asleep, me)
#ifdef WITH_TIMEOUT
  :: d_step { limited && is_set(asleep, me) -> clear_bit(asleep, me); in_time = false }
#endif
#ifdef SPURIOUS
  :: d_step { is_set(asleep, me) -> clear_bit(asleep, me) }
#endif
  fi
}

/* lead, up to the wait. */
inline lead() {
  lead_waiter = me + 1;
  found = false;
  q = 0;
  do
  :: q < QUEUES ->
     lead_points[q] = (timeline_length[q] == 0 -> 0 : oldest(q));
     found = found || (timeline_length[q] != 0);
     q++
  :: else -> break
  od;
  q = 0;
  if
  :: !found -> fall_asleep()
  :: else ->
     found = false;
     i = 0;
     do
     :: i < SLOTS ->
#ifdef PLANT_RETIRING_FORGOTTEN
        found = found || slot_state[i] == LEASED;
#else
        found = found || slot_state[i] == LEASED || slot_state[i] == RETIRING;
#endif
        i++
     :: else -> break
     od;
     i = 0;
#ifdef PLANT_UNWAKEABLE_LEADER
     found = false;
#endif
     if
     :: found ->
        lead_wake_number = next_wake_number;
#ifndef PLANT_WAKE_NUMBER_REUSED
        next_wake_number++
#endif
     :: else
     fi;
     status = REACHED;
     state_mutex = 0
  fi;
  found = false
}

/* leave: out of the queue, and someone else leads if need be. */
inline leave() {
  waiting = false;
  remove_waiter(me);
#ifndef PLANT_LEADER_NOT_REPLACED
  if
  :: lead_waiter == 0 && waiter_count > 0 -> clear_bit(asleep, waiters[0])
  :: else
  fi;
#endif
  slot = granted[me];
  granted[me] = 0;
#ifdef PLANT_GRANT_LOST_ON_TIMEOUT
  slot = (in_time -> slot : 0);
#endif
#ifdef PLANT_TIMEOUT_RECYCLES
  if
  :: !in_time && slot == 0 && timeline_length[0] > 0 ->
     slot_state[timeline_slot[0]] = FREE;
     pop_timeline(0)
  :: else
  fi;
#endif
  if
  :: thrown && slot != 0 ->
     free_unsubmitted(slot, wake_up);
     slot = 0
  :: else
  fi
}
