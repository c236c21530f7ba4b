/*
 * image.c - immutable byte images that all backends share.
 *
 * The worker puts an image into a dynamic shared memory segment of its own and
 * names it in a table, by index, class of k and checksum; a backend that wants
 * this very image attaches the segment and keeps it mapped until it wants another.
 * Images never change: a new one has another segment, and the old one goes when
 * nobody has it mapped any more.
 *
 * Locks: images->lock, shared to look up, exclusive to change; held while a
 * segment is attached, so that it is not unpinned then, never across SQL or Swift.
 */
#include "rv.h"

#include "access/xact.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "storage/dsm.h"
#include "storage/ipc.h"
#include "storage/lwlock.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"
#include "utils/resowner.h"

#define IMAGES_MAX 512

typedef struct Entry
{
	Oid			database;		/* InvalidOid = free */
	RvImageKey	key;
	uint64		checksum;
	int64		bytes;
	dsm_handle	handle;
} Entry;

typedef struct Images
{
	LWLock	   *lock;
	Entry		entries[IMAGES_MAX];
} Images;

/* What this backend has mapped. */
typedef struct Mapped
{
	RvImageKey	key;			/* hash key */
	uint64		checksum;
	int64		bytes;
	dsm_segment *segment;
	uint64		refused;		/* checksum of one that could not be attached */
} Mapped;

static Images *images = NULL;
static HTAB *mapped = NULL;

static void
lay_out(void *memory, LWLockPadded *locks)
{
	((Images *) memory)->lock = &locks[0].lock;
}

void
rv_image_init(void)
{
	rv_shared_add("ruvector images", sizeof(Images), 1, (void **) &images, lay_out);
}

static bool
same_key(const RvImageKey *a, const RvImageKey *b)
{
	return a->index == b->index && a->k_class == b->k_class;
}

/* With the lock held. */
static Entry *
find_entry(const RvImageKey *key, uint64 checksum)
{
	for (int i = 0; i < IMAGES_MAX; i++)
		if (images->entries[i].database == MyDatabaseId && images->entries[i].checksum == checksum &&
			same_key(&images->entries[i].key, key))
			return &images->entries[i];
	return NULL;
}

static bool
is_wanted(const Entry *entry, const RvImage *wanted, int count)
{
	for (int i = 0; i < count; i++)
		if (wanted[i].checksum == entry->checksum && same_key(&wanted[i].key, &entry->key))
			return true;
	return false;
}

bool
rv_image_is_published(const RvImageKey *key, uint64 checksum)
{
	bool		found;

	LWLockAcquire(images->lock, LW_SHARED);
	found = find_entry(key, checksum) != NULL;
	LWLockRelease(images->lock);
	return found;
}

/* With the lock held. */
static void
forget(Entry *entry)
{
	dsm_unpin_segment(entry->handle);
	entry->database = InvalidOid;
}

/* A segment with these bytes; false where there is no room for it, which is no error: see rv_image_find. */
static bool
make_segment(const RvImage *image, dsm_handle *handle)
{
	MemoryContext memory = CurrentMemoryContext;
	volatile bool made = false;

	PG_TRY();
	{
		dsm_segment *segment = dsm_create(image->bytes, DSM_CREATE_NULL_IF_MAXSEGMENTS);

		if (segment != NULL)
		{
			memcpy(dsm_segment_address(segment), image->data, image->bytes);
			dsm_pin_segment(segment);
			*handle = dsm_segment_handle(segment);
			dsm_detach(segment);
			made = true;
		}
	}
	PG_CATCH();
	{
		/* the worker's own transaction, in which nothing else depends on it: /dev/shm is full, say */
		MemoryContextSwitchTo(memory);
		rv_learn_report();
	}
	PG_END_TRY();
	return made;
}

/* With the lock held; NULL: all are taken. */
static Entry *
free_entry(void)
{
	for (int i = 0; i < IMAGES_MAX; i++)
		if (!OidIsValid(images->entries[i].database))
			return &images->entries[i];
	return NULL;
}

static void
add(const RvImage *image)
{
	dsm_handle	handle;
	Entry	   *entry;

	if (!make_segment(image, &handle))
		return;
	LWLockAcquire(images->lock, LW_EXCLUSIVE);
	entry = free_entry();
	if (entry != NULL)
		*entry = (Entry) {MyDatabaseId, image->key, image->checksum, image->bytes, handle};
	else
		dsm_unpin_segment(handle);
	LWLockRelease(images->lock);
}

/* These are the images of this database from now on.  What finds no room is not there: see rv_image_find. */
void
rv_image_publish(const RvImage *wanted, int count)
{
	int64		used = 0;

	if (images == NULL)
		return;
	LWLockAcquire(images->lock, LW_EXCLUSIVE);
	for (int i = 0; i < IMAGES_MAX; i++)
	{
		if (images->entries[i].database == MyDatabaseId && !is_wanted(&images->entries[i], wanted, count))
			forget(&images->entries[i]);
		if (OidIsValid(images->entries[i].database))
			used += images->entries[i].bytes;
	}
	LWLockRelease(images->lock);
	/* only the worker of this database adds to its images */
	for (int i = 0; i < count; i++)
		if (wanted[i].data != NULL && used + wanted[i].bytes <= (int64) rv_bank_memory * 1024 &&
			!rv_image_is_published(&wanted[i].key, wanted[i].checksum))
		{
			add(&wanted[i]);
			used += wanted[i].bytes;
		}
}

void
rv_image_forget_databases_except(const List *databases)
{
	LWLockAcquire(images->lock, LW_EXCLUSIVE);
	for (int i = 0; i < IMAGES_MAX; i++)
		if (OidIsValid(images->entries[i].database) && !list_member_oid(databases, images->entries[i].database))
			forget(&images->entries[i]);
	LWLockRelease(images->lock);
}

static void
attach(Mapped *mine, uint64 checksum)
{
	Entry	   *entry;

	LWLockAcquire(images->lock, LW_SHARED);
	entry = find_entry(&mine->key, checksum);
	if (entry != NULL && (mine->segment = dsm_attach(entry->handle)) != NULL)
	{
		dsm_pin_mapping(mine->segment);
		mine->checksum = checksum;
		mine->bytes = entry->bytes;
	}
	LWLockRelease(images->lock);
}

/*
 * A search that could run without the image must not fail for want of memory or
 * files: a subtransaction cleans up, once for each image.  Parallel workers have none.
 */
static void
attach_safely(Mapped *mine, uint64 checksum)
{
	MemoryContext memory = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;

	if (IsInParallelMode() || mine->refused == checksum || !rv_image_is_published(&mine->key, checksum))
		return;
	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(memory);
	PG_TRY();
	{
		attach(mine, checksum);
		ReleaseCurrentSubTransaction();
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(memory);
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
		mine->segment = NULL;
		mine->refused = checksum;
	}
	PG_END_TRY();
	MemoryContextSwitchTo(memory);
	CurrentResourceOwner = owner;
}

/* NULL: this very image is not to be had now.  What is returned stays until the next call for the same key. */
const void *
rv_image_find(const RvImageKey *key, uint64 checksum, int64 *bytes)
{
	Mapped	   *mine;
	bool		found;

	if (images == NULL)
		return NULL;
	if (mapped == NULL)
	{
		HASHCTL		control = {.keysize = sizeof(RvImageKey), .entrysize = sizeof(Mapped), .hcxt = TopMemoryContext};

		mapped = hash_create("ruvector images", 16, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	}
	mine = hash_search(mapped, key, HASH_ENTER, &found);
	if (!found)
	{
		mine->segment = NULL;
		mine->refused = 0;
	}
	if (mine->segment != NULL && mine->checksum != checksum)
	{
		dsm_detach(mine->segment);
		mine->segment = NULL;
	}
	if (mine->segment == NULL)
		attach_safely(mine, checksum);
	*bytes = mine->segment != NULL ? mine->bytes : 0;
	return mine->segment != NULL ? dsm_segment_address(mine->segment) : NULL;
}

PG_FUNCTION_INFO_V1(ruvector_shared_images);
Datum
ruvector_shared_images(PG_FUNCTION_ARGS)
{
	Tuplestorestate *store = rv_rows_begin(fcinfo);
	TupleDesc	descriptor = ((ReturnSetInfo *) fcinfo->resultinfo)->setDesc;
	Entry	   *mine = palloc(sizeof(Entry) * IMAGES_MAX);
	int			count = 0;

	if (images == NULL)
		return (Datum) 0;
	LWLockAcquire(images->lock, LW_SHARED);
	for (int i = 0; i < IMAGES_MAX; i++)
		if (images->entries[i].database == MyDatabaseId)
			mine[count++] = images->entries[i];
	LWLockRelease(images->lock);
	for (int i = 0; i < count; i++)
	{
		bool		bank = mine[i].key.k_class == PG_INT32_MIN;

		tuplestore_putvalues(store, descriptor,
							 (Datum[]) {
								 Int32GetDatum((int32) mine[i].key.index), ObjectIdGetDatum(mine[i].key.index),
								 Int32GetDatum(mine[i].key.k_class), Int64GetDatum(mine[i].bytes)},
							 (bool[]) {!bank, bank, bank, false});
	}
	return (Datum) 0;
}
