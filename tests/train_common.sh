# What the scripts about `train` share; sourced with the program and the folder of models as $1 and $2.
# shellcheck shell=bash disable=SC2034
program=$1 models=$2
data=fashion-mnist:/usr/share/datasets/fashion-mnist
folder=$(mktemp -d)
# Jobs are shells, which the program runs under.
trap 'for job in $(jobs -p); do pkill -KILL -P $job || true; kill -KILL $job || true; done 2>/dev/null; rm -rf "$folder"' EXIT
model=$models/fashion-resnet14.onnx
export OMP_NUM_THREADS=1

train() {  # train OUTPUT OPTIONS...: of few images
  output=$1
  shift
  "$program" train "$model" --data $data:train --train-images "${images:-256}" --batch 64 -j 1 --rate "${rate:-0.02}" -o "$folder/$output" "$@"
}
must() {  # a check of its own: set -e does not look at what stands before &&
  "$@" || { echo "failed: $*"; exit 1; }
}
