#!/usr/bin/env python3
"""Runs `bitsieve auto`, and `quantize` with further options, on real networks and writes docs/results.md from their JSON.

usage: make_results.py PROGRAM DATA_FOLDER [--json FOLDER] [--only NAME] [--report-only]
DATA_FOLDER holds cifar10/, cifar10-models/, imagenet/ and imagenet-models/. The JSON of every network is kept in
--json (default build/results), and a network whose JSON is there already is not run again.
"""
import argparse
import json
import pathlib
import subprocess

import weights

here = pathlib.Path(__file__).resolve().parent
root = here.parent.parent
cifar = ("cifar10:{data}/cifar10/test_orig_dev509.bin", "cifar10:{data}/cifar10/data_batch_1.bin")
imagenet = ("images:{data}/imagenet/val227,{data}/imagenet/val227_labels.csv",
            "images:{data}/imagenet/calib500,{data}/imagenet/calib500_labels.csv")
networks = {  # name: (model file, preprocessing, (evaluation, calibration), what it is)
    "resnet20": ("cifar10-models/resnet20-akamaster.onnx", "cifar-akamaster.toml", cifar, "CIFAR-10"),
    "resnet56": ("cifar10-models/resnet56-akamaster.onnx", "cifar-akamaster.toml", cifar, "CIFAR-10"),
    "resnet8": ("cifar10-models/resnet8-mlperftiny.onnx", "raw-pixels.toml", cifar, "CIFAR-10"),
    "mobilenetv1-0.25": ("imagenet-models/mobilenetv1-0.25-224-keras.onnx", "mobilenet-224.toml", imagenet, "ImageNet"),
    "mobilenetv2": ("imagenet-models/mobilenetv2-1.0-224-int8ptq-dequant.onnx", "mobilenet-224.toml", imagenet, "ImageNet"),
    "squeezenet1.1": ("imagenet-models/squeezenet1.1-ncnn.onnx", "caffe-bgr-227.toml", imagenet, "ImageNet"),
}
# What the table of `auto` leaves out: options of `bitsieve quantize`.
narrow = "--activations sparq-5opt-round"
variants = [f"--activations int8 --calib-method {rule}" for rule in ("minmax", "mean-max", "percentile", "mse", "kl")]
variants += [f"{narrow} --calib-method {rule}" for rule in ("minmax", "percentile", "mse", "kl")]
variants += ["--weights int8-sparq --activations int8", f"{narrow} --act-top 240", f"{narrow} --first-last float", f"{narrow} --first-last same",
             f"{narrow} --equalize", "--activations int8 --equalize", f"{narrow} --repair mean", f"{narrow} --repair gain",
             f"{narrow} --repair gain --equalize", f"{narrow} --repair gain --calib-method mse",
             "--activations int8 --prune 2:4", "--activations sparq-5opt-round-24 --prune 2:4",
             "--activations sparq-5opt-trim-24 --prune 2:4", "--activations sparq-5opt-round-24 --prune 2:4 --repair gain",
             "--activations sparq-5opt-trim --recalibrate-norms", "--activations sparq-2opt-trim --recalibrate-norms"]
marker = "<!-- Everything below is written by tools/results/make_results.py -->"


def run(program, data, name, folder):
    model, preprocessing, (evaluation, calibration), _ = networks[name]
    command = [program, "auto", f"{data}/{model}", "--preprocess", str(here / preprocessing), "--data", evaluation.format(data=data),
               "--calib", calibration.format(data=data), "--full", "--max-drop", "1", "--format", "json", "-o", str(folder / name)]
    print(name, flush=True)
    result = subprocess.run(command, stdout=subprocess.PIPE, text=True)
    if not result.stdout:  # status 1 with a result: the drop asked for was not reached
        raise SystemExit(f"{name}: bitsieve auto failed with status {result.returncode}")
    (folder / f"{name}.json").write_text(result.stdout)


def run_variants(program, data, name, folder):
    """Quantizes and evaluates with each of `variants`; the calibration that `auto` wrote is used again."""
    model, preprocessing, (evaluation, calibration), _ = networks[name]
    kept = folder / f"{name}-variants.json"
    results = json.loads(kept.read_text()) if kept.exists() else []
    results = [r for r in results if r["options"] in variants]
    for options in variants:
        if any(r["options"] == options for r in results):
            continue
        print(name, options, flush=True)
        packed, path = str(folder / name / "variant.bsv"), f"{data}/{model}"
        quantize = subprocess.run([program, "quantize", path, "--preprocess", str(here / preprocessing), "--calib", calibration.format(data=data),
                                   "--calib-cache", str(folder / name / "calibration.json"), "-o", packed, *options.split()],
                                  stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        if quantize.returncode != 0:
            results.append({"options": options, "error": quantize.stderr.strip().splitlines()[-1].removeprefix("bitsieve: ")})
            kept.write_text(json.dumps(results, indent=2))
            continue
        evaluated = subprocess.run([program, "eval", packed, "--data", evaluation.format(data=data), "--reference", path, "--format",
                                    "json"], check=True, stdout=subprocess.PIPE, text=True).stdout
        results.append({"options": options, **{key: json.loads(evaluated)[key] for key in
                                               ("correct", "top1", "drop", "drop_ci95", "agreement", "logit_sqnr_db")}})
        kept.write_text(json.dumps(results, indent=2))


def variants_table(results):
    results = sorted(results, key=lambda r: variants.index(r["options"]) if r["options"] in variants else len(variants))
    lines = ["", "Other options of `bitsieve quantize`:", "", "| options | correct | top-1 | drop (95 %) | agreement | logit SQNR dB |", "|---|---|---|---|---|---|"]
    for r in results:
        if "error" in r:
            lines.append(f"| `{r['options']}` | {r['error']} | | | | |")
        else:
            lines.append(f"| `{r['options']}` | {r['correct']} | {r['top1']:.2f} | {r['drop']:.2f} ({r['drop_ci95'][0]:.2f} to {r['drop_ci95'][1]:.2f}) | "
                         f"{r['agreement']:.2f} | {r['logit_sqnr_db']:.1f} |")
    return "\n".join(lines) + "\n"


def table(name, result):
    r = result["reference"]
    lines = [f"## {name} ({networks[name][3]}, {r['count']} images)", "",
             "| recipe | correct | top-1 | 95 % | drop (95 %, same images) | agreement | logit SQNR dB | weight bits | act bits | frontier |",
             "|---|---|---|---|---|---|---|---|---|---|",
             f"| float | {r['correct']} | {r['top1']:.2f} | {r['top1_ci95'][0]:.1f} to {r['top1_ci95'][1]:.1f} | | | | 32 | 32 | |"]
    for p in result["points"]:
        sqnr = "inf" if p["logit_sqnr_db"] is None else f"{p['logit_sqnr_db']:.1f}"
        lines.append(f"| {p['recipe']} | {p['correct']} | {p['top1']:.2f} | {p['top1_ci95'][0]:.1f} to {p['top1_ci95'][1]:.1f} | "
                     f"{p['drop']:.2f} ({p['drop_ci95'][0]:.2f} to {p['drop_ci95'][1]:.2f}) | {p['agreement']:.2f} | {sqnr} | "
                     f"{p['avg_bits_per_weight']:.2f} | {p['avg_act_bits']:.2f} | {'yes' if p['on_frontier'] else ''} |")
    lines += ["", f"Worst layers of the recommended recipe ({result['recommended']}):", ""]
    for layer in result["worst_layers"]:
        lines.append(f"* `{layer['name']}`: {layer['alone_db']:.1f} dB alone, {layer['accumulated_db']:.1f} dB accumulated; {layer['advice']}")
    if "mixed" in result:
        mixed = result["mixed"]
        wide = [layer for layer in mixed["layers"] if not layer["narrow"]]
        lines += ["", f"Mixed recipe: the narrow recipe lost {mixed['narrow_drop']:.2f} points; after {mixed['evaluations']} evaluations the aim of "
                  f"1 point was {'reached' if mixed['reached'] else 'not reached'}, with {len(wide)} of {len(mixed['layers'])} layers given bits back"
                  + (": " if wide else "") + ", ".join(f"`{layer['name']}` ({layer['act_code']})" for layer in wide[:12])
                  + (" ..." if len(wide) > 12 else "") + "."]
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("data")
    parser.add_argument("--json", default=str(root / "build" / "results"))
    parser.add_argument("--only", action="append")
    parser.add_argument("--report-only", action="store_true")
    arguments = parser.parse_args()
    folder = pathlib.Path(arguments.json)
    folder.mkdir(parents=True, exist_ok=True)
    for name in networks:
        wanted = not arguments.only or name in arguments.only
        if wanted and not arguments.report_only and not (folder / f"{name}.json").exists():
            run(arguments.program, arguments.data, name, folder)
        if wanted and not arguments.report_only:
            run_variants(arguments.program, arguments.data, name, folder)
            model, preprocessing, (evaluation, calibration), what = networks[name]
            weights.run(arguments.program, f"{arguments.data}/{model}", str(here / preprocessing), evaluation.format(data=arguments.data),
                        calibration.format(data=arguments.data), name, folder, "mobilenet" in name)
    results = {name: json.loads((folder / f"{name}.json").read_text()) for name in networks if (folder / f"{name}.json").exists()}
    facts = next(iter(results.values()))
    page = root / "docs" / "results.md"
    head = page.read_text().split(marker)[0] if page.exists() else "# Results\n\n"
    body = [f"Program version {facts['tool_version']}, {facts['isa']} kernels (the figures are the same on every instruction set), seed {facts['seed']}.", ""]
    for name, result in results.items():
        body.append(table(name, result))
        if (folder / f"{name}-variants.json").exists():
            body[-1] += variants_table(json.loads((folder / f"{name}-variants.json").read_text()))
        if coded := weights.load(folder, name):
            body[-1] += "\n" + weights.section(coded, "mobilenet" in name)
    page.write_text(head + marker + "\n" + "\n".join(body))


if __name__ == "__main__":
    main()
