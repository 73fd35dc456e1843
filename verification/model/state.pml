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

/* Workers are processes 0 to THREADS - 1, the owner is THREADS. */
#define me _pid

/* SlotState */
#define FREE 0
#define LEASED 1
#define IN_FLIGHT 2
#define RETIRING 3
#define LOST 4

/* A mutex holds 0, or the process that has it, from 1. Locking is a step that waits; so is each
 * unlocking that another thread could tell from the section before it. */
byte state_mutex;
byte submit_mutex[QUEUES];
/* Only within a d_step: it is two statements. */
#define lock(mutex) mutex == 0 -> mutex = me + 1
#define unlock(mutex) assert(mutex == me + 1); mutex = 0

/* RingCore: guarded by the state mutex. */
byte slot_state[SLOTS];
byte slot_serial[SLOTS];
#if QUEUES > 1
byte cursor;
#endif
/* Timeline: the slots in flight, oldest first. The oldest serial is last_submitted - length + 1. */
byte timeline_length[QUEUES];
byte timeline_slot[QUEUES * SLOTS];
byte last_submitted[QUEUES];
/* WaiterQueue: first come, first served. Waiters are processes. */
byte waiter_count;
byte waiters[THREADS];
/* Waiter::granted: the slot handed over, from 1. */
byte granted[THREADS];
/* Lead */
byte lead_waiter;
byte lead_wake_number;
byte lead_points[QUEUES];
byte next_wake_number = 1;
bool lost;
bool closed;
/* Submission::done, a bit for each serial. */
short resolved[QUEUES];
/* Read without the lock. */
bool stopped;
bool seems_full;

/* Condition variables. A bit says that a process sleeps; a notification clears it, and does nothing
 * if nobody sleeps. */
byte asleep;          /* on Waiter::wake_up, of which each waiter has one */
byte asleep_resolved; /* on RingCore::resolved_ */
#define is_set(set, number) ((set >> (number)) & 1)
#define set_bit(set, number) set = set | (1 << (number))
#define clear_bit(set, number) set = set & ~(1 << (number))
/* Goes to sleep and frees the state mutex in one step, as a condition variable does. */
#define go_to_sleep(set) set_bit(set, me); state_mutex = 0

/* Backend */
byte native_submitted[QUEUES];
byte native_completed[QUEUES];
byte woken;
bool device_lost;
bool detached;
#ifdef WITH_STALL
bool stalled[QUEUES];
#define gpu_can_end(number) (native_completed[number] < native_submitted[number] && !stalled[number] && !device_lost)
#else
#define gpu_can_end(number) (native_completed[number] < native_submitted[number] && !device_lost)
#endif

/* Not in the code: what the properties speak of. */
byte holder[SLOTS];         /* the process that records into the slot, from 1 */
byte native_serial[SLOTS];  /* the serial of the slot's last native submit; 0 once it was finished */
byte came_before[THREADS];  /* who waited already when this thread came and waits still, one bit each */
byte started;
byte finished;
byte kept;
bool gone;

/* Scratch within one step; not part of the state. */
hidden byte i;
hidden byte j;
hidden byte w;
hidden byte q;
hidden byte found;

#if QUEUES > 1
#define queue_of(index) ((index) % QUEUES)
#else
#define queue_of(index) 0
#endif
#define oldest(number) (last_submitted[number] - timeline_length[number] + 1)
