/* What the threads share, and the locks and condition variables that guard it. */

#ifndef THREADS
#define THREADS 2
#endif
#ifndef SLOTS
#define SLOTS 2
#endif
#ifndef QUEUES
#define QUEUES 1
#endif
#ifndef ROUNDS
#define ROUNDS 2
#endif
/* How many slots one thread retires at once. */
#ifndef BATCH
#define BATCH 4
#endif
/* The size that the ring begins with; SLOTS is the largest. */
#ifndef SIZE
#define SIZE SLOTS
#endif

/* Workers are processes 0 to THREADS - 1, the owner is THREADS. */
#define me _pid

/* Each acquire has a record of its own, from 1: Submission. The pool is not modelled. */
#define RECORDS (THREADS * ROUNDS)
#define record_of(thread, number) ((thread) * ROUNDS + (number))
#define thread_of(record) (((record) - 1) / ROUNDS)

/* SlotState */
#define FREE 0
#define TAKEN 1
#define LOST 2
#define OUTSIDE 3
#define ABSENT 4

/* Phase; NONE before and after. */
#define NONE 0
#define LEASED 1
#define HELD 2
#define IN_FLIGHT 3

/* The locks. A section under the state mutex is one step, which waits until `state_locked` is false.
 * Where the order of accesses within a section matters to threads that look without the lock, the
 * section is several steps, and `state_locked` is true between them. */
bool state_locked;
bool submit_mutex[QUEUES];
bool retire_mutex[QUEUES];
#if defined(WITH_RESIZE) || defined(WITH_CALLBACK)
#define WITH_STRUCTURE
bool structure_mutex;
#endif
#define lock(mutex) d_step { !mutex -> mutex = true }
#define unlock(mutex) mutex = false

/* RingState */
byte slot_state[SLOTS];
#if QUEUES > 1 || defined(WITH_RESIZE)
#define WITH_CURSOR
byte cursor;
#endif
#ifdef WITH_RESIZE
byte ring_size = SIZE;
#else
#define ring_size SLOTS
#endif
/* Submission: the slot is from 1; what has ended has none of these any more. */
byte slot_of[RECORDS + 1];
byte phase[RECORDS + 1];
byte serial_of[RECORDS + 1];
short done; /* a bit for each record */
/* WaiterQueue: first come, first served. Waiters are processes. */
byte waiter_count;
byte waiters[THREADS];
byte waits_with[THREADS]; /* Waiter::submission */
byte granted;             /* Waiter::granted, a bit for each process */
/* Lead */
byte lead_waiter;
byte lead_wake_number;
byte lead_points[QUEUES];
byte wake_numbers;
bool lost;
bool closed;

/* RingQueue: `submitted` and `retired` are the timeline's, whose entries are found by serial_of. */
byte submitted[QUEUES];
byte retired[QUEUES];
bool wanted[QUEUES];
#ifdef WITH_LOSS
byte claimed[QUEUES];
#define NOT_YET 255
byte lost_after[QUEUES] = NOT_YET;
byte lost_up_to[QUEUES];
#endif
/* RingContext::stopped */
bool stopped;

#ifdef WITH_SEQUENCE
/* SequenceRecord, of one sequence that all leases are part of. */
byte place_count;
byte places[RECORDS];
#endif

#ifdef WITH_CALLBACK
/* A record's callback or coroutine, and what it keeps alive: a bit for each record. */
short queued;
short kept;
short running;
/* WatchedQueue */
short watched;
short watched_ended;
/* CompletionThread */
bool thread_started;
bool thread_stop;
bool thread_ended;
byte thread_wake_number;
byte thread_waits_for;
bool thread_asleep;   /* on CompletionThread::changed */
byte asleep_cancel;   /* on the condition variable of Callbacks::cancel */
/* Not in the code: whose callback has run, runs, was taken back; whose coroutine is destroyed. */
short ran;
short cancelled;
short with_callback;
short coroutine;
short destroyed;
short in_callback;
byte order_of[RECORDS + 1]; /* serial_of, also afterwards */
bool pinned;
#define is_watched(record) (is_set(queued, record) || is_set(kept, record))
#endif

#ifdef WITH_RACE
/* Gate */
bool gate_closed;
byte visits;
bool gate_asleep;
/* Who keeps the core: the ring, RingState::self, and each sequence. */
#ifdef WITH_SEQUENCE
byte core_users = 2 + THREADS;
#else
byte core_users = 2;
#endif
bool self = true;
byte in_use;              /* records and callbacks that are not in their pools */
#ifdef WITH_CALLBACK
byte node_users[RECORDS + 1]; /* CallbackNode::references */
#endif
byte references[RECORDS + 1];
byte let_go;              /* how many threads don't call the ring itself any more */
#define touch_core() assert(core_users > 0)
#else
#define touch_core() skip
#endif

/* Condition variables. A bit says that a process sleeps; a notification clears it, and does nothing
 * if nobody sleeps. */
byte asleep;           /* on Waiter::wake_up, of which each waiter has one */
byte asleep_on_record; /* on Sleeper::wake_up, among the sleepers of the thread's record */
#define is_set(set, number) ((set >> (number)) & 1)
#define set_bit(set, number) set = set | (1 << (number))
#define clear_bit(set, number) set = set & ~(1 << (number))

/* Backend */
byte native_submitted[QUEUES];
byte native_completed[QUEUES];
byte woken;
bool detached;
#ifdef WITH_LOSS
bool device_lost;
#else
#define device_lost false
#endif
#ifdef WITH_RESIZE
byte native_there = (1 << SIZE) - 1; /* add_slot, remove_slot: a bit for each slot */
#endif
#ifdef WITH_STALL
bool stalled[QUEUES];
#define gpu_goes_on(number) (!stalled[number] && !device_lost)
#else
#define gpu_goes_on(number) (!device_lost)
#endif
#ifdef WITH_CALLBACK
#define gpu_can_end(number) (native_completed[number] < native_submitted[number] && gpu_goes_on(number) && !pinned)
#else
#define gpu_can_end(number) (native_completed[number] < native_submitted[number] && gpu_goes_on(number))
#endif

/* Not in the code: what the properties speak of. */
byte holder[SLOTS];         /* the process that records into the slot, from 1 */
byte native_serial[SLOTS];  /* the serial of the slot's last native submit; 0 once it was finished */
byte came_before[THREADS];  /* who waited already when this thread came and waits still, one bit each */
#ifdef WITH_SEQUENCE
short placed_before[RECORDS + 1]; /* who had a place already when this record got its own, and has it still */
#endif
byte started;
byte finished;
#ifdef WITH_RESIZE
bool resized;
#endif
bool gone;

/* Scratch within one step; not part of the state. */
hidden byte i;
hidden byte j;
hidden byte k;
hidden byte m;
hidden byte w;
hidden byte q;
hidden byte found;

#if QUEUES > 1
#define queue_of(slot) (((slot) - 1) % QUEUES)
#else
#define queue_of(slot) 0
#endif
#define larger(left, right) (left > right -> left : right)
