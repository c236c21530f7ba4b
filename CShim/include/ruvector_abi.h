/*
 * ruvector_abi.h - the only contract between the C shim and the Swift library.
 *
 * No PostgreSQL header may be included here: SwiftPM builds and tests against
 * this file on machines without PostgreSQL.  Every function declared here is
 * implemented in Swift with "@c @implementation", so the Swift compiler checks
 * each signature against this header; sizes are asserted in abi.c.
 *
 * Rules of the border (see guard.c for the C half):
 *  - The caller owns all memory; Swift keeps no pointer after it returns.
 *  - No function here raises, blocks or calls PostgreSQL.
 *  - Functions that return rv_status fill rv_error on RV_INVALID.
 *  - Functions marked HOT neither allocate nor loop over more than their
 *    fixed-size arguments.
 */
#ifndef RUVECTOR_ABI_H
#define RUVECTOR_ABI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __clang__
#define RV_NONNULL _Nonnull
#define RV_NULLABLE _Nullable
#else
#define RV_NONNULL
#define RV_NULLABLE
#endif

/* ---- status and errors --------------------------------------------------- */

typedef enum rv_status
{
	RV_OK = 0,
	RV_INVALID = 1,				/* rv_error says what */
	RV_CANCELLED = 2			/* the host holds the error */
} rv_status;

/* The message for each code is composed in messages.c. */
typedef enum rv_error_code
{
	RV_ERROR_NONE = 0,
	RV_ERROR_EMPTY_VECTOR,
	RV_ERROR_DIMENSION,			/* a = expected, b = given */
	RV_ERROR_NOT_FINITE,		/* a = position, counted from 1 */
	RV_ERROR_RANGE,				/* a = value, b = which argument, counted from 1 */
	RV_ERROR_LABELS				/* a label matrix that contradicts itself */
} rv_error_code;

typedef struct rv_error
{
	int32_t		code;			/* rv_error_code */
	int32_t		reserved;
	int64_t		a;
	int64_t		b;
} rv_error;

/* What a long computation may ask of its caller. */
typedef struct rv_host
{
	void	   *RV_NULLABLE context;
	const volatile int *RV_NULLABLE interrupt_pending;
	rv_status	(*RV_NULLABLE check_interrupts) (void *RV_NULLABLE context);
} rv_host;

/* One volatile load when nothing is pending: cheap enough for inner loops. */
static inline rv_status
rv_host_poll(const rv_host *RV_NONNULL host)
{
	if (host->interrupt_pending == NULL || *host->interrupt_pending == 0)
		return RV_OK;
	return host->check_interrupts(host->context);
}

/* ---- vocabulary ------------------------------------------------------------ */

typedef enum rv_index_kind
{
	RV_HNSW = 0,
	RV_IVFFLAT = 1
} rv_index_kind;

typedef enum rv_mode
{
	RV_MODE_OFF = 0,
	RV_MODE_OBSERVE = 1,
	RV_MODE_APPLY = 2
} rv_mode;

/* Where the parameter of a search came from, and if from pgvector, why. */
typedef enum rv_source
{
	RV_SOURCE_LEARNED = 0,		/* certified for the target */
	RV_SOURCE_USER_SET = 1,		/* SET hnsw.ef_search / ivfflat.probes in this session */
	RV_SOURCE_PINNED = 2,		/* ruvector.ef_search / ruvector.probes */
	RV_SOURCE_SWITCHED_OFF = 3, /* ruvector.adaptive_search = off */
	RV_SOURCE_OBSERVING = 4,	/* mode observe */
	RV_SOURCE_FILTERED = 5,		/* a WHERE clause: no recall with it is certified */
	RV_SOURCE_UNKNOWN_K = 6,	/* no LIMIT that can be known beforehand */
	RV_SOURCE_UNCERTIFIED = 7	/* nothing certified for this target yet */
} rv_source;

#define RV_LADDER_MAX 32		/* parameter values measured for each label */
#define RV_STAGES_MAX 16		/* batches of one search */
#define RV_MULTIPLIERS_MAX 64	/* cost multipliers of a stop rule */
#define RV_CLASSES_MAX 8		/* classes of k learned for one index */

/* ---- a trajectory: what one search did -------------------------------------- */

#define RV_FLAG_FILTERED 1		/* the scan carries a WHERE clause */
#define RV_FLAG_GENERIC_PLAN 2	/* k or the vector were parameters of the plan */
#define RV_FLAG_IDS_ARE_TEXT 4	/* identifiers are NUL-terminated strings, else int64 */
#define RV_FLAG_HAS_IDS 8
#define RV_FLAG_HAS_DISTANCES 16

/*
 * Followed, without padding, by float8 distances[rows_kept] (if
 * RV_FLAG_HAS_DISTANCES), id_bytes of identifiers, vector_bytes of the query
 * vector as pgvector stores it (after the varlena header) and filter_bytes of
 * the filter as SQL.
 */
typedef struct rv_trajectory
{
	uint8_t		query_id[16];
	int64_t		started_at;		/* microseconds since 2000-01-01, as TimestampTz */
	double		latency_us;		/* time of the first fetch: the index search */
	int64_t		blocks;			/* buffers touched by the whole scan */
	uint32_t	database;
	uint32_t	relation;
	uint32_t	index;
	uint32_t	role;
	int32_t		k;				/* LIMIT + OFFSET; -1 unknown */
	int32_t		rows;			/* rows handed up */
	int32_t		rows_removed;	/* rows the filter removed */
	int32_t		rows_kept;		/* rows described in this record */
	int32_t		parameter;		/* ef_search or probes in force */
	int32_t		setting;		/* what pgvector alone would have used */
	int32_t		source;			/* rv_source */
	int32_t		flags;			/* RV_FLAG_* */
	int32_t		id_bytes;
	int32_t		vector_bytes;
	int32_t		filter_bytes;	/* 0: there is none, or none that a label may repeat */
	int32_t		reserved;
} rv_trajectory;

/* ---- the ring: trajectories on their way to the worker ------------------------ */

/*
 * A byte ring of cells in shared memory.  Any number of writers, never
 * blocked: a full ring counts a drop.  Readers must exclude each other (the
 * shim holds an LWLock); each takes only the records of its own database.
 * Trajectory/TrajectoryRing.swift has the protocol.
 */
#define RV_RING_CELL 256
#define RV_RECORD_MAX 65536

int64_t		rv_ring_size(int64_t cells);
void		rv_ring_init(void *RV_NONNULL ring, int64_t cells);

/* HOT.  False: the ring is full (or the record too large) and nothing was written. */
bool		rv_ring_push(void *RV_NONNULL ring, uint32_t database,
						 const void *RV_NONNULL record, int32_t bytes);

/* Bytes of the next record of this database, 0 if there is none. */
int32_t		rv_ring_pop(void *RV_NONNULL ring, uint32_t database,
						void *RV_NONNULL record, int32_t capacity);

/* Gives back the records of databases that nobody serves; returns how many. */
int64_t		rv_ring_discard(void *RV_NONNULL ring, const uint32_t *RV_NULLABLE served, int32_t count);

/* HOT.  Cells in use and cells in all. */
int64_t		rv_ring_used(void *RV_NONNULL ring, int64_t *RV_NONNULL cells);

/* Shared-memory atomics: one definition for both sides of the border. */
static inline uint64_t
rv_atomic_load(const uint64_t *RV_NONNULL p)
{
	return __atomic_load_n(p, __ATOMIC_ACQUIRE);
}
static inline void
rv_atomic_store(uint64_t *RV_NONNULL p, uint64_t v)
{
	__atomic_store_n(p, v, __ATOMIC_RELEASE);
}
static inline uint64_t
rv_atomic_add(uint64_t *RV_NONNULL p, uint64_t v)
{
	return __atomic_fetch_add(p, v, __ATOMIC_ACQ_REL);
}
static inline bool
rv_atomic_swap(uint64_t *RV_NONNULL p, uint64_t *RV_NONNULL expected, uint64_t v)
{
	return __atomic_compare_exchange_n(p, expected, v, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
}

/* ---- a search in batches -------------------------------------------------------- */

/* What a search knows after a batch: distances; NaN = there is no such row. */
typedef struct rv_stage_facts
{
	double		nearest;		/* of the best row */
	double		kth;			/* of the k-th best row */
	double		last;			/* how far it has looked: see StageFacts.swift */
} rv_stage_facts;

/*
 * HOT.  What to have taken after each batch, ascending: rows of hnsw, lists of
 * ivfflat.  Returns how many batches, 0 if k is unknown or does not fit under the
 * maximum.  `out` has room for RV_STAGES_MAX.
 */
int32_t		rv_stage_totals(int32_t kind, int32_t k, int32_t maximum, int32_t *RV_NONNULL out);

/*
 * After each batch: the odds that a neighbour is still missing are
 * exp(weight . (1, nearest, kth, last)); the search ends when the probability is
 * below lambda times the cost of the next batch.
 */
typedef struct rv_stop_stage
{
	float		weight[4];
	float		next_blocks;	/* buffers that the next batch touches on average; infinite for the last */
} rv_stop_stage;

/* HOT.  Does the search end after this batch?  For the caller to know: after the last it does. */
bool		rv_stop_here(const rv_stop_stage *RV_NONNULL stage, double lambda, const rv_stage_facts *RV_NONNULL facts);

/*
 * HOT.  A filtered search in batches: rows (hnsw) or lists (ivfflat) to have taken
 * after the next one, or -1, it is enough.  `reach`: rows, passing or not, that are
 * as near as the k-th that passes; 0 while fewer than k passed.  It is enough when
 * `least` were taken, and as many as FilteredSearch.swift wants for this `value`.
 */
int32_t		rv_filtered_next(int32_t kind, int32_t k, int32_t value, int32_t least, int32_t taken, int32_t reach);

/* ---- labels: the truth about one query ------------------------------------------ */

/*
 * Values of ef_search or probes that a label measures: ascending, from the
 * smallest useful one to `maximum`, with `setting` among them.  `out` has room
 * for RV_LADDER_MAX.
 */
rv_status	rv_ladder_build(int32_t kind, int32_t maximum, int32_t setting,
							int32_t *RV_NONNULL out, int32_t *RV_NONNULL count, rv_error *RV_NONNULL error);

/*
 * Recall@k by distance: a found row is correct when it is no farther than the
 * last exact neighbour, so ties at rank k all count.  `known` is false when
 * there is no exact neighbour (recall is then undefined, not zero).
 */
rv_status	rv_recall(const double *RV_NULLABLE exact, int32_t exact_count,
					  const double *RV_NULLABLE found, int32_t found_count, int32_t k,
					  double *RV_NONNULL recall, bool *RV_NONNULL known, rv_error *RV_NONNULL error);

/* A query vector is judged fit to be recorded: right length, all finite. */
rv_status	rv_vector_check(const float *RV_NULLABLE vector, int32_t count, int32_t expected,
							rv_error *RV_NONNULL error);

/*
 * HOT.  Queries with nearby k learn together: the smallest power of two >= k;
 * filtered ones by themselves: its negative.
 */
int32_t		rv_k_class(int32_t k, bool filtered);

/* ---- verdict: what many labels prove ---------------------------------------------- */

#define RV_STAGE_COLUMNS 6

typedef struct rv_labels
{
	int32_t		count;			/* labels, oldest first */
	int32_t		rungs;			/* values measured, <= RV_LADDER_MAX */
	const int32_t *RV_NULLABLE values;	/* [rungs], ascending */
	const float *RV_NULLABLE recall;	/* [count * rungs]; NaN = not measured */
	const float *RV_NULLABLE blocks;	/* [count * rungs]; NaN = not measured */
	const float *RV_NULLABLE setting_blocks;	/* [count]: pgvector alone; NaN = not measured */
	/* [count]: buffers and microseconds of one plain search that found the caches cold; NaN = not timed */
	const float *RV_NULLABLE timed_blocks;
	const float *RV_NULLABLE timed_us;
	/* the same queries searched in batches through all stages; 0 stages = not measured */
	int32_t		stages;
	int32_t		reserved;
	const float *RV_NULLABLE stage;	/* [count * stages * RV_STAGE_COLUMNS]: recall, blocks (both up to here;
									 * NaN = not measured), nearest, kth, last (NaN = no such row),
									 * microseconds up to here, caches cold (NaN = not timed) */
	const bool *RV_NULLABLE for_fitting;	/* [count]: chosen beforehand; the others certify */
} rv_labels;

typedef struct rv_goal
{
	double		target;			/* mean recall to reach, in (0, 1) */
	double		target_tail;	/* share of searches that must find 0.9 of their neighbours; 0 = any */
	int32_t		min_samples;	/* no verdict below this many labels */
	int32_t		setting;		/* value in force without us; 0 = unknown */
	int32_t		applied;		/* learned value in force now; 0 = none */
	int32_t		applied_labels; /* labels at the end that were taken since it is in force */
	double		applied_lambda; /* multiplier in force with `rule`; 0 = none */
	/* fitted before, kept until the labels for fitting have doubled; only the values of its rungs are read */
	const struct rv_stop_rule *RV_NULLABLE rule;
} rv_goal;

/* What is known of one value, or of a stop rule at one multiplier. */
typedef struct rv_rung
{
	float		value;			/* ef_search or probes; lambda of a stop rule */
	int32_t		labels;			/* how many measured it */
	float		recall;			/* mean */
	float		bound;			/* certified: everything tested up to here clears it (97.5 %) */
	float		tail;			/* share of searches with recall >= 0.9 */
	float		tail_bound;		/* certified likewise */
	float		blocks;			/* buffers touched by a search: mean, */
	float		blocks_p50;		/* and percentiles */
	float		blocks_p95;
	float		blocks_p99;
	float		us;				/* mean time of a search, by its buffers */
} rv_rung;

#define RV_RUNG_COLUMNS 11

/* A search ends after batch `stages` whatever it found. */
typedef struct rv_stop_rule
{
	int32_t		stages;			/* 0 = none is fitted */
	int32_t		rungs;
	int32_t		fitted;			/* labels it was fitted on */
	int32_t		reserved;
	rv_stop_stage stage[RV_STAGES_MAX];
	rv_rung		rung[RV_MULTIPLIERS_MAX];	/* lambda ascending: dearest first */
} rv_stop_rule;

typedef enum rv_verdict_state
{
	RV_VERDICT_COLLECTING = 0,	/* fewer than min_samples labels */
	RV_VERDICT_UNDECIDED = 1,	/* target may be reachable; more labels are needed */
	RV_VERDICT_UNREACHABLE = 2, /* even the largest value is proven to miss it */
	RV_VERDICT_CERTIFIED = 3,
	RV_VERDICT_ALARM = 4		/* the applied value is proven to miss it since it is in force */
} rv_verdict_state;

typedef struct rv_verdict
{
	int32_t		state;			/* rv_verdict_state */
	int32_t		chosen;			/* position in rungs, -1 = none */
	int32_t		chosen_stop;	/* position in stop.rung, -1 = none; never both */
	bool		fitted_anew;	/* stop is another rule than goal.rule */
	int32_t		rungs;
	int32_t		watch_labels;
	double		cost_ratio;		/* blocks of chosen / blocks of pgvector alone, same labels; NaN */
	double		cost_ratio_low; /* 95 % interval of it (Fieller); NaN */
	double		cost_ratio_high;
	double		watch_recall;	/* mean recall of the applied value since it is in force; NaN */
	double		watch_upper;	/* 99 % upper bound of it; NaN */
	double		setting_p50;	/* percentiles of the buffers that pgvector alone touches; NaN */
	double		setting_p95;
	double		setting_p99;
	rv_rung		rung[RV_LADDER_MAX];
	rv_stop_rule stop;
} rv_verdict;

rv_status	rv_verdict_judge(const rv_host *RV_NONNULL host, const rv_labels *RV_NONNULL labels,
							 const rv_goal *RV_NONNULL goal, rv_verdict *RV_NONNULL verdict,
							 rv_error *RV_NONNULL error);

/* ---- optimizer: parameters for this query, now -------------------------------------- */

/* What is published for one class of k of one index. */
typedef struct rv_policy
{
	int32_t		k_class;
	int32_t		rungs;			/* 0 = nothing certified */
	rv_rung		rung[RV_LADDER_MAX];
	rv_stop_rule stop;
} rv_policy;

typedef struct rv_search_facts
{
	int32_t		kind;			/* rv_index_kind */
	int32_t		mode;			/* rv_mode */
	int32_t		k;				/* -1 unknown */
	bool		filtered;
	bool		adaptive;		/* ruvector.adaptive_search */
	bool		user_set;		/* the setting was SET in this session */
	bool		can_batch;		/* the scan is able to search in batches */
	int32_t		setting;		/* value pgvector alone would use */
	int32_t		pin;			/* ruvector.ef_search / probes; 0 = none */
	int32_t		minimum;		/* what the setting accepts */
	int32_t		maximum;
	int32_t		min_samples;
	double		target;
	double		target_tail;	/* 0 = any */
} rv_search_facts;

typedef struct rv_search_plan
{
	int32_t		parameter;		/* in batches: what the first takes */
	int32_t		source;			/* rv_source */
	int32_t		stop;			/* evidence: position in the stop rule's rungs: search in batches; -1 */
	int32_t		rung;			/* in the policy's rungs: the best fixed value, used if there is no stop; -1 */
	bool		filtered;		/* search in batches until enough rows pass */
} rv_search_plan;

/* HOT.  `policy` is the one of the class of facts->k, if any. */
void		rv_optimizer_plan(const rv_policy *RV_NULLABLE policy, const rv_search_facts *RV_NONNULL facts,
							  rv_search_plan *RV_NONNULL plan);

/* Swift sees an array inside a structure as a tuple: these give it the elements. */
static inline const rv_stop_stage *RV_NONNULL
rv_rule_stages(const rv_stop_rule *RV_NONNULL rule)
{
	return rule->stage;
}
static inline const rv_rung *RV_NONNULL
rv_rule_rungs(const rv_stop_rule *RV_NONNULL rule)
{
	return rule->rung;
}
static inline const rv_rung *RV_NONNULL
rv_policy_rungs(const rv_policy *RV_NONNULL policy)
{
	return policy->rung;
}
static inline const rv_stop_rule *RV_NONNULL
rv_policy_rule(const rv_policy *RV_NONNULL policy)
{
	return &policy->stop;
}

/* ---- schedule: what the worker does next ---------------------------------------------- */

typedef struct rv_class_facts
{
	int32_t		candidates;		/* recorded queries that could be labelled */
	int32_t		labels;			/* in the present evidence */
	int32_t		judged;			/* labels the last verdict saw; -1 = no verdict yet */
	int32_t		min_samples;
} rv_class_facts;

typedef struct rv_tick_facts
{
	int64_t		now_us;			/* any monotonic clock */
	int64_t		interval_us;	/* ruvector.learning_interval */
	double		label_budget;	/* share of one core */
	bool		woken;			/* somebody asked for attention */
	bool		waiting;		/* the ring holds records */
	int32_t		classes;
	const rv_class_facts *RV_NULLABLE class_facts;
} rv_tick_facts;

typedef enum rv_action
{
	RV_ACTION_SLEEP = 0,		/* until wake_us, or until woken */
	RV_ACTION_SYNC = 1,			/* re-read tables, indexes and options; publish */
	RV_ACTION_DRAIN = 2,		/* ring -> table */
	RV_ACTION_JUDGE = 3,		/* class_index */
	RV_ACTION_LABEL = 4,		/* class_index */
	RV_ACTION_PRUNE = 5			/* enforce retention */
} rv_action;

/* State of the schedule between calls; all zero at the start. */
typedef struct rv_schedule
{
	int64_t		last_us;		/* when the balance was last brought up to date */
	int64_t		sync_us;
	int64_t		drain_us;
	int64_t		prune_us;
	double		balance_us;		/* labelling time we may still spend; may be negative */
	bool		started;
	/* the answer */
	int32_t		action;			/* rv_action */
	int32_t		class_index;
	int64_t		wake_us;
} rv_schedule;

void		rv_schedule_next(rv_schedule *RV_NONNULL schedule, const rv_tick_facts *RV_NONNULL facts);

/* A label took this long. */
void		rv_schedule_charge(rv_schedule *RV_NONNULL schedule, double spent_us);

#endif
