#!/usr/bin/env python3
"""Prints vectors as rows for COPY: id, vector; or with their texts: id, text, vector.

    load.py VECTORS.npy [TEXTS.txt.gz]

Reads int8, uint8, float16 or float32, two-dimensional, C order; the standard
library only.  Whole numbers stay unscaled: under cosine distance scale is nothing.
"""
import ast
import gzip
import struct
import sys

FORMATS = {"|i1": "b", "|u1": "B", "<f2": "e", "<f4": "f"}


def read_header(file):
    """The struct code, rows and dimensions of an opened .npy file."""
    if file.read(6) != b"\x93NUMPY":
        sys.exit(f"{file.name}: not a .npy file")
    major = file.read(2)[0]
    size = struct.unpack("<H", file.read(2))[0] if major == 1 else struct.unpack("<I", file.read(4))[0]
    header = ast.literal_eval(file.read(size).decode("latin1"))
    code = FORMATS.get(header["descr"])
    if code is None or header["fortran_order"] or len(header["shape"]) != 2:
        sys.exit(f"{file.name}: want a two-dimensional int8, uint8, float16 or float32 array in C order")
    return code, *header["shape"]


def read_npy(path):
    """Yields the rows of a .npy file."""
    with open(path, "rb") as file:
        code, rows, dims = read_header(file)
        row = struct.Struct(f"<{dims}{code}")
        for _ in range(rows):
            yield row.unpack(file.read(row.size))


def main():
    vectors, *texts = sys.argv[1:]
    escape = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})
    lines = gzip.open(texts[0], "rt", encoding="utf-8") if texts else None
    for number, vector in enumerate(read_npy(vectors), start=1):
        text = [next(lines).rstrip("\n").translate(escape)] if lines else []
        print("\t".join([str(number), *text, f"[{','.join(map(repr, vector))}]"]))


if __name__ == "__main__":
    main()
