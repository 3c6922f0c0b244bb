#!/usr/bin/env bash
# Trains models/fashion-resnet14.onnx, the default network, from random weights with `bitsieve train`, on all 60,000
# images of Debian's dataset-fashion-mnist: 17 minutes on two free cores. The shape of the network is that of the file
# itself. Deterministic for one machine and one number of threads; --resume goes on after an interruption.
#   tools/train_default_model.sh [PROGRAM] [OUTPUT.onnx] [options of train that are not set below]
set -eu
here=$(cd "$(dirname "$0")/.." && pwd)
program=${1:-$here/build/release/src/cli/bitsieve} output=${2:-fashion-resnet14.onnx}
shift $(($# < 2 ? $# : 2))
data=fashion-mnist:/usr/share/datasets/fashion-mnist
exec "$program" train "$here/models/fashion-resnet14.onnx" --method float --scratch --data $data:train --test $data:test \
  --epochs 16 --batch 128 --rate 0.1 --warmup 0.5 --decay 5e-4 --seed 1 -j 2 -o "$output" "$@"
