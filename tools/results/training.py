#!/usr/bin/env python3
"""Trains networks with few bits, and their rivals at equal budget, and writes docs/training-results.md from the figures.

usage: training.py PROGRAM DATA_FOLDER [--folder FOLDER] [--only SET] [--jobs N] [--report-only]
DATA_FOLDER holds cifar10/ and cifar10-models/; Fashion-MNIST is Debian's dataset-fashion-mnist. What the page needs of every
point is kept in docs/training-results.json; points found there with the same options are not measured again (take them out
when the program has changed what they measure), and one that was interrupted goes on from its last epoch, in --folder
(default build/results/training). --jobs points are trained at a time, with one thread each; figures do not depend on it.
"""
import argparse
import concurrent.futures
import json
import os
import pathlib
import re
import statistics
import subprocess
import threading

root = pathlib.Path(__file__).resolve().parent.parent.parent
kept = root / "docs" / "training-results.json"
page = root / "docs" / "training-results.md"
marker = "<!-- Everything below is written by tools/results/training.py -->"
fashion = "fashion-mnist:/usr/share/datasets/fashion-mnist"
batches = ",".join(f"{{data}}/cifar10/data_batch_{i}.bin" for i in (1, 2, 3))  # of training images
sets = {  # name: (what it is, options of all points, more images for comparisons only, steps of an epoch)
    "fashion": ("Fashion-MNIST: the default network, 8-bit activations",
                f"{{root}}/models/fashion-resnet14.onnx --data {fashion}:train --test {fashion}:test --epoch-images 8000",
                None, 62),
    "cifar": ("CIFAR-10: resnet20b-bsq, 4-bit activations",
              f"{{data}}/cifar10-models/resnet20b-bsq.onnx --preprocess {{root}}/tools/results/cifar-bsq.toml --data cifar10:{batches} "
              "--test cifar10:{data}/cifar10/test_orig_dev509.bin --epoch-images 10000 --acts act4-uniform",
              "cifar10:{data}/cifar10/test_jpeg_dev.bin", 78),
}
# Twelve epochs each; BSQ and MSQ share them between the search for bits and finetuning: MSQ, whose bits go one after another, needs two.
epochs = 6
two = f"--epochs {epochs} --finetune-epochs {epochs} --rate 0.1 --finetune-rate 0.05"
short = "--epochs 1 --finetune-epochs 11 --rate 0.1"
longer = "--epochs 2 --finetune-epochs 10 --rate 0.1"
one = f"--epochs {2 * epochs} --rate 0.1"
# The paper's alphas; a run of fewer steps needs alpha, and the decay of planes, as many times larger (specification, D.3).
paper_steps = 350 * 391
paper = f"--method bsq --preset paper {two} --schedule cosine --interval 1 --act-range 6"
alphas = (3e-4, 1e-3, 3e-3, 5e-3, 1e-2, 2e-2)  # the two lowest are below its range: on short schedules that loses whole layers
points = {}  # name: (what it is, options)
for bits in ("3", "2", "1.5", "1.1"):
    points[f"bsq-{bits}"] = (f"BSQ, target {bits}", f"--method bsq {short} --target-bits {bits}")
for bits in ("3", "2", "1"):
    points[f"qat-{bits}"] = (f"uniform QAT, {bits}", f"--method qat {one} --bits {bits}")
for bits in ("2", "1"):  # what few bits are usually measured with
    points[f"qat-{bits}-ends"] = (f"uniform QAT, {bits}, first and last layer 7", f"--method qat {one} --scheme {{root}}/tools/results/cifar-ends-{bits}.toml")
for bits in ("3", "2", "1.5", "1.1"):
    points[f"msq-{bits}"] = (f"MSQ, target {bits}", f"--method msq {longer} --target-bits {bits}")
for alpha in alphas:
    options = f"{paper} --alpha {{scaled:{alpha}}} --plane-decay {{scaled:1e-4}}"
    points[f"paper-{alpha}"] = (f"BSQ as in the paper, alpha {alpha}", options)
    points[f"paper-{alpha}-restart"] = (f"the same scheme from float, alpha {alpha}", f"{options} --restart")
for alpha in (1e-3, 3e-3, 1e-2):  # the decay, scaled like alpha, empties planes by itself (control: alpha 0)
    points[f"paper-{alpha}-decay"] = (f"BSQ as in the paper, alpha {alpha}, decay of planes not scaled", f"{paper} --alpha {{scaled:{alpha}}} --plane-decay 1e-4")
for alpha in (3e-3, 1e-2):
    points[f"paper-{alpha}-alone"] = (f"control: alpha {alpha}, no decay of planes", f"{paper} --alpha {{scaled:{alpha}}} --plane-decay 0")
points["alpha-0"] = ("control: alpha 0", f"{paper} --alpha 0 --plane-decay {{scaled:1e-4}}")
points["alpha-0-no-decay"] = ("control: alpha 0, no decay of planes", f"{paper} --alpha 0 --plane-decay 0")
# What each part of the default does; measured on the first set alone.
parts = {"memory": "--reweigh memory", "no-floor": "--floor 0", "no-restart": "--no-restart", "from-8": "--bits 8",
         "fast-planes": "--plane-rate 3", "distil": "--distill 0.5"}
for part, option in parts.items():
    points[f"bsq-1.5-{part}"] = (f"BSQ, target 1.5, `{option}`", f"--method bsq {short} --target-bits 1.5 {option}")
points["qat-1-distil"] = ("uniform QAT, 1, `--distill 0.5`", f"--method qat {one} --bits 1 --distill 0.5")
# The second set shows why the paper's way fails on short schedules: alphas below its range, and decay that is not scaled.
why_paper = [p for p in points if p.startswith(("paper-0.0003", "paper-0.001")) or p.startswith("paper-") and p.endswith("-decay")]
parts_points = [p for p in points if p == "qat-1-distil" or p.startswith("bsq-1.5-")]
points_of = {"fashion": [p for p in points if p not in why_paper], "cifar": [p for p in points if p not in parts_points]}
# One run differs from the next by half a point of agreement. On the smaller set everything but parts has three seeds; on the other what decides
# between BSQ and uniform bits.
more_seeds = {"fashion": [p for p in points_of["fashion"] if p not in parts_points + ["msq-1.5", "msq-1.1"]], "cifar": ["bsq-3", "bsq-2", "bsq-1.5", "bsq-1.1", "qat-3", "qat-2", "qat-1", "qat-2-ends", "qat-1-ends"]}
seeds = (1, 2, 3)


def scaled(options, steps):
    return re.sub(r"{scaled:([^}]*)}", lambda m: f"{float(m[1]) * paper_steps / (epochs * steps):.4g}", options)


def keep(path, text):
    """The whole file or nothing."""
    half = pathlib.Path(f"{path}.half")
    half.write_text(text)
    half.rename(path)


def options_of(name, point):
    """What is measured, without the places of files."""
    return f"{sets[name][1]} {scaled(points[point][1], sets[name][3])}".replace("/cifar-ends-", f"/{name}-ends-")


def measure(program, data, folder, name, point, seed):
    """Trains one point; what is kept of it."""
    common, more = sets[name][1:3]
    places = {"data": data, "root": root}
    stem = f"{folder}/{name}-{point}-{seed}"
    report, packed, state, asked = (pathlib.Path(stem + end) for end in (".json", ".bsv", ".bsv.state", ".options"))
    command = [program, "train", *options_of(name, point).format(**places).split(), "--seed", str(seed), "-j", "1", "-o", str(packed),
               "--format", "json"]
    if asked.exists() and asked.read_text() != " ".join(command[1:]):
        for old in (report, state, pathlib.Path(f"{stem}.more.json")):  # of other options
            old.unlink(missing_ok=True)
    keep(asked, " ".join(command[1:]))
    if not report.exists():
        if state.exists():
            command.append("--resume")
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        if done.returncode != 0:
            raise SystemExit(f"{name} {point} {seed}: status {done.returncode}: {done.stderr.strip()[-300:]}")
        keep(report, done.stdout)
    result = json.loads(report.read_text())
    few = {"set": name, "point": point, "seed": seed, "options": options_of(name, point), "layers": [l["name"] for l in result["layers"]],
           "weights": [l["weights"] for l in result["layers"]], "bits": [l["bits"] for l in result["layers"]],
           "from_top": sum(l["from_top"] for l in result["layers"]), "from_bottom": sum(l["from_bottom"] for l in result["layers"]),
           "grown": sum(l["grown"] for l in result["layers"]), "magnitude": result["magnitude_bits"], "stored": result["stored_bits"],
           "bsv": result["avg_bits_per_weight"], "correct": result["after"]["correct"], "count": result["after"]["count"],
           "float": result["before"]["correct"], "chosen": result["chosen"],
           "seconds": round(sum(e["seconds"] for e in result["epochs"])),
           "history": [e["magnitude_bits"] for e in result["epochs"]], "loss": [round(e["loss"], 4) for e in result["epochs"]]}
    if result.get("stages"):
        few["found"] = result["stages"][0]["after"]["correct"]
    if more:
        compared = pathlib.Path(f"{stem}.more.json")
        if not compared.exists():
            model = common.format(**places).split()[0]
            done = subprocess.run([program, "eval", str(packed), "--data", more.format(data=data), "--reference", model, "--format", "json"],
                                  stdout=subprocess.PIPE, text=True, check=True)
            keep(compared, done.stdout)
        few["agreement"] = json.loads(compared.read_text())["agreement"]
    print(f"{name} {point} {seed}: {few['magnitude']:.2f} bits, {100 * few['correct'] / few['count']:.2f} %", flush=True)
    return few


def spread(values):
    """Mean, and the range where there are several."""
    mean = statistics.mean(values)
    return f"{mean:.2f}" + (f" ({min(values):.2f} to {max(values):.2f})" if len(values) > 1 else "")


def figure(result):
    """Percent, of what tells most: agreement on many images, or else correct answers."""
    return result["agreement"] if "agreement" in result else 100 * result["correct"] / result["count"]


def error_of(values):
    """Standard error of their mean; of a single one nothing is known."""
    return statistics.stdev(values) / len(values) ** 0.5 if len(values) > 1 else None


def line_of(results, rivals):
    """Of each rival its mean bits with signs, and its figures; by bits."""
    rows = [[r for r in results if r["point"] == rival] for rival in rivals]
    return sorted((statistics.mean(r["stored"] for r in of), [figure(r) for r in of]) for of in rows if of)


def shares_of(line, bits):
    """How much of each point makes the line there: of the nearest two, and of the last one at its end and beyond."""
    shares = [0.0] * len(line)
    if bits <= line[0][0] or bits >= line[-1][0]:
        shares[0 if bits <= line[0][0] else -1] = 1.0
        return shares
    right = next(i for i, (at, _) in enumerate(line) if at >= bits)
    at = (bits - line[right - 1][0]) / (line[right][0] - line[right - 1][0])
    shares[right - 1], shares[right] = 1 - at, at
    return shares


def gain_of(runs, line):
    """How far the runs are above the line in the mean, with the standard error: theirs and that of the line's points. Nothing where one is beyond
    the line."""
    if len(line) < 2 or any(not line[0][0] - 0.1 <= r["stored"] <= line[-1][0] + 0.1 for r in runs):
        return ""
    shares = [shares_of(line, r["stored"]) for r in runs]
    gains = [figure(r) - sum(share * statistics.mean(point[1]) for share, point in zip(of, line)) for r, of in zip(runs, shares)]
    errors = [(1.0, error_of(gains))]
    for i, point in enumerate(line):
        weight = statistics.mean(of[i] for of in shares)
        if weight > 0:
            errors.append((weight, error_of(point[1])))
    known = all(error is not None for _, error in errors)
    return f"{statistics.mean(gains):+.2f}" + (f" ± {sum((w * e) ** 2 for w, e in errors) ** 0.5:.2f}" if known else "")


def beside(results):
    """BSQ's runs beside what its rivals have at the same stored bits."""
    lines = {"uniform bits": line_of(results, ["qat-1", "qat-2", "qat-3"]),
             "uniform bits, ends of 7": line_of(results, ["qat-1-ends", "qat-2-ends", "qat-3"]),
             "MSQ": line_of(results, ["msq-1.1", "msq-1.5", "msq-2", "msq-3"])}
    runs = [r for r in results if re.fullmatch(r"bsq-[\d.]+", r["point"])]
    if not runs:
        return []
    what = "agreement" if "agreement" in runs[0] else "top-1"
    text = ["", f"BSQ beside its rivals at the same bits with signs: {what}, and how far it is above the straight line between the nearest two of theirs"
            ", ± the standard error of both:", "", f"| | bits with signs | {what} | " + " | ".join(f"above {rival}" for rival in lines) + " |",
            "|---|---|---|" + "---|" * len(lines)]
    def cells(of):
        return " | ".join(gain_of(of, line) for line in lines.values())
    for point in points:
        of = [r for r in runs if r["point"] == point]
        if of:
            text.append(f"| {points[point][0]} | {spread([r['stored'] for r in of])} | {spread([figure(r) for r in of])} | {cells(of)} |")
    few = [r for r in runs if r["magnitude"] < 2.5]
    if len(few) > 1:
        text.append(f"| all {len(few)} runs below 2.5 magnitude bits | | | {cells(few)} |")
    return text


def table(name, results):
    lines = [f"## {sets[name][0]}", "", f"Float: {100 * results[0]['float'] / results[0]['count']:.2f} % of {results[0]['count']} test "
             f"images. Seeds: {', '.join(str(s) for s in sorted({r['seed'] for r in results}))}; of several the mean and the range, rows without a range "
             "have one. Smaller than float: by magnitudes, as the paper counts, and in the file, where an empty layer takes bits too.", ""]
    more = any("agreement" in r for r in results)
    lines += ["| | magnitude bits | with signs | in `.bsv` | smaller than float | top-1 before finetuning | top-1 |"
              + (" agreement with float |" if more else ""), "|---|---|---|---|---|---|---|" + ("---|" if more else "")]
    for point, (what, _) in points.items():
        rows = [r for r in results if r["point"] == point]
        if not rows:
            continue
        def percent(key):
            return spread([100 * r[key] / r["count"] for r in rows]) if all(key in r for r in rows) else ""
        def smaller(key):
            bits = statistics.mean([r[key] for r in rows])
            return f"{32 / bits:.1f}x" if bits > 0 else "empty"
        lines.append(f"| {what} | {spread([r['magnitude'] for r in rows])} | {spread([r['stored'] for r in rows])} | "
                     f"{spread([r['bsv'] for r in rows])} | {smaller('magnitude')}, {smaller('bsv')} | {percent('found')} | "
                     f"{percent('correct')} |"
                     + (f" {spread([r['agreement'] for r in rows])} |" if more else ""))
    lines += beside(results)
    found = [r for r in results if r["seed"] == 1 and (r["from_top"] or r["from_bottom"])]
    if found:
        lines += ["", "Bits of every layer, seed 1, in the order of the network; planes taken away from the top and from the bottom, and "
                  "grown by carries, over all layers:", "", "| | bits | top | bottom | grown |", "|---|---|---|---|---|"]
        lines += [f"| {points[r['point']][0]} | {' '.join(str(b) for b in r['bits'])} | {r['from_top']} | {r['from_bottom']} | {r['grown']} |"
                  for r in found]
        lines += ["", "Mean magnitude bits after each epoch, seed 1:", ""]
        lines += [f"* {points[r['point']][0]}: {' '.join(f'{b:.2f}' for b in r['history'])}" for r in found]
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("data")
    parser.add_argument("--folder", default=str(root / "build" / "results" / "training"))
    parser.add_argument("--only", action="append", choices=list(sets))
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--report-only", action="store_true")
    arguments = parser.parse_args()
    if not arguments.report_only and not os.access(arguments.program, os.X_OK):
        raise SystemExit(f"'{arguments.program}' is no program; build bitsieve and give its path")
    folder = pathlib.Path(arguments.folder)
    folder.mkdir(parents=True, exist_ok=True)
    results = json.loads(kept.read_text()) if kept.exists() else []
    results = [r for r in results if r["point"] in points_of[r["set"]] and r["options"] == options_of(r["set"], r["point"])]
    have = {(r["set"], r["point"], r["seed"]) for r in results}
    jobs = [] if arguments.report_only else [
        (name, point, seed) for name in sets if not arguments.only or name in arguments.only
        for seed in seeds for point in points_of[name] if (seed == 1 or point in more_seeds[name]) and (name, point, seed) not in have]
    writing = threading.Lock()

    def work(job):
        few = measure(arguments.program, arguments.data, folder, *job)
        with writing:
            results.append(few)
            results.sort(key=lambda r: (list(sets).index(r["set"]), r["seed"], list(points).index(r["point"])))
            keep(kept, "[\n" + ",\n".join(json.dumps(r) for r in results) + "\n]\n")

    with concurrent.futures.ThreadPoolExecutor(arguments.jobs) as pool:
        list(pool.map(work, jobs))
    head = page.read_text().split(marker)[0] if page.exists() else "# Results of training\n\n"
    body = [table(name, [r for r in results if r["set"] == name]) for name in sets if any(r["set"] == name for r in results)]
    keep(page, head + marker + "\n" + "\n".join(body))


main()
