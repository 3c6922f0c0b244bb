#!/usr/bin/env bash
# The verb `simulate` on the embedded network: figures that scripts rely on, its own files read back, and bad input.
set -eu
program=$(realpath "$1") models=$(realpath "$2") failed=0
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
data=fashion-mnist:/usr/share/datasets/fashion-mnist:test
check() {  # check FILE EXPRESSION: of a JSON document
  python3 - "$1" "$2" <<'P' || { echo "not true of $1: $2"; failed=1; }
import json, sys
d = json.load(open(sys.argv[1]))
m = {x["name"]: x for x in d["machines"]}
sys.exit(not eval(sys.argv[2]))
P
}
expect() {  # expect STATUS 'message' arguments...
  status=$1 message=$2 rc=0
  shift 2
  got=$("$program" simulate "$@" 2>&1 >/dev/null) || rc=$?
  if [ "$rc" != "$status" ] || [ "$got" != "$message" ]; then
    printf 'command:  %s\nexpected: %s %s\ngot:      %s %s\n\n' "$*" "$status" "$message" "$rc" "$got"
    failed=1
  fi
}
"$program" quantize "$models/fashion-resnet14.onnx" --calib fashion-mnist:/usr/share/datasets/fashion-mnist:train \
  --calib-samples 64 --weights swis-n3-m4 --activations sparq-5opt-round -o swis.bsv --log-level quiet >/dev/null
"$program" simulate swis.bsv --data $data --images 2 --format json --log-level quiet >all.json
# A model of SWIS's is one of SWIS-C's only where its shifts follow each other.
check all.json '[r["name"] for r in d["refused"]] == ["swis-c"] and len(m) >= 17 and d["images"] == 2'
check all.json 'all(abs(x["cycles"] - x["cycles_compute"] - x["cycles_stall"]) < 1e-6 for x in m.values())'
check all.json 'all(abs(sum(l["cycles"] for l in x["layers"]) - x["cycles"]) < 1e-3 for x in m.values())'
check all.json 'all(abs(sum(x["energy_pj"].values()) - x["energy_pj_total"]) < 1e-3 for x in m.values())'
check all.json 'all(x["energy_pj_range"][0] <= x["energy_pj_total"] <= x["energy_pj_range"][1] for x in m.values())'
check all.json 'all(0 < x["utilization"] <= 1 and x["dram_bytes"] > 0 and x["sram_accesses"] > 0 for x in m.values())'
# SPARQ does two products where the array does one (the first layer and the last are read as 8 bits), SWIS three shifts of eight (there are weights of -128).
check all.json '1.9 < m["systolic-os"]["cycles_compute"] / m["sparq-systolic"]["cycles_compute"] < 2'
check all.json '2.2 < m["weight-serial"]["cycles_compute"] / m["swis-single"]["cycles_compute"] < 8 / 3'
"$program" simulate swis.bsv --data $data --images 2 --format json --log-level quiet | sed '/wall_seconds/d; /"command"/d' >again
sed '/wall_seconds/d; /"command"/d' all.json | cmp - again
# What every machine computes is what the network computes.
"$program" quantize "$models/fashion-resnet14.onnx" --calib fashion-mnist:/usr/share/datasets/fashion-mnist:train \
  --calib-samples 64 --weights swisc-n2-m4 --activations sparq-3opt-trim -o swisc.bsv --log-level quiet >/dev/null
"$program" quantize "$models/fashion-resnet14.onnx" --calib fashion-mnist:/usr/share/datasets/fashion-mnist:train \
  --calib-samples 64 --weights int4 --activations act4-uniform -o int4.bsv --log-level quiet >/dev/null
for model in swis swisc int4; do
  "$program" simulate $model.bsv --data $data --images 1 --check 300 --format json --log-level quiet >checked.json
  check checked.json 'all(x["outputs_checked"] == 4510 for x in m.values())'
done
check checked.json 'd["refused"] == [] and m["bit-fusion"]["cycles_compute"] < 0.3 * m["systolic-os"]["cycles_compute"]'
# SCALE-Sim's files.
"$program" simulate swis.bsv --machine systolic-os --csv reports --format json >csv.json
python3 - <<'P' || failed=1
import csv, json
layers = json.load(open("csv.json"))["machines"][0]["layers"]
compute = list(csv.DictReader(open("reports/systolic-os/COMPUTE_REPORT.csv"), skipinitialspace=True))
traffic = list(csv.DictReader(open("reports/systolic-os/BANDWIDTH_REPORT.csv"), skipinitialspace=True))
assert [float(r["Total Cycles"]) for r in compute] == [l["cycles"] for l in layers]
assert all(float(r["Overall Util %"]) <= float(r["Compute Util %"]) <= 100 for r in compute)
for r, l in zip(traffic, layers, strict=True):
    moved = sum(float(r[f"Avg {k} DRAM BW"]) for k in ("IFMAP", "FILTER", "OFMAP")) * l["cycles"]
    assert abs(moved - l["dram_bytes"]) < 1e-6 * moved and float(r["Avg OFMAP SRAM BW"]) > 0
P
# Whole elements, as docs/area.json has them.
"$program" simulate swis.bsv --machine systolic-os --machine swis-single --machine loom --energy-table 45nm-own-rtl --tables rtl --format json >rtl.json
check rtl.json '[m[n]["whole_elements"] for n in ("systolic-os", "swis-single", "loom")] == [True, True, False]'
check rtl.json 'abs(m["systolic-os"]["energy_pj"]["compute"] / (0.3 * m["systolic-os"]["macs"]) - 1) < 1e-9'
python3 - rtl/energy.toml "$models/../docs/area.json" <<'P' || failed=1
import json, re, sys
designs = {d["name"]: d["pj_per_cycle"] for d in json.load(open(sys.argv[2]))["designs"]}
found = re.findall(r'id = "element-.*"\nvalue = (.*)\nnode = .*\nsource = "docs/area.md: \'(.*)\', its', open(sys.argv[1]).read())
assert len(found) > 20
for value, design in found:
    assert abs(float(value) - 0.3 * designs[design] / designs["8b-8b"]) < 1e-4, design
P
# Its own tables give the same figures.
"$program" simulate swis.bsv --machine stripes --machine swis-single --tables mine --format json >two.json
"$program" simulate swis.bsv --machine mine/stripes.toml --machine mine/swis-single.toml --energy-table mine/energy.toml --format json >own.json
python3 -c 'import json; a, b = (json.load(open(f))["machines"] for f in ("two.json", "own.json")); assert a == b'
sed -i 's/rows = 8/rows = 4/; s/name = .*/name = "small"/' mine/swis-single.toml
"$program" simulate swis.bsv --machine mine/swis-single.toml --machine swis-single --format json >small.json
check small.json '1.9 < m["small"]["cycles_compute"] / m["swis-single"]["cycles_compute"] < 2.1'
printf 'names\nfc,1,1,1,1,64,10,1,\n' >net.csv
"$program" simulate net.csv --machine systolic-os >people
grep -q 'frames/s' people

printf 'machine = "stripes"\n[array]\nrows = 0\n' >zero.toml
printf 'id = "mine"\n' >empty.toml
printf 'machine = "loom"\n[array]\ndrain = "none"\n' >loom.toml
tables=$("$program" list --format json | python3 -c 'import json,sys; print(", ".join(o["name"] for o in json.load(sys.stdin)["energy_tables"]))')
names=$("$program" list --format json | python3 -c 'import json,sys; print(", ".join(o["name"] for o in json.load(sys.stdin)["machines"]))')
sed 's/id = "and-8"/&\nnode = "28 nm"/; ' mine/energy.toml | awk '/^id = "and-8"/ {skip = 0} {if ($0 == "node = \"28 nm\"") {print; drop = 1} else if (drop && /^node/) drop = 0; else print}' >mixed.toml
expect 0 "warning: energy table '45nm-horowitz-aladdin-cacti' has entries of different processes, and 'swis-single' adds them up: 45 nm, 28 nm" swis.bsv --machine swis-single --energy-table mixed.toml
expect 1 "bitsieve: there is no energy table 'mine'; there are $tables, and files that end in .toml" swis.bsv --machine loom --energy-table mine
expect 1 "bitsieve: 'loom.toml' line 3: machine 'loom' has no 'array.drain'; it has rows, columns, lanes, units" swis.bsv --machine loom.toml
expect 1 "bitsieve: there is no machine 'abacus'; there are $names" swis.bsv --machine abacus
expect 1 "bitsieve: 'zero.toml' line 3: array.rows must be a whole number from 1 to 4096" swis.bsv --machine zero.toml
expect 1 "bitsieve: energy table 'mine' has no [[sram]], which machines with buffers need" swis.bsv --machine stripes --energy-table empty.toml
expect 1 "bitsieve: '$models/fashion-resnet14.onnx' is a float network; accelerators compute in integers: make a .bsv file with bitsieve quantize" "$models/fashion-resnet14.onnx"
expect 1 "bitsieve: machine 'laconic' depends on values, and layer '/stem/stem.0/Conv' has none; give a .bsv model and --data with images" swis.bsv --machine laconic
expect 1 "bitsieve: machine 'laconic' depends on values, and layer '/stem/stem.0/Conv' has none; give a .bsv model and --data with images" swis.bsv --machine stripes --machine laconic
expect 2 "bitsieve: --data: 'net.csv' holds shapes alone, and no network that could run images" net.csv --data $data
expect 2 "bitsieve: --machine: two are called 'stripes'; give one of them another name in its file: name = \"...\"" swis.bsv --machine stripes --machine stripes
exit $failed
