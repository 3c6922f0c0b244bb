#!/usr/bin/env python3
"""Writes small ONNX models, good and bad, into a folder: bad_models.py FOLDER. Protobuf is written by hand, so that the
tests need no Python package."""
import math
import pathlib
import struct
import sys


def varint(n):
    out = b""
    while True:
        n, low = n >> 7, n & 127
        out += bytes([low | (128 if n else 0)])
        if not n:
            return out


def number(field, n):
    return varint(field << 3) + varint(n)


def chunk(field, data):
    data = data.encode() if isinstance(data, str) else data
    return varint(field << 3 | 2) + varint(len(data)) + data


def tensor(name, dims, values):
    return b"".join(number(1, d) for d in dims) + number(2, 1) + chunk(8, name) + chunk(9, struct.pack(f"<{len(values)}f", *values))


def value(name, dims):
    shape = b"".join(chunk(1, number(1, d)) for d in dims)
    return chunk(1, name) + chunk(2, chunk(1, number(1, 1) + chunk(2, shape)))


def node(op, inputs, output, name, attributes=b""):
    return b"".join(chunk(1, i) for i in inputs) + chunk(2, output) + chunk(3, name) + chunk(4, op) + attributes


def model(weight, operator="Relu", opset=13, name="small"):
    nodes = [node("Conv", ["x", "w"], "a", "conv1"), node(operator, ["a"], "b", "act1"), node("GlobalAveragePool", ["b"], "c", "pool"),
             node("Flatten", ["c"], "d", "flat"), node("Gemm", ["d", "v"], "y", "fc", chunk(5, chunk(1, "transB") + number(3, 1) + number(20, 2)))]
    graph = b"".join(chunk(1, n) for n in nodes) + chunk(2, name)
    graph += chunk(5, tensor("w", [4, 1, 3, 3], weight)) + chunk(5, tensor("v", [10, 4], [math.sin(i) for i in range(40)]))
    graph += chunk(11, value("x", [1, 1, 28, 28])) + chunk(12, value("y", [1, 10]))
    return number(1, 8) + chunk(7, graph) + chunk(8, number(2, opset))


folder = pathlib.Path(sys.argv[1])
weight = [math.cos(i) for i in range(36)]
(folder / "good.onnx").write_bytes(model(weight))
(folder / "operator.onnx").write_bytes(model(weight, "Erf"))
(folder / "opset.onnx").write_bytes(model(weight, opset=99))
(folder / "nan.onnx").write_bytes(model(weight[:17] + [math.nan] + weight[18:]))
(folder / "zero.onnx").write_bytes(model([0.0] * 9 + weight[9:]))
(folder / "preprocess.toml").write_text('[input]\nsize = [28, 28]\nchannels = "gray"\n')
(folder / "size.toml").write_text('[input]\nsize = [32, 32]\nchannels = "gray"\n')


def npy(name, kind, shape, data):
    header = f"{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}, }}"
    header += " " * (63 - (10 + len(header)) % 64) + "\n"
    (folder / name).write_bytes(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode() + data)


npy("x.npy", "<f4", "(2, 1, 28, 28)", struct.pack("<1568f", *[math.sin(i) ** 2 for i in range(1568)]))
npy("y.npy", "<i8", "(2,)", struct.pack("<2q", 3, 99))
npy("ok.npy", "<i8", "(2,)", struct.pack("<2q", 3, 9))
npy("shape.npy", "<f4", "(2, 1, 14, 14)", struct.pack("<392f", *[0.5] * 392))
(folder / "empty").mkdir()
(folder / "pictures").mkdir()
(folder / "pictures" / "a.jpg").write_bytes(b"\xff\xd8\xff\xe0 this is no picture")
(folder / "labels.csv").write_text("a.jpg,1\n")
