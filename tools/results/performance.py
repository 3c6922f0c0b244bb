#!/usr/bin/env python3
"""Times networks in Bitsieve and in ONNX Runtime, side by side, and writes the tables of docs/performance.md.

usage: performance.py BUILD_FOLDER [--data DATA_FOLDER] [--ort LIBRARY] [--seconds S] [--only NETWORK] [--report-only]
BUILD_FOLDER is built with -DBITSIEVE_BENCH=ON (build/bench): bitsieve, bitsieve_peers and bitsieve_make_model. Figures are kept in
docs/performance.json by machine (processor and instruction set); those of other machines stay as they are. Nothing else should
run meanwhile. LIBRARY is what tools/onnxruntime.sh gets.
"""
import argparse
import datetime
import json
import os
import pathlib
import re
import subprocess

root = pathlib.Path(__file__).resolve().parent.parent.parent
kept, page = root / "docs" / "performance.json", root / "docs" / "performance.md"
marker = "<!-- Everything below is written by tools/results/performance.py -->"
made = ("resnet20", "resnet18", "resnet50", "mobilenetv2")
real = {"resnet20 (akamaster)": "cifar10-models/resnet20-akamaster.onnx", "resnet56 (akamaster)": "cifar10-models/resnet56-akamaster.onnx",
        "resnet8 (MLPerf Tiny)": "cifar10-models/resnet8-mlperftiny.onnx", "mobilenetv1-0.25": "imagenet-models/mobilenetv1-0.25-224-keras.onnx",
        "mobilenetv2 (trained)": "imagenet-models/mobilenetv2-1.0-224-int8ptq-dequant.onnx", "squeezenet1.1": "imagenet-models/squeezenet1.1-ncnn.onnx"}
weights = ("swis-n3-m4", "int4")
layers_of = ("resnet20", "resnet50", "mobilenetv2")  # whose layers are listed by kind
cases = [(threads, batch) for batch in (1, 8) for threads in (1, 2)]


def processor():
    text = pathlib.Path("/proc/cpuinfo").read_text()
    name, family, model = (re.search(rf"^{key}\s*: (.*)$", text, re.M) for key in ("model name", "cpu family", "model"))
    return f"{name[1]} (family {family[1]}, model {model[1]})" if name and family and model else "unknown"


def measure(arguments, network, path, threads, batch):
    """Both weight codes in runs of their own: each is compared with the INT8 of its run."""
    result = None
    for code in weights:
        command = [f"{arguments.build}/bench/bitsieve_peers", str(path), "--ort", arguments.ort, "--threads", str(threads), "--batch", str(batch), "--weights",
                   code, "--seconds", str(arguments.seconds), "--json"] + (["--float"] if code == weights[0] else [])
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        if done.returncode != 0:
            raise SystemExit(f"{network}: {done.stderr.strip()}")
        run = json.loads(done.stdout)
        if result is None:
            result = run
        else:
            result["speed"].update({key: value for key, value in run["speed"].items() if key.startswith(code)})
    print(f"{network}, {threads} thread(s), batch {batch}: {result['speed']}", flush=True)
    return {"network": network, **result}


def kinds(arguments, network, path):
    """Layers of a kind together, one image, one thread: time, operations, bytes that they have to move at least."""
    packed = path.with_suffix(".bsv")
    subprocess.run([f"{arguments.build}/bench/bitsieve_peers", str(path), "--write-bsv", str(packed)], check=True)
    runs = [json.loads(subprocess.run([f"{arguments.build}/src/cli/bitsieve", "bench", str(packed), "--runs", "20", "--bandwidth", "--format", "json"], check=True,
                                      stdout=subprocess.PIPE, text=True).stdout) for _ in range(5)]
    found = {}
    for i, layer in enumerate(runs[0]["layers"]):
        kind = found.setdefault(layer["kind"], {"kind": layer["kind"], "layers": 0, "seconds": 0, "macs": 0, "bytes": 0})
        for key, value in {"layers": 1, "seconds": min(run["layers"][i]["seconds"] for run in runs), "macs": layer["macs"], "bytes": layer["bytes"]}.items():
            kind[key] += value
    best_of = lambda key: max(run[key] for run in runs)
    print(f"{network}: {len(found)} kinds of layers", flush=True)
    return {"network": network, "second_cache": best_of("second_cache_bytes_per_second"), "memory": best_of("memory_bytes_per_second"),
            "kinds": sorted(found.values(), key=lambda kind: -kind["seconds"])}


def roofline(machine):
    rows = machine.get("roofline", [])
    if not rows:
        return ""
    peak = max(row["peak_gops"] / row["threads"] for row in machine["rows"])
    near, far = (max(row[key] for row in rows) for key in ("second_cache", "memory"))
    lines = [f"**By kind of layer** (INT8, one image, one thread; what takes a hundredth of the time or more). Multiply-adds: {peak:.0f} GOP/s; one thread reads "
             f"{near / 1e9:.0f} GB/s from the second cache, {far / 1e9:.1f} from memory.", "",
             "| network | layers | of the time | GOP/s | operations a byte | limit: arithmetic or second cache | reached | limit from memory |", "|---|---|---|---|---|---|---|---|"]
    for row in rows:
        total = sum(kind["seconds"] for kind in row["kinds"])
        for kind in row["kinds"]:
            if kind["seconds"] < 0.01 * total:
                continue
            reached, intensity = 2e-9 * kind["macs"] / kind["seconds"], 2 * kind["macs"] / kind["bytes"]
            limit, distant = (min(peak, 1e-9 * rate * intensity) for rate in (near, far))
            name = f"| {row['network']} | {kind['layers']} x {kind['kind']} | {100 * kind['seconds'] / total:.0f} % |"
            if kind["macs"] == 0:  # nothing but bytes
                lines.append(f"{name} {1e-9 * kind['bytes'] / kind['seconds']:.1f} GB/s | | | {100 * kind['bytes'] / kind['seconds'] / near:.0f} % of the second cache | |")
            else:
                lines.append(f"{name} {reached:.1f} | {intensity:.1f} | {limit:.0f} | {100 * reached / limit:.0f} % | {distant:.0f} |")
    return "\n".join(lines) + "\n"


def best(row, name):
    return min(r["median_ms"] for r in row["runs"] if r["name"] in (name, name + " spinning"))


def table(machine):
    # Of a core: the best of all runs, since other tenants of the machine slow some of them.
    peak, widened = (max(row[key] / row["threads"] for row in machine["rows"]) for key in ("peak_gops", "peak_widened_gops"))
    lines = [f"### {machine['processor']}, {machine['isa']}", "",
             f"{machine['date']}, ONNX Runtime {machine['onnxruntime']}. One core multiplies at most {peak:.0f} GOP/s"
             + (f", {widened:.0f} widened to 16 bits" if widened < 0.99 * peak else "") + ".", "",
             "| network | batch | threads | INT8 ms: Bitsieve | ONNX Runtime | **speed** | of the peak: ours, theirs | SPARQ / INT8 | SWIS / INT8 | INT4 / INT8 | float |",
             "|---|---|---|---|---|---|---|---|---|---|---|"]
    for row in machine["rows"]:
        ours, theirs, speed = best(row, "bitsieve int8"), best(row, "onnxruntime int8"), row["speed"]
        work = 2e-3 * row["mega_macs"] * row["batch"]
        share = [100 * work / (ms * 1e-3) / (peak * row["threads"]) for ms in (ours, theirs)] if peak else None
        lines.append(f"| {row['network']} | {row['batch']} | {row['threads']} | {ours:.3g} | {theirs:.3g} | **{speed['int8 over onnxruntime']:.2f}** | "
                     + (f"{share[0]:.0f} %, {share[1]:.0f} %" if share else "") + f" | {speed['sparq-5opt-round over int8']:.2f} | "
                     f"{speed['swis-n3-m4 over int8']:.2f} | {speed['int4 over int8']:.2f} | {speed['float over onnxruntime']:.2f} |")
    return "\n".join(lines) + "\n\n" + roofline(machine)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("build")
    parser.add_argument("--data", default=str(root.parent / "shared" / "data"))
    parser.add_argument("--ort", default=str(root / "build" / "onnxruntime" / "libonnxruntime-1.30.0.so"))
    parser.add_argument("--seconds", type=float, default=4)
    parser.add_argument("--only", action="append")
    parser.add_argument("--report-only", action="store_true")
    arguments = parser.parse_args()
    machines = json.loads(kept.read_text()) if kept.exists() else []
    if not arguments.report_only:
        for program in ("bench/bitsieve_peers", "bench/bitsieve_make_model", "src/cli/bitsieve"):
            if not os.access(f"{arguments.build}/{program}", os.X_OK):
                raise SystemExit(f"'{arguments.build}' holds no {program}; build with -DBITSIEVE_BENCH=ON and give its folder")
        models = root / "build" / "results" / "performance"
        models.mkdir(parents=True, exist_ok=True)
        paths = {}
        for name in made:
            paths[name] = models / f"{name}.onnx"
            subprocess.run([f"{arguments.build}/bench/bitsieve_make_model", name, paths[name]], check=True)
        paths |= {name: pathlib.Path(arguments.data) / path for name, path in real.items() if (pathlib.Path(arguments.data) / path).exists()}
        chosen = {name: path for name, path in paths.items() if not arguments.only or name in arguments.only}
        layers = [kinds(arguments, name, path) for name, path in chosen.items() if name in layers_of]
        rows = [measure(arguments, name, path, threads, batch) for name, path in chosen.items() for threads, batch in cases]
        own = {"processor": processor(), "isa": rows[0]["isa"]}
        old = next((m for m in machines if all(m[key] == own[key] for key in own)), {"rows": []})
        layers += [r for r in old.get("roofline", []) if r["network"] not in chosen]
        layers.sort(key=lambda r: layers_of.index(r["network"]))
        measured = {(r["network"], r["threads"], r["batch"]) for r in rows}
        rows += [r for r in old["rows"] if (r["network"], r["threads"], r["batch"]) not in measured]
        order = list(made) + list(real)
        rows.sort(key=lambda r: (order.index(r["network"]), r["batch"], r["threads"]))
        own |= {"date": datetime.date.today().isoformat(), "onnxruntime": rows[0]["onnxruntime"], "roofline": layers, "rows": rows}
        machines = [m for m in machines if m is not old] + [own]
        kept.write_text(json.dumps(machines, indent=1) + "\n")
    head = page.read_text().split(marker)[0].rstrip() + "\n\n"
    text = """
## Side by side
Times of alternating blocks of runs in one process: the least of each block, the median over blocks; ratios block by block. With two threads the better of ONNX
Runtime's two ways of waiting, spinning or not. Speed is ONNX Runtime's time over ours: above 1 Bitsieve is faster. SPARQ (5opt-round), SWIS (n3, m4)
and INT4 weights: speed of our own INT8 = 1. Float is ONNX Runtime's time over ours. The first four networks have random weights
(`bitsieve_make_model`), which takes the same time as trained ones. All layers are counted as direct products: 3 x 3 layers of stride 1 need fewer
multiplications (Winograd) and may be above the peak or a limit.

"""
    page.write_text(head + marker + text + "\n".join(table(m) for m in machines))


if __name__ == "__main__":
    main()
