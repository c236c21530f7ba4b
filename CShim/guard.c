/*
 * guard.c - the border between PostgreSQL's longjmp errors and Swift frames.
 *
 * Upward (Swift -> SQL): Swift returns a status; only then, with no Swift frame
 * on the stack, rv_guard_end raises the error.
 *
 * Downward (Swift -> PostgreSQL): Swift calls exactly one thing, the interrupt
 * check of rv_host.  It runs under PG_TRY here; an error is copied out of
 * ErrorContext and kept, Swift sees RV_CANCELLED, unwinds with its own error
 * handling and releases everything it owns; rv_guard_end throws the kept error.
 *
 * Locks: no lock is held across a call into Swift, with one exception that says
 * so (registry.c pops the ring under an LWLock: bounded, allocation-free).
 */
#include "rv.h"

#include <dlfcn.h>

#include "miscadmin.h"

/*
 * A failed Swift precondition (index out of range, overflow, nil) executes a
 * trap instruction before any harm is done: SIGILL on x86, SIGTRAP on ARM.
 * Left alone it would take the whole cluster through crash recovery.  While
 * Swift code runs in this backend we end only this session, the way PostgreSQL
 * itself raises errors from its SIGFPE handler.  Inside a critical section
 * ereport makes it a PANIC.
 */
volatile sig_atomic_t rv_swift_depth = 0;
static struct sigaction previous_ill;
static struct sigaction previous_trap;

static void
trap_handler(int signo, siginfo_t *info, void *context)
{
	Dl_info		library;
	uintptr_t	base = 0;

	if (rv_swift_depth == 0 || info->si_code <= 0)
	{
		/* not ours: put the old handling back and let it happen again */
		sigaction(SIGILL, &previous_ill, NULL);
		sigaction(SIGTRAP, &previous_trap, NULL);
		return;
	}
	rv_swift_depth = 0;
	if (dladdr((void *) trap_handler, &library))
		base = (uintptr_t) library.dli_fbase;
	ereport(FATAL,
			(errcode(ERRCODE_INTERNAL_ERROR),
			 errmsg("failed check in the learning core of ruvector"),
			 errdetail("Trap at offset 0x%lx of the library.",
					   (unsigned long) ((uintptr_t) info->si_addr - base)),
			 errhint("This is a bug in ruvector: please report it with the server's log.")));
}

void
rv_guard_init(void)
{
	struct sigaction action;

	memset(&action, 0, sizeof(action));
	action.sa_sigaction = trap_handler;
	action.sa_flags = SA_SIGINFO;
	sigemptyset(&action.sa_mask);
	sigaction(SIGILL, &action, &previous_ill);
	sigaction(SIGTRAP, &action, &previous_trap);
}

/*
 * InterruptPending is also set for things that are not a cancel (barriers,
 * memory context logging, parallel messages), so the real check must run here
 * and may well return without an error.
 */
static rv_status
check_interrupts(void *context)
{
	RvCall	   *call = (RvCall *) context;
	MemoryContext old = CurrentMemoryContext;
	int			depth = rv_swift_depth;
	volatile rv_status status = RV_OK;

	if (call->error != NULL)
		return RV_CANCELLED;
	rv_swift_depth = 0;
	PG_TRY();
	{
		CHECK_FOR_INTERRUPTS();
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(call->memory);
		call->error = CopyErrorData();
		FlushErrorState();
		status = RV_CANCELLED;
	}
	PG_END_TRY();
	rv_swift_depth = depth;
	MemoryContextSwitchTo(old);
	return status;
}

const rv_host *
rv_guard_begin(RvCall *call)
{
	memset(call, 0, sizeof(*call));
	check_stack_depth();
	call->memory = CurrentMemoryContext;
	call->host.context = call;
	call->host.interrupt_pending = (const volatile int *) &InterruptPending;
	call->host.check_interrupts = check_interrupts;
	return &call->host;
}

/* No Swift frame is on the stack here: raising is safe. */
void
rv_guard_end(RvCall *call, rv_status status, const rv_error *error)
{
	if (call->error != NULL)
		ReThrowError(call->error);	/* even if Swift forgot to report it */
	if (status != RV_OK)
		rv_fail_swift(error);
}
