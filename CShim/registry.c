/*
 * registry.c - shared memory: learned indexes, their counters, the workers, the ring.
 *
 * Locks:
 *   registry->lock   entries, workers, holds, wishes.  Shared to copy, exclusive
 *                    to change; held for a memcpy, never across SQL or Swift.
 *   registry->drain  one reader of the ring at a time.  The only lock held
 *                    across a call into Swift: the call is bounded by the size
 *                    of the ring, allocates nothing and cannot raise.
 * No backend ever holds both, nor takes another lock while it holds one of them.
 * Without a lock: counters and generation (atomics), and writing to the ring
 * (lock-free, see TrajectoryRing.swift).
 *
 * A backend looks indexes up in a private copy, made anew when the generation
 * has changed.  Writers publish the entries first and bump the generation after.
 *
 * A place among the workers belongs to a claim, not to a database: its ticket is
 * passed to the process that is started for it, and a process whose ticket is not
 * that of the place any more can neither attach to it nor release it.
 */
#include "rv.h"

#include "access/xact.h"
#include "access/xlog.h"
#include "miscadmin.h"
#include "storage/lwlock.h"
#include "storage/proc.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#define CELLS_PER_RECORD 8		/* 2 kB: a record of 10 rows and 384 dimensions */
#define WISHES_MAX 64
#define HOLDS_MAX 32

/* A database that must have no worker until this backend's transaction ends. */
typedef struct Hold
{
	Oid			database;
	int			holder;			/* pid, 0 = free */
} Hold;

typedef struct Registry
{
	LWLock	   *lock;
	LWLock	   *drain;
	uint64		generation;		/* atomic */
	uint64		dropped;		/* atomic: searches that found the ring full */
	Latch	   *launcher;
	Oid			wishes[WISHES_MAX]; /* databases that want a worker now */
	int			wish_count;
	bool		wished_for_all; /* there were more */
	Hold		holds[HOLDS_MAX];
	uint64		claims;			/* made so far */
	RvWorkerSlot workers[RV_WORKERS_MAX];
	RvIndexCounters counters[RV_INDEXES_MAX];
	RvIndexEntry entries[RV_INDEXES_MAX];
} Registry;

static Registry *registry = NULL;
static void *ring = NULL;

static HTAB *known = NULL;		/* RvIndex of this database */
static uint64 known_generation = 0;
static bool wake_pending = false;
static List *held = NIL;		/* databases, until the transaction ends */
static uint64 my_ticket = 0;	/* of this worker */

static int64
ring_cells(void)
{
	return (int64) rv_trajectory_buffer_size * CELLS_PER_RECORD;
}

static int64
ring_size(void)
{
	int64		size;

	RV_SWIFT(size = rv_ring_size(ring_cells()));
	return size;
}

static void
lay_out(void *memory, LWLockPadded *locks)
{
	Registry   *fresh = memory;

	fresh->lock = &locks[0].lock;
	fresh->drain = &locks[1].lock;
	fresh->generation = 1;
}

static void
lay_out_ring(void *memory, LWLockPadded *locks)
{
	RV_SWIFT(rv_ring_init(memory, ring_cells()));
}

static void release_holds(void);

static void
at_transaction_end(XactEvent event, void *arg)
{
	if (event != XACT_EVENT_COMMIT && event != XACT_EVENT_ABORT && event != XACT_EVENT_PREPARE)
		return;
	if (held != NIL)
		release_holds();
	if (!wake_pending || event == XACT_EVENT_PREPARE)	/* COMMIT PREPARED follows */
		return;
	wake_pending = false;
	if (event == XACT_EVENT_COMMIT)
		rv_workers_want(MyDatabaseId);
}

void
rv_registry_init(void)
{
	rv_shared_add("ruvector", sizeof(Registry), 2, (void **) &registry, lay_out);
	rv_shared_add("ruvector ring", ring_size(), 0, &ring, lay_out_ring);
	RegisterXactCallback(at_transaction_end, NULL);
}

/* False where the library was not preloaded: nothing can be learned there. */
bool
rv_registry_ready(void)
{
	return registry != NULL;
}

static bool
is_alive(const RvWorkerSlot *slot)
{
	return slot->state == RV_WORKER_STARTING || slot->state == RV_WORKER_RUNNING;
}

/* With the lock held: the worker that runs or is about to. */
static RvWorkerSlot *
find_worker(Oid database)
{
	for (int i = 0; i < RV_WORKERS_MAX; i++)
		if (is_alive(&registry->workers[i]) && registry->workers[i].database == database)
			return &registry->workers[i];
	return NULL;
}

/* ---- learned indexes ------------------------------------------------------------ */

static void
refresh(uint64 generation)
{
	HASHCTL		control;
	HTAB	   *fresh;

	memset(&control, 0, sizeof(control));
	control.keysize = sizeof(Oid);
	control.entrysize = sizeof(RvIndex);
	control.hcxt = TopMemoryContext;
	fresh = hash_create("ruvector indexes", 16, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);

	LWLockAcquire(registry->lock, LW_SHARED);
	for (int i = 0; i < RV_INDEXES_MAX; i++)
		if (OidIsValid(registry->entries[i].index) && registry->entries[i].database == MyDatabaseId)
		{
			RvIndex    *mine = hash_search(fresh, &registry->entries[i].index, HASH_ENTER, NULL);

			mine->slot = i;
			mine->entry = registry->entries[i];
		}
	LWLockRelease(registry->lock);

	if (known != NULL)
		hash_destroy(known);
	known = fresh;
	known_generation = generation;
}

/* One hash look-up; NULL for every index that does not learn. */
RvIndex *
rv_registry_find(Oid index)
{
	uint64		generation;

	if (registry == NULL || !OidIsValid(MyDatabaseId))
		return NULL;
	generation = rv_atomic_load(&registry->generation);
	if (generation != known_generation)
		refresh(generation);
	return hash_search(known, &index, HASH_FIND, NULL);
}

static bool
is_listed(Oid index, const RvIndexEntry *entries, int count)
{
	for (int i = 0; i < count; i++)
		if (entries[i].index == index)
			return true;
	return false;
}

/*
 * Replaces what is published for this database.  An index keeps its place, and
 * so its counters.  False: there was not room for all.
 */
bool
rv_registry_publish(const RvIndexEntry *entries, int count)
{
	bool		complete = true;
	bool		changed = false;
	TimestampTz now = GetCurrentTimestamp();

	LWLockAcquire(registry->lock, LW_EXCLUSIVE);
	for (int i = 0; i < RV_INDEXES_MAX; i++)
	{
		RvIndexEntry *entry = &registry->entries[i];

		if (OidIsValid(entry->index) && entry->database == MyDatabaseId && !is_listed(entry->index, entries, count))
		{
			entry->index = InvalidOid;
			changed = true;
		}
	}
	for (int e = 0; e < count; e++)
	{
		int			place = -1;

		for (int i = 0; i < RV_INDEXES_MAX; i++)
		{
			RvIndexEntry *slot = &registry->entries[i];

			if (slot->index == entries[e].index && slot->database == MyDatabaseId)
			{
				place = i;
				break;
			}
			if (place < 0 && !OidIsValid(slot->index))
				place = i;
		}
		if (place < 0)
		{
			complete = false;
			continue;
		}
		if (registry->entries[place].index != entries[e].index)
			registry->counters[place] = (RvIndexCounters) {.since = (uint64) now};
		if (memcmp(&registry->entries[place], &entries[e], sizeof(RvIndexEntry)) == 0)
			continue;
		registry->entries[place] = entries[e];
		changed = true;
	}
	LWLockRelease(registry->lock);
	if (changed)
		rv_atomic_add(&registry->generation, 1);
	return complete;
}

/* Frees the entries of databases that are neither among these nor have a worker. */
void
rv_registry_forget_databases_except(const List *databases)
{
	bool		changed = false;

	LWLockAcquire(registry->lock, LW_EXCLUSIVE);
	for (int i = 0; i < RV_INDEXES_MAX; i++)
	{
		RvIndexEntry *entry = &registry->entries[i];

		if (OidIsValid(entry->index) && !list_member_oid(databases, entry->database) &&
			find_worker(entry->database) == NULL)
		{
			entry->index = InvalidOid;
			changed = true;
		}
	}
	LWLockRelease(registry->lock);
	if (changed)
		rv_atomic_add(&registry->generation, 1);
}

RvIndexCounters
rv_registry_counters(Oid index)
{
	RvIndex    *entry = rv_registry_find(index);
	RvIndexCounters copy = {0};

	if (entry != NULL)
	{
		RvIndexCounters *shared = &registry->counters[entry->slot];

		copy.recorded = rv_atomic_load(&shared->recorded);
		copy.dropped = rv_atomic_load(&shared->dropped);
		copy.searches = rv_atomic_load(&shared->searches);
		copy.learned = rv_atomic_load(&shared->learned);
		copy.last_activity = rv_atomic_load(&shared->last_activity);
		copy.since = rv_atomic_load(&shared->since);
	}
	return copy;
}

void
rv_registry_count_search(int slot, bool learned)
{
	rv_atomic_add(&registry->counters[slot].searches, 1);
	if (learned)
		rv_atomic_add(&registry->counters[slot].learned, 1);
}

static void
reset_counters(RvIndexCounters *counters)
{
	rv_atomic_store(&counters->recorded, 0);
	rv_atomic_store(&counters->dropped, 0);
	rv_atomic_store(&counters->searches, 0);
	rv_atomic_store(&counters->learned, 0);
	rv_atomic_store(&counters->last_activity, 0);
	rv_atomic_store(&counters->since, (uint64) GetCurrentTimestamp());
}

/* False: the index is not published. */
bool
rv_registry_reset(Oid index)
{
	RvIndex    *entry = rv_registry_find(index);

	if (entry != NULL)
		reset_counters(&registry->counters[entry->slot]);
	return entry != NULL;
}

/* Of this database, its worker's too; and what the ring dropped. */
void
rv_registry_reset_all(void)
{
	RvWorkerSlot *slot;

	LWLockAcquire(registry->lock, LW_EXCLUSIVE);
	for (int i = 0; i < RV_INDEXES_MAX; i++)
		if (OidIsValid(registry->entries[i].index) && registry->entries[i].database == MyDatabaseId)
			reset_counters(&registry->counters[i]);
	slot = find_worker(MyDatabaseId);
	if (slot != NULL)
	{
		slot->counted_from = GetCurrentTimestamp();
		slot->labelling_us = slot->errors = 0;
	}
	LWLockRelease(registry->lock);
	rv_atomic_store(&registry->dropped, 0);
}

/* Of a search that was recorded before. */
void
rv_registry_count_dropped(Oid index)
{
	RvIndex    *entry = rv_registry_find(index);

	if (entry != NULL)
		rv_atomic_add(&registry->counters[entry->slot].dropped, 1);
}

/* ---- the ring --------------------------------------------------------------------- */

/* On the path of a query: never waits for the lock. */
static void
wake_worker_early(void)
{
	RvWorkerSlot *slot;

	if (!LWLockConditionalAcquire(registry->lock, LW_SHARED))
		return;
	slot = find_worker(MyDatabaseId);
	if (slot != NULL && slot->latch != NULL)
		SetLatch(slot->latch);
	LWLockRelease(registry->lock);
}

/* A full ring counts a drop, and a standby, where nothing can be stored.  At half full the worker is woken early. */
void
rv_registry_push(int slot, const rv_trajectory *record, int bytes)
{
	RvIndexCounters *counters = &registry->counters[slot];
	int64		cells;
	int64		used;
	bool		pushed = false;

	if (!RecoveryInProgress())
		RV_SWIFT(pushed = rv_ring_push(ring, record->database, record, bytes));
	rv_atomic_add(pushed ? &counters->recorded : &counters->dropped, 1);
	if (!pushed)
		rv_atomic_add(&registry->dropped, 1);
	rv_atomic_store(&counters->last_activity, (uint64) record->started_at);
	RV_SWIFT(used = rv_ring_used(ring, &cells));
	if (used > cells / 2)
		wake_worker_early();
}

int
rv_registry_pop(void *record, int capacity)
{
	int			bytes;

	LWLockAcquire(registry->drain, LW_EXCLUSIVE);
	RV_SWIFT(bytes = rv_ring_pop(ring, MyDatabaseId, record, capacity));
	LWLockRelease(registry->drain);
	return bytes;
}

bool
rv_registry_waiting(void)
{
	int64		cells;
	int64		used;

	RV_SWIFT(used = rv_ring_used(ring, &cells));
	return used > 0;
}

RvRingState
rv_registry_ring(void)
{
	RvRingState state = {.dropped = (int64) rv_atomic_load(&registry->dropped)};
	int64		cells;

	RV_SWIFT(state.used = rv_ring_used(ring, &cells) * RV_RING_CELL);
	state.size = cells * RV_RING_CELL;
	return state;
}

/* Records of databases without a worker would fill the ring for everybody. */
void
rv_registry_discard_unserved(void)
{
	Oid			served[RV_WORKERS_MAX];
	int			count = 0;

	LWLockAcquire(registry->lock, LW_SHARED);
	for (int i = 0; i < RV_WORKERS_MAX; i++)
		if (is_alive(&registry->workers[i]))
			served[count++] = registry->workers[i].database;
	LWLockRelease(registry->lock);
	LWLockAcquire(registry->drain, LW_EXCLUSIVE);
	RV_SWIFT((void) rv_ring_discard(ring, served, count));
	LWLockRelease(registry->drain);
}

/* ---- workers ------------------------------------------------------------------------ */

/* With the lock held: NULL if the place was given to another claim, or to none. */
static RvWorkerSlot *
find_claim(uint64 ticket)
{
	RvWorkerSlot *slot = &registry->workers[ticket % RV_WORKERS_MAX];

	return slot->ticket == ticket ? slot : NULL;
}

/* With the lock held. */
static void
wish(Oid database)
{
	RvWorkerSlot *slot = find_worker(database);
	bool		listed = false;

	if (slot != NULL)
	{
		slot->again = true;		/* in case it is about to leave */
		if (slot->latch != NULL)
			SetLatch(slot->latch);
		return;
	}
	for (int i = 0; i < registry->wish_count; i++)
		listed |= registry->wishes[i] == database;
	if (!listed && registry->wish_count < WISHES_MAX)
		registry->wishes[registry->wish_count++] = database;
	else if (!listed)
		registry->wished_for_all = true;
	if (registry->launcher)
		SetLatch(registry->launcher);
}

/* With the lock held. */
static bool
is_held(Oid database)
{
	for (int i = 0; i < HOLDS_MAX; i++)
		if (registry->holds[i].holder != 0 && registry->holds[i].database == database)
			return true;
	return false;
}

/*
 * The launcher reserves a place before it starts a worker.  The ticket says which:
 * its place is ticket % RV_WORKERS_MAX, and 0 is no ticket.
 */
RvClaim
rv_workers_claim(Oid database, uint64 *ticket)
{
	RvClaim		claim = RV_CLAIM_FULL;
	int			place = 0;

	LWLockAcquire(registry->lock, LW_EXCLUSIVE);
	for (int i = 0; i < RV_WORKERS_MAX; i++)
		if (registry->workers[i].state == RV_WORKER_NONE)
		{
			claim = RV_CLAIM_MADE;
			place = i;
		}
	for (int i = 0; i < RV_WORKERS_MAX; i++)
		if (registry->workers[i].state != RV_WORKER_NONE && registry->workers[i].database == database)
			claim = RV_CLAIM_SERVED;
	if (is_held(database))
		claim = RV_CLAIM_HELD;
	if (claim == RV_CLAIM_MADE)
	{
		*ticket = ++registry->claims * RV_WORKERS_MAX + place;
		registry->workers[place] = (RvWorkerSlot) {
			.ticket = *ticket,
			.database = database,
			.state = RV_WORKER_STARTING,
			.since = GetCurrentTimestamp(),
		};
	}
	LWLockRelease(registry->lock);
	return claim;
}

/*
 * A worker that was woken since it last looked is replaced.  A failed one keeps its
 * place, so that the launcher knows to try again.
 */
void
rv_workers_release(uint64 ticket, bool failed)
{
	RvWorkerSlot *slot;

	LWLockAcquire(registry->lock, LW_EXCLUSIVE);
	slot = find_claim(ticket);
	if (slot != NULL)
	{
		RvWorkerSlot left = *slot;

		memset(slot, 0, sizeof(*slot));
		if (failed && !left.stop)
			*slot = (RvWorkerSlot) {
				.ticket = ticket,
				.database = left.database,
				.state = RV_WORKER_FAILED,
				.again = true,
				.since = GetCurrentTimestamp(),
			};
		else if (left.again)
			wish(left.database);
	}
	LWLockRelease(registry->lock);
}

/* Called by the worker itself.  False: it is not wanted any more. */
bool
rv_workers_attach(uint64 ticket)
{
	RvWorkerSlot *slot;
	bool		wanted = false;

	my_ticket = ticket;
	LWLockAcquire(registry->lock, LW_EXCLUSIVE);
	slot = find_claim(ticket);
	if (slot != NULL && slot->state == RV_WORKER_STARTING && !slot->stop)
	{
		slot->state = RV_WORKER_RUNNING;
		slot->pid = MyProcPid;
		slot->latch = MyLatch;
		slot->again = false;
		slot->counted_from = GetCurrentTimestamp();
		wanted = true;
	}
	LWLockRelease(registry->lock);
	return wanted;
}

/* The worker asks before it looks at its database: what woke it until now is seen then. */
bool
rv_workers_stop_requested(void)
{
	RvWorkerSlot *slot;
	bool		stop = true;

	LWLockAcquire(registry->lock, LW_EXCLUSIVE);
	slot = find_claim(my_ticket);
	if (slot != NULL && !slot->stop)
	{
		slot->again = false;
		stop = false;
	}
	LWLockRelease(registry->lock);
	return stop;
}

/* All RV_WORKERS_MAX places. */
void
rv_workers_copy(RvWorkerSlot *slots)
{
	LWLockAcquire(registry->lock, LW_SHARED);
	memcpy(slots, registry->workers, sizeof(registry->workers));
	LWLockRelease(registry->lock);
}

/* The place of the database; RV_WORKER_NONE: it has none. */
RvWorkerSlot
rv_workers_find(Oid database)
{
	RvWorkerSlot copy = {0};

	if (registry == NULL)
		return copy;
	LWLockAcquire(registry->lock, LW_SHARED);
	for (int i = 0; i < RV_WORKERS_MAX; i++)
		if (registry->workers[i].state != RV_WORKER_NONE && registry->workers[i].database == database)
			copy = registry->workers[i];
	LWLockRelease(registry->lock);
	return copy;
}

/* 0: no worker is running there. */
int
rv_workers_pid(Oid database)
{
	RvWorkerSlot slot = rv_workers_find(database);

	return slot.state == RV_WORKER_RUNNING ? slot.pid : 0;
}

static void
count_own(int64 labelling_us, int64 errors)
{
	RvWorkerSlot *slot;

	LWLockAcquire(registry->lock, LW_EXCLUSIVE);
	slot = find_claim(my_ticket);
	if (slot != NULL)
	{
		slot->labelling_us += labelling_us;
		slot->errors += errors;
	}
	LWLockRelease(registry->lock);
}

/* Called by the worker: time spent on a label. */
void
rv_workers_charge(int64 labelling_us)
{
	count_own(labelling_us, 0);
}

/* Called by the worker. */
void
rv_workers_count_error(void)
{
	count_own(0, 1);
}

/*
 * DROP DATABASE and its kind need the database to themselves: its worker leaves,
 * and none is started until the transaction ends.  That is the right moment, for
 * only then the launcher sees what the statement did, and it comes in every case:
 * an error and a FATAL exit abort the transaction too, and a crash empties shared
 * memory.  So no hold outlives its holder.  Where there is no room for a hold, the
 * worker leaves all the same, and only a wish can bring a new one too early.
 */
void
rv_workers_hold(Oid database)
{
	MemoryContext old = MemoryContextSwitchTo(TopTransactionContext);

	held = lappend_oid(held, database);
	MemoryContextSwitchTo(old);
	LWLockAcquire(registry->lock, LW_EXCLUSIVE);
	for (int i = 0; i < HOLDS_MAX; i++)
		if (registry->holds[i].holder == 0)
		{
			registry->holds[i] = (Hold) {database, MyProcPid};
			break;
		}
	LWLockRelease(registry->lock);

	for (int waited = 0; waited < 500; waited++)
	{
		RvWorkerSlot *slot;

		LWLockAcquire(registry->lock, LW_EXCLUSIVE);
		slot = find_worker(database);
		if (slot != NULL)
		{
			slot->stop = true;
			if (slot->latch)
				SetLatch(slot->latch);
			if (waited == 100 && slot->pid != 0)
				kill(slot->pid, SIGTERM);	/* it is in the middle of a long label */
		}
		LWLockRelease(registry->lock);
		if (slot == NULL)
			return;
		CHECK_FOR_INTERRUPTS();
		pg_usleep(10000L);
	}
}

static void
release_holds(void)
{
	ListCell   *cell;

	LWLockAcquire(registry->lock, LW_EXCLUSIVE);
	for (int i = 0; i < HOLDS_MAX; i++)
		if (registry->holds[i].holder == MyProcPid)
			registry->holds[i].holder = 0;
	foreach(cell, held)
		wish(lfirst_oid(cell));
	LWLockRelease(registry->lock);
	held = NIL;
}

static void
detach_launcher(int code, Datum arg)
{
	LWLockAcquire(registry->lock, LW_EXCLUSIVE);
	registry->launcher = NULL;
	LWLockRelease(registry->lock);
}

void
rv_workers_attach_launcher(void)
{
	LWLockAcquire(registry->lock, LW_EXCLUSIVE);
	registry->launcher = MyLatch;
	LWLockRelease(registry->lock);
	before_shmem_exit(detach_launcher, (Datum) 0);
}

/* Wakes the worker of the database, or asks the launcher for one. */
void
rv_workers_want(Oid database)
{
	LWLockAcquire(registry->lock, LW_EXCLUSIVE);
	wish(database);
	LWLockRelease(registry->lock);
}

/* InvalidOid stands for all databases. */
bool
rv_workers_next_wanted(Oid *database)
{
	bool		any;

	LWLockAcquire(registry->lock, LW_EXCLUSIVE);
	any = registry->wished_for_all || registry->wish_count > 0;
	if (registry->wished_for_all)
		*database = InvalidOid;
	else if (any)
		*database = registry->wishes[--registry->wish_count];
	registry->wished_for_all = false;
	LWLockRelease(registry->lock);
	return any;
}

/* After the present transaction commits, what it changed shall be noticed at once. */
void
rv_wake_at_commit(void)
{
	if (registry != NULL)
		wake_pending = true;
}
