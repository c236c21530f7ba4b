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
	RV_ERROR_LABELS,			/* a label matrix that contradicts itself */
	RV_ERROR_PATTERNS			/* patterns or trials that contradict each other */
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

#define RV_LADDER_MAX 40		/* parameter values measured for each label */
#define RV_STAGES_MAX 16		/* batches of one search */
#define RV_MULTIPLIERS_MAX 64	/* multipliers of a stop rule that are published */
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
	float		target;			/* mean recall asked for */
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
	float		least_worth;	/* lambdas up to this end no search here */
} rv_stop_stage;

/*
 * HOT.  The batch, from `stage` on, after which a search under this rule may end: it
 * takes those before it in one go.  `stages` is the number of batches.
 */
int32_t		rv_stop_next(const rv_stop_stage *RV_NONNULL rule, int32_t stages, int32_t stage, double lambda);

/* HOT.  Does the search end after this batch?  For the caller to know: after the last it does.  See rv_regions_scale. */
bool		rv_stop_here(const rv_stop_stage *RV_NONNULL stage, double lambda, double scale,
						 const rv_stage_facts *RV_NONNULL facts);

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
 * smallest useful one to `maximum`, with `setting` among them, and finer just
 * below those that are `certified` for something, what matters most first.  `out`
 * has room for RV_LADDER_MAX.
 */
rv_status	rv_ladder_build(int32_t kind, int32_t maximum, int32_t setting, const int32_t *RV_NULLABLE certified,
							int32_t certified_count, int32_t *RV_NONNULL out, int32_t *RV_NONNULL count,
							rv_error *RV_NONNULL error);

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
	/* [count]: buffers and microseconds of one plain search; NaN = not timed */
	const float *RV_NULLABLE timed_blocks;
	const float *RV_NULLABLE timed_us;
	/* the same queries searched in batches through all stages; 0 stages = not measured */
	int32_t		stages;
	int32_t		reserved;
	const float *RV_NULLABLE stage;	/* [count * stages * RV_STAGE_COLUMNS]: recall, blocks (both up to here;
									 * NaN = not measured), nearest, kth, last (NaN = no such row),
									 * microseconds up to here (NaN = not timed) */
	const bool *RV_NULLABLE for_fitting;	/* [count]: chosen beforehand; the others certify */
	const float *RV_NULLABLE embedding; /* [count * dims]: query vectors; NULL = not known */
	int32_t		dims;
	int32_t		reserved2;
} rv_labels;

typedef struct rv_goal
{
	double		target;			/* mean recall to reach, in (0, 1) */
	double		target_tail;	/* share of searches that must find 0.9 of their neighbours; 0 = any */
	int32_t		min_samples;	/* no verdict below this many labels */
	int32_t		setting;		/* value in force without us; 0 = unknown */
	int32_t		applied;		/* learned value in force now; 0 = none */
	int32_t		reserved;
	double		applied_lambda; /* multiplier in force with `rule`; 0 = none */
	/* fitted before, kept until the labels for fitting have doubled; its rungs are not read */
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
	uint64_t	regions;		/* checksum of the image that scales its distances; 0 = none does */
	rv_stop_stage stage[RV_STAGES_MAX];
	rv_rung		rung[RV_MULTIPLIERS_MAX];	/* lambda ascending: dearest first */
} rv_stop_rule;

typedef enum rv_verdict_state
{
	RV_VERDICT_COLLECTING = 0,	/* fewer than min_samples labels */
	RV_VERDICT_UNDECIDED = 1,	/* target may be reachable; more labels are needed */
	RV_VERDICT_UNREACHABLE = 2, /* even the largest value is proven to miss it */
	RV_VERDICT_CERTIFIED = 3
} rv_verdict_state;

typedef struct rv_verdict
{
	int32_t		state;			/* rv_verdict_state */
	int32_t		chosen;			/* position in rungs, -1 = none */
	int32_t		chosen_stop;	/* position in stop.rung, -1 = none; never both */
	bool		fitted_anew;	/* stop is another rule than goal.rule */
	int32_t		rungs;
	int32_t		reserved;
	double		cost_ratio;		/* blocks of chosen / blocks of pgvector alone, same labels; NaN */
	double		cost_ratio_low; /* 95 % interval of it (Fieller); NaN */
	double		cost_ratio_high;
	double		setting_p50;	/* percentiles of the buffers that pgvector alone touches; NaN */
	double		setting_p95;
	double		setting_p99;
	double		regions_ratio;	/* if fitted anew: buffers with regions / without, on held-out labels; NaN = not tried */
	double		regions_p;		/* of their being no fewer */
	rv_rung		rung[RV_LADDER_MAX];
	rv_stop_rule stop;
} rv_verdict;

/* Patterns that tell a stop rule the scale of distances where a query lies: StopRegions.swift. */
typedef struct rv_regions
{
	void	   *RV_NULLABLE image;
	int64_t		capacity;
	int64_t		bytes;			/* 0 = none */
} rv_regions;

/* Bytes that the image of a rule takes at most. */
int64_t		rv_regions_capacity(int32_t dims);

/* HOT.  What distances are divided by, for this query; `image` was made by rv_verdict_judge. */
double		rv_regions_scale(const void *RV_NONNULL image, int64_t bytes, const float *RV_NONNULL query, int32_t count);

/* `regions` are those of goal->rule, and of verdict->stop afterwards. */
rv_status	rv_verdict_judge(const rv_host *RV_NONNULL host, const rv_labels *RV_NONNULL labels,
							 const rv_goal *RV_NONNULL goal, rv_regions *RV_NONNULL regions,
							 rv_verdict *RV_NONNULL verdict, rv_error *RV_NONNULL error);

/* ---- optimizer: parameters for this query, now -------------------------------------- */

/* What is published for one class of k of one index. */
typedef struct rv_policy
{
	int32_t		k_class;
	int32_t		rungs;			/* 0 = nothing certified */
	int32_t		applied;		/* what the verdict has chosen: a value, 0 = none, */
	float		applied_lambda; /* or a multiplier of `stop`, 0 = none */
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
	bool		can_batch;		/* the scan is able to search in batches, */
	bool		can_follow;		/* and under the policy's stop rule */
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

/* What is known beforehand of a search on one of several indexes: see IndexProspect.swift. */
typedef enum rv_standing
{
	RV_STANDING_SETTLED = 0,	/* nothing to choose by */
	RV_STANDING_OPEN = 1,		/* at pgvector's setting: nothing is measured of it, or nothing bad */
	RV_STANDING_MISSING = 2,	/* at pgvector's setting: below the goal, on average */
	RV_STANDING_CERTIFIED = 3
} rv_standing;

typedef struct rv_prospect
{
	int32_t		standing;		/* rv_standing */
	int32_t		value;			/* if certified: fixed, it touches as many buffers; 0 = unknown */
	float		recall;			/* if missing: mean */
	float		blocks;			/* if certified: buffers of a search, mean, */
	float		us;				/* and its time; NaN = not known */
	float		price;			/* answer of rv_index_choose: in units of the best one's estimate; NaN = it keeps its own */
} rv_prospect;

/* HOT.  `policy` is the one of the class of facts->k, if any. */
void		rv_index_prospect(const rv_policy *RV_NULLABLE policy, const rv_search_facts *RV_NONNULL facts,
							  rv_prospect *RV_NONNULL prospect);

#define RV_RIVALS_MAX 16		/* indexes that are compared */

typedef struct rv_index_choice
{
	int32_t		best;			/* position of the one that is certified and takes least; -1 = all keep their own estimates */
	int32_t		value;			/* at which its estimate is made; 0 = at pgvector's setting */
	bool		by_time;		/* costs are compared by time, else by buffers */
} rv_index_choice;

/* HOT.  Of at most RV_RIVALS_MAX; fills in their prices. */
void		rv_index_choose(rv_prospect *RV_NONNULL prospects, int32_t count, rv_index_choice *RV_NONNULL choice);

/* What has become of what is applied since it is in force: all zero at the beginning. */
typedef struct rv_watch
{
	double		labels;			/* seen, */
	double		recall;			/* and their mean */
	double		recent_labels;	/* since nothing spoke for a loss */
	double		recent_recall;
	double		mean[5];		/* DropDetector.swift: of the mean recall, */
	double		tail[5];		/* and of the share of searches with 0.9 */
} rv_watch;

#define RV_WATCH_COLUMNS 14

/*
 * Watches labels that were not seen before; `goal` says what is applied, and
 * `regions` are those of its rule.  `alarm`: it misses the target now.
 */
rv_status	rv_watch_observe(rv_watch *RV_NONNULL watch, const rv_labels *RV_NONNULL labels, const rv_goal *RV_NONNULL goal,
							 const rv_regions *RV_NONNULL regions, bool *RV_NONNULL alarm, rv_error *RV_NONNULL error);

/* Queries that labels were taken of, oldest first. */
typedef struct rv_queries
{
	int32_t		count;
	int32_t		dims;
	const float *RV_NULLABLE embedding; /* [count * dims]; NULL = not known */
	const float *RV_NULLABLE k; /* [count] */
	const float *RV_NULLABLE passing;	/* [count]: share of rows that passed the filter; NaN = not known */
} rv_queries;

/* QueryMix.swift */
typedef struct rv_mix_change
{
	int32_t		since;			/* position of the first query of another mix; -1 = all are of one */
	int32_t		noticed;		/* and of the one with which that was noticed */
	double		distance;		/* least share of queries that the mix before had not */
} rv_mix_change;

rv_status	rv_query_mix(const rv_host *RV_NONNULL host, const rv_queries *RV_NONNULL queries,
						 rv_mix_change *RV_NONNULL change, rv_error *RV_NONNULL error);

/* What searches may cost: 5 % of them more, the others less.  Infinite = as they like. */
typedef struct rv_budget
{
	double		blocks;			/* buffers touched */
	double		us;				/* microseconds, by the mean time and the buffers */
} rv_budget;

/*
 * The highest round recall that this policy would reach within a budget, by what it
 * would put in force for it; `known` is false if there is none.
 */
void		rv_target_within(const rv_policy *RV_NONNULL policy, const rv_goal *RV_NONNULL goal, const rv_budget *RV_NONNULL budget,
							 double *RV_NONNULL target, bool *RV_NONNULL known);

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

/* ---- banks: what works for which queries ---------------------------------------------- */

#define RV_PARAMETERS_MAX 16	/* of one bank */
#define RV_EVIDENCE_MAX 32		/* configurations that a pattern knows */
#define RV_EVIDENCE_COLUMNS 12	/* trials of known quality, its mean, sum of squared deviations; means of precision,
								 * recall, latency, cost (NaN = not measured); trials in all, and those that
								 * measured these four; then the parameters */
#define RV_TRIAL_COLUMNS 4		/* precision, recall, latency, cost; then the parameters */
#define RV_NEAREST_MAX 3		/* patterns that a suggestion lies between */

typedef enum rv_parameter_type
{
	RV_INTEGER = 0,
	RV_FLOAT = 1,
	RV_CHOICE = 2				/* from 0 to greatest */
} rv_parameter_type;

typedef struct rv_parameter
{
	int32_t		type;			/* rv_parameter_type */
	int32_t		logarithmic;
	double		least;
	double		greatest;
} rv_parameter;

typedef struct rv_pattern
{
	int64_t		id;
	int64_t		parent;			/* 0 = none */
	int64_t		usage;
	int64_t		created;		/* microseconds of any clock */
	int64_t		updated;
	double		confidence;
	int32_t		support;
	int32_t		level;
	int32_t		configurations; /* in its evidence */
	int32_t		reserved;
} rv_pattern;

/* All patterns of a bank, by id; what is done to it is done in place. */
typedef struct rv_bank
{
	int32_t		dims;
	int32_t		parameters;
	int32_t		patterns;
	int32_t		capacity;		/* of the arrays below, in patterns */
	int64_t		next_id;
	double		target;			/* recall that is asked for; NaN = none */
	const rv_parameter *RV_NONNULL parameter;	/* [parameters] */
	rv_pattern *RV_NONNULL pattern; /* [capacity] */
	float	   *RV_NONNULL centroid;	/* [capacity * dims] */
	double	   *RV_NONNULL value;	/* [capacity * parameters] */
	double	   *RV_NONNULL evidence;	/* [capacity * RV_EVIDENCE_MAX * (RV_EVIDENCE_COLUMNS + parameters)] */
} rv_bank;

/* What was tried for some queries, oldest first. */
typedef struct rv_experience
{
	int32_t		count;			/* queries */
	int32_t		trials;			/* in all */
	const float *RV_NONNULL embedding;	/* [count * dims] */
	const int64_t *RV_NONNULL time; /* [count] */
	const int32_t *RV_NONNULL trial_count;	/* [count]: trials of each query */
	const double *RV_NONNULL trial; /* [trials * (RV_TRIAL_COLUMNS + parameters)] */
	bool	   *RV_NONNULL left;	/* [count]: answer of rv_bank_distil: in no pattern, too few are like it so far */
} rv_experience;

typedef struct rv_distillation
{
	int32_t		clusters;		/* 0 = the data choose */
	int32_t		reserved;
	int64_t		now;
	uint64_t	seed;
} rv_distillation;

/* Room for what distilling so much experience may add to a bank. */
int32_t		rv_bank_capacity(int32_t patterns, int32_t count);

/* Experience becomes patterns, or part of those there are; then as rv_bank_consolidate. */
rv_status	rv_bank_distil(const rv_host *RV_NONNULL host, rv_bank *RV_NONNULL bank,
						   const rv_experience *RV_NONNULL experience, const rv_distillation *RV_NONNULL options,
						   rv_error *RV_NONNULL error);

/* Merges patterns that are nearly the same; builds the levels above anew. */
rv_status	rv_bank_consolidate(const rv_host *RV_NONNULL host, rv_bank *RV_NONNULL bank, int64_t now,
								rv_error *RV_NONNULL error);

typedef struct rv_suggestion
{
	int32_t		matches;		/* 0 = nothing like it is known */
	int32_t		reserved;
	double		confidence;
	int64_t		pattern[RV_NEAREST_MAX];
	double		similarity[RV_NEAREST_MAX];
	double		value[RV_PARAMETERS_MAX];
} rv_suggestion;

/* Between the nearest patterns. */
rv_status	rv_bank_suggest(const rv_bank *RV_NONNULL bank, const float *RV_NONNULL embedding, int32_t count,
							rv_suggestion *RV_NONNULL suggestion, rv_error *RV_NONNULL error);

typedef struct rv_bank_statistics
{
	int32_t		patterns[4];	/* of each level */
	int64_t		support;		/* trajectories that the lowest stand for */
	double		confidence;		/* mean; NaN without patterns */
	double		improvement;	/* mean quality of what works best less that of what was tried most; NaN = not known */
} rv_bank_statistics;

rv_status	rv_bank_describe(const rv_bank *RV_NONNULL bank, rv_bank_statistics *RV_NONNULL statistics,
							 rv_error *RV_NONNULL error);

/* Bytes that the image of this bank takes at most: what backends share, see BankImage.swift. */
int64_t		rv_bank_image_capacity(const rv_bank *RV_NONNULL bank);

rv_status	rv_bank_image_write(const rv_host *RV_NONNULL host, const rv_bank *RV_NONNULL bank,
								void *RV_NONNULL image, int64_t capacity, int64_t *RV_NONNULL bytes,
								rv_error *RV_NONNULL error);

/* As rv_bank_suggest, of a bank without its patterns: they are in the image. */
rv_status	rv_bank_image_suggest(const rv_bank *RV_NONNULL bank, const void *RV_NONNULL image, int64_t bytes,
								  const float *RV_NONNULL embedding, int32_t count,
								  rv_suggestion *RV_NONNULL suggestion, rv_error *RV_NONNULL error);

/* Checksum of an image, whoever wrote it; 0 if it is none. */
uint64_t	rv_image_checksum(const void *RV_NONNULL image, int64_t bytes);

/* Bytes that a router of this bank takes at most. */
int64_t		rv_router_capacity(const rv_bank *RV_NONNULL bank);

/* Trains a router on the experience; `bytes` is 0 when there is too little of it. */
rv_status	rv_router_train(const rv_host *RV_NONNULL host, const rv_bank *RV_NONNULL bank,
							const rv_experience *RV_NONNULL experience, uint64_t seed,
							void *RV_NONNULL router, int64_t capacity, int64_t *RV_NONNULL bytes,
							rv_error *RV_NONNULL error);

typedef struct rv_route
{
	double		value[RV_PARAMETERS_MAX];
	double		confidence;
	double		weight;			/* of the pattern in the blend; 0 = the router alone */
	int64_t		pattern;		/* 0 = none */
} rv_route;

/* What the router decides, drawn towards what the bank suggests where that is sure. */
rv_status	rv_router_decide(const rv_bank *RV_NONNULL bank, const void *RV_NONNULL router, int64_t bytes,
							 const float *RV_NONNULL features, int32_t count,
							 rv_route *RV_NONNULL route, rv_error *RV_NONNULL error);

/* What works best for a pattern's queries, and against what is in force.  NaN = not known. */
typedef struct rv_pattern_verdict
{
	int64_t		pattern;
	int32_t		support;		/* trajectories behind the recommendation */
	int32_t		configurations; /* tried often enough to be judged */
	int32_t		reaches;		/* the target: 1, 0; -1 = none is asked for */
	int32_t		evidence;		/* 0 = in pairs, 1 = observational; -1 = nothing to compare with */
	double		value[RV_PARAMETERS_MAX];	/* recommended */
	double		quality;
	double		consistency;
	double		confidence;
	double		recall;
	double		latency;
	double		cost;
	double		improvement;	/* of mean quality */
	double		cost_ratio;
	double		p;
} rv_pattern_verdict;

/* `verdicts` has room for one a pattern; `count` is how many there are.  `in_force` is NULL if not known. */
rv_status	rv_bank_judge(const rv_host *RV_NONNULL host, const rv_bank *RV_NONNULL bank,
						  const rv_experience *RV_NONNULL experience, const double *RV_NULLABLE in_force,
						  rv_pattern_verdict *RV_NONNULL verdicts, int32_t *RV_NONNULL count,
						  rv_error *RV_NONNULL error);

/* ---- searches as they were: verdicts, feedback ------------------------------------------ */

/* What is known of one search; NaN and -1 = not known. */
typedef struct rv_search_outcome
{
	double		recall;
	double		target;
	double		latency;
	double		precision;		/* of the rows that a user judged */
	double		exact_precision;	/* likewise of the exact neighbours */
	double		rating;
	const double *RV_NULLABLE recent;	/* latencies of searches of its class */
	const double *RV_NULLABLE distances;
	int32_t		recent_count;
	int32_t		distance_count;
	int32_t		distinct;
	int32_t		rows;
	int32_t		limit;
	bool		filtered;
} rv_search_outcome;

typedef struct rv_search_verdict
{
	double		recall;			/* signals, 0...1; NaN = not known */
	double		latency;
	double		diversity;
	double		feedback;
	double		score;
	double		confidence;
	int32_t		success;		/* -1 = not known */
	int32_t		recommendations;	/* set of 1 << rv_recommendation */
} rv_search_verdict;

/* The words for each are in messages.c. */
typedef enum rv_recommendation
{
	RV_RAISE_PARAMETER = 1,
	RV_LOWER_PARAMETER = 2,
	RV_WIDEN_FILTER = 3,
	RV_REMOVE_DUPLICATES = 4,
	RV_REVISE_EMBEDDING = 5,
	RV_MEASURE = 6
} rv_recommendation;

void		rv_search_judge(const rv_search_outcome *RV_NONNULL outcome, rv_search_verdict *RV_NONNULL verdict);

/* Identifiers of rows; `start` is NULL if they are not known. */
typedef struct rv_identifiers
{
	const char *RV_NONNULL const *RV_NULLABLE start;
	int32_t		count;
	bool	   *RV_NULLABLE missing;	/* [count]: answer: judged, but not among the rows returned */
} rv_identifiers;

typedef struct rv_feedback_verdict
{
	double		precision;		/* NaN = the feedback says nothing of it */
	double		recall;
	double		exact_precision;
	double		weighted_recall;
} rv_feedback_verdict;

rv_status	rv_feedback_judge(const rv_identifiers *RV_NONNULL relevant, const rv_identifiers *RV_NONNULL irrelevant,
							  const rv_identifiers *RV_NONNULL returned, const rv_identifiers *RV_NONNULL exact,
							  rv_feedback_verdict *RV_NONNULL verdict, rv_error *RV_NONNULL error);

/* ---- benchmark: what many searches measured -------------------------------------------- */

/* With its 95 % interval; NaN = not known. */
typedef struct rv_interval
{
	double		value;
	double		low;
	double		high;
} rv_interval;

/* Recall where only identifiers are known; NaN without an exact neighbour. */
double		rv_recall_by_identity(const rv_identifiers *RV_NONNULL exact, const rv_identifiers *RV_NONNULL found);

/* The mean of numbers that lie between `least` and `greatest`: BoundedMean.swift. */
rv_status	rv_bounded_mean(const rv_host *RV_NONNULL host, const double *RV_NULLABLE numbers, int32_t count,
							double least, double greatest, rv_interval *RV_NONNULL mean, rv_error *RV_NONNULL error);

/* The ratio of two means of the same subjects; without denominators, the mean itself: RatioInterval.swift. */
rv_status	rv_mean_ratio(const double *RV_NULLABLE numerators, const double *RV_NULLABLE denominators, int32_t count,
						  rv_interval *RV_NONNULL ratio, rv_error *RV_NONNULL error);

/* The quantile at `share`: QuantileInterval.swift. */
rv_status	rv_quantile(const double *RV_NULLABLE numbers, int32_t count, double share,
						rv_interval *RV_NONNULL quantile, rv_error *RV_NONNULL error);

/* ---- what searches have in common -------------------------------------------------------- */

/* One search, for what many have in common. */
typedef struct rv_observation
{
	int64_t		time;
	int32_t		k_class;
	int32_t		parameter;
	float		recall;			/* NaN = not measured */
	float		latency;
} rv_observation;

/* A class of k or a region, and its part in the searches. */
typedef struct rv_mix
{
	int64_t		id;				/* class, or pattern */
	double		share;
	double		recall;			/* NaN = not measured */
	int32_t		count;
	int32_t		labels;
} rv_mix;

#define RV_MIX_MAX 64			/* of each kind, the most frequent */

typedef struct rv_analysis
{
	int32_t		count;
	int32_t		classes;
	int32_t		regions;
	int32_t		reserved;
	double		filtered;		/* share; NaN = not known, like all that follows */
	double		latency[3];		/* median, 95th and 99th percentile */
	double		class_shift;	/* total variation distance to the window before, and its p */
	double		class_p;
	double		region_shift;
	double		region_p;
	double		recall_shift;	/* difference of the means */
	double		recall_p;
	rv_mix		class_mix[RV_MIX_MAX];
	rv_mix		region_mix[RV_MIX_MAX];
} rv_analysis;

/* The last `window` of `count` searches, newest first, against as many before. */
rv_status	rv_bank_analyse(const rv_host *RV_NONNULL host, const rv_bank *RV_NONNULL bank,
							const rv_observation *RV_NONNULL observations, const float *RV_NONNULL embedding,
							int32_t count, int32_t window, rv_analysis *RV_NONNULL analysis,
							rv_error *RV_NONNULL error);

/* ---- what-if: a whole table from samples of it ------------------------------------------ */

#define RV_SAMPLE_RERANKED 2	/* hnsw by another distance, put in order by the true one */

/* What searches of an index of some rows are like at one value, means over the queries. */
typedef struct rv_sample
{
	int32_t		configuration;	/* counted from 0: one way to build an index */
	int32_t		kind;			/* rv_index_kind, or RV_SAMPLE_RERANKED */
	double		rows;
	double		value;			/* of ef_search or probes */
	double		recall;
	double		buffers;
} rv_sample;

typedef struct rv_study
{
	const rv_sample *RV_NULLABLE samples;
	const rv_sample *RV_NULLABLE anchors;	/* of the index that exists, on the whole table */
	int32_t		count;
	int32_t		anchor_count;	/* 0: not measured */
	int32_t		configurations;
	int32_t		queries;
	double		rows;			/* of the whole table */
	double		anchor_error;	/* two standard errors of the recall of anchors */
} rv_study;

/* What is expected on the whole table; errors are two standard errors, NaN all if nothing can be said. */
typedef struct rv_outlook
{
	int32_t		configuration;
	int32_t		reserved;
	double		value;
	double		recall;
	double		recall_error;
	double		buffers;
	double		buffers_error;
} rv_outlook;

/* `configuration` and `value` of each outlook are given. */
rv_status	rv_study_outlooks(const rv_study *RV_NONNULL study, rv_outlook *RV_NONNULL outlooks, int32_t count,
							  rv_error *RV_NONNULL error);

typedef struct rv_build
{
	int32_t		configuration;
	int32_t		reserved;
	double		rows;
	double		seconds;		/* of processor time */
	double		buffers;		/* that a search with ef_construction touches then */
} rv_build;

/*
 * Seconds that a graph takes to build on `rows`, with two standard errors; NaN if nothing
 * can be said.  `whole`: what it is asked for, whose seconds are not read.
 */
void		rv_study_build(const rv_build *RV_NULLABLE builds, int32_t count, const rv_build *RV_NONNULL whole,
						   double *RV_NONNULL seconds, double *RV_NONNULL seconds_error);

/* ---- schedule: what the worker does next ---------------------------------------------- */

typedef struct rv_class_facts
{
	int32_t		candidates;		/* recorded queries that could be labelled */
	int32_t		labels;			/* in the present evidence */
	int32_t		judged;			/* labels the last verdict saw; -1 = no verdict yet */
	int32_t		min_samples;
	int32_t		urgent;			/* labels that somebody is waiting for and that can be taken: not from the budget */
} rv_class_facts;

typedef struct rv_tick_facts
{
	int64_t		now_us;			/* any monotonic clock */
	int64_t		interval_us;	/* ruvector.learning_interval */
	int64_t		distil_interval_us; /* ruvector.pattern_consolidation_interval */
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
	RV_ACTION_PRUNE = 5,		/* enforce retention */
	RV_ACTION_DISTIL = 6		/* what is new becomes patterns */
} rv_action;

/* State of the schedule between calls; all zero at the start. */
typedef struct rv_schedule
{
	int64_t		last_us;		/* when the balance was last brought up to date */
	int64_t		sync_us;
	int64_t		drain_us;
	int64_t		prune_us;
	int64_t		distil_us;
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
