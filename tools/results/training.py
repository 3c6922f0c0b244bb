#!/usr/bin/env python3
"""Trains networks with few bits, and their rivals at equal budget, and writes docs/training-results.md from the figures.

usage: training.py PROGRAM DATA_FOLDER [--folder FOLDER] [--only SET] [--jobs N] [--report-only]
DATA_FOLDER holds cifar10/ and cifar10-models/; Fashion-MNIST is Debian's dataset-fashion-mnist. Points that were measured
before (in --folder, default build/results/training) are not measured again, and one that was interrupted goes on from its
last epoch. --jobs points are trained at a time, with one thread each; figures do not depend on it. What the page needs of
every point is kept in docs/training-results.json.
"""
import argparse
import concurrent.futures
import json
import pathlib
import re
import statistics
import subprocess

here = pathlib.Path(__file__).resolve().parent
root = here.parent.parent
kept = root / "docs" / "training-results.json"
page = root / "docs" / "training-results.md"
marker = "<!-- Everything below is written by tools/results/training.py -->"
fashion = "fashion-mnist:/usr/share/datasets/fashion-mnist"
batches = ",".join(f"{{data}}/cifar10/data_batch_{i}.bin" for i in (1, 2, 3))  # of training images
sets = {  # name: (what it is, options of all points, more images for comparisons only, seeds, steps of an epoch)
    "fashion": ("Fashion-MNIST: the default network, 8-bit activations",
                f"{root}/models/fashion-resnet14.onnx --data {fashion}:train --test {fashion}:test --epoch-images 8000",
                None, (1, 2, 3), 62),
    "cifar": ("CIFAR-10: resnet20b-bsq, 4-bit activations",
              f"{{data}}/cifar10-models/resnet20b-bsq.onnx --preprocess {here}/cifar-bsq.toml --data cifar10:{batches} "
              "--test cifar10:{data}/cifar10/test_orig_dev509.bin --epoch-images 10000 --acts act4-uniform",
              "cifar10:{data}/cifar10/test_jpeg_dev.bin", (1,), 78),
}
# Twelve epochs each; BSQ and MSQ share them between the search for bits and finetuning.
epochs = 6
two = f"--epochs {epochs} --finetune-epochs {epochs} --rate 0.1 --finetune-rate 0.05"
one = f"--epochs {2 * epochs} --rate 0.1"
# The paper's alphas; a run of fewer steps needs alpha, and the decay of planes, as many times larger (specification, D.3).
paper_steps = 350 * 391
paper = f"--method bsq --preset paper {two} --schedule cosine --interval 1"
alphas = (3e-3, 5e-3, 1e-2, 2e-2)
points = {}  # name: (what it is, options)
for bits in ("3", "2", "1.5", "1.1"):
    points[f"bsq-{bits}"] = (f"BSQ, target {bits}", f"--method bsq {two} --target-bits {bits}")
for bits in ("3", "2", "1"):
    points[f"qat-{bits}"] = (f"uniform QAT, {bits}", f"--method qat {one} --bits {bits}")
for bits in ("3", "2"):
    points[f"msq-{bits}"] = (f"MSQ, target {bits}", f"--method msq {two} --odd-share 0.6 --target-bits {bits}")
for alpha in alphas:
    points[f"paper-{alpha}"] = (f"BSQ as in the paper, alpha {alpha}", f"{paper} --alpha {{scaled:{alpha}}} --plane-decay {{scaled:1e-4}}")
    points[f"paper-{alpha}-restart"] = (f"the same scheme from float, alpha {alpha}", f"{paper} --alpha {{scaled:{alpha}}} --plane-decay {{scaled:1e-4}} --restart")
points["alpha-0"] = ("control: alpha 0", f"{paper} --alpha 0 --plane-decay {{scaled:1e-4}}")
points["alpha-0-no-decay"] = ("control: alpha 0, no decay of planes", f"{paper} --alpha 0 --plane-decay 0")


def scaled(options, steps):
    return re.sub(r"{scaled:([^}]*)}", lambda m: f"{float(m[1]) * paper_steps / (epochs * steps):.4g}", options)


def keep(path, text):
    """The whole file or nothing."""
    half = pathlib.Path(f"{path}.half")
    half.write_text(text)
    half.rename(path)


def measure(program, data, folder, name, point, seed):
    """Trains one point; what is kept of it."""
    _, common, more, _, steps = sets[name]
    stem = f"{folder}/{name}-{point}-{seed}"
    report, packed, state, asked = (pathlib.Path(stem + end) for end in (".json", ".bsv", ".bsv.state", ".options"))
    command = [program, "train", *common.format(data=data).split(),
               *scaled(points[point][1], steps).split(), "--seed", str(seed), "-j", "1", "-o", str(packed), "--format", "json"]
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
    few = {"set": name, "point": point, "seed": seed, "layers": [l["name"] for l in result["layers"]],
           "weights": [l["weights"] for l in result["layers"]], "bits": [l["bits"] for l in result["layers"]],
           "from_top": sum(l["from_top"] for l in result["layers"]), "from_bottom": sum(l["from_bottom"] for l in result["layers"]),
           "grown": sum(l["grown"] for l in result["layers"]), "magnitude": result["magnitude_bits"], "stored": result["stored_bits"],
           "bsv": result["avg_bits_per_weight"], "correct": result["after"]["correct"], "count": result["after"]["count"],
           "float": result["before"]["correct"], "chosen": result["chosen"],
           "history": [e["magnitude_bits"] for e in result["epochs"]], "loss": [round(e["loss"], 4) for e in result["epochs"]]}
    if result.get("stages"):
        few["found"] = result["stages"][0]["after"]["correct"]
    if more:
        compared = pathlib.Path(f"{stem}.more.json")
        if not compared.exists():
            model = common.format(data=data).split()[0]
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


def table(name, results):
    lines = [f"## {sets[name][0]}", "", f"Float: {100 * results[0]['float'] / results[0]['count']:.2f} % of {results[0]['count']} test "
             f"images. Seeds: {', '.join(str(s) for s in sorted({r['seed'] for r in results}))}; of several the mean and the range.", ""]
    more = any("agreement" in r for r in results)
    lines += ["| | magnitude bits | with signs | in `.bsv` | top-1 before finetuning | top-1 |" + (" agreement with float |" if more else ""),
              "|---|---|---|---|---|---|" + ("---|" if more else "")]
    for point, (what, _) in points.items():
        rows = [r for r in results if r["point"] == point]
        if not rows:
            continue
        def percent(key):
            return spread([100 * r[key] / r["count"] for r in rows]) if all(key in r for r in rows) else ""
        lines.append(f"| {what} | {spread([r['magnitude'] for r in rows])} | {spread([r['stored'] for r in rows])} | "
                     f"{spread([r['bsv'] for r in rows])} | {percent('found')} | {percent('correct')} |"
                     + (f" {spread([r['agreement'] for r in rows])} |" if more else ""))
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
    folder = pathlib.Path(arguments.folder)
    folder.mkdir(parents=True, exist_ok=True)
    results = json.loads(kept.read_text()) if kept.exists() else []
    wanted = [] if arguments.report_only else [n for n in sets if not arguments.only or n in arguments.only]
    results = [r for r in results if r["set"] not in wanted]
    jobs = [(name, point, seed) for name in wanted for seed in sets[name][3] for point in points]
    with concurrent.futures.ThreadPoolExecutor(arguments.jobs) as pool:
        for few in pool.map(lambda job: measure(arguments.program, arguments.data, folder, *job), jobs):
            results.append(few)
    kept.write_text("[\n" + ",\n".join(json.dumps(r) for r in results) + "\n]\n")
    head = page.read_text().split(marker)[0] if page.exists() else "# Results of training\n\n"
    body = [table(name, [r for r in results if r["set"] == name]) for name in sets if any(r["set"] == name for r in results)]
    page.write_text(head + marker + "\n" + "\n".join(body))


main()
