"""The tables of weight codes in docs/results.md: SWIS and its rivals on real networks, with and without repair.

Used by make_results.py: `run` evaluates all codes of one network with one `bitsieve auto`, `section` turns its JSON into text.
"""
import json
import re
import subprocess

shifts = ["2", "2.5", "3", "3.5", "4", "5"]
whole = ["2", "3", "4", "5"]


def codes(per_tensor):
    """(weight code, rounding) of every row, by number of shifts."""
    rows = []
    for n in shifts:
        rows += [(f"swis-n{n}-m4", "nearest"), (f"swisc-n{n}-m4", "nearest")]
        if n not in whole:
            rows += [(f"swis-n{n}-m4", "learned"), (f"swisc-n{n}-m4", "learned")]
            continue
        bits = int(n) + 1
        rows += [(f"static-n{n}", "nearest"), (f"trunc-n{n}", "nearest"), (f"trunc-n{n}-floor", "nearest"),
                 (f"int{bits}-mse", "nearest"), (f"swis-n{n}-m4", "learned"), (f"swisc-n{n}-m4", "learned"),
                 (f"int{bits}-mse", "learned")]
        if n != "5":
            rows += [(f"swis-n{n}-m4-{option}", "nearest") for option in ("mse", "measured", "joint")]
            rows += [(f"swis-n{n}-m{m}", "nearest") for m in (8, 16)]
    rows += [("int2-mse", "nearest"), ("int7-mse", "nearest"), ("int8-mse", "nearest"), ("int8", "nearest")]
    if not per_tensor:
        return rows
    tensor = [(f"{code}-n{n}{rest}", "nearest") for n in shifts for code, rest in
              (("swis", "-m4-tensor"), ("swisc", "-m4-tensor"), ("trunc", "-tensor"), ("trunc", "-floor-tensor"))
              if n in whole or code != "trunc"]
    tensor += [(f"int{n}-mse-tensor", "nearest") for n in (3, 4, 5, 6)] + [("int8-tensor", "nearest")]
    return rows + tensor


# SWIS weights and SPARQ activations: each alone, and together. All repaired.
activations = ["int8", "sparq-5opt-round", "sparq-2opt-round", "sparq-6opt-round", "sparq-7opt-round"]
weights = ["int8", "swis-n2-m4", "swis-n2.5-m4", "swis-n3-m4", "swisc-n2-m4", "swisc-n3-m4", "int4-mse"]
# Budgets for the whole network: as many shifts, or stored bits, as the code in each layer takes.
budgets = [("shifts-of-n2.5", "swis-n2.5-m4", "--avg-shifts", "avg_shifts"),
           ("shifts-of-n3.5", "swis-n3.5-m4", "--avg-shifts", "avg_shifts"),
           ("bits-of-n3", "swis-n3-m4", "--target-bpw", "avg_bits_per_weight")]


def name_of(code, rounding, repair, act="int8"):
    return "_".join(part for part in (code, rounding if rounding != "nearest" else "", repair if repair != "none" else "",
                                      act if act != "int8" else "") if part)


def write_recipe(path, name, code, rounding, repair, act="int8"):
    text = f'name = "{name}"\n\n[quantize]\nrepair = "{repair}"\nrounding = "{rounding}"\n\n[layers]\nweights = "{code}"\nactivations = "{act}"\n'
    path.write_text(text)
    return path


def measure_budget(program, model_options, code, option, field, packed):
    def quantize(*options):
        return subprocess.run([program, "quantize", *model_options, *options, "--format", "json", "-o", str(packed)], check=True,
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout

    wanted = json.loads(quantize("--weights", code))[field]
    quantize("--weights", "swis-n3-m4", option, f"{wanted + 1e-5:.5f}")


def recipes(program, model_options, folder, per_tensor):
    """All recipe files, made in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    files, seen = [], set()

    def add(code, rounding, repair, act="int8"):
        name = name_of(code, rounding, repair, act)
        if name not in seen:
            seen.add(name)
            files.append(write_recipe(folder / f"{name}.toml", name, code, rounding, repair, act))

    for code, rounding in codes(per_tensor):
        for repair in ("none", "gain"):
            add(code, rounding, repair)
    for act in activations:
        for code in weights:
            add(code, "nearest", "gain", act)
    for kind, code, option, field in budgets:
        name = f"swis-m4-{kind}"
        packed = folder / f"{name}.bsv"
        if not packed.with_suffix(".recipe.toml").exists():
            measure_budget(program, model_options, code, option, field, packed)
        found = packed.with_suffix(".recipe.toml").read_text().splitlines()
        for repair in ("none", "gain"):
            path = folder / f"{name_of(name, 'nearest', repair)}.toml"
            lines = [f'name = "{path.stem}"' if line.startswith("name = ") else f'repair = "{repair}"' if line.startswith("repair = ")
                     else line for line in found]
            path.write_text("\n".join(lines) + "\n")
            files.append(path)
    return files


def run(program, model, preprocessing, evaluation, calibration, name, folder, per_tensor):
    """Evaluates the recipes that the network's JSON does not hold yet."""
    kept = folder / f"{name}-weights.json"
    result = json.loads(kept.read_text()) if kept.exists() else None
    cache = folder / name / "calibration.json"
    options = [model, "--preprocess", preprocessing, "--calib", calibration]
    files = recipes(program, options + (["--calib-cache", str(cache)] if cache.exists() else []), folder / name / "weights", per_tensor)
    there = {point["recipe"] for point in result["points"]} if result else set()
    files = [file for file in files if file.stem not in there]
    if not files:
        return
    print(name, "weights,", len(files), "recipes", flush=True)
    command = [program, "auto", *options, "--data", evaluation, "--full", "--format", "json", "-o", str(folder / name)]
    for file in files:
        command += ["--config", str(file)]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if done.returncode != 0:
        raise SystemExit(f"{name}: bitsieve auto failed with status {done.returncode}: {done.stderr.strip().splitlines()[-1]}")
    new = json.loads(done.stdout)
    if result:
        new["points"] = result["points"] + new["points"]
    kept.write_text(json.dumps(new))


def cell(point):
    return f"{point['top1']:.2f} | {point['agreement']:.1f} | {point['logit_sqnr_db']:.1f}"


def table(points, rows, title):
    lines = [title, "", "| weights | stored bits | shifts | weight SQNR dB | top-1 | agreement | logit dB | repaired: top-1 | agreement | logit dB |",
             "|---|---|---|---|---|---|---|---|---|---|"]
    for code, rounding in rows:
        plain, repaired = points.get(name_of(code, rounding, "none")), points.get(name_of(code, rounding, "gain"))
        if plain is None or repaired is None:
            continue
        label = code + (", learned rounding" if rounding == "learned" else "")
        lines.append(f"| {label} | {plain['avg_bits_per_weight']:.2f} | {plain['avg_shifts']:.2f} | {plain['weight_sqnr_db']:.1f} | "
                     f"{cell(plain)} | {cell(repaired)} |")
    return "\n".join(lines) + "\n"


# One variant a family for each number of bits and shifts, so that none has more tries than another.
families = {rounding: [("SWIS, M=4", re.compile(r"swis-n[\d.]+-m4")), ("SWIS-C, M=4", re.compile(r"swisc-n[\d.]+-m4")),
                       ("uniform", re.compile(r"int\d-mse"))] for rounding in ("nearest", "learned")}
families["nearest"] += [("SWIS, M=16", re.compile(r"swis-n[\d.]+-m16")), ("truncation", re.compile(r"trunc-n\d"))]


def within(points, cost, limit, family, rounding):
    """The repaired point of a family with the most bits or shifts within a limit."""
    found = []
    for name, p in points.items():
        code = name.split("_")[0]
        if family.fullmatch(code) and name == name_of(code, rounding, "gain") and p[cost] <= limit:
            found.append((p[cost], code, p))
    return max(found, default=None, key=lambda f: f[0])


def comparison(points, cost, limits, what):
    columns = [(rounding, name, family) for rounding in families for name, family in families[rounding]]
    lines = [f"Each family with at most so many {what}, repaired: logit SQNR in dB (top-1), code. Learned: rounding.", "",
             "| at most | " + " | ".join(name + (", learned" if rounding == "learned" else "") for rounding, name, _ in columns) + " |",
             "|---" * (len(columns) + 1) + "|"]
    for limit in limits:
        cells = []
        for rounding, _, family in columns:
            found = within(points, cost, limit, family, rounding)
            cells.append("" if found is None else f"{found[2]['logit_sqnr_db']:.1f} ({found[2]['top1']:.1f}) {found[1]}")
        lines.append(f"| {limit:.2f} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def better(a, b):
    """Whether point a is at least as good as b in everything and better somewhere."""
    keys = ("avg_bits_per_weight", "avg_shifts", "avg_act_bits")
    no_worse = a["correct"] >= b["correct"] and all(a[k] <= b[k] for k in keys)
    return no_worse and (a["correct"] > b["correct"] or any(a[k] < b[k] for k in keys))


def together(points):
    """The frontier over SWIS, SPARQ and both."""
    rows = [points[n] for n in (name_of(c, "nearest", "gain", a) for a in activations for c in weights) if n in points]
    lines = ["SWIS weights and SPARQ activations, repaired. Correct images; on the frontier of correct images against stored bits, "
             "shifts and activation bits in bold.", "", "| weights \\ activations | " + " | ".join(activations) + " |",
             "|---" * (len(activations) + 1) + "|"]
    for code in weights:
        cells = []
        for act in activations:
            p = points.get(name_of(code, "nearest", "gain", act))
            if p is None:
                cells.append("")
                continue
            front = not any(better(q, p) for q in rows)
            cells.append(f"**{p['correct']}**" if front else f"{p['correct']}")
        first = points.get(name_of(code, "nearest", "gain"))
        if first is None:
            continue
        lines.append(f"| {code} ({first['avg_bits_per_weight']:.2f} bits, {first['avg_shifts']:.2f} shifts) | " + " | ".join(cells) + " |")
    both = [p for p in rows if p["recipe"].startswith("swis") and "sparq" in p["recipe"] and not any(better(q, p) for q in rows)]
    alone = max(p["correct"] for p in rows if not (p["recipe"].startswith("swis") and "sparq" in p["recipe"]))
    text = (f"{len(both)} points of both methods are on the frontier" if both else "No point of both methods is on the frontier")
    text += f"; the best that either reaches alone, or uniform weights do, is {alone} correct."
    return "\n".join(lines) + "\n\n" + text + "\n"


def section(result, per_tensor):
    points = {p["recipe"]: p for p in result["points"]}
    count, reference = result["reference"]["count"], result["reference"]
    rows = codes(False)
    text = [f"### Weight codes (float: {reference['correct']} of {count} correct, {reference['top1']:.2f} %)", "",
            table(points, rows, "Scales per filter, activations of 8 bits, first and last layer in 8 bits. Stored bits count everything; `shifts` "
                  "are cycles a weight on a processing element with one shifter, weighted by MACs; both with the first and the last layer.")]
    named = [(f"swis-m4-{kind}", "nearest") for kind, *_ in budgets]
    text.append(table(points, named, "Shifts spent on the layers by measured error: `--avg-shifts` with the shifts of swis-n2.5-m4 and swis-n3.5-m4, "
                      "`--target-bpw` with the stored bits of swis-n3-m4:"))
    if per_tensor:
        text.append(table(points, [row for row in codes(True) if "tensor" in row[0]], "One scale for a layer:"))
    def levels(cost):  # what uniform weights of 3 to 6 bits take, and the steps between
        exact = [points[name_of(f"int{bits}-mse", "nearest", "gain")][cost] for bits in (3, 4, 5, 6)]
        return sorted(x + 0.02 for x in exact + [(a + b) / 2 for a, b in zip(exact, exact[1:])])

    text.append(comparison(points, "avg_bits_per_weight", levels("avg_bits_per_weight"), "stored bits a weight"))
    text.append(comparison(points, "avg_shifts", levels("avg_shifts"), "shifts (cycles) a weight"))
    text.append(together(points))
    return "\n".join(text)


def load(folder, name):
    kept = folder / f"{name}-weights.json"
    return json.loads(kept.read_text()) if kept.exists() else None
