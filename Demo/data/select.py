#!/usr/bin/env python3
"""Draws the demo's data from the full set it comes from (a folder of the same form).

    select.py FULL_DIRECTORY

FULL_DIRECTORY holds base.npy, queries.npy (int8), base.txt.gz, queries.txt.gz and
scale.txt.  Needs numpy; the demo itself does not.
"""
import gzip
import pathlib
import shutil
import sys

import numpy as np

BASE, QUERIES, SEED = 20_000, 5_000, 20261121

source = pathlib.Path(sys.argv[1])
here = pathlib.Path(__file__).parent
rng = np.random.default_rng(SEED)
for name, count in (("base", BASE), ("queries", QUERIES)):
    vectors = np.load(source / f"{name}.npy")
    lines = gzip.open(source / f"{name}.txt.gz", "rt", encoding="utf-8").read().splitlines()
    assert len(lines) == len(vectors)
    chosen = rng.permutation(len(vectors))[:count]
    np.save(here / f"{name}.npy", np.ascontiguousarray(vectors[chosen]))
    with gzip.GzipFile(here / f"{name}.txt.gz", "wb", mtime=0) as out:
        out.write("".join(lines[i] + "\n" for i in chosen).encode())
for name in ("scale.txt", "LICENSE.wordnet"):
    shutil.copyfile(source / name, here / name)
