#!/usr/bin/env bash
# The verb `train` on few images of the default data set: what it writes loads, is the same twice and after a kill, and
# holds the bits that it says.
set -eu
# shellcheck source=tests/train_common.sh
. "$(dirname "$0")/train_common.sh"
field() {  # field FILE EXPRESSION: of a JSON document
  python3 -c 'import json, sys; d = json.load(open(sys.argv[1])); print(eval(sys.argv[2]))' "$1" "$2"
}
check() {  # check FILE EXPRESSION
  [ "$(field "$1" "$2")" = True ] || { echo "not true of $1: $2"; cat "$1"; exit 1; }
}

# Each method, interrupted after some steps and resumed: the very same weights, and integers that evaluate as it says.
signal=INT
for method in "--method float --epochs 2 --average 0.9" "--method qat --bits 2 --epochs 3 --acts sparq-5opt-round" \
  "--method msq --odd-share 0.6 --epochs 2 --finetune-epochs 1" "--method swis --weights swis-n2-m4 --epochs 3" \
  "--method bsq --preset paper --epochs 2 --interval 1 --alpha 300 --finetune-epochs 1 --finetune-rate 0.02"; do
  # shellcheck disable=SC2086
  train a.onnx $method --log "$folder/a.jsonl" --format json --test $data:test --limit 200 >"$folder/a.json"
  must [ -e "$folder/a.toml" ]
  must [ ! -e "$folder/a.onnx.state" ]
  # shellcheck disable=SC2086
  train b.onnx $method --log "$folder/b.jsonl" >/dev/null 2>"$folder/error" &
  job=$!
  for _ in $(seq 1200); do [ -s "$folder/b.jsonl" ] && break; sleep 0.1; done  # in its second epoch, if it has one
  pkill -$signal -P $job 2>/dev/null || kill -$signal $job 2>/dev/null || true
  if [ $signal = INT ]; then signal=TERM; else signal=INT; fi
  status=0
  wait $job || status=$?
  if [ -e "$folder/b.onnx.state" ]; then
    must [ $status = 1 ]
    must grep -q -- "--resume goes on" "$folder/error"
    resumed=$((${resumed:-0} + 1))
    # shellcheck disable=SC2086
    train b.onnx $method --log "$folder/b.jsonl" --resume >/dev/null
  fi
  cmp "$folder/a.onnx" "$folder/b.onnx"
  python3 - "$folder/a.jsonl" "$folder/b.jsonl" <<'P'
import json, sys
a, b = ([{k: v for k, v in json.loads(line).items() if k != "seconds"} for line in open(f)] for f in sys.argv[1:])
assert a == b and len(a) > 0, (a, b)
P
  rm "$folder"/*.jsonl
done

echo "${resumed:-0} of 5 runs were interrupted and resumed"
must [ "${resumed:-0}" -gt 0 ]

# The last one is BSQ: bits went, layers have the code of their bits, and the same network comes as integers.
check "$folder/a.json" 'd["magnitude_bits"] < 7 and d["epochs"][-1]["stage"] == "finetune" and len(d["epochs"]) == 3'
check "$folder/a.json" 'd["stages"][0]["stage"] == "bsq" and d["stages"][0]["after"]["count"] == 200'
check "$folder/a.json" 'any(l["from_top"] > 0 for l in d["layers"])'
# The paper's ranges: ReLU6, and trained ones below four bits.
check "$folder/a.json" 'd["options"]["--act-range"] == "6"'
train d.bsv --method bsq --preset paper --epochs 1 --alpha 1 --finetune-epochs 0 --acts act3-uniform --format json >"$folder/d.json"
check "$folder/d.json" 'd["options"]["--act-range"] == "learn"'
train c.bsv --method bsq --preset paper --epochs 2 --interval 1 --alpha 300 --finetune-epochs 1 --finetune-rate 0.02 >/dev/null
"$program" info "$folder/c.bsv" --format json >"$folder/info.json"
python3 - "$folder/a.json" "$folder/info.json" <<'P'
import json, sys
trained, packed = (json.load(open(f)) for f in sys.argv[1:])
codes = {l["name"]: l["weight_code"] for l in packed["layers"] if l["op"] in ("conv", "linear")}
assert codes == {l["name"]: f"int{max(l['bits'], 1) + 1}-exact" for l in trained["layers"]}, codes
P
# The .onnx file says so as well, in its metadata.
python3 - "$folder/a.json" "$folder/a.onnx" <<'P'
import json, sys
layers, file = json.load(open(sys.argv[1]))["layers"], open(sys.argv[2], "rb").read()
for l in layers:
    for key, value in (("bits", str(l["bits"] + 1 if l["bits"] else 0)), ("code", f"int{max(l['bits'], 1) + 1}-exact")):
        key, value = f"bitsieve.weight_{key}.{l['name']}".encode(), value.encode()
        assert b"\x0a" + bytes([len(key)]) + key + b"\x12" + bytes([len(value)]) + value in file, (key, value)
P
"$program" eval "$folder/c.bsv" --data $data:test --limit 200 --format json >"$folder/eval.json"
[ "$(field "$folder/eval.json" 'd["correct"]')" = "$(field "$folder/a.json" 'd["after"]["correct"]')" ]

# The found scheme trains again, from the float weights: layers have its bits.
train d.bsv --method qat --scheme "$folder/c.recipe.toml" --epochs 1 --format json >"$folder/d.json"
python3 - "$folder/a.json" "$folder/d.json" <<'P'
import json, sys
found, again = ({l["name"]: max(l["bits"], 1) for l in json.load(open(f))["layers"]} for f in sys.argv[1:])
assert found == again, (found, again)
P

# BSQ by its own choices: alpha by the pace of the run, bits down to the target, float weights trained with them.
images=512 train e.bsv --method bsq --epochs 4 --target-bits 2.5 --finetune-epochs 1 --format json >"$folder/e.json"
check "$folder/e.json" 'd["chosen"]["--alpha"] > 0 and d["epochs"][0]["magnitude_bits"] < 5'
check "$folder/e.json" 'd["options"]["--finetune-epochs"] == 1 and abs(d["options"]["--interval"] - 4 / 6) < 1e-9'
check "$folder/e.json" '1 <= d["magnitude_bits"] <= 3 and min(l["bits"] for l in d["layers"]) >= 1'
check "$folder/e.json" '"stages" not in d'
check "$folder/e.json" '[e["stage"] for e in d["epochs"]] == 4 * ["bsq"] + ["finetune"]'

# From random weights, which are the seed's: the same twice, and others with another seed.
train s1.onnx --scratch --epochs 1 --seed 1 >/dev/null
train s2.onnx --scratch --epochs 1 --seed 1 >/dev/null
train s3.onnx --scratch --epochs 1 --seed 2 >/dev/null
must cmp "$folder/s1.onnx" "$folder/s2.onnx"
if cmp -s "$folder/s1.onnx" "$folder/s3.onnx"; then echo "two seeds give the same weights"; exit 1; fi

# A log that is a stream has each epoch once: what another program opened, and a named pipe.
train p.onnx --epochs 3 --log /dev/stderr >/dev/null 2>"$folder/lines"
must [ "$(grep -c '"epoch":' "$folder/lines")" = 3 ]
mkfifo "$folder/pipe"
cat "$folder/pipe" >"$folder/piped" &
train p.onnx --epochs 3 --log "$folder/pipe" >/dev/null
wait $!
must [ "$(grep -c '"epoch":' "$folder/piped")" = 3 ]
# Its reader goes away: an error, and the state stays.
head -c 5 "$folder/pipe" >/dev/null &
status=0
train q.onnx --epochs 50 --log "$folder/pipe" >/dev/null 2>"$folder/error" || status=$?
must [ $status = 1 ]
must grep -q "cannot write" "$folder/error"

# Killed at once: the state of the last epoch goes on to the very same weights.
train k.onnx --epochs 6 --log "$folder/k.jsonl" >/dev/null 2>&1 &
job=$!
for _ in $(seq 1200); do [ -e "$folder/k.onnx.state" ] && break; sleep 0.1; done
pkill -KILL -P $job 2>/dev/null || kill -KILL $job 2>/dev/null || true
wait $job || true
must [ -e "$folder/k.onnx.state" ]
# A disk that is full, which a limit on the size of files (in KiB) stands for, leaves the last state as it was.
cp "$folder/k.onnx.state" "$folder/last"
status=0
(
  trap '' XFSZ
  ulimit -f 200
  train k.onnx --epochs 6 --resume >/dev/null 2>"$folder/error"
) || status=$?
must [ $status = 1 ]
must [ "$(wc -l <"$folder/error")" = 1 ]
must grep -q "cannot write.*the last good state is" "$folder/error"
must cmp "$folder/last" "$folder/k.onnx.state"
train k.onnx --epochs 6 --log "$folder/k.jsonl" --resume >/dev/null
train l.onnx --epochs 6 >"$folder/out"
must grep -q "^ *epoch stage .* left$" "$folder/out"
must cmp "$folder/k.onnx" "$folder/l.onnx"

# The found scheme is a recipe where activations stay float, too.
train f.onnx --method msq --acts float --epochs 1 --finetune-epochs 0 --format json --test $data:test --limit 200 >"$folder/f.json"
check "$folder/f.json" 'any(f.endswith("/f.recipe.toml") for f in d["files"])'
# And the .onnx file is the network that was measured.
"$program" eval "$folder/f.onnx" --data $data:test --limit 200 --format json >"$folder/eval.json"
[ "$(field "$folder/eval.json" 'd["correct"]')" = "$(field "$folder/f.json" 'd["after"]["correct"]')" ]
train g.onnx --method qat --acts float --scheme "$folder/f.recipe.toml" --epochs 1 --format json >"$folder/g.json"
[ "$(field "$folder/f.json" '[l["bits"] for l in d["layers"]]')" = "$(field "$folder/g.json" '[l["bits"] for l in d["layers"]]')" ]

# Without the program that has libtorch: how to get it.
mkdir "$folder/alone"
cp "$program" "$folder/alone/bitsieve"
status=0
"$folder/alone/bitsieve" train "$model" --data $data:train -o "$folder/w.onnx" >/dev/null 2>"$folder/error" || status=$?
must [ $status = 1 ]
must [ "$(wc -l <"$folder/error")" = 1 ]
must grep -q "install libtorch-dev" "$folder/error"

# What is wrong is said in one line, nothing is written, and what was there stays.
wrong() {  # wrong STATUS PATTERN OPTIONS...
  want=$1 pattern=$2 status=0
  shift 2
  train w.onnx "$@" >/dev/null 2>"$folder/error" || status=$?
  if [ $status != "$want" ] || [ "$(wc -l <"$folder/error")" != 1 ] || ! grep -q -- "$pattern" "$folder/error"; then
    echo "expected $want and '$pattern' of: $*; got $status and"
    cat "$folder/error"
    exit 1
  fi
  [ ! -e "$folder/w.onnx" ]
}
rate=1000000 wrong 1 "the loss is .*; a lower learning rate may help" --epochs 2
images=63 wrong 1 "make no batch" --epochs 1
status=0
"$program" train "$model" --data $data:train -o /nonexistent/x.onnx >/dev/null 2>"$folder/error" || status=$?
must [ $status = 1 ]
must grep -q "cannot write ./nonexistent/x.onnx" "$folder/error"
wrong 1 "--resume: there is no" --resume
wrong 2 "'nan' is not a number from 0 to 1" --decay nan
wrong 2 "--alpha is for --method bsq" --alpha 1
wrong 2 "--drops is for --schedule steps" --drops 3
wrong 2 "--limit is for --test" --limit 3
wrong 2 "--scratch needs --acts float" --method qat --scratch
wrong 2 "--scratch forgets them" --scratch --distill 0.5
wrong 2 "--preset is for --method bsq" --preset paper
wrong 2 "--reweigh is for --method bsq" --method msq --reweigh memory
wrong 2 "--preset paper with --epochs needs --alpha" --method bsq --preset paper --epochs 7
wrong 2 "is reached before the start" --method bsq --bits 2
wrong 2 "is reached before the start" --method msq --bits 3
wrong 2 "the rate would never be reached" --epochs 2 --warmup 3
wrong 2 "--scheme is for --method qat" --scheme "$folder/c.recipe.toml"
wrong 2 "leave one out" --method qat --scheme "$folder/c.recipe.toml" --bits 3
wrong 1 "nowhere.toml" --method qat --scheme "$folder/nowhere.toml"
sed 's/int[2-8]-exact/int4-typo/' "$folder/c.recipe.toml" >"$folder/typo.toml"
wrong 1 "int4-typo" --method qat --scheme "$folder/typo.toml"
{ cat "$folder/c.recipe.toml"; printf '\n[[rule]]\nmatch = "^nosuch$"\nweights = "int4"\n'; } >"$folder/other.toml"
wrong 1 "nosuch" --method qat --scheme "$folder/other.toml"
printf '[layers]\nweights = "swis-n2-m4"\n' >"$folder/shifts.toml"
wrong 1 "does not say bits; int2 to int8 do" --method qat --scheme "$folder/shifts.toml"
wrong 2 "is no SWIS code" --method swis --weights int4
wrong 2 "holds integers, and activations are trained in float" -o "$folder/w.bsv"
wrong 2 "is not a number\|is none" --method qat --act-range often
wrong 1 "2:4\|which weights are pruned" --method qat --acts sparq-5opt-round-24
printf 'state' >"$folder/w.onnx.state"
wrong 1 "go on with --resume, or delete it" --epochs 1
wrong 1 "it is no state of ours" --epochs 1 --resume
[ "$(cat "$folder/w.onnx.state")" = state ]
