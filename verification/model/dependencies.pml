/* How submissions wait for one another, in Promela: what is held, sent, resumed and told, as
 * src/core/predecessors.cpp, submitting.cpp and completion.cpp do it. Two rings with a queue each.
 *
 * docs/design/model.md explains it. `verification/model/check` runs every configuration, and every
 * planted error.
 *
 * A configuration is a set of macros:
 *
 *   WITH_CHAIN      ring 0: a lease, a part that is held behind it in a sequence, and one after D;
 *                   ring 1: D, which waits for that part
 *   WITH_SHORT      without what comes after D (WITH_CHAIN)
 *   WITH_PLAIN      without the lease: the part is held behind nothing (WITH_CHAIN)
 *   WITH_CYCLE      in each ring a lease and a part that is held behind it, which the other ring's
 *                   lease waits for: one of the two has to be refused
 *   WITH_DISCARD    the lease may be discarded
 *   WITH_FAILURE    what the GPU runs may fail
 *   WITH_TIMEOUT    a wait for a ticket may end at any time
 *   WITH_LOSS       ring 0 may lose its device
 *   WITH_END        ring 1 ends while all this goes on
 *   WITH_BOTH_END   both rings end, each looked at by its own end alone (WITH_END)
 *
 * The state of a ring is changed in atomic steps, as with its lock held; what is read without a lock is
 * one step each.
 */

#define COUNT 4
#define NONE 255
#define bit(set, i) ((set >> (i)) & 1)

mtype = { leased, held, in_flight, ended };
mtype = { ready, hangs_now, has_failed };

mtype phase[COUNT] = leased;
byte queue_of[COUNT];
byte after[COUNT];        /* what each waits for: a set */
bool hangs[COUNT];        /* guarded by its queue's submit mutex */
byte dependants[COUNT];   /* those that hang on it: a set */
byte serial[COUNT];
bool done[COUNT];
bool failed[COUNT];
bool refused[COUNT];      /* never sent, or lost */

/* The sequence of each ring: two places. */
byte place[4] = NONE;
byte sequence_of[COUNT] = NONE;

/* The driver: what it has, and how much of it the GPU has run. */
byte driver[8];
byte driver_has[2];
byte waits[COUNT];
byte gpu_ended[2];
bool gpu_failed[COUNT];

/* The ring's time line. */
byte timeline[8];
byte submitted[2];
byte retired[2];
byte claimed[2];
bool lost[2];
byte lost_after[2];
bool closed[2];
byte visits[2];
bool over[2];             /* the ring's end has returned */

bool submit_mutex[2];
bool retire_mutex[2];
bool order;

inline lock(mutex) { atomic { !mutex -> mutex = true } }
inline unlock(mutex) { mutex = false }

inline give_up(x) {
  if
  :: sequence_of[x] == NONE
  :: sequence_of[x] != NONE && place[2 * sequence_of[x]] == x ->
     place[2 * sequence_of[x]] = place[2 * sequence_of[x] + 1];
     place[2 * sequence_of[x] + 1] = NONE
  :: sequence_of[x] != NONE && place[2 * sequence_of[x]] != x &&
     place[2 * sequence_of[x] + 1] == x ->
     place[2 * sequence_of[x] + 1] = NONE
  :: else
  fi
}

/* RingState::resume_dependants: they are this process's to resume. */
inline resume_dependants(x) {
  resumed = resumed | dependants[x];
  dependants[x] = 0
}

/* RingState::resolve */
inline resolve(x) {
  assert(!done[x]);
  phase[x] = ended;
  done[x] = true;
#ifndef PLANT_FAILURE_RESUMES_NOBODY
  resume_dependants(x)
#else
  if
  :: refused[x]
  :: else -> resume_dependants(x)
  fi
#endif
}

/* RingState::refuse, and ::fail for what is held. */
inline refuse(x) {
  failed[x] = true;
  refused[x] = true;
  give_up(x);
  resolve(x)
}

/* Predecessors::look: sets verdict and wait_set. */
inline look(x) {
  verdict = ready;
  wait_set = 0;
  i = 0;
  do
  :: i == COUNT || verdict == hangs_now -> break
  :: else ->
     if
     :: !bit(after[x], i)
#ifdef PLANT_HELD_NOT_WAITED_FOR
     :: bit(after[x], i) -> wait_set = wait_set | (1 << i)
#else
#ifdef PLANT_HANGS_WITHOUT_LOCK
     :: bit(after[x], i) && phase[i] == held ->
        atomic { hangs[x] = true; dependants[i] = dependants[i] | (1 << x); verdict = hangs_now }
     :: atomic { bit(after[x], i) && phase[i] != held ->
#else
     :: atomic { bit(after[x], i) ->
#endif
          if
          :: phase[i] == held ->
             hangs[x] = true;
             dependants[i] = dependants[i] | (1 << x);
             verdict = hangs_now
          :: else ->
             if
             :: serial[i] != 0 -> wait_set = wait_set | (1 << i)
             :: else
             fi;
             if
             :: done[i] && failed[i] -> verdict = has_failed
             :: else
             fi
          fi
        }
#endif
     fi;
     i++
  od
}

/* Backend::submit: nothing that the driver has waits for what it hasn't got. */
inline submit_natively(x) {
  atomic {
    i = 0;
    do
    :: i == COUNT -> break
    :: else -> assert(!bit(wait_set, i) || serial[i] != 0); i++
    od;
    i = 0;
    waits[x] = wait_set;
    driver[4 * queue_of[x] + driver_has[queue_of[x]]] = x;
    driver_has[queue_of[x]]++
  }
}

/* RingState::send */
inline record(x) {
  give_up(x);
  timeline[4 * queue_of[x] + submitted[queue_of[x]]] = x;
  submitted[queue_of[x]]++;
  serial[x] = submitted[queue_of[x]];
  phase[x] = in_flight;
#ifndef PLANT_SENT_RESUMES_NOBODY
  resume_dependants(x)
#endif
}

/* Submitting::advance, with the submit mutex of `q`: all of a sequence, or `alone`. */
inline advance(q, sequence, alone) {
  do
  :: atomic {
       next = alone;
       if
       :: sequence != NONE -> next = place[2 * sequence]
       :: else
       fi;
       if
       :: next == NONE -> break
       :: next != NONE && (phase[next] != held || hangs[next]) -> break
       :: else
       fi
     };
     look(next);
     if
     :: verdict == hangs_now -> break
     :: verdict == has_failed ->
        atomic {
          if
          :: phase[next] == held -> refuse(next)
          :: else
          fi
        }
     :: verdict == ready ->
        submit_natively(next);
        atomic {
          if
          :: phase[next] == held -> record(next)
          :: else -> break
          fi
        }
     fi;
     if
     :: sequence == NONE -> break
     :: else
     fi
  od;
  atomic { next = 0; wait_set = 0; verdict = 0 }
}

/* RingContext::follow_up: RingCore::resume of each, until none is left. */
inline follow_up() {
  do
  :: resumed == 0 -> break
  :: else ->
     atomic {
       x = 0;
       do
       :: bit(resumed, x) -> break
       :: else -> x++
       od;
       resumed = resumed & ~(1 << x);
       if
       :: !closed[queue_of[x]] || ends == queue_of[x] ->
          allowed = true;
          visits[queue_of[x]]++
       :: else -> allowed = false
       fi
     };
     if
     :: !allowed
     :: allowed ->
        lock(submit_mutex[queue_of[x]]);
        hangs[x] = false;
        advance(queue_of[x], sequence_of[x], x);
        atomic { unlock(submit_mutex[queue_of[x]]); visits[queue_of[x]]-- }
     fi;
     atomic { x = 0; allowed = false }
  od
}

/* Whether `x` waits for `lease`, by way of what is held: Predecessors::require_no_cycle. */
inline search_cycle(lease) {
  seen = after[lease];
  cycle = false;
  i = 0;
  do
  :: i == COUNT || cycle -> break
  :: else ->
     /* One record after the other, each with its own ring locked. */
     atomic {
       if
       :: bit(seen, i) && phase[i] == held ->
          if
          :: sequence_of[i] != NONE && place[2 * sequence_of[i]] == lease && i != lease ->
             cycle = true
          :: else
          fi;
          if
          :: (after[i] & ~seen) != 0 -> seen = seen | after[i]; i = 0
          :: sequence_of[i] != NONE && place[2 * sequence_of[i]] != i &&
             place[2 * sequence_of[i]] != NONE && !bit(seen, place[2 * sequence_of[i]]) &&
             phase[place[2 * sequence_of[i]]] == held ->
             seen = seen | (1 << place[2 * sequence_of[i]]);
             i = 0
          :: else -> i++
          fi
       :: else -> i++
       fi
     }
  od;
  i = 0
}

/* Submitting::submit. `thrown` says that it was refused. */
inline submit(s) {
  thrown = false;
  atomic {
    any_held = false;
    can_go = true;
    i = 0;
    do
    :: i == COUNT -> break
    :: else ->
       if
       :: bit(after[s], i) && phase[i] == held -> any_held = true; can_go = false
       :: bit(after[s], i) && done[i] && failed[i] -> can_go = false
       :: else
       fi;
       i++
    od;
    i = 0
  };
  lock(submit_mutex[queue_of[s]]);
  if
  :: closed[queue_of[s]] || lost[queue_of[s]] -> thrown = true
  :: else ->
     if
     :: any_held ->
#ifndef PLANT_CYCLE_WITHOUT_ORDER
        lock(order);
#endif
        search_cycle(s);
        if
        :: cycle -> thrown = true
        :: else ->
           atomic {
             if
             :: closed[queue_of[s]] || lost[queue_of[s]] -> thrown = true
             :: else -> phase[s] = held
             fi
           }
        fi;
#ifndef PLANT_CYCLE_WITHOUT_ORDER
        unlock(order)
#endif
     :: else ->
        atomic {
          if
          :: closed[queue_of[s]] || lost[queue_of[s]] -> thrown = true
          :: !can_go || (sequence_of[s] != NONE && place[2 * sequence_of[s]] != s) ->
             if
             :: closed[queue_of[s]] || lost[queue_of[s]]
             :: else -> phase[s] = held
             fi
          :: else
          fi
        }
     fi;
     if
     :: thrown || phase[s] != leased
     :: else ->
        look(s);
        submit_natively(s);
        atomic {
          record(s);
          /* Submitting::note: the loss may have been there first. */
          if
          :: lost[queue_of[s]] -> fail_in_flight(queue_of[s])
          :: else
          fi
        }
     fi;
     if
     :: thrown
     :: else -> advance(queue_of[s], sequence_of[s], s)
     fi
  fi;
  unlock(submit_mutex[queue_of[s]]);
  atomic { any_held = false; can_go = false; cycle = false; seen = 0; wait_set = 0; verdict = 0 };
  if
  :: thrown -> leave(s)
  :: else -> follow_up()
  fi;
  thrown = false
}

/* A lease ends without a submission: what is behind it moves on. */
inline leave(s) {
  lock(submit_mutex[queue_of[s]]);
  atomic {
    give_up(s);
    phase[s] = ended;
    done[s] = true;
    refused[s] = true
  };
  advance(queue_of[s], sequence_of[s], NONE);
  unlock(submit_mutex[queue_of[s]]);
  follow_up()
}

/* RingState::fail_in_flight: what no thread has claimed. Within an atomic step. */
inline fail_in_flight(q) {
  j = lost_after[q];
  do
  :: j >= submitted[q] -> break
  :: else ->
     if
     :: !done[timeline[4 * q + j]] ->
        refused[timeline[4 * q + j]] = true;
        failed[timeline[4 * q + j]] = true;
        resolve(timeline[4 * q + j])
     :: else
     fi;
     j++
  od;
  j = 0
}

/* One batch of Retirement::collect; `unresolved` holds the rest up. */
inline collect(q) {
  unresolved = NONE;
  lock(retire_mutex[q]);
  /* Backend::completed, which tells of nothing any more once the device is lost. */
  upto = (lost[q] -> retired[q] : (gpu_ended[q] < submitted[q] -> gpu_ended[q] : submitted[q]));
  if
  :: upto <= retired[q]
  :: else ->
     claimed[q] = upto;
     last = retired[q];
     do
     :: last == upto || unresolved != NONE -> break
     :: else ->
#ifdef PLANT_OUTCOME_TOLD_EARLY
        last++
#else
        i = 0;
        do
        :: i == COUNT || unresolved != NONE -> break
        :: else ->
           if
           :: bit(after[timeline[4 * q + last]], i) && !done[i] -> unresolved = i
           :: else -> i++
           fi
        od;
        i = 0;
        if
        :: unresolved == NONE -> last++
        :: else
        fi
#endif
     od;
#ifndef PLANT_STAYS_CLAIMED
     claimed[q] = last;
#endif
     if
     :: lost[q] ->
        /* RingState::fail_claimed */
        atomic {
          j = retired[q];
          do
          :: j >= upto || j >= lost_after[q] -> break
          :: else ->
             refused[timeline[4 * q + j]] = true;
             failed[timeline[4 * q + j]] = true;
             resolve(timeline[4 * q + j]);
             j++
          od;
          lost_after[q] = retired[q];
          j = 0;
          unresolved = NONE
        }
     :: else ->
        atomic {
          do
          :: retired[q] >= last -> break
          :: else ->
             x = timeline[4 * q + retired[q]];
             failed[x] = gpu_failed[x];
             i = 0;
             do
             :: i == COUNT -> break
             :: else ->
                if
                :: bit(after[x], i) && failed[i] -> failed[x] = true
                :: else
                fi;
                i++
             od;
             i = 0;
             resolve(x);
             retired[q]++
          od
        }
     fi
  fi;
  atomic { unlock(retire_mutex[q]); x = 0; upto = 0; last = 0 };
  follow_up()
}

#define LOCALS \
  byte i, j, next, x, other, resumed, wait_set, seen, upto, last, unresolved; \
  byte ends = NONE; \
  mtype verdict; \
  bool thrown, any_held, can_go, cycle, allowed

/* RingCore::poll, for another thread's ring: its end lets nobody in. */
inline visit_and_collect(r) {
  atomic {
    if
    :: !closed[r] -> allowed = true; visits[r]++
    :: else -> allowed = false
    fi
  };
  if
  :: !allowed
  :: else ->
     collect(r);
     visits[r]--
  fi;
  allowed = false
}

/* Ticket::wait, by whoever needs the outcome. */
inline wait(s) {
  do
  :: done[s] -> break
#ifdef WITH_TIMEOUT
  :: !done[s] -> break
#endif
  :: !done[s] ->
     /* Held: it sleeps at the record. Then it waits in the backend. */
     (done[s] || (serial[s] != 0 && gpu_ended[queue_of[s]] >= serial[s]) || lost[queue_of[s]]);
     if
     :: done[s]
     :: else ->
        unresolved = NONE;
        visit_and_collect(queue_of[s]);
        if
        :: unresolved != NONE ->
           other = queue_of[unresolved];
           visit_and_collect(other)
        :: else
        fi;
        atomic { other = 0; unresolved = 0 };
        /* The ring's end resolves it, or the thread that was first to know of the loss. */
        if
        :: closed[queue_of[s]] || lost[queue_of[s]] -> (done[s])
        :: else
        fi
     fi
  od
}

proctype gpu(byte q) {
end:
  do
  :: atomic {
       gpu_ended[q] < driver_has[q] &&
       (!bit(waits[driver[4 * q + gpu_ended[q]]], 0) || gpu_ended[queue_of[0]] >= serial[0]) &&
       (!bit(waits[driver[4 * q + gpu_ended[q]]], 1) || gpu_ended[queue_of[1]] >= serial[1]) &&
       (!bit(waits[driver[4 * q + gpu_ended[q]]], 2) || gpu_ended[queue_of[2]] >= serial[2]) &&
       (!bit(waits[driver[4 * q + gpu_ended[q]]], 3) || gpu_ended[queue_of[3]] >= serial[3]) ->
       if
       :: true
#ifdef WITH_FAILURE
       :: gpu_failed[driver[4 * q + gpu_ended[q]]] = true
#endif
       fi;
       gpu_ended[q]++
     }
  od
}

#ifdef WITH_CHAIN
/* The lease before the part that D waits for. */
proctype first() {
  LOCALS;
  if
  :: submit(0)
#ifdef WITH_DISCARD
  :: leave(0)
#endif
  fi;
  wait(0)
}

proctype part() {
  LOCALS;
  submit(1);
  wait(1)
}

proctype dependant() {
  LOCALS;
  (phase[1] != leased);
  submit(2);
  wait(2)
}

#ifndef WITH_SHORT
proctype further() {
  LOCALS;
  (phase[2] != leased);
  submit(3);
  wait(3)
}
#endif
#endif

#ifdef WITH_CYCLE
/* Leases 0 and 2, with the parts 1 and 3 held behind them. */
proctype half(byte ring) {
  LOCALS;
  submit(2 * ring + 1);
  (phase[3 - 2 * ring] != leased);
  submit(2 * ring);
  wait(2 * ring);
  wait(2 * ring + 1)
}
#endif

#ifdef WITH_LOSS
proctype lose() {
  LOCALS;
  atomic {
    lost[0] = true;
    lost_after[0] = (retired[0] > claimed[0] -> retired[0] : claimed[0]);
    i = 0;
    do
    :: i == COUNT -> break
    :: else ->
       if
       :: queue_of[i] == 0 && phase[i] == held -> refuse(i)
       :: else
       fi;
       i++
    od;
    i = 0;
    fail_in_flight(0)
  };
  follow_up()
}
#endif

#ifdef WITH_END
/* RingCore::close */
proctype close(byte ring) {
  LOCALS;
  ends = ring;
  closed[ring] = true;
  lock(submit_mutex[ring]);
  unlock(submit_mutex[ring]);
  /* Leases give up their places, and what they held back is sent. */
  atomic {
    i = 0;
    do
    :: i == COUNT -> break
    :: else ->
       if
       :: queue_of[i] == ring && phase[i] == leased -> give_up(i)
       :: else
       fi;
       i++
    od;
    i = 0
  };
  lock(submit_mutex[ring]);
  advance(ring, ring, NONE);
  unlock(submit_mutex[ring]);
  follow_up();
#ifndef PLANT_END_LEAVES_HELD
  /* Submitting::fail_held */
  do
  :: atomic {
       next = 0;
       do
       :: next == COUNT -> break
       :: next < COUNT && queue_of[next] == ring && phase[next] == held -> break
       :: else -> next++
       od
     };
     if
     :: next == COUNT -> break
     :: else ->
        lock(submit_mutex[ring]);
        atomic {
          if
          :: phase[next] == held -> refuse(next)
          :: else
          fi
        };
        unlock(submit_mutex[ring]);
        follow_up()
     fi
  od;
#endif
  do
  :: retired[ring] == submitted[ring] || lost[ring] -> break
  :: else ->
     (gpu_ended[ring] > retired[ring] || retired[ring] == submitted[ring] || lost[ring]);
     collect(ring);
     if
     :: unresolved != NONE && queue_of[unresolved] != ring ->
        other = queue_of[unresolved];
        visit_and_collect(other)
     :: else
     fi;
     atomic { other = 0; unresolved = 0 }
  od;
  (visits[ring] == 0);
  /* Nothing of it is in flight, and nothing uses its backend. */
  assert(lost[ring] || driver_has[ring] == submitted[ring]);
  assert(!retire_mutex[ring] || lost[ring]);
  over[ring] = true
}
#endif

/* What has ended well had all that it waited for end well, before it. */
#define told_in_order(s) \
  (!done[s] || refused[s] || failed[s] || \
   ((!bit(after[s], 0) || (done[0] && !failed[0])) && (!bit(after[s], 1) || (done[1] && !failed[1])) && \
    (!bit(after[s], 2) || (done[2] && !failed[2])) && (!bit(after[s], 3) || (done[3] && !failed[3]))))

proctype monitor() {
end:
  do
  :: atomic {
       !(told_in_order(0) && told_in_order(1) && told_in_order(2) && told_in_order(3)) ->
       assert(false)
     }
  od
}

init {
  atomic {
#ifdef WITH_CHAIN
    queue_of[2] = 1;
    after[2] = 1 << 1;
    after[3] = 1 << 2;
#ifndef WITH_PLAIN
    place[0] = 0;
    place[1] = 1;
    sequence_of[0] = 0;
    sequence_of[1] = 0;
    run first();
#endif
    run part();
    run dependant();
#ifndef WITH_SHORT
    run further();
#endif
#endif
#ifdef WITH_CYCLE
    queue_of[2] = 1;
    queue_of[3] = 1;
    place[0] = 0;
    place[1] = 1;
    place[2] = 2;
    place[3] = 3;
    sequence_of[0] = 0;
    sequence_of[1] = 0;
    sequence_of[2] = 1;
    sequence_of[3] = 1;
    after[0] = 1 << 3;
    after[2] = 1 << 1;
    run half(0);
    run half(1);
#endif
#ifdef WITH_LOSS
    run lose();
#endif
#ifdef WITH_END
    run close(1);
#endif
#ifdef WITH_BOTH_END
    run close(0);
#endif
    run gpu(0);
    run gpu(1);
    run monitor()
  }
}
