#!/usr/bin/env bash
# The verb `train` on few images of the default data set: what it writes loads, is the same twice, and quantizes exactly.
set -eu
program=$1 models=$2
data=fashion-mnist:/usr/share/datasets/fashion-mnist
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
model=$models/fashion-resnet14.onnx
cp "$models/fashion-resnet14.toml" "$folder/a.toml"
cp "$models/fashion-resnet14.toml" "$folder/b.toml"
train() {  # train OUTPUT OPTIONS...
  output=$1
  shift
  OMP_NUM_THREADS=1 "$program" train "$model" --data $data:train --train-images 256 --batch 64 -j 1 -o "$folder/$output" "$@"
}
for method in "--method float --epochs 1" "--method qat --bits 2 --epochs 1" \
  "--method bsq --epochs 2 --interval 1 --alpha 3 --finetune-epochs 1"; do
  # shellcheck disable=SC2086
  train a.onnx $method --rate 0.02 >"$folder/a.txt"
  # shellcheck disable=SC2086
  train b.onnx $method --rate 0.02 >"$folder/b.txt"
  cmp "$folder/a.onnx" "$folder/b.onnx"
done
grep -q "bits a weight as the paper counts" "$folder/a.txt"
# The weights of every layer lie on the grid that was found: the integers stand for the very same weights.
"$program" quantize "$folder/a.onnx" --weights int8-exact --first-last same --calib $data:train --calib-samples 64 -o "$folder/a.bsv" \
  >/dev/null 2>&1
sqnr=$("$program" eval "$folder/a.bsv" --data $data:test --limit 100 --reference "$folder/a.onnx" --format json |
  python3 -c 'import json, sys; print(json.load(sys.stdin)["logit_sqnr_db"])')
python3 -c "assert $sqnr > 15, $sqnr"  # 8-bit activations alone
# What is wrong is said in one line.
status=0
train c.onnx --method bsq --epochs 1 --rate 100000000 >/dev/null 2>"$folder/error" || status=$?
[ $status = 1 ] && [ "$(wc -l <"$folder/error")" = 1 ] && grep -q "the loss is" "$folder/error"
[ ! -e "$folder/c.onnx" ]
status=0
"$program" train "$model" --data $data:train --batch 100000 -o "$folder/c.onnx" >/dev/null 2>"$folder/error" || status=$?
[ $status = 1 ] && grep -q "make no batch" "$folder/error"
