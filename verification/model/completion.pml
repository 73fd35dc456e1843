/* completion.cpp: how the ring learns that work has ended, and what it does then. */

/* Retirement::lose: device loss becomes final, and everyone wakes. `stopped` is set before it is looked
 * at what others have claimed and submitted. */
#ifdef WITH_LOSS
inline lose() {
#ifdef PLANT_STOPPED_AFTER_LOSS
  d_step {
    !state_locked ->
    scratch = !lost;
    if
    :: !lost -> lose_everything(); state_locked = true
    :: else
    fi
  };
  if
  :: scratch -> d_step { stopped = true; state_locked = false }
  :: else
  fi;
#else
  d_step {
    !state_locked ->
    touch_core();
    scratch = !lost;
    if
    :: !lost -> stopped = true; state_locked = true
    :: else
    fi
  };
  if
  :: scratch -> d_step { lose_everything(); state_locked = false; scratch = false }
  :: else
  fi;
#endif
  wake();
  drop_core()
}

/* Retirement::fail_late */
inline fail_late(number) {
  d_step {
    !state_locked ->
    touch_core();
    if
    :: lost -> fail_in_flight(number)
    :: else
    fi
  };
  drop_core()
}
#endif

/* What retire does first: asks what has ended, and claims it. `claim` is 0 if there is nothing. */
inline find_claim(number) {
  touch_core();
  assert(!detached);
#ifdef PLANT_RECYCLE_EARLY
  claim = submitted[number];
#else
  claim = (native_completed[number] < submitted[number] -> native_completed[number] : submitted[number]);
#endif
  claim = (claim <= retired[number] -> 0 : claim);
  claim = (claim > retired[number] + BATCH -> retired[number] + BATCH : claim);
}

inline note_claim(number) {
#ifdef WITH_LOSS
  claimed[number] = (claim == 0 -> claimed[number] : claim)
#else
  skip
#endif
}

/* The loss of the device may have been there first. */
inline leave_to_loss(number) {
#ifdef WITH_LOSS
  if
  :: claim != 0 && stopped ->
     d_step {
       !state_locked ->
       if
       :: lost ->
#ifndef PLANT_CLAIMED_NOT_FAILED
          fail_claimed(number, claim);
#endif
          claim = 0
       :: else
       fi
     }
  :: else
  fi
#else
  skip
#endif
}

/* Retirement::collect, with Turn::skip if `skips`. */
inline collect(number, skips) {
  more = true;
  do
  :: !more -> break
  :: else ->
     more = false;
#ifdef PLANT_RETIRE_WITHOUT_MUTEX
     holding = true;
#else
     if
     :: d_step { !retire_mutex[number] -> retire_mutex[number] = true; holding = true }
     :: skips && retire_mutex[number]
     fi;
#endif
     if
     :: !holding
     :: else ->
#ifdef PLANT_CLAIMED_AFTER_LOOK
        /* Looks whether the device is lost, and claims afterwards. */
        if
        :: d_step { answers_well -> find_claim(number) }
        :: device_lost -> thrown = true
        fi;
        leave_to_loss(number);
        d_step { note_claim(number) };
#else
        if
        :: d_step { answers_well -> find_claim(number); note_claim(number) }
#ifdef WITH_LOSS
        :: device_lost -> thrown = true
#endif
        fi;
        leave_to_loss(number);
#endif
        if
        :: claim == 0
        :: else ->
           if
           :: d_step { answers_well -> finish(number) }
#ifdef WITH_LOSS
           :: device_lost -> loss_found = true
#endif
           fi;
           d_step { !state_locked -> retire(number) }
        fi;
        unlock(retire_mutex[number]);
        holding = false;
#ifdef WITH_LOSS
        if
        :: thrown -> lose()
        :: else
        fi;
#endif
        follow_up();
        drop_core();
#ifdef WITH_LOSS
        if
        :: loss_found -> loss_found = false; lose()
        :: else
        fi
#endif
     fi
  od;
  more = false
}

/* What retire does with what it has claimed, once it knows the outcomes. */
inline retire(number) {
  more = (claim == retired[number] + BATCH);
  q = retired[number] + 1;
  do
  :: q <= claim ->
     find_record(number, q, k);
     retire_record(k);
     q++
  :: else -> break
  od;
  q = 0;
  retired[number] = claim;
  claim = 0;
  serve_waiters();
  settle()
}

/* Retirement::collect_all */
inline collect_all(skips) {
  collect(0, skips);
#if QUEUES > 1
  if
  :: thrown
  :: else -> collect(1, skips)
  fi
#endif
}

/* Retirement::wait_serial */
inline wait_serial(number, which) {
  do
  :: retired[number] >= which || thrown -> break
  :: else ->
     wait_for_serial(number, which);
     if
     :: thrown
     :: else ->
        collect(number, false);
#ifdef WITH_LOSS
        if
        :: thrown || !stopped
        :: else -> d_step { !state_locked -> thrown = lost }
        fi
#endif
     fi;
     status = 0
  od
}

/* One sleep at the record, until it has ended or, if `until_sent`, has a serial; `ended` says whether
 * that was so. */
inline sleep_at_record(until_sent) {
  do
  :: d_step {
       !state_locked ->
       touch_core();
       ended = is_set(done, record) || (until_sent && serial_of[record] != 0);
       if
       :: !ended && in_time -> set_bit(asleep_on_record, me)
       :: else
       fi
     };
     if
     :: ended || !in_time -> break
     :: else ->
        if
        :: !is_set(asleep_on_record, me)
#ifdef WITH_TIMEOUT
        :: d_step { limited && is_set(asleep_on_record, me) -> clear_bit(asleep_on_record, me); in_time = false }
#endif
#ifdef WITH_SPURIOUS
        :: d_step { is_set(asleep_on_record, me) -> clear_bit(asleep_on_record, me) }
#endif
        fi
     fi
  od;
  clear_bit(asleep_on_record, me)
}

/* Retirement::wait, behind RingCore::wait: a ticket's wait. */
inline wait_for_ticket() {
  in_time = true;
  if
  :: is_set(done, record) -> ended = true
  :: else ->
     enter_gate();
     if
     :: !allowed ->
        /* The ring is just ending: that resolves everything. */
        sleep_at_record(false)
     :: else ->
#ifdef WITH_SEQUENCE
        ended = true;
        if
        :: d_step { serial_of[record] == 0 && !is_set(done, record) -> ended = false }
        :: else
        fi;
        if
        :: !ended -> sleep_at_record(true)
        :: else
        fi;
        if
        :: !ended
        :: else ->
#endif
        d_step { ended = is_set(done, record); serial = serial_of[record] };
        if
        :: ended
        :: else ->
           wait_for_serial(queue, serial);
           if
           :: thrown
           :: else -> collect(queue, false)
           fi;
           if
           :: thrown -> limited = false; thrown = false; sleep_at_record(false)
           :: else ->
              if
              :: is_set(done, record) -> ended = true
              :: !is_set(done, record) && status == TIMED_OUT
              :: else -> sleep_at_record(false)
              fi
           fi;
           status = 0
        fi
#ifdef WITH_SEQUENCE
        fi
#endif
     fi;
     leave_gate()
  fi;
  /* A wait that ended well has an outcome to tell. */
  assert(!ended || is_set(done, record));
  d_step {
    assert(ended || limited);
    serial = 0;
    ended = false;
    limited = false;
    in_time = false
  }
}
