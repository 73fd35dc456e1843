/* ring_completion.cpp: how the ring learns that work has ended, and what it does then. */

/* collect. Leaves with the state mutex held, unless `thrown`. */
inline collect(number) {
  ask_completed(number);
  if
  :: thrown
  :: else ->
     d_step { lock(state_mutex); retire_covered(number, completed, batch) };
     do
     :: batch == 0 -> break
     :: else ->
        unlock(state_mutex);
        finish(batch);
        d_step {
          lock(state_mutex);
          free_batch(number);
#ifndef PLANT_RESOLVED_NOT_NOTIFIED
          asleep_resolved = 0;
#endif
          serve_waiters(wake_up);
          if
          :: wake_up == 0 -> retire_covered(number, completed, batch)
          :: else
          fi
        };
        if
        :: wake_up != 0 ->
           unlock(state_mutex);
           wake_leader();
           d_step { lock(state_mutex); retire_covered(number, completed, batch) }
        :: else
        fi
     od;
     completed = 0
  fi
}

/* What collect does with the slots whose outcome it has read. */
inline free_batch(number) {
  w = 0;
  do
  :: w < SLOTS ->
     if
     :: is_set(batch, w) ->
#ifdef PLANT_RESOLVE_TWICE
        resolve(number, slot_serial[w]);
        slot_state[w] = RETIRING;
        pop_timeline(number);
        free_slot(w)
#else
        assert(slot_state[w] == RETIRING);
        free_slot(w);
        resolve(number, slot_serial[w])
#endif
     :: else
     fi;
     w++
  :: else -> break
  od;
  w = 0;
  batch = 0
}

/* collect_all. Leaves with the state mutex held, unless `thrown`. */
inline collect_all() {
  collect(0);
#if QUEUES > 1
  if
  :: thrown
  :: else ->
     unlock(state_mutex);
     collect(1)
  fi
#endif
}

/* wait_serial. `ended` is what it returns, unless `thrown`. */
inline wait_serial(number, which) {
  d_step { lock(state_mutex); pending(number, which, ended); ended = !ended };
  unlock(state_mutex);
  if
  :: ended
  :: else ->
     wait_for_serial(number, which);
     if
     :: thrown
     :: else ->
        collect(number);
        if
        :: thrown
        :: else ->
           unlock(state_mutex);
           do
           :: d_step {
                lock(state_mutex);
                pending(number, which, ended);
                ended = !ended;
                if
                :: !ended && status == REACHED -> go_to_sleep(asleep_resolved)
                :: else
                fi
              };
              if
              :: ended || status == TIMED_OUT ->
                 unlock(state_mutex);
                 break
              :: else -> sleep_until_resolved()
              fi
           od
        fi;
        status = 0
     fi
  fi
}

/* Sleeps on resolved_; the state mutex is free until the caller takes it again. */
inline sleep_until_resolved() {
  if
  :: !is_set(asleep_resolved, me)
#ifdef SPURIOUS
  :: d_step { is_set(asleep_resolved, me) -> clear_bit(asleep_resolved, me) }
#endif
  fi
}

/* RingCore::wait: a ticket's wait. */
inline wait_for_ticket(number, which) {
  if
  :: is_set(resolved[number], which) -> ended = true
  :: else ->
     wait_serial(number, which);
#ifdef WITH_LOSS
     if
     :: thrown ->
        /* Resolved with the loss, or in a moment by the thread that reads its outcome. */
        do
        :: d_step {
             lock(state_mutex);
             ended = is_set(resolved[number], which);
             if
             :: !ended -> go_to_sleep(asleep_resolved)
             :: else
             fi
           };
           if
           :: ended ->
              unlock(state_mutex);
              break
           :: else -> sleep_until_resolved()
           fi
        od;
        thrown = false
     :: else
     fi
#endif
  fi;
  /* A wait that ended well has an outcome to tell. */
  assert(!ended || is_set(resolved[number], which));
  assert(ended || limited);
  ended = false;
  limited = false
}
