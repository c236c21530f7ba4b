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
 * segment is attached or pinned, never across SQL or Swift.
 */
#include "rv.h"

#include "funcapi.h"
#include "miscadmin.h"
#include "storage/dsm.h"
#include "storage/ipc.h"
#include "storage/lwlock.h"
#include "storage/shmem.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"

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
} Mapped;

static Images *images = NULL;
static HTAB *mapped = NULL;
static shmem_startup_hook_type previous_startup;
static void (*previous_request) (void);

static void
request(void)
{
	if (previous_request)
		previous_request();
	RequestAddinShmemSpace(MAXALIGN(sizeof(Images)));
	RequestNamedLWLockTranche("ruvector images", 1);
}

static void
startup(void)
{
	bool		found;

	if (previous_startup)
		previous_startup();
	LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
	images = ShmemInitStruct("ruvector images", sizeof(Images), &found);
	if (!found)
	{
		memset(images, 0, sizeof(Images));
		images->lock = &GetNamedLWLockTranche("ruvector images")[0].lock;
	}
	LWLockRelease(AddinShmemInitLock);
}

void
rv_image_init(void)
{
	if (!process_shared_preload_libraries_in_progress)
		return;
	rv_chain_shmem_request(request, &previous_request);
	previous_startup = shmem_startup_hook;
	shmem_startup_hook = startup;
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

/* These are the images of this database from now on.  What finds no room is not there: see rv_image_find. */
void
rv_image_publish(const RvImage *wanted, int count)
{
	int64		used = 0;

	LWLockAcquire(images->lock, LW_EXCLUSIVE);
	for (int i = 0; i < IMAGES_MAX; i++)
	{
		if (images->entries[i].database == MyDatabaseId && !is_wanted(&images->entries[i], wanted, count))
		{
			dsm_unpin_segment(images->entries[i].handle);
			images->entries[i].database = InvalidOid;
		}
		if (OidIsValid(images->entries[i].database))
			used += images->entries[i].bytes;
	}
	for (int i = 0; i < count; i++)
	{
		Entry	   *entry = NULL;
		dsm_segment *segment;

		if (find_entry(&wanted[i].key, wanted[i].checksum) != NULL || wanted[i].data == NULL ||
			used + wanted[i].bytes > (int64) rv_bank_memory * 1024)
			continue;
		for (int e = 0; entry == NULL && e < IMAGES_MAX; e++)
			if (!OidIsValid(images->entries[e].database))
				entry = &images->entries[e];
		if (entry == NULL)
			break;
		segment = dsm_create(wanted[i].bytes, DSM_CREATE_NULL_IF_MAXSEGMENTS);
		if (segment == NULL)
			break;
		memcpy(dsm_segment_address(segment), wanted[i].data, wanted[i].bytes);
		dsm_pin_segment(segment);
		*entry = (Entry) {MyDatabaseId, wanted[i].key, wanted[i].checksum, wanted[i].bytes, dsm_segment_handle(segment)};
		dsm_detach(segment);
		used += wanted[i].bytes;
	}
	LWLockRelease(images->lock);
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
		mine->segment = NULL;
	if (mine->segment != NULL && mine->checksum != checksum)
	{
		dsm_detach(mine->segment);
		mine->segment = NULL;
	}
	if (mine->segment == NULL)
		attach(mine, checksum);
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
