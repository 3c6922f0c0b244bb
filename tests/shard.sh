#!/usr/bin/env bash
# An evaluation by several processes: shards merge to what one process finds, to the last digit, whoever starts them;
# what does not belong together is one clear line.
set -eu
program=$(realpath "$1") models=$(realpath "$2")
model=$models/fashion-resnet14.onnx
data=fashion-mnist:/usr/share/datasets/fashion-mnist
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
"$program" quantize "$model" --calib $data:train --calib-samples 32 --activations sparq-3opt-round -o small.bsv --log-level quiet >/dev/null
evaluate() { "$program" eval small.bsv --data $data:test --limit "${limit:-101}" --seed 5 --reference "$model" --log-level quiet "$@"; }
says() {  # says 'message' arguments of bitsieve...
  message=$1
  shift
  got=$("$program" "$@" 2>&1 >/dev/null) && { echo "no error: $*"; exit 1; }
  [ "$got" = "bitsieve: $message" ] || { printf 'command:  %s\nexpected: %s\ngot:      %s\n' "$*" "$message" "$got"; exit 1; }
}

whole=$(evaluate --format json)
mkdir whole
evaluate -o whole/whole.json >/dev/null
for shard in 2 0 3 1; do evaluate --shard $shard/4 -j $((shard % 2 + 1)) -o parts >"said.$shard"; done
grep -q '^shard 2/4, 25 of 101 images: top-1 ' said.2 || { cat said.2; exit 1; }
[ "$(ls parts | tr '\n' ' ')" = "shard-0-of-4.json shard-1-of-4.json shard-2-of-4.json shard-3-of-4.json " ] || { ls parts; exit 1; }
merged=$("$program" merge parts/*.json --format json -o merged.json)
python3 - "$whole" "$merged" <<'P'
import json, sys
whole, merged = (json.loads(text) for text in sys.argv[1:])
assert merged.pop("files") == ["merged.json"]
for document in whole, merged:
    for key in "command", "threads", "wall_seconds", "images_per_second":
        document.pop(key)
assert whole == merged, (whole, merged)
assert whole["count"] == 101 and whole["reference"]["top1"] > 80 and whole["agreement"] > 80 and whole["layers"]
P
# Image by image as well: only the times differ.
for file in merged whole/whole; do sed -E 's/"seconds":[^,]*//g' $file.json >"$(basename $file).timeless"; done
cmp merged.timeless whole.timeless
# As launchers start it: the same command line for every process.
OMPI_COMM_WORLD_RANK=0 OMPI_COMM_WORLD_SIZE=2 evaluate --shard job -o job >/dev/null
SLURM_PROCID=1 SLURM_STEP_NUM_TASKS=2 evaluate --shard job -o job >/dev/null
"$program" merge job/*.json | sed 's/, [0-9]* images\/s//' >job.txt
evaluate | sed 's/, [0-9]* images\/s//' >whole.txt
cmp job.txt whole.txt
# More shards than images; a shard without images says so and counts for nothing.
for shard in 0 1 2; do limit=2 evaluate --shard $shard/3 -o many >/dev/null 2>&1 || { echo "shard $shard of 2 images"; exit 1; }; done
"$program" merge many/* | grep -q ' of 2 correct' || { echo "2 images in three shards"; exit 1; }

says "--shard: '4/4' is neither I/N, from 0/N to N-1/N with N up to 1048576, nor job" eval small.bsv --data $data:test --shard 4/4
says "--shard: '1' is neither I/N, from 0/N to N-1/N with N up to 1048576, nor job" eval small.bsv --data $data:test --shard 1
says "of 4 shards there are 2; missing: 0/4, 3/4" merge parts/shard-1-of-4.json parts/shard-2-of-4.json
cp parts/shard-0-of-4.json copy.json
says "'parts/shard-0-of-4.json' and 'copy.json' are both shard 0/4" merge parts/shard-0-of-4.json copy.json
head -c 2000 copy.json >cut.json
says "'cut.json' is not a part of an evaluation that bitsieve can read: no JSON, or cut off" merge cut.json
says "cannot read 'none.json': No such file or directory" merge none.json
says "'parts/shard-0-of-4.json' and 'job/shard-1-of-2.json' are not of one evaluation: 4 shards, 2 shards" merge parts/shard-0-of-4.json job/shard-1-of-2.json
says "--output: 'copy.json' would be written over one of the parts; name another file" merge copy.json -o copy.json
says "--output: 'small.bsv' would be written over the model itself; name another file" eval small.bsv --data $data:test -o small.bsv
says "cannot write 'small.bsv': the results of shards go into a folder, and this is none" eval small.bsv --data $data:test --shard 0/2 -o small.bsv
mkdir over && cp small.bsv over/shard-0-of-2.json
says "--output: 'over/shard-0-of-2.json' would be written over the model itself; name another file" eval over/shard-0-of-2.json --data $data:test --shard 0/2 -o over
says "cannot write 'parts': it is a folder" merge parts/*.json -o parts
for variable in RANK SLURM_PROCID NOTHING; do
  got=$(env $variable=1 "$program" eval small.bsv --data $data:test --shard job 2>&1 >/dev/null) && exit 1
  grep -q '^bitsieve: --shard job: no launcher says which process this is' <<<"$got" || { echo "$variable: $got"; exit 1; }
done
# What looks like the other half: another split, another model, another reference.
other() { "$program" eval "$1" --data "$2" --limit 101 --seed 5 --shard 1/2 --log-level quiet -o "$3" "${@:4}" >/dev/null; }
other small.bsv $data:train train --reference "$model"
says "'job/shard-0-of-2.json' and 'train/shard-1-of-2.json' are not of one evaluation: other images" merge job/shard-0-of-2.json train/shard-1-of-2.json
other "$model" $data:test float --reference "$model"
says "'job/shard-0-of-2.json' and 'float/shard-1-of-2.json' are not of one evaluation: another model" merge job/shard-0-of-2.json float/shard-1-of-2.json
other small.bsv $data:test alone
says "'job/shard-0-of-2.json' and 'alone/shard-1-of-2.json' are not of one evaluation: another reference" merge job/shard-0-of-2.json alone/shard-1-of-2.json
echo "shards merge exactly"
