#!/usr/bin/env bash
# The embedded network on real images: float accuracy, INT8 and SPARQ close to it, the same figures for any number of
# threads, and the way over files: calibrate, quantize, eval, run.
set -eu
program=$1 models=$2
model=$models/fashion-resnet14.onnx
data=/usr/share/datasets/fashion-mnist
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
auto() {  # auto FOLDER THREADS
  "$program" auto "$model" --data fashion-mnist:$data:test --calib fashion-mnist:$data:train --limit 200 --calib-samples 64 \
    --max-drop 1 --format json --log-level quiet -o "$1" --threads "$2"
}
result=$(auto "$folder/a" 2)
again=$(auto "$folder/b" 1)
strip() { grep -vE '"(images_per_second|wall_seconds|threads|command)"' | sed "s:$folder/[ab]::"; }
[ "$(strip <<<"$result")" = "$(strip <<<"$again")" ] || { echo "results depend on the number of threads"; diff <(strip <<<"$result") <(strip <<<"$again"); exit 1; }
(cd "$folder/a" && find . -type f | sort | xargs sha256sum) >"$folder/a.txt"
(cd "$folder/b" && find . -type f | sort | xargs sha256sum) >"$folder/b.txt"
cmp "$folder/a.txt" "$folder/b.txt"
python3 - "$result" <<'P'
import json, sys
r = json.loads(sys.argv[1])
points = {p["recipe"]: p for p in r["points"]}
print({name: (p["top1"], round(p["logit_sqnr_db"], 1)) for name, p in points.items()})
assert r["reference"]["top1"] >= 90 and r["reference"]["count"] == 200
assert points["int8"]["agreement"] >= 98 and points["int8"]["logit_sqnr_db"] > 20
# The order of the methods' noise (specification of SPARQ, section E).
sqnr = lambda name: points[name]["logit_sqnr_db"]
assert sqnr("int8") > sqnr("sparq-5opt-round") > sqnr("act4-uniform") > sqnr("sparq-7opt-trim")
for option in "5opt", "3opt", "2opt", "6opt", "7opt":
    assert sqnr(f"sparq-{option}-round") > sqnr(f"sparq-{option}-trim")
    assert sqnr(f"sparq-{option}-trim") > sqnr(f"sparq-{option}-trim-novs")
# Repair brings back what trimming loses.
assert sqnr("sparq-2opt-trim-gain") > sqnr("sparq-2opt-trim") + 5
for key in "tool_version", "command", "seed", "threads", "cpu", "isa", "model_hash", "data_hash", "wall_seconds", "files", "next":
    assert key in r, key
assert any(p["on_frontier"] for p in r["points"]) and len(r["worst_layers"]) == 3
P
# A second calibration is reused; the packed model gives the same images right with the fast and the plain executor.
"$program" calibrate "$model" --calib fashion-mnist:$data:train --calib-samples 64 -o "$folder/c.json" --log-level quiet >/dev/null
"$program" calibrate "$model" --calib fashion-mnist:$data:train --calib-samples 64 -o "$folder/c.json" 2>&1 | grep -q "reused"
"$program" quantize "$model" --calib "$folder/c.json" --activations sparq-5opt-round -o "$folder/m.bsv" >/dev/null
fast=$("$program" eval "$folder/m.bsv" --data fashion-mnist:$data:test --limit 100 --reference "$model" --format json)
plain=$("$program" eval "$folder/m.bsv" --data fashion-mnist:$data:test --limit 100 --reference "$model" --format json --plain)
key() { grep -E '"(correct|agreement|logit_sqnr_db|data_hash)"' <<<"$1"; }
[ "$(key "$fast")" = "$(key "$plain")" ] || { echo "the plain executor differs"; exit 1; }
# The resolved recipe, written by --dry-run, is a recipe that gives the same file.
"$program" quantize "$model" --activations sparq-5opt-round --dry-run -o "$folder/resolved.toml"
"$program" quantize "$model" --calib "$folder/c.json" --config "$folder/resolved.toml" -o "$folder/n.bsv" >/dev/null
cmp "$folder/m.bsv" "$folder/n.bsv"
[ "$("$program" run "$folder/m.bsv" fashion-mnist:$data:test --index 3 --top 1 | wc -l)" = 1 ]
"$program" list --format json | python3 -c 'import json,sys; assert len(json.load(sys.stdin)["activation_codes"]) > 20'
# Every verb, for people and for programs.
both() {
  "$program" "$@" >"$folder/human.txt"
  [ -s "$folder/human.txt" ] || { echo "nothing printed: $*"; exit 1; }
  "$program" "$@" --format json | python3 -c 'import json,sys; assert len(json.load(sys.stdin)) > 0'
}
both info "$model"
both info "$folder/m.bsv"
both calibrate "$model" --calib fashion-mnist:$data:train --calib-samples 16 -o "$folder/d.json"
both quantize "$model" --calib "$folder/c.json" -o "$folder/o.bsv"
both eval "$model" --data fashion-mnist:$data:test --limit 20
both eval "$folder/m.bsv" --data fashion-mnist:$data:test --limit 20
both analyze "$model" --calib fashion-mnist:$data:train --calib-samples 16 --limit 8 --activations sparq-2opt-trim
both run "$folder/m.bsv" fashion-mnist:$data:test --index 3
both bench "$folder/m.bsv" --runs 3
both list
