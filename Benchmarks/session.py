"""Part of the benchmarks, inside their cluster: speaks SQL, loads, learns, judges, races."""
import array
import concurrent.futures
import os
import pathlib
import random
import struct
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "Demo")]
import report
from load import read_npy

METRICS = {"cosine": ("<=>", "vector_cosine_ops"), "l2": ("<->", "vector_l2_ops"), "ip": ("<#>", "vector_ip_ops")}
PARAMETERS = {"hnsw": "ef_search", "ivfflat": "probes"}
BLOCK = 50  # queries a statement: how often progress is told
PSQL = ["psql", "-XqAt", "-v", "ON_ERROR_STOP=1"]


def say(text):
    print(f"bench: {time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)


def sql(*statements):
    """Runs statements in one session; the lines they return."""
    command = PSQL + [word for statement in statements for word in ("-c", statement)]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()


def one(statement):
    return sql(statement)[0]


def wait_for(condition):
    """Until a condition that the worker brings about is true."""
    for _ in range(300):
        if one(f"SELECT {condition}") == "t":
            return
        time.sleep(0.2)
    sys.exit(f"gave up waiting for: {condition}")


# ---- data ----------------------------------------------------------------------------


def copy(table, vectors, scale):
    """Loads vectors, numbered from 1; whatever they were, the table has float32."""
    number = 0
    with subprocess.Popen(PSQL + ["-c", f"COPY {table} FROM stdin (FORMAT binary)"], stdin=subprocess.PIPE) as psql:
        psql.stdin.write(b"PGCOPY\n\xff\r\n\0" + bytes(8))
        for number, vector in enumerate(vectors, start=1):
            floats = array.array("f", vector if scale == 1 else [scale * x for x in vector])
            if sys.byteorder == "little":
                floats.byteswap()
            body = struct.pack(">hh", len(floats), 0) + floats.tobytes()
            psql.stdin.write(struct.pack(">hiii", 2, 4, number, len(body)) + body)
            if number % 100_000 == 0:
                say(f"{table}: {number} rows")
        psql.stdin.write(struct.pack(">h", -1))
    if psql.returncode != 0:
        sys.exit(1)
    return number


def split(path, lessons, held_out, seed):
    """Which rows of a file are to learn from and which judge: disjoint, also by value."""
    seen, distinct = set(), []
    for number, vector in enumerate(read_npy(path)):
        if (mark := hash(vector)) not in seen:
            seen.add(mark)
            distinct.append(number)
    if len(distinct) < lessons + 100:
        sys.exit(f"{path}: {len(distinct)} different queries; {lessons} to learn from leave fewer than 100 to judge")
    random.Random(seed).shuffle(distinct)
    return distinct[:lessons], distinct[lessons : lessons + held_out]


def load(job):
    """Tables and index; returns what is known of them."""
    folder = pathlib.Path(job["data"])
    operator, opclass = METRICS[job["metric"]]
    scale = float((folder / "scale.txt").read_text().split()[0]) if (folder / "scale.txt").is_file() else 1
    sql(f"\\i {HERE / 'run.sql'}", f"INSERT INTO job VALUES ('{operator}', {job['k']}, '{job['index']}.{PARAMETERS[job['index']]}')")
    chosen = split(folder / "queries.npy", job["labels"], job["queries"], job["seed"])
    for table, numbers in zip(("lessons", "held_out"), chosen):
        wanted = set(numbers)
        copy(table, (vector for number, vector in enumerate(read_npy(folder / "queries.npy")) if number in wanted), scale)
    say(f"loading {job['data']}")
    rows = copy("items", read_npy(folder / "base.npy"), scale)
    dims = int(one("SELECT vector_dims(embedding) FROM items LIMIT 1"))
    if job.get("tenant_scale", 1) != 1:
        sql(f"SELECT make_tenants({job['tenant_scale']})", "VACUUM FULL items")
    lists = round(rows**0.5)
    options = f"WITH (lists = {lists})" if job["index"] == "ivfflat" else ""
    say(f"{rows} rows, {dims} dimensions: building the index")
    started = time.monotonic()
    sql(
        f"ALTER TABLE items ALTER embedding TYPE vector({dims})",
        f"CREATE INDEX items_embedding ON items USING {job['index']} (embedding {opclass}) {options}",
        "VACUUM ANALYZE",
        "CHECKPOINT",
    )
    described = f"ivfflat with {lists} lists" if options else "hnsw with pgvector's defaults"
    return {"rows": rows, "dims": dims, "index": described, "parameter": PARAMETERS[job["index"]], "lists": lists, "index_seconds": round(time.monotonic() - started, 1)}


# ---- the held-out queries ---------------------------------------------------------------


def in_blocks(what, call, sessions=os.cpu_count()):
    """Runs a function of (first, last) over all held-out queries, in several sessions."""
    total = int(one("SELECT max(id) FROM held_out"))
    blocks = [(first, min(first + BLOCK - 1, total)) for first in range(1, total + 1, BLOCK)]
    told, done = time.monotonic(), 0
    with concurrent.futures.ThreadPoolExecutor(sessions) as pool:
        try:
            for last in concurrent.futures.as_completed([pool.submit(sql, f"SELECT {call(*block)}") for block in blocks]):
                last.result()
                done += BLOCK
                if time.monotonic() - told > 10:
                    say(f"{what}: {done} of {total} queries")
                    told = time.monotonic()
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def sql_array(contestants):
    return "ARRAY[" + ",".join(f"'{name}'" for name in contestants) + "]"


def judge(what, contestants):
    """Recall and buffers of contestants, by contestant, the queries in order."""
    in_blocks(what, lambda first, last: f"judge({sql_array(contestants)}, {first}, {last})")
    found = {name: report.Judged([], []) for name in contestants}
    for line in sql("SELECT contestant, recall, buffers FROM judged ORDER BY query", "TRUNCATE judged"):
        name, recall, buffers = line.split("|")
        found[name].recall.append(float(recall))
        found[name].buffers.append(int(buffers))
    return found


def race(contestants):
    """Microseconds of contestants, query by query, each the best of its rounds; in one session."""
    # learning was hurried: let the worker write down searches as often as it does by default
    interval = one("SELECT boot_val FROM pg_settings WHERE name = 'ruvector.learning_interval'")
    sql(f"ALTER SYSTEM SET ruvector.learning_interval = {interval}", "SELECT pg_reload_conf()")
    calls = []
    total = int(one("SELECT max(id) FROM held_out"))
    for first in range(1, total + 1, BLOCK):
        calls += [f"SELECT race({sql_array(contestants)}, {first}, {min(first + BLOCK - 1, total)})", f"\\echo {first}"]
    command = PSQL + [word for call in calls for word in ("-c", call)]
    told = time.monotonic()
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as psql:
        for line in filter(str.strip, psql.stdout):
            if time.monotonic() - told > 10:
                say(f"racing {len(contestants)} contestants: {line.strip()} of {total} queries")
                told = time.monotonic()
    if psql.returncode != 0:
        sys.exit(1)
    times = {name: [] for name in contestants}
    for line in sql("SELECT contestant, min(us) FROM raced GROUP BY query, contestant ORDER BY query"):
        name, us = line.split("|")
        times[name].append(float(us))
    return times


# ---- learning -----------------------------------------------------------------------------


def label_budget(share):
    sql(f"ALTER SYSTEM SET ruvector.label_budget = {share}", "SELECT pg_reload_conf()")


def settle():
    """Until the worker has nothing to do: judged and published."""
    quiet = 0
    while quiet < 15:
        time.sleep(0.2)
        idle = one("SELECT state IS DISTINCT FROM 'active' FROM pg_stat_activity WHERE backend_type = 'ruvector worker' AND datname = current_database()")
        quiet = quiet + 1 if idle == "t" else 0


def ask(lessons, wishes):
    """Plain clients, no SET around a query: two of them, or one for each recall wished for (None: what the table declares)."""
    clients = []
    wishes = wishes * 2 if len(wishes) == 1 else wishes
    for client, wish in enumerate(wishes):
        environment = dict(os.environ, PGOPTIONS=f"-c ruvector.target_recall={wish}") if wish else None
        questions = f"""COPY (SELECT format('{one("SELECT search()").replace("$1", "''%s''")};', embedding)
                              FROM lessons WHERE id % {len(wishes)} = {client} ORDER BY id) TO stdout"""
        source = subprocess.Popen(PSQL + ["-c", questions], stdout=subprocess.PIPE)
        clients.append(subprocess.Popen(PSQL, stdin=source.stdout, stdout=subprocess.DEVNULL, env=environment))
    if any(client.wait() for client in clients):
        sys.exit("a client that learns failed")
    wait_for(f"searches_recorded + searches_dropped >= {lessons} FROM ruvector_learning_stats('items')")
    settle()


def begin_learning(labels, *targets):
    """The table declares the last target; clients of their own ask for the others."""
    sql(
        "SELECT explain(embedding) FROM lessons ORDER BY id LIMIT 1",  # fails where a plain client's search would not use the index
        "CREATE EXTENSION ruvector",
        f"SELECT ruvector_enable_learning('items', trajectory_window := {labels}, target_recall := {targets[-1]})",
    )
    wait_for("searches_recorded IS NOT NULL FROM ruvector_learning_stats('items')")
    say(f"plain clients ask {labels} queries")
    ask(labels, [*targets[:-1], None])


def learn(labels):
    """Lets the worker label until there are so many labels, or nothing to label; returns how many there are."""
    label_budget(1)
    told = 0
    while True:
        done, waiting = map(int, one("SELECT (SELECT count(*) FROM ruvector.labels), (SELECT count(*) FROM ruvector.trajectories WHERE label_state = 'pending')").split("|"))
        if time.monotonic() - told > 10:
            say(f"labelling: {done} of {labels}; " + one("SELECT state FROM ruvector_learning_stats('items')"))
            told = time.monotonic()
        if done >= labels or waiting == 0:
            break
        time.sleep(0.05)
    label_budget(0)
    settle()
    return int(one("SELECT count(*) FROM ruvector.labels"))
