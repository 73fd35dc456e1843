/* callbacks.cpp: what runs once work has ended, and how it is taken back. */

#ifdef WITH_CALLBACK

/* Callbacks::require_thread */
inline require_thread() {
  if
  :: thread_started
  :: else ->
     lock(structure_mutex);
     d_step { !state_locked -> thread_started = !thread_stop };
     unlock(structure_mutex)
  fi
}

/* The callback, or the coroutine, runs: once, after the end, and if nobody took it back. */
inline run_callback() {
  d_step {
    touch_core();
    assert(is_set(done, record));
    assert(!is_set(ran, record) && !is_set(cancelled, record) && !is_set(destroyed, record));
    set_bit(ran, record)
  }
}

/* The completion thread runs callbacks in the order of serials. */
inline check_order() {
  d_step {
    k = 1;
    do
    :: k <= RECORDS ->
       assert(!is_set(queued, k) || order_of[k] == 0 || order_of[k] >= order_of[record]);
       k++
    :: else -> break
    od;
    k = 0
  }
}

/* The node goes back to its pool when list and handle have let go of it. */
inline release_node(count) {
#ifdef WITH_RACE
  assert(node_users[record] >= count);
  node_users[record] = node_users[record] - count;
  if
  :: node_users[record] == 0 -> give_back()
  :: else
  fi
#else
  skip
#endif
}

/* RingCore::add_callback, and add_continuation and Callbacks::add in it. */
inline add_callback() {
  d_step {
    set_bit(with_callback, record);
    scratch = is_set(done, record)
  };
  if
  :: scratch -> run_callback()
  :: else ->
#ifdef WITH_RACE
     d_step { !state_locked -> touch_core(); in_use++; node_users[record] = 2 };
#endif
     enter_gate();
     if
     :: !allowed ->
        in_time = true;
        sleep_at_record(false);
        d_step { in_time = false; ended = false; scratch = true }
     :: else ->
        require_thread();
        d_step {
          !state_locked ->
          touch_core();
          if
          :: is_set(done, record) -> scratch = true
          :: else ->
             set_bit(queued, record);
             if
             :: serial_of[record] != 0 ->
                set_bit(watched, record);
                thread_asleep = false;
#ifndef PLANT_OLDER_WORK_IGNORED
                if
                :: serial_of[record] < thread_waits_for -> wake_up = larger(wake_up, thread_wake_number)
                :: else
                fi
#endif
             :: else
             fi
          fi
        };
        wake()
     fi;
     leave_gate();
     if
     :: scratch ->
#ifdef WITH_RACE
        d_step { !state_locked -> release_node(2) };
#endif
        drop_core();
        run_callback()
     :: else -> has_handle = true
     fi
  fi;
  scratch = false
}

/* Callbacks::remove; `scratch` says whether it was there. */
inline remove_callback() {
  scratch = is_set(queued, record);
  if
  :: scratch ->
     clear_bit(queued, record);
#ifndef PLANT_WATCHED_NOT_FORGOTTEN
     if
     :: !is_watched(record) && !is_set(done, record) ->
        clear_bit(watched, record);
        thread_asleep = false
     :: else
     fi
#endif
  :: else
  fi
}

/* CallbackHandle::cancel */
inline cancel() {
  d_step {
    !state_locked ->
    touch_core();
    remove_callback();
    if
    :: scratch -> set_bit(cancelled, record)
#ifdef PLANT_CANCEL_DOES_NOT_WAIT
    :: else
#else
    :: !scratch && is_set(running, record) -> set_bit(asleep_cancel, me)
    :: else
#endif
    fi
  };
  do
  :: is_set(asleep_cancel, me) ->
     !is_set(asleep_cancel, me);
     d_step {
       !state_locked ->
       if
       :: is_set(running, record) -> set_bit(asleep_cancel, me)
       :: else
       fi
     }
  :: else -> break
  od;
  clear_bit(asleep_cancel, me);
  d_step {
    !state_locked ->
    touch_core();
    /* Its answer: true if it will never run; else it has run, and nothing of it is in use. */
    assert(scratch == !is_set(ran, record));
    assert(!is_set(in_callback, record));
    if
    :: scratch -> release_node(2)
    :: else -> release_node(1)
    fi;
    scratch = false
  };
  drop_core()
}

/* ~CallbackHandle leaves the callback in place. */
inline let_go_of_handle() {
#ifdef WITH_RACE
  d_step {
    !state_locked ->
    if
    :: node_users[record] > 0 -> release_node(1)
    :: else
    fi
  };
  drop_core()
#else
  skip
#endif
}

/* A coroutine that is suspended is destroyed. The program sees to it that nobody is about to resume it:
 * here, the GPU doesn't end the work meanwhile. */
inline destroy_coroutine() {
  if
  :: d_step {
       !pinned && is_set(queued, record) && !is_set(done, record) &&
       (serial_of[record] == 0 -> native_submitted[0] == submitted[0] : native_completed[0] < serial_of[record]) ->
       pinned = true
     };
     d_step {
       !state_locked ->
#ifdef PLANT_COROUTINE_LEFT
       scratch = true;
#else
       remove_callback();
#endif
       assert(scratch);
       scratch = false
     };
     d_step { set_bit(destroyed, record); pinned = false }
  :: true
  fi
}

/* The oldest submission in flight that the completion thread watches: `which` is its serial, or 0. */
inline find_watched(which) {
  which = 0;
  k = 1;
  do
  :: k <= RECORDS ->
     if
     :: is_set(watched, k) && (which == 0 || serial_of[k] < which) -> which = serial_of[k]
     :: else
     fi;
     k++
  :: else -> break
  od;
  k = 0
}

/* WatchedQueue::pop_ended: the oldest that has ended, unless `oldest`, which is in flight, is older. */
inline find_ended(which, oldest) {
  which = 0;
  k = 1;
  do
  :: k <= RECORDS ->
     if
     :: is_set(watched_ended, k) && (which == 0 || order_of[k] < order_of[which]) -> which = k
     :: else
     fi;
     k++
  :: else -> break
  od;
  k = 0;
#ifndef PLANT_LOSS_OVERTAKES_CLAIMED
  if
  :: which != 0 && oldest != 0 && oldest < order_of[which] -> which = 0
  :: else
  fi;
#endif
  if
  :: which != 0 -> clear_bit(watched_ended, which)
  :: else
  fi
}

/* Callbacks::wait_for_work */
inline wait_for_work() {
  if
  :: d_step { native_completed[0] >= serial -> assert(!detached) }
  :: d_step { native_completed[0] < serial && woken >= thread_wake_number -> assert(!detached) }
  OR_LOSE
  fi;
  if
  :: thrown
  :: else -> collect(0, false)
  fi;
  thrown = false
}

/* Callbacks::see_to */
inline see_to() {
  do
  :: d_step {
       !state_locked ->
       touch_core();
       scratch = is_set(queued, record);
       if
       :: scratch ->
          clear_bit(queued, record);
#ifndef PLANT_RUNNING_NOT_NOTED
          if
          :: !is_set(coroutine, record) -> set_bit(running, record)
          :: else
          fi;
#endif
          set_bit(in_callback, record)
       :: else
       fi
     };
     if
     :: !scratch -> break
     :: else ->
        check_order();
        run_callback();
        clear_bit(in_callback, record);
        if
        :: is_set(coroutine, record)
        :: else ->
           d_step {
             !state_locked ->
             clear_bit(running, record);
#ifndef PLANT_CANCEL_NOT_TOLD
             clear_bit(asleep_cancel, thread_of(record));
#endif
             release_node(1)
           };
           drop_core()
        fi
     fi
  od;
  clear_bit(kept, record);
  d_step { !state_locked -> drop_reference(record) };
  drop_core()
}

/* Callbacks::stop */
inline stop_thread() {
  lock(structure_mutex);
  d_step {
    !state_locked ->
    thread_stop = true;
    thread_asleep = false;
    wake_up = larger(wake_up, thread_wake_number)
  };
  unlock(structure_mutex);
  wake();
  !thread_started || thread_ended
}

#endif
