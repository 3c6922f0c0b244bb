#!/usr/bin/env python3
"""Puts the networks of the results page on accelerators, at an equal number of multipliers and at equal area, and writes docs/hardware.md.

usage: hardware.py PROGRAM DATA_FOLDER [--folder FOLDER] [--only NETWORK] [--report-only]
DATA_FOLDER holds cifar10/, cifar10-models/, imagenet/ and imagenet-models/. Areas of processing elements are those of docs/area.json
(tools/area). Packed models, evaluations and simulations are kept in --folder (default build/results/hardware), the figures of the page
in docs/hardware.json; what is there is not measured again.
"""
import argparse
import json
import math
import os
import pathlib
import statistics
import subprocess
import tomllib

import make_results

here = pathlib.Path(__file__).resolve().parent
root = here.parent.parent
kept = root / "docs" / "hardware.json"
page = root / "docs" / "hardware.md"
marker = "<!-- Everything below is written by tools/results/hardware.py -->"
fashion = "fashion-mnist:/usr/share/datasets/fashion-mnist"
networks = {"fashion-resnet14": ("{root}/models/fashion-resnet14.onnx", None, (f"{fashion}:test", f"{fashion}:train"), "Fashion-MNIST")}
networks |= {name: ("{data}/" + model, str(here / preprocessing), images, what)
             for name, (model, preprocessing, images, what) in make_results.networks.items()}
models = {  # options of quantize
    "int8": "",
    "sparq": "--activations sparq-5opt-round",
    "sparq-3opt": "--activations sparq-3opt-round",
    "sparq-2opt": "--activations sparq-2opt-round",
    "int8-24": "--prune 2:4",
    "sparq-24": "--activations sparq-5opt-round-24 --prune 2:4",
    "swis-2": "--weights swis-n2-m4",
    "swis-3": "--weights swis-n3-m4",
    "swis-4": "--weights swis-n4-m4",
    "swisc-2": "--weights swisc-n2-m4",
    "swisc-3": "--weights swisc-n3-m4",
    "trunc-3": "--weights trunc-n3",
    "trunc-2": "--weights trunc-n2",
}
# What is compared: model, machine, products of an element at a time, its design in docs/area.json (None: no gates of ours), and the
# trim-and-round units that an element pays for: one for a row of 16, or one for each pair of operands of four columns.
rows = [
    ("int8", "systolic-os", 1, "8b-8b", 0),
    ("int8", "systolic-ws", 1, None, 0),
    ("int8", "systolic-is", 1, None, 0),
    ("int8", "dot-product", 4, "dot product", 0),
    ("sparq", "sparq-systolic", 1, "SPARQ 5opt", 1 / 16),
    ("sparq-3opt", "sparq-systolic", 1, "SPARQ 3opt", 1 / 16),
    ("sparq-2opt", "sparq-systolic", 1, "SPARQ 2opt", 1 / 16),
    ("sparq", "sparq-dot-product", 4, "SPARQ dot product 5opt", 1),
    ("sparq-3opt", "sparq-dot-product", 4, "SPARQ dot product 3opt", 1),
    ("sparq-2opt", "sparq-dot-product", 4, "SPARQ dot product 2opt", 1),
    ("int8-24", "sparse-dot-product", 4, "2:4 dot product", 0),
    ("sparq-24", "sparq-sparse-dot-product", 4, "SPARQ 2:4 dot product 5opt +R", 0),
    ("int8", "weight-serial", 4, "weight-serial, M=4, 7 bits", 0),
    ("int8", "weight-serial", 16, "weight-serial, M=16, 7 bits", 0),
    ("trunc-3", "weight-serial", 4, "weight-serial, M=4, 7 bits", 0),
    ("trunc-2", "weight-serial", 4, "weight-serial, M=4, 7 bits", 0),
    ("int8", "bitwave", 8, "SWIS single, M=8, N=3", 0),
    ("swis-4", "swis-single", 4, "SWIS single, M=4, N=4", 0),
    ("swis-3", "swis-single", 4, "SWIS single, M=4, N=3", 0),
    ("swis-2", "swis-single", 4, "SWIS single, M=4, N=2", 0),
    ("swis-4", "swis-double", 4, "SWIS double, M=4, N=4", 0),
    ("swis-2", "swis-double", 4, "SWIS double, M=4, N=2", 0),
    ("swisc-3", "swis-c", 4, "SWIS-C, M=4, N=3", 0),
    ("swisc-2", "swis-c", 4, "SWIS-C, M=4, N=3", 0),
    ("int8", "stripes", 16, "Stripes, M=16", 0),
    ("int8", "bit-pragmatic", 16, "Bit-Pragmatic, M=16", 0),
    ("int8", "laconic", 16, None, 0),
    ("int8", "loom", 16, None, 0),
    ("int8", "bit-fusion", 1, None, 0),
]
multipliers = 256
energy_table = "45nm-own-rtl"


filters_in_rows = ("stripes", "bit-pragmatic", "laconic", "loom")


def shape(machine, elements):
    """Rows and columns of at most so many elements. Layers have filters by powers of two, and so has the array; pixels there are many,
    and any number of them fits."""
    filters = 2 ** round(math.log2(elements) / 2)
    pixels = elements // filters
    return (filters, pixels) if machine in filters_in_rows else (pixels, filters)


def windows(model):
    """Where the elements of SPARQ's machines cut theirs."""
    return model[-4:] if model.endswith("opt") else "5opt"


def parameters(machine, model, lanes, elements):
    """TOML of the machine with so many elements."""
    text = f'machine = "{machine}"\n\n[array]\n' + (f'windows = "{windows(model)}"\n' if machine.startswith("sparq") else "")
    if machine.endswith("dot-product"):  # units of 4 x 4 outputs; fewer outputs where one would be too many
        tile = 4 if elements >= 16 else 2
        return text + f"rows = {tile}\ncolumns = {tile}\nlanes = {lanes}\nunits = {max(1, elements // tile ** 2)}\n"
    r, c = shape(machine, elements)
    text += f"rows = {r}\ncolumns = {c}\n"
    return text + (f"lanes = {lanes}\n" if lanes > 1 else "")


def used(machine, elements):
    """Elements that the shape really has."""
    if machine.endswith("dot-product"):
        tile = 16 if elements >= 16 else 4
        return max(1, elements // tile) * tile
    r, c = shape(machine, elements)
    return r * c


def run(*command):
    done = subprocess.run([str(part) for part in command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(str(part) for part in command)}: status {done.returncode}: {done.stderr.strip()[-300:]}")
    return done.stdout


def packed_models(program, data, folder, name):
    """Packs and evaluates what is not there yet; accuracy by model."""
    path, preprocessing, (evaluation, calibration), _ = networks[name]
    path = path.format(data=data, root=root)
    cache, result = folder / name / "calibration.json", {}
    cache.parent.mkdir(parents=True, exist_ok=True)
    for model, options in models.items():
        packed, figures = folder / name / f"{model}.bsv", folder / name / f"{model}.json"
        if not figures.exists():
            print(name, model, flush=True)
            how = ["--preprocess", preprocessing] if preprocessing else []
            run(program, "quantize", path, *how, "--calib", calibration.format(data=data), "--calib-cache", cache, "-o", packed, *options.split())
            (folder / name / f"{model}.info.json").write_text(run(program, "info", packed, "--format", "json"))
            figures.write_text(run(program, "eval", packed, "--data", evaluation.format(data=data), "--reference", path, "--format", "json"))
        e = json.loads(figures.read_text())
        result[model] = {key: e[key] for key in ("top1", "drop", "drop_ci95", "agreement", "count") if key in e}
        result[model]["avg_bits_per_weight"] = json.loads((folder / name / f"{model}.info.json").read_text())["avg_bits_per_weight"]
    return result


def simulate(program, data, folder, name, areas):
    """Figures of every row, with as many multipliers and on as much area as the 8-bit array has."""
    evaluation = networks[name][2][0].format(data=data)
    run(program, "simulate", folder / name / "int8.bsv", "--machine", "systolic-os", "--tables", folder / "tables", "--format", "json")
    entries = {e["id"]: e["value"] for e in tomllib.loads((folder / "tables" / "energy.toml").read_text())["entry"]}
    whole, result = multipliers * areas["8b-8b"], []
    for at, (model, machine, lanes, element, units) in enumerate(rows):
        row = {"network": name, "model": model, "machine": machine, "lanes": lanes, "element": element}
        counts = {"multipliers": multipliers // lanes}
        if element:
            own = areas[element] + units * areas[f"trim-and-round {windows(model)} +R"]
            counts["area"] = int(whole // own)
        for kind, elements in counts.items():
            file = folder / name / f"machine-{at}-{kind}.toml"
            file.write_text(parameters(machine, model, lanes, elements))
            report = json.loads(run(program, "simulate", folder / name / f"{model}.bsv", "--machine", file, "--data", evaluation, "--images", 4,
                                    "--check", 64, "--energy-table", energy_table, "--format", "json"))
            m = report["machines"][0]
            operations = sum(count * entries[key] for key, count in m["counts"].items()
                             if "buffer" not in key and key != "dram-bit" and not key.startswith("element-"))
            row[kind] = {"elements": used(machine, elements), "compute": m["cycles_compute"], "cycles": m["cycles"],
                         "energy": m["energy_pj"], "range": m["energy_pj_range"], "busy": m["utilization"],
                         "checked": m["outputs_checked"], "whole": m["whole_elements"], "operations": operations}
            if element:
                row[kind]["share"] = used(machine, elements) * own / whole
        result.append(row)
    return result


def label(row):
    return f"`{row['machine']}`{' of 16 lanes' if row['machine'] == 'weight-serial' and row['lanes'] == 16 else ''}, {row['model']}"


def figures(row, kind, base):
    """Against the 8-bit array: speed of computing alone and with memory, energy with and without DRAM, and that of the elements alone
    by operations of the other table. Where elements do not fill the area, the speed of computing is that of as many as would."""
    own, other = row[kind], base["multipliers"]
    share = own.get("share", 1) if kind == "area" else 1
    def energy(r, dram):
        return sum(pj for part, pj in r["energy"].items() if dram or part != "dram")
    return (other["compute"] / own["compute"] / share, other["cycles"] / own["cycles"], energy(own, True) / energy(other, True),
            energy(own, False) / energy(other, False), own["operations"] / other["operations"])


def network_table(name, results, accuracy):
    own = [r for r in results if r["network"] == name]
    base = own[0]
    a = accuracy[name]
    count = a["int8"]["count"]
    lines = [f"## {name} ({networks[name][3]})", "",
             f"8-bit array: {base['multipliers']['compute']:,.0f} cycles to compute, {base['multipliers']['cycles']:,.0f} with memory, "
             f"{sum(base['multipliers']['energy'].values()) / 1e6:,.1f} uJ an image. Agreement with float on {count} images.", "",
             "| machine, model | agreement | top-1 | bits a weight | equal multipliers: elements | speed | with memory | energy | without DRAM | "
             "equal area: elements (of the area) | speed | with memory | energy | without DRAM |", "|---|" + "---|" * 13]
    for r in own:
        cells = [label(r), f"{a[r['model']]['agreement']:.2f}", f"{a[r['model']]['top1']:.2f}", f"{a[r['model']]['avg_bits_per_weight']:.2f}"]
        for kind in ("multipliers", "area"):
            if kind not in r:
                cells += [""] * 5
                continue
            f = figures(r, kind, base)
            count = str(r[kind]["elements"]) + (f" ({100 * r[kind]['share']:.0f} %)" if kind == "area" else "")
            cells += [count, f"{f[0]:.2f}", f"{f[1]:.2f}"] + ([f"{f[2]:.2f}", f"{f[3]:.2f}"] if r[kind]["whole"] else ["", ""])
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def summary(results):
    """Geometric means over the networks, lowest and highest."""
    names = list(dict.fromkeys(r["network"] for r in results))
    lines = ["## Over all networks", "",
             f"Geometric means over {len(names)} networks ({', '.join(names)}), lowest and highest in brackets; against the 8-bit array with "
             f"{multipliers} multipliers.", "",
             "| machine, model | equal multipliers: speed | energy without DRAM | of elements, by operations | equal area: speed | "
             "energy without DRAM | of elements, by operations |", "|---|" + "---|" * 6]
    def spread(values):
        return f"{statistics.geometric_mean(values):.2f} ({min(values):.2f} to {max(values):.2f})"
    bases = {r["network"]: r for r in results if r["machine"] == "systolic-os"}
    for model, machine, lanes, _, _ in rows:
        own = [r for r in results if (r["model"], r["machine"], r["lanes"]) == (model, machine, lanes)]
        cells = [label(own[0])]
        for kind in ("multipliers", "area"):
            if not all(kind in r for r in own):
                cells += ["", "", ""]
                continue
            all_figures = [figures(r, kind, bases[r["network"]]) for r in own]
            cells += [spread([f[0] for f in all_figures]), spread([f[3] for f in all_figures]) if own[0][kind]["whole"] else "",
                      spread([f[4] for f in all_figures])]
        lines.append("| " + " | ".join(cells) + " |")
    lines += ["", "SWIS against machines that are serial bit by bit, computing alone; speed and energy without DRAM, as ratios to theirs:", "",
              "| | against | equal multipliers: speed | energy | equal area: speed | energy |", "|---|---|---|---|---|---|"]
    for model, machine in (("swis-4", "swis-single"), ("swis-3", "swis-single"), ("swis-2", "swis-single"), ("swis-4", "swis-double"),
                           ("swis-2", "swis-double"), ("swisc-3", "swis-c"), ("swisc-2", "swis-c")):
        for rival, lanes in (("weight-serial", 4), ("weight-serial", 16), ("stripes", 16), ("bit-pragmatic", 16)):
            cells = [f"`{machine}`, {model}", label({"machine": rival, "lanes": lanes, "model": "int8"})]
            for kind in ("multipliers", "area"):
                speeds, energies = [], []
                for name in names:
                    mine = next(r for r in results if (r["network"], r["model"], r["machine"]) == (name, model, machine))
                    other = next(r for r in results if (r["network"], r["model"], r["machine"], r["lanes"]) == (name, "int8", rival, lanes))
                    mine, other = figures(mine, kind, bases[name]), figures(other, kind, bases[name])
                    speeds.append(mine[0] / other[0])
                    energies.append(mine[3] / other[3])
                cells += [spread(speeds), spread(energies)]
            lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def element_table(document):
    """Area, delay and power of what the machines are made of, and how it was measured."""
    used = list(dict.fromkeys(row[3] for row in rows if row[3])) + [f"trim-and-round {o} +R" for o in ("5opt", "3opt", "2opt")]
    by_name = {d["name"]: d for d in document["designs"]}
    lines = ["## Elements", "", f"From docs/area.json, {document['library']}, at a clock of {document['conditions']['period_ns']:g} ns; [area.md](area.md) has all of them. Made by", "",
             "```", *document["commands"], "```", "",
             "| | area um2 | delay ns | power mW | products a cycle | area a product, relative to 8 bits | energy a product, relative |", "|---|---|---|---|---|---|---|"]
    for name in used:
        d = by_name[name]
        lines.append(f"| {name} | {d['area_um2']:,.0f} | {d['delay_ns']:.2f} | {d['power_mw']:.2f} | {d['products_per_cycle']:.3g} | "
                     f"{d['area_per_product_relative']:.2f} (to {d['baseline']}) | {d['pj_per_product_relative']:.2f} |")
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("data")
    parser.add_argument("--folder", default=str(root / "build" / "results" / "hardware"))
    parser.add_argument("--only", action="append", choices=list(networks))
    parser.add_argument("--report-only", action="store_true")
    arguments = parser.parse_args()
    if not arguments.report_only and not os.access(arguments.program, os.X_OK):
        raise SystemExit(f"'{arguments.program}' is no program; build bitsieve and give its path")
    folder = pathlib.Path(arguments.folder)
    document = json.loads(kept.read_text()) if kept.exists() else {"accuracy": {}, "results": []}
    measured = json.loads((root / "docs" / "area.json").read_text())
    areas = {d["name"]: d["area_um2"] for d in measured["designs"]}
    for name in [] if arguments.report_only else arguments.only or networks:
        document["accuracy"][name] = packed_models(arguments.program, arguments.data, folder, name)
        fresh = simulate(arguments.program, arguments.data, folder, name, areas)
        document["results"] = [r for r in document["results"] if r["network"] != name] + fresh
        document["results"].sort(key=lambda r: list(networks).index(r["network"]))
        kept.write_text(json.dumps(document, indent=1) + "\n")
    head = page.read_text().split(marker)[0] if page.exists() else "# Accelerators side by side\n\n"
    names = list(dict.fromkeys(r["network"] for r in document["results"]))
    body = [summary(document["results"]), element_table(measured)] + [network_table(name, document["results"], document["accuracy"]) for name in names]
    page.write_text(head + marker + "\n" + "\n".join(body))


if __name__ == "__main__":
    main()
