#!/usr/bin/env bash
# Layers that the recipes of `auto` share are computed once: every figure and every file is the same with and without,
# whatever the memory for it and the number of threads.
set -eu
program=$(realpath "$1") models=$(realpath "$2") failed=0
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
data=fashion-mnist:/usr/share/datasets/fashion-mnist
recipe() {  # recipe NAME WEIGHTS ACTIVATIONS [RULE]
  printf 'name = "%s"\n[layers]\nweights = "%s"\nactivations = "%s"\n%s' "$1" "$2" "$3" "${4-}" >"$1.toml"
}
recipe eight int8 int8
recipe narrow int3 sparq-7opt-trim-novs
recipe late int8 int8 $'[[rule]]\nmatch = "stages.5"\nactivations = "sparq-5opt-round"\n'
recipe later int8 int8 $'[[rule]]\nmatch = "stages.5"\nactivations = "sparq-2opt-trim"\n'
auto() {  # auto OPTIONS: into one folder, as its name is in the figures
  rm -rf out
  "$program" auto "$models/fashion-resnet14.onnx" --data $data:test --calib $data:train --limit 100 --calib-samples 32 \
    --log-level quiet -o out --config eight.toml --config narrow.toml --config late.toml --config later.toml "$@"
}
figures() {  # figures NAME OPTIONS: NAME.json whole, NAME.same what has to be the same
  name=$1
  shift
  auto --max-drop 0.5 --format json "$@" >"$name.json"
  python3 - "$name.json" >"$name.same" <<'P'
import json, sys
d = json.load(open(sys.argv[1]))
for key in "command", "threads", "wall_seconds", "evaluation_macs": del d[key]
for p in [d["reference"], *d["points"]]:
    assert p.pop("images_per_second") > 0, p["recipe"]  # of whole forward passes
print(json.dumps(d, indent=1))
P
  (cd out && find . -type f | sort | xargs sha256sum) >>"$name.same"
}
work() { python3 -c 'import json, sys; d = json.load(open(sys.argv[1])); w = d["evaluation_macs"]; sys.exit(not eval(sys.argv[2]))' "$1.json" "$2" ||
  { echo "not true of $1: $2: $(python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))["evaluation_macs"])' "$1.json")"; failed=1; }; }
figures none --prefix-cache 0 --threads 1
figures all --threads 1
figures threads --threads 3
figures little --prefix-cache 1 --threads 2
for other in all threads little; do
  cmp -s none.same "$other.same" || { echo "another result: $other"; diff none.same "$other.same" | head -20; failed=1; }
done
work none 'd["mixed"]["evaluations"] > 8 and w["run"] == w["whole"] > 0 and w["saved_percent"] == 0'
work all '30 < w["saved_percent"] < 90 and abs(w["saved_percent"] - 100 * (1 - w["run"] / w["whole"])) < 1e-9'
work threads 'w == json.load(open("all.json"))["evaluation_macs"]'
work little '0 < w["saved_percent"] < json.load(open("all.json"))["evaluation_macs"]["saved_percent"]'
saved() { grep -c "^layers that recipes share, computed once: [1-9][0-9]* % of the evaluations' multiply-adds saved$" people || true; }
auto >people
[ "$(saved)" = 1 ] || { echo "nothing is said of the multiply-adds saved"; failed=1; }
auto --prefix-cache 0 >people
[ "$(saved)" = 0 ] || { echo "multiply-adds are said to be saved without memory for it"; failed=1; }
got=$(auto --prefix-cache some 2>&1) && failed=1
[ "$got" = "bitsieve: --prefix-cache: 'some' is not a whole number of 0 or more (see bitsieve auto --help)" ] || { echo "$got"; failed=1; }
exit $failed
