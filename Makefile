# ruvector: a PostgreSQL extension whose thinking is a Swift static library.
#
#   make && make install     build for the PostgreSQL of PG_CONFIG
#   make installcheck        the suites that the server at hand can run
#   make test                set-up, build, install and every test, on temporary clusters
#   make check-hard          crashes, DDL and the like under load, simulations, for long: RUVECTOR_HARD times (20) what
#                            make test takes of it; prints what was tried, how often, what was lost
#   make demo                set-up, build, install and the main job on real embeddings
#   make bench               learned parameters against the best fixed value; arguments in BENCH
#   make bench-overhead      cost of capture, as ratios of paired runs
#   make bench-seed-targets  what ruvector_auto_tune reaches of what was asked at the beginning

EXTENSION  = ruvector
MODULE_big = ruvector
DATA_built = ruvector--0.1.sql
OBJS       = $(patsubst %,CShim/%.o,guard messages settings shared registry image job pgvector plan batches filter scan capture explain choice \
	catalog label whatif drain evidence policies learn worker functions door benchmark bank verdicts tune module)
EXTRA_CLEAN = .build tmp_check output_iso

PG_CONFIG  ?= pg_config
PG_CPPFLAGS = -ICShim -ICShim/include
PG_CFLAGS   = -Wall -Wno-declaration-after-statement

# ---- Swift ------------------------------------------------------------------
SWIFT        ?= swift
SWIFTC       ?= swiftc
SWIFT_CONFIG ?= release
SWIFT_LIB     = .build/$(SWIFT_CONFIG)/libRuVector.a
SWIFT_SRC     = Package.swift CShim/abi.c $(shell find -L Sources CShim/include -type f)
# Where the toolchain keeps its static runtime: asked from the toolchain itself.
SWIFT_STATIC := $(shell $(SWIFTC) -print-target-info -static-stdlib | sed -n 's/.*"runtimeResourcePath": "\(.*\)".*/\1/p')/linux
SWIFT_ARCH   := $(shell uname -m)

# swiftrt.o registers this library's metadata with the runtime linked in below.
# --whole-archive keeps objects that only hold protocol conformances, and
# exports.map hides everything of Swift, so other Swift libraries in the same
# backend cannot be confused with ours.
SHLIB_LINK = $(SWIFT_STATIC)/$(SWIFT_ARCH)/swiftrt.o \
	-Wl,--whole-archive $(SWIFT_LIB) -Wl,--no-whole-archive \
	-L$(SWIFT_STATIC) $(if $(filter debug,$(SWIFT_CONFIG)),-lswiftSwiftOnoneSupport) -lswiftCore -lstdc++ -lm \
	-Wl,--gc-sections -Wl,-Bsymbolic -Wl,--version-script=CShim/exports.map

# Bitcode of the C shim alone is of no use to the JIT.
override with_llvm = no

# ---- regression tests (see Tests/run for the clusters they run on) ------------
SUITES         := $(if $(filter installcheck,$(MAKECMDGOALS)),$(shell Tests/suites))
REGRESS        := $(filter-out isolation-%,$(SUITES))
REGRESS_OPTS    = --inputdir=Tests/regress
ISOLATION      := $(patsubst isolation-%,%,$(filter isolation-%,$(SUITES)))
ISOLATION_OPTS  = --inputdir=Tests/isolation

PGXS := $(shell $(PG_CONFIG) --pgxs)
include $(PGXS)

$(SWIFT_LIB): $(SWIFT_SRC)
	$(SWIFT) build -c $(SWIFT_CONFIG) --static-swift-stdlib --product RuVector
	@touch $@

$(shlib): $(SWIFT_LIB) CShim/exports.map
$(OBJS): CShim/rv.h CShim/rv_compat.h CShim/include/ruvector_abi.h

$(DATA_built): $(wildcard sql/*.sql)
	cat $(sort $^) > $@

all: check-symbols
check-symbols: $(shlib) $(DATA_built)
	@tools/check-symbols $(shlib) $(DATA_built)

# Clients of single tests: a browser, a pooler, drivers.
CLIENTS = chromium pgbouncer python3-psycopg python3-psycopg2 python3-sqlalchemy

setup:
	tools/setup

test:
	tools/setup $(CLIENTS)
	Tests/run

check-hard:
	tools/setup $(CLIENTS)
	Tests/run hard

demo:
	tools/setup
	Demo/run

BENCH ?= --data Demo/data --metric cosine --labels 1000
bench:
	tools/setup
	Benchmarks/run $(BENCH)

bench-overhead:
	tools/setup
	Benchmarks/overhead

bench-seed-targets:
	tools/setup
	Benchmarks/seed-targets

.PHONY: check-symbols setup test check-hard demo bench bench-overhead bench-seed-targets
