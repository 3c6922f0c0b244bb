#!/usr/bin/env bash
# `auto --machine` on the embedded network: its columns are what `simulate` says of the files, a recipe that the machine
# cannot run has a reason, and the frontier goes where it is asked to go. Bad input.
set -eu
program=$(realpath "$1") models=$(realpath "$2") failed=0
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
data=fashion-mnist:/usr/share/datasets/fashion-mnist
recipe() {  # recipe NAME WEIGHTS ACTIVATIONS
  printf 'name = "%s"\n[layers]\nweights = "%s"\nactivations = "%s"\n' "$1" "$2" "$3" >"$1.toml"
}
recipe eight int8 int8
recipe swis swis-n3-m4 int8
recipe sparq int8 sparq-5opt-round
recipe both swis-n2-m4 sparq-5opt-round
auto() {
  "$program" auto "$models/fashion-resnet14.onnx" --data $data:test --calib $data:train --limit 100 --calib-samples 64 \
    --config eight.toml --config swis.toml --config sparq.toml --config both.toml "$@"
}
check() {  # check FILE EXPRESSION: of a JSON document
  python3 - "$1" "$2" <<'P' || { echo "not true of $1: $2"; failed=1; }
import json, sys
d = json.load(open(sys.argv[1]))
p = {x["recipe"]: x for x in d["points"]}
# No other is as good and as cheap, and better or cheaper.
def frontier(costs):
    at = {n: (x["top1"], costs[n]) for n, x in p.items() if costs[n] is not None}
    beats = lambda a, b: a[0] >= b[0] and a[1] <= b[1] and a != b
    return {n for n in at if not any(beats(at[o], at[n]) for o in at)}
marked = {n for n, x in p.items() if x["on_frontier"]}
sys.exit(not eval(sys.argv[2], {**globals(), **locals()}))
P
}
expect() {  # expect STATUS 'message' arguments...
  status=$1 message=$2 rc=0
  shift 2
  got=$(auto --log-level quiet "$@" 2>&1 >/dev/null) || rc=$?
  if [ "$rc" != "$status" ] || [ "$got" != "$message" ]; then
    printf 'options:  %s\nexpected: %s %s\ngot:      %s %s\n\n' "$*" "$status" "$message" "$rc" "$got"
    failed=1
  fi
}
same() {  # same FOLDER MACHINE: the columns are the figures of simulate, of every file of the frontier
  for file in "$1"/*.bsv; do
    "$program" simulate "$file" --machine "$2" --data $data:test --format json >simulated.json
    python3 - "$1.json" "$(basename "$file" .bsv)" <<'P' || failed=1
import json, sys
auto, name = json.load(open(sys.argv[1])), sys.argv[2]
simulated = json.load(open("simulated.json"))
machine, = simulated["machines"]
got = next(p for p in auto["points"] if p["recipe"] == name)["machines"][machine["name"]]
want = {"cycles": machine["cycles"], "energy_uj": machine["energy_pj_total"] / 1e6, "energy_uj_range": [x / 1e6 for x in machine["energy_pj_range"]]}
assert auto["energy_table"] == simulated["energy_table"] and auto["machine"]["parameters"] == machine["parameters"]
sys.exit(got != want and f"{name}: auto says {got}, simulate {want}")
P
  done
}

# Without a machine nothing is added.
auto -o none --format json >none.json
check none.json 'd["frontier"] == "bits" and "machine" not in d and all(x["machines"] == {} for x in p.values())'
# A machine of closed forms needs no image; another frontier changes marks and files, not figures.
auto -o bits --machine swis-single --format json >bits.json
auto -o cycles --machine swis-single --frontier cycles --format json >cycles.json
check bits.json 'd["machine"]["images"] == 0 and d["energy_table"].startswith("45nm")'
check bits.json '{n: x["on_frontier"] for n, x in p.items()} == {x["recipe"]: x["on_frontier"] for x in json.load(open("none.json"))["points"]}'
check cycles.json '{n: x["machines"] for n, x in p.items()} == {x["recipe"]: x["machines"] for x in json.load(open("bits.json"))["points"]}'
check cycles.json 'd["frontier"] == "cycles" and marked == frontier({n: x["machines"]["swis-single"]["cycles"] for n, x in p.items()})'
check cycles.json 'd["recommended"] == min((n for n in p if p[n]["drop"] <= 1), key=lambda n: (p[n]["machines"]["swis-single"]["cycles"], -p[n]["logit_sqnr_db"]))'
check cycles.json 'd["reference"]["machines"]["swis-single"]["cycles"] is None'
check cycles.json 'p["eight"]["machines"]["swis-single"]["cycles"] > 2 * p["swis"]["machines"]["swis-single"]["cycles"]'
check cycles.json 'all(x["machines"]["swis-single"]["energy_uj_range"][0] < x["machines"]["swis-single"]["energy_uj"] < x["machines"]["swis-single"]["energy_uj_range"][1] for x in p.values())'
same cycles swis-single
# One that reads values: means over images, and the same ones as simulate takes.
auto -o values --machine laconic --frontier energy --format json >values.json
check values.json 'd["machine"]["images"] == 4 and marked == frontier({n: x["machines"]["laconic"]["energy_uj"] for n, x in p.items()})'
same values laconic
# A machine and an energy table of one's own; groups of four weights do not fit eight lanes.
"$program" simulate "$(ls values/*.bsv | head -1)" --machine swis-single --tables mine >/dev/null
sed -i 's/lanes = 4/lanes = 8/; s/^name = .*/name = "eight-lanes"/' mine/swis-single.toml
sed -i '0,/^id = .*/s//id = "my own"/' mine/energy.toml
auto -o lanes --machine mine/swis-single.toml --energy-table mine/energy.toml --frontier cycles --format json >lanes.json
check lanes.json 'd["energy_table"] == "my own" and d["machine"]["name"] == "eight-lanes" and d["machine"]["machine"] == "swis-single"'
check lanes.json 'all(p[n]["machines"]["eight-lanes"]["reason"].endswith("has groups of 4 weights and machine '"'eight-lanes'"' has 8 lanes; give both the same number") for n in ("swis", "both"))'
check lanes.json 'all(p[n]["machines"]["eight-lanes"]["cycles"] > 0 and "reason" not in p[n]["machines"]["eight-lanes"] for n in ("eight", "sparq"))'
check lanes.json 'marked == frontier({n: x["machines"]["eight-lanes"]["cycles"] for n, x in p.items()}) and not marked & {"swis", "both"}'
check lanes.json 'd["recommended"] in ("eight", "sparq")'
# For people: dashes, the names, one line for the reason.
auto -o lanes --machine mine/swis-single.toml --energy-table mine/energy.toml --frontier cycles --log-level quiet >people
has() { grep -qE -- "$1" people || { echo "not printed: $1"; failed=1; }; }
has '^swis .* +- +-$'
has '^eight .* [0-9]+ +[0-9]+\.[0-9]{3}$'
has '^cycles and energy: eight-lanes \(swis-single, 8 x 8 x 8\), for one image; energy table my own, DRAM 20 pJ a bit \(6 to 40\)$'
has "^no cycles for swis, both: layer '.*' has groups of 4 weights and machine 'eight-lanes' has 8 lanes"
has '^on the frontier of top-1 against cycles on eight-lanes: '
has '^recommended \(fewest cycles on eight-lanes\): '

# Bad input, before anything is written.
names=$("$program" list --format json | python3 -c 'import json,sys; print(", ".join(o["name"] for o in json.load(sys.stdin)["machines"]))')
printf 'id = "empty"\n' >empty.toml
printf 'machine = "stripes"\n[array]\nrows = 0\n' >zero.toml
expect 2 "bitsieve: --frontier cycles needs --machine: one of bitsieve list, or a file like those of simulate --tables" --frontier cycles -o late
expect 2 "bitsieve: --frontier: speed not in {bits,cycles,energy} (see bitsieve auto --help)" --frontier speed -o late
expect 2 "bitsieve: --energy-table requires --machine (see bitsieve auto --help)" --energy-table mine/energy.toml -o late
expect 2 "bitsieve: --machine: At Most 1 required but received 2 (see bitsieve auto --help)" --machine laconic --machine stripes -o late
expect 1 "bitsieve: there is no machine 'abacus'; there are $names" --machine abacus -o late
expect 1 "bitsieve: 'zero.toml' line 3: array.rows must be a whole number from 1 to 4096" --machine zero.toml -o late
expect 1 "bitsieve: energy table 'empty' has no [[sram]], which machines with buffers need" --machine stripes --energy-table empty.toml -o late
[ ! -e late ] || { echo "auto made its folder before it looked at its machine"; failed=1; }
sed '/^id = "shift-32"/,/^node/s/^node = .*/node = "28 nm"/' mine/energy.toml >mixed.toml
auto -o lanes --machine swis-single --energy-table mixed.toml --log-level warn 2>&1 >/dev/null | grep -v "still holds" >warnings || true
[ "$(cat warnings)" = "warning: energy table 'my own' has entries of different processes, and 'swis-single' adds them up: 45 nm, 28 nm" ] ||
  { echo "processes: $(cat warnings)"; failed=1; }
# Every recipe refused: what was asked for cannot be given.
"$program" auto "$models/fashion-resnet14.onnx" --data $data:test --calib $data:train --limit 100 --calib-samples 64 \
  --config both.toml -o never --machine mine/swis-single.toml --frontier energy --log-level quiet >/dev/null 2>never.txt && failed=1
grep -q "^bitsieve: --frontier energy: machine 'eight-lanes' runs none of the recipes: layer " never.txt || { echo "none runs: $(cat never.txt)"; failed=1; }
exit $failed
