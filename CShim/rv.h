/*
 * rv.h - private to the PostgreSQL side (compiled by PGXS).
 *
 * Files, from the bottom up; each uses only those above it:
 *   guard.c     the border to Swift: calls, interrupts, traps
 *   messages.c  every message a user reads
 *   settings.c  GUCs
 *   shared.c    our pieces of shared memory
 *   registry.c  shared memory: what is learned, counters, workers, the ring
 *   image.c     shared memory: byte images
 *   job.c       shared memory: long calls in the foreground
 *   pgvector.c  recognising pgvector's indexes and the variables behind its GUCs
 *   plan.c      planner hook: puts our scan over pgvector's
 *   batches.c   one search in batches: probe, decide, resume
 *   filter.c    the filter of a search, for its label
 *   scan.c      the scan
 *   capture.c   what one search did, as a trajectory record
 *   explain.c   the scan's lines in EXPLAIN
 *   choice.c    which of several indexes a search is planned on
 *   catalog.c   reading and writing our own tables
 *   label.c     the truth about one query
 *   whatif.c    indexes built in other ways, on samples
 *   drain.c     from the ring into the tables
 *   evidence.c  queries measured, as labels
 *   policies.c  labels judged, as policies; the watch
 *   learn.c     the worker's loop
 *   worker.c    the life of launcher and workers
 *   functions.c SQL functions
 *   door.c      SQL functions whose work is SQL
 *   benchmark.c pgvector alone against what is learned
 *   bank.c      patterns: between their tables and Swift
 *   verdicts.c  verdicts on single searches
 *   tune.c      waiting for the worker's labels
 *   module.c    _PG_init
 */
#ifndef RV_H
#define RV_H

#include "postgres.h"

#include <signal.h>

#include "access/genam.h"
#include "datatype/timestamp.h"
#include "executor/executor.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "nodes/extensible.h"
#include "nodes/execnodes.h"
#include "portability/instr_time.h"
#include "storage/latch.h"
#include "storage/lwlock.h"
#include "utils/array.h"
#include "utils/uuid.h"

#include "ruvector_abi.h"
#include "rv_compat.h"

/* ---- guard.c ---------------------------------------------------------------- */

/* Swift frames on the stack right now; see the trap handler. */
extern volatile sig_atomic_t rv_swift_depth;

/* State behind rv_host.context for one call into Swift that may take long. */
typedef struct RvCall
{
	rv_host		host;			/* must be first */
	MemoryContext memory;
	ErrorData  *error;			/* PostgreSQL error caught below Swift */
} RvCall;

extern void rv_guard_init(void);
extern const rv_host *rv_guard_begin(RvCall *call);
extern void rv_guard_end(RvCall *call, rv_status status, const rv_error *error);

/*
 * Evaluates an expression that calls Swift.  It must not raise: no PostgreSQL
 * call may stand in its arguments.
 */
#define RV_SWIFT(expr) \
	do { \
		int			depth_ = rv_swift_depth; \
\
		rv_swift_depth = depth_ + 1; \
		expr; \
		rv_swift_depth = depth_; \
	} while (0)

/* ---- messages.c --------------------------------------------------------------- */

extern const char *rv_source_name(int source);
extern const char *rv_decision_reason(const rv_search_plan *plan);
extern const char *rv_verdict_name(int state);
extern const char *rv_parameter_name(int kind);

extern const char *rv_recommendation_text(int recommendation);

extern void rv_log_failed_label(int sqlstate);
extern void rv_fail_swift(const rv_error *error) pg_attribute_noreturn();
extern void rv_fail_not_preloaded(void) pg_attribute_noreturn();
extern void rv_fail_null_argument(const char *argument) pg_attribute_noreturn();
extern void rv_fail_relation_kind(Oid relid, char relkind, char persistence) pg_attribute_noreturn();
extern void rv_fail_partitioned(Oid relid) pg_attribute_noreturn();
extern void rv_fail_temporary(const char *relation) pg_attribute_noreturn();
extern void rv_fail_not_owner(const char *relation) pg_attribute_noreturn();
extern void rv_fail_not_reader(const char *relation) pg_attribute_noreturn();
extern void rv_fail_no_pgvector(void) pg_attribute_noreturn();
extern void rv_fail_no_vector_column(const char *relation) pg_attribute_noreturn();
extern void rv_fail_no_vector_index(Oid relid) pg_attribute_noreturn();
extern void rv_fail_not_learned(Oid relid) pg_attribute_noreturn();
extern void rv_fail_not_learned_yet(const char *index) pg_attribute_noreturn();
extern void rv_fail_other_relation(void) pg_attribute_noreturn();
extern void rv_fail_worker_waits_for_us(void) pg_attribute_noreturn();
extern void rv_fail_no_worker(void) pg_attribute_noreturn();
extern void rv_fail_old_snapshot(void) pg_attribute_noreturn();
extern void rv_fail_too_many_jobs(void) pg_attribute_noreturn();
extern void rv_fail_dropped_relation(Oid relid) pg_attribute_noreturn();
extern void rv_fail_option_range(const char *option, const char *given, const char *range) pg_attribute_noreturn();
extern void rv_fail_array(const char *argument, const char *expected) pg_attribute_noreturn();
extern void rv_fail_row_counts(int ids, int distances) pg_attribute_noreturn();
extern void rv_fail_no_dimension_match(const char *relation, int given) pg_attribute_noreturn();
extern void rv_fail_not_measurer(const char *relation) pg_attribute_noreturn();
extern void rv_fail_not_vector_index(const char *index) pg_attribute_noreturn();
extern void rv_fail_not_measured(const char *index, const char *problem) pg_attribute_noreturn();
extern void rv_fail_no_queries(const char *relation, bool truth) pg_attribute_noreturn();
extern void rv_fail_ground_truth_kind(const char *relation) pg_attribute_noreturn();
extern void rv_fail_ground_truth_column(const char *relation, const char *column) pg_attribute_noreturn();
extern void rv_fail_ground_truth_type(const char *relation, const char *column, const char *type) pg_attribute_noreturn();
extern void rv_fail_ground_truth_empty(const char *relation) pg_attribute_noreturn();
extern void rv_fail_ground_truth_query(const char *relation) pg_attribute_noreturn();
extern void rv_fail_ground_truth_rows(const char *relation, int named, int k) pg_attribute_noreturn();
extern void rv_fail_ground_truth_ambiguous(const char *relation, int indexes) pg_attribute_noreturn();
extern void rv_fail_no_identifiers(const char *relation) pg_attribute_noreturn();
extern void rv_fail_not_resetter(const char *relation) pg_attribute_noreturn();
extern void rv_fail_not_published(const char *index) pg_attribute_noreturn();

/* ---- settings.c --------------------------------------------------------------- */

extern bool rv_learning_enabled;
extern bool rv_adaptive_search;
extern bool rv_batched_search;
extern bool rv_index_selection;
extern double rv_target_recall;
extern double rv_target_tail;
extern double rv_max_latency;	/* milliseconds; 0 = none */
extern int	rv_pin_ef_search;
extern int	rv_pin_probes;
extern int	rv_trajectory_buffer_size;
extern int	rv_learning_interval;	/* seconds */
extern int	rv_pattern_consolidation_interval;	/* seconds */
extern int	rv_bank_memory; /* kilobytes */
extern double rv_label_budget;
extern double rv_sample_rate;

extern void rv_settings_init(void);
extern double rv_settings_configured_tail(void);
extern bool rv_settings_target_is_session(void);

/* ---- shared.c ----------------------------------------------------------------- */

typedef void (*RvLayOut) (void *memory, LWLockPadded *locks);

extern void rv_shared_add(const char *name, Size size, int locks, void **memory, RvLayOut lay_out);
extern void rv_shared_init(void);

/* ---- registry.c --------------------------------------------------------------- */

#define RV_INDEXES_MAX 512		/* learned indexes of the whole server */
#define RV_WORKERS_MAX 64		/* databases with the extension */

/* One learned index, as published. */
typedef struct RvIndexEntry
{
	Oid			database;
	Oid			relation;
	Oid			index;			/* InvalidOid = free */
	int32		kind;			/* rv_index_kind */
	int32		mode;			/* rv_mode */
	int32		min_samples;
	int32_t		pin;			/* of the index; 0 = none */
	double		target;			/* the table's own target; NaN = ruvector.target_recall */
	int32		classes;
	rv_policy	policy[RV_CLASSES_MAX];
} RvIndexEntry;

typedef struct RvIndexCounters
{
	uint64		recorded;
	uint64		dropped;
	uint64		searches;
	uint64		learned;		/* of these, with a learned parameter */
	uint64		last_activity;	/* TimestampTz */
	uint64		since;			/* TimestampTz: counted from then on */
} RvIndexCounters;

/* A backend's copy of an entry, valid until the next rv_registry_find. */
typedef struct RvIndex
{
	Oid			index;			/* hash key */
	int			slot;
	RvIndexEntry entry;
} RvIndex;

/* What is on its way to the workers, of all databases. */
typedef struct RvRingState
{
	int64		used;			/* bytes */
	int64		size;
	int64		dropped;		/* searches, since the server started or this was reset */
} RvRingState;

extern void rv_registry_init(void);
extern bool rv_registry_ready(void);
extern RvIndex *rv_registry_find(Oid index);
extern bool rv_registry_publish(const RvIndexEntry *entries, int count);
extern RvIndexCounters rv_registry_counters(Oid index);
extern void rv_registry_count_search(int slot, bool learned);
extern void rv_registry_count_dropped(Oid index);
extern void rv_registry_push(int slot, const rv_trajectory *record, int bytes);
extern int	rv_registry_pop(void *record, int capacity);
extern bool rv_registry_waiting(void);
extern RvRingState rv_registry_ring(void);
extern bool rv_registry_reset(Oid index);
extern void rv_registry_reset_all(void);
extern void rv_registry_discard_unserved(void);
extern void rv_registry_forget_databases_except(const List *databases);

typedef enum RvWorkerState
{
	RV_WORKER_NONE = 0,
	RV_WORKER_STARTING,
	RV_WORKER_RUNNING,
	RV_WORKER_FAILED			/* the launcher tries again later */
} RvWorkerState;

typedef struct RvWorkerSlot
{
	uint64		ticket;			/* of the claim */
	Oid			database;
	int			state;			/* RvWorkerState */
	int			pid;
	Latch	   *latch;
	bool		stop;			/* asked to leave */
	bool		again;			/* woken since it last looked: look once more after it left */
	TimestampTz since;
	/* counted by the worker from `counted_from` on */
	TimestampTz counted_from;
	int64		labelling_us;
	int64		errors;
} RvWorkerSlot;


typedef enum RvClaim
{
	RV_CLAIM_MADE = 0,
	RV_CLAIM_SERVED,			/* has its place already */
	RV_CLAIM_HELD,				/* must not have one now */
	RV_CLAIM_FULL				/* no place is free */
} RvClaim;

extern RvClaim rv_workers_claim(Oid database, uint64 *ticket);
extern void rv_workers_release(uint64 ticket, bool failed);
extern bool rv_workers_attach(uint64 ticket);
extern bool rv_workers_stop_requested(void);
extern void rv_workers_copy(RvWorkerSlot *slots);
extern int	rv_workers_pid(Oid database);
extern RvWorkerSlot rv_workers_find(Oid database);
extern void rv_workers_charge(int64 labelling_us);
extern void rv_workers_count_error(void);
extern void rv_workers_hold(Oid database);
extern void rv_workers_attach_launcher(void);
extern bool rv_workers_next_wanted(Oid *database);
extern void rv_workers_want(Oid database);
extern void rv_wake_at_commit(void);

/* ---- image.c -------------------------------------------------------------------- */

typedef struct RvImageKey
{
	Oid			index;
	int32		k_class;
} RvImageKey;

typedef struct RvImage
{
	RvImageKey	key;
	uint64		checksum;
	int64		bytes;
	const void *data;			/* NULL: it is published already */
} RvImage;

/* Of a bank; of the regions of a stop rule: index and class of k. */
#define RV_BANK_KEY(bank_id) ((RvImageKey) {(Oid) (bank_id), PG_INT32_MIN})

extern void rv_image_init(void);
extern void rv_image_publish(const RvImage *wanted, int count);
extern void rv_image_forget_databases_except(const List *databases);
extern bool rv_image_is_published(const RvImageKey *key, uint64 checksum);
extern const void *rv_image_find(const RvImageKey *key, uint64 checksum, int64 *bytes);

/* ---- job.c ---------------------------------------------------------------------- */

#define RV_JOBS_MAX 64

typedef enum RvJobState
{
	RV_JOB_ALONE = 0,			/* wants nothing of the worker */
	RV_JOB_WAITS,				/* for labels */
	RV_JOB_STARTED,
	RV_JOB_SERVED,				/* there are as many, or there can be no more */
	RV_JOB_REFUSED				/* nothing is learned on this index */
} RvJobState;

typedef struct RvJob
{
	int			pid;			/* 0 = free */
	Oid			database;
	Oid			role;
	Oid			relation;		/* table or index */
	char		phase[32];
	int64		done;
	int64		total;			/* 0 = unknown */
	TimestampTz since;
	RvJobState	state;
	int32		k;				/* of the labels */
	int32		k_class;
} RvJob;

extern void rv_job_init(void);
extern bool rv_progress_begin(Oid relation, const char *phase, int64 total);
extern void rv_progress_update(int64 done);
extern void rv_progress_end(void);
extern void rv_job_want_labels(int32 k, int32 k_class);
extern RvJob rv_job_own(void);
extern int	rv_jobs_copy(RvJob *copies);
extern void rv_job_answer(const RvJob *job, RvJobState state, int64 done);

/* ---- pgvector.c --------------------------------------------------------------- */

/* The variable behind hnsw.ef_search or ivfflat.probes. */
typedef struct RvParameter
{
	int		   *variable;		/* NULL until pgvector's library is loaded */
	struct config_generic *guc;
	int			minimum;
	int			maximum;
} RvParameter;

extern void rv_pgvector_init(void);
extern int	rv_pgvector_index_kind(Oid index);	/* rv_index_kind, -1 = not pgvector's */
extern bool rv_pgvector_is_vector_type(Oid type);
extern bool rv_pgvector_is_floats(Oid type);
extern Oid	rv_pgvector_extension(void);
extern RvParameter *rv_pgvector_parameter(int kind);

/* The variables behind hnsw.iterative_scan, and ivfflat.iterative_scan and max_probes. */
typedef struct RvIterative
{
	int		   *mode;			/* NULL until pgvector's library is loaded, or before 0.8 */
	int			off;
	int			relaxed;		/* relaxed_order */
	int		   *most;			/* lists; NULL on hnsw */
} RvIterative;

extern RvIterative *rv_pgvector_iterative(int kind);
extern bool rv_pgvector_iterative_is_free(int kind);
extern void rv_pgvector_load(int kind);

/*
 * Variables of pgvector's changed for one call of the access method, and put back
 * on any exit.  3 ns; a nest level of GUCs would cost 8 us a query.
 */
typedef struct RvWindow
{
	int			count;
	int		   *variable[3];
	int			value[3];
} RvWindow;

static inline void
rv_window_swap(RvWindow *window)
{
	for (int i = 0; i < window->count; i++)
	{
		int			value = *window->variable[i];

		*window->variable[i] = window->value[i];
		window->value[i] = value;
	}
}

#define RV_WITH(window, call) \
	do { \
		rv_window_swap(window); \
		PG_TRY(); \
		{ \
			call; \
		} \
		PG_FINALLY(); \
		{ \
			rv_window_swap(window); \
		} \
		PG_END_TRY(); \
	} while (0)

/* ---- plan.c --------------------------------------------------------------------- */

/* Largest LIMIT whose recall is measured: hnsw returns ef_search rows at most. */
#define RV_EF_SEARCH_MAX 1000
#define RV_PROBES_K_MAX 10000
#define RV_K_MAX(kind) ((kind) == RV_HNSW ? RV_EF_SEARCH_MAX : RV_PROBES_K_MAX)
#define RV_DIMENSIONS_MAX 16000 /* of pgvector's vector */

/* While we measure: the only index our plans may use. */
typedef struct RvPlanForcing
{
	Oid			relation;		/* InvalidOid = nothing is forced */
	Oid			index;			/* InvalidOid = none may be used */
	bool		ours;			/* put our scan over it: as learned, or see rv_scan_trace; nothing is recorded */
	bool		decided;		/* our scan has searched, */
	rv_search_plan plan;		/* and so it was decided */
} RvPlanForcing;

extern RvPlanForcing rv_plan_forcing;

extern void rv_plan_init(void);

/* ---- batches.c -------------------------------------------------------------------- */

#define RV_BATCHED_K_MAX 128	/* the border of a class of k */

typedef struct RvBatches RvBatches;

extern double rv_batches_distance(IndexScanState *child, Datum indexed);
extern RvBatches *rv_batches_create(IndexScanState *child, int kind, MemoryContext memory);
extern void rv_batches_start(RvBatches *batches, IndexScanDesc descriptor, RvWindow *window, int k);
extern void rv_batches_release(RvBatches *batches);
extern void rv_batches_advance(RvBatches *batches, int total, rv_stage_facts *facts);
extern int	rv_batches_taken(const RvBatches *batches);
extern int64 rv_batches_removed(const RvBatches *batches);
extern bool rv_batches_full(const RvBatches *batches);
extern int	rv_batches_reach(const RvBatches *batches);
extern bool rv_batches_exhausted(const RvBatches *batches);
extern bool rv_batches_settled(const RvBatches *batches);
extern void rv_batches_complete(RvBatches *batches);
extern int	rv_batches_distances(const RvBatches *batches, double *distances);
extern bool rv_batches_next(RvBatches *batches);

/* ---- choice.c ---------------------------------------------------------------------- */

/* The learned indexes that could answer one search, and the best of them. */
typedef struct RvChoice
{
	int32		k;
	double		target;
	rv_index_choice made;
	int			count;
	Oid			index[RV_RIVALS_MAX];
	int			kind[RV_RIVALS_MAX];	/* rv_index_kind */
	bool		filtered[RV_RIVALS_MAX];	/* a partial index may answer a filter */
	rv_prospect prospect[RV_RIVALS_MAX];
} RvChoice;

extern void rv_choice_init(void);
extern List *rv_choice_begin(void);
extern void rv_choice_end(List *outer);
extern const RvChoice *rv_choice_find(Oid index, int32 k, bool filtered);
extern bool rv_choice_changes(const RvIndexEntry *entries, int count, Oid relation);

/* ---- filter.c, scan.c, capture.c, explain.c ------------------------------------------------ */

#define RV_ROWS_KEPT 100		/* rows described in a trajectory */
#define RV_ID_BYTES 64			/* longest identifier kept */
#define RV_FILTER_BYTES 2048	/* longest filter kept */

typedef enum RvIdentifierKind
{
	RV_ID_NONE = 0,
	RV_ID_INT2,
	RV_ID_INT4,
	RV_ID_INT8,
	RV_ID_TEXT
} RvIdentifierKind;

typedef struct RvCapture
{
	bool		prepared;
	RvIdentifierKind id_kind;
	AttrNumber	id_attribute;
	FmgrInfo	id_output;		/* of RV_ID_TEXT */
	AttrNumber	key_attribute;	/* InvalidAttrNumber: key is an expression */
	bool		active;			/* this search is being recorded */
	rv_trajectory record;
	/* the record as it will be pushed, with room for `rows` rows */
	int			rows;
	char	   *buffer;
	int			buffer_capacity;
	double	   *distances;
	char	   *ids;
	char	   *vector;
	char	   *filter;			/* after the vector */
} RvCapture;

typedef struct RvScan
{
	CustomScanState css;		/* must be first */
	IndexScanState *child;
	int			kind;			/* rv_index_kind */
	RvParameter *parameter;
	ExprState  *limit_count;
	ExprState  *limit_offset;
	MemoryContext memory;		/* lives as long as the query */

	/* the search that is running */
	bool		active;
	bool		driven;			/* we fetch ourselves instead of the child, */
	bool		batched;		/* and in batches */
	bool		searched;		/* these have been searched */
	bool		filter_is_safe; /* may be asked of more rows than pgvector alone would ask it of */
	struct RvTrace *trace;		/* of the worker's own search */
	RvWindow	window;			/* in force around calls of the access method */
	int			rule_stages;	/* of the stop rule; 0 = none */
	rv_stop_stage rule[RV_STAGES_MAX];
	bool		learned_table;	/* still published */
	int			slot;			/* in the registry */
	int32		k;
	rv_search_plan plan;
	rv_rung		evidence;		/* of a learned parameter */
	rv_rung		fixed;			/* of the best fixed value under a stop rule, else of pgvector's own; 0 = not known */
	bool		cut;			/* ended by ruvector.max_latency */
	bool		exhausted;		/* ended with fewer rows than the LIMIT: the index gave no more */
	double		target;
	double		scale;			/* of distances where the query lies, for the rule */

	/* totals for EXPLAIN */
	int64		searches;
	int64		blocks;
	int64		rows;
	int64		rows_removed;
	int			smallest;
	int			largest;

	RvBatches  *batches;		/* NULL until a search needs them */
	RvCapture	capture;
} RvScan;

#define RV_TRACE_MAX 32			/* batches of a filtered search that are watched */

/* The worker's next search of rv_plan_forcing.index goes through all batches. */
typedef struct RvTrace
{
	int			value;			/* filtered: until it is enough for this value */
	int			stages;
	rv_stage_facts facts[RV_TRACE_MAX];
	int			taken[RV_TRACE_MAX];
	int			reach[RV_TRACE_MAX];	/* see rv_filtered_next */
	int			found[RV_TRACE_MAX];	/* best rows known */
	int64		blocks[RV_TRACE_MAX];	/* touched so far */
	double		us[RV_TRACE_MAX];	/* spent so far */
	double		distances[RV_TRACE_MAX][RV_BATCHED_K_MAX];	/* of the best rows */
} RvTrace;

extern RvTrace *rv_scan_trace;

extern CustomScanMethods rv_scan_methods;
extern void rv_scan_init(void);
extern void rv_scan_decide(RvScan *scan, int32 k, rv_search_plan *plan, rv_rung *evidence, rv_rung *fixed);
extern bool rv_scan_can_batch(int kind, int32 k);
extern const rv_policy *rv_scan_facts(const RvIndexEntry *entry, int32 k, bool filtered, bool can_batch,
									  rv_search_facts *facts);
extern char *rv_explain_choice(const RvChoice *choice, Oid index);
extern void rv_scan_explain(CustomScanState *node, List *ancestors, ExplainState *es);
extern int32 rv_scan_limit(RvScan *scan);
extern char *rv_filter_text(RvScan *scan);
extern void rv_scan_finish(RvScan *scan);

extern void rv_capture_start(RvScan *scan);
extern void rv_capture_row(RvScan *scan, TupleTableSlot *slot);
extern void rv_capture_finish(RvScan *scan);
extern bool rv_capture_last_query_id(pg_uuid_t *id);
extern bool rv_capture_new_query_id(uint8 *id);

static inline double
rv_elapsed_us(const instr_time *since)
{
	instr_time	now;

	INSTR_TIME_SET_CURRENT(now);
	INSTR_TIME_SUBTRACT(now, *since);
	return INSTR_TIME_GET_DOUBLE(now) * 1e6;
}

static inline int64
rv_blocks_now(void)
{
	return pgBufferUsage.shared_blks_hit + pgBufferUsage.shared_blks_read +
		pgBufferUsage.local_blks_hit + pgBufferUsage.local_blks_read;
}

/* ---- catalog.c -------------------------------------------------------------------- */

/* Our tables are written with the rights of the extension, under a pinned search_path. */
typedef struct RvPrivileged
{
	Oid			user;
	int			security;
	int			guc_level;
} RvPrivileged;

extern void rv_privileged_begin(RvPrivileged *state);
extern void rv_privileged_end(RvPrivileged *state);
extern uint64 rv_sql(const char *sql, int expected, int nargs, const Oid *types,
					 const Datum *values, const bool *nulls);
extern SPIPlanPtr rv_sql_prepare(const char *sql, int nargs, const Oid *types);
extern uint64 rv_sql_execute(SPIPlanPtr plan, int expected, int nargs, const Datum *values, const bool *nulls);
extern Datum rv_sql_value(uint64 row, int column, bool *isnull);
extern Tuplestorestate *rv_rows_begin(FunctionCallInfo fcinfo);
extern void rv_rows_take(Tuplestorestate *store, uint64 count);
extern bool rv_extension_lock(void);
extern int	rv_column_int(uint64 row, int column, int if_null);
extern char *rv_column_text(uint64 row, int column, MemoryContext memory);
extern char *rv_qualified_name(Oid relid);
extern float rv_column_float4(uint64 row, int column);
extern Oid	rv_column_oid(uint64 row, int column);
extern int	rv_column_array(uint64 row, int column, const void **elements);
extern Datum rv_make_array(const void *elements, int count, Oid type);

/* ---- label.c ---------------------------------------------------------------------- */

#define RV_STOP_WEIGHTS lengthof(((rv_stop_stage *) 0)->weight)

/* An index that we search ourselves, and how. */
typedef struct RvTarget
{
	Oid			relation;
	Oid			index;
	Oid			owner;
	Oid			type;			/* of the indexed expression */
	int			kind;			/* rv_index_kind */
	int			lists;			/* ivfflat */
	bool		filtered;
	bool		own_row;		/* the query is a row of the table, which does not count */
	double		own_distance;	/* of the query to itself */
	Oid			filenode;
	char	   *cast_sql;		/* real[] -> type */
	char	   *exact_sql;
	char	   *search_sql;
	char	   *named_sql;		/* with the identifiers of the rows; NULL: they have no simple one */
	char	   *own_sql;		/* the distance of a query to itself */
	char	   *rows_sql;		/* rows of the table as queries */
} RvTarget;

/* What learns together, as the last synchronisation found it. */
typedef struct RvLearnedClass
{
	Oid			index;
	int32		k_class;
	int32		setting;		/* ef_search or probes of pgvector alone; 0 = unknown */
	int			certified_count;
	int32	   *certified;		/* smallest values for what is asked, the declared target first */
	int			own_rows;		/* of the table, that wait to be labelled */
	int			measured;		/* labels, of own rows too */
	bool		held;			/* until the next synchronisation: the table cannot be read */
} RvLearnedClass;

typedef struct RvLabel
{
	int			rungs;
	int32		values[RV_LADDER_MAX];
	float		recall[RV_LADDER_MAX];
	float		blocks[RV_LADDER_MAX];
	int			stages;			/* of the search in batches; 0 = not measured */
	int32		totals[RV_STAGES_MAX];	/* rows taken after each */
	float		stage[RV_STAGES_MAX][RV_STAGE_COLUMNS];
	float		setting_recall; /* of pgvector alone; NaN = setting unknown */
	float		setting_blocks;
	float		timed_blocks;	/* of one plain search, before the exact one; NaN = none */
	float		timed_us;
	Oid			filenode;
	int			exact_count;
	double	   *exact;
	Datum		exact_ids;		/* text[]; 0 = rows have no simple identifier */
	double		exact_us;
	double		ladder_us;
} RvLabel;

typedef struct RvQuery
{
	Datum		vector;			/* real[] */
	const char *filter;			/* what rows must pass, or NULL */
	int			k;
	bool		own_row;		/* a row of the table, which is not to be found itself */
} RvQuery;

extern const char *rv_label_describe(Oid index, const char *filter, RvTarget *target);
extern RvPrivileged rv_label_begin(const RvTarget *target);
extern void rv_label_end(const RvPrivileged *before);
extern Datum rv_label_vector(const RvTarget *target, Datum array);
extern bool rv_label_uses_index(SPIPlanPtr plan, Oid index);
extern int	rv_label_distances(double *distances, int capacity);
extern SPIPlanPtr rv_label_prepare(const RvTarget *target, const char *sql, const Oid *types);
extern void rv_label_exact(const RvTarget *target, Datum vector, int k, MemoryContext memory, RvLabel *label);
extern void rv_label_reset(void);
/* For whoever measures searches: a setting of this nest level, and whether a plan searches an index. */
extern void rv_label_set_option(const char *name, const char *value);
extern const char *rv_label_query(const RvLearnedClass *class, const RvQuery *query, RvLabel *label);
extern int	rv_label_own_rows(Oid index, int count, Datum *vectors, Oid *owner);

/* ---- drain.c, evidence.c, policies.c, learn.c: what the worker does -------------------- */

typedef struct RvLearnedIndex
{
	RvIndexEntry entry;
	Oid			type;			/* of the indexed expression */
	bool		learnable;		/* queries can be stored and searched again */
} RvLearnedIndex;

#define RV_STOP_COLUMNS "stop_fitted, stop_weights, stop_next_blocks, stop_least_worth, stop_rungs, stop_regions"
#define RV_POLICY_COLUMNS "k_class, rungs, " RV_STOP_COLUMNS ", value, lambda"

extern int	rv_drain(RvLearnedIndex *indexes, int count);
extern void rv_evidence_label(RvLearnedClass *class, rv_class_facts *facts);
extern bool rv_policy_watch(const RvLearnedClass *class, const RvLearnedIndex *index);
extern bool rv_policy_judge(const RvLearnedClass *class, const RvLearnedIndex *index);
extern int	rv_evidence_add_own_rows(const RvLearnedIndex *index, int k, int k_class, int count);
extern bool rv_policy_read(uint64 row, int column, rv_policy *policy, rv_regions *regions);
extern bool rv_learn_begin(const char *activity);
extern void rv_learn_end(void);
extern void rv_learn_report(void);
extern void rv_learn_abort(bool secret);
extern void rv_learn_run(void); /* one database, until asked to leave */

/* ---- worker.c ----------------------------------------------------------------------- */

extern void rv_worker_init(void);

#endif
