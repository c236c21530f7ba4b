/*
 * shared.c - our pieces of the server's shared memory: asked for at server start,
 * laid out once.
 *
 * Where the library was not preloaded there are none, and the pointers to them
 * stay NULL.  Locks: AddinShmemInitLock while they are laid out.
 */
#include "rv.h"

#include "miscadmin.h"
#include "storage/shmem.h"

#define PIECES_MAX 4

typedef struct Piece
{
	const char *name;
	Size		size;
	int			locks;
	void	  **memory;
	RvLayOut	lay_out;
} Piece;

static Piece pieces[PIECES_MAX];
static int	piece_count = 0;
static shmem_startup_hook_type previous_startup;
static void (*previous_request) (void);

/* A piece with so many locks, named alike; `lay_out` finds it zeroed.  Before rv_shared_init. */
void
rv_shared_add(const char *name, Size size, int locks, void **memory, RvLayOut lay_out)
{
	Assert(piece_count < PIECES_MAX);
	pieces[piece_count++] = (Piece) {name, size, locks, memory, lay_out};
}

static void
request(void)
{
	if (previous_request)
		previous_request();
	for (int i = 0; i < piece_count; i++)
	{
		RequestAddinShmemSpace(MAXALIGN(pieces[i].size));
		if (pieces[i].locks > 0)
			RequestNamedLWLockTranche(pieces[i].name, pieces[i].locks);
	}
}

static void
startup(void)
{
	if (previous_startup)
		previous_startup();
	LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
	for (int i = 0; i < piece_count; i++)
	{
		const Piece *piece = &pieces[i];
		bool		found;

		*piece->memory = ShmemInitStruct(piece->name, piece->size, &found);
		if (found)
			continue;
		memset(*piece->memory, 0, piece->size);
		piece->lay_out(*piece->memory, piece->locks > 0 ? GetNamedLWLockTranche(piece->name) : NULL);
	}
	LWLockRelease(AddinShmemInitLock);
}

void
rv_shared_init(void)
{
	if (!process_shared_preload_libraries_in_progress)
		return;
	rv_chain_shmem_request(request, &previous_request);
	previous_startup = shmem_startup_hook;
	shmem_startup_hook = startup;
}
