#!/usr/bin/env bash
# Real networks evaluate in float to the number of correct images that ONNX Runtime gives (at most 1 apart).
# Needs the data folder, which is not part of the repository: argument 3, by default ../shared/data.
set -eu
program=$1 source=$2 data=${3:-$2/../shared/data}
if [ ! -d "$data" ]; then
  echo "skipped: no data folder at $data"
  exit 77
fi
failed=0
check() {  # check MODEL PREPROCESSING DATA EXPECTED
  got=$("$program" eval "$data/$1.onnx" --preprocess "$source/tools/results/$2.toml" --data "$3" --format json |
    python3 -c 'import json, sys; print(json.load(sys.stdin)["correct"])')
  echo "$1: expected $4, measured $got, deviation $((got - $4))"
  [ $((got - $4)) -ge -1 ] && [ $((got - $4)) -le 1 ] || failed=1
}
cifar=cifar10:$data/cifar10/test_orig_dev509.bin
imagenet=images:$data/imagenet/val227,$data/imagenet/val227_labels.csv
check cifar10-models/resnet20-akamaster cifar-akamaster "$cifar" 466
check cifar10-models/resnet56-akamaster cifar-akamaster "$cifar" 471
check cifar10-models/resnet20b-bsq cifar-bsq "$cifar" 465
check cifar10-models/resnet8-mlperftiny raw-pixels "$cifar" 450
check imagenet-models/squeezenet1.1-ncnn caffe-bgr-227 "$imagenet" 480
check imagenet-models/squeezenet1.0-deepcompression caffe-bgr-227 "$imagenet" 467
check imagenet-models/mobilenetv1-0.25-224-keras mobilenet-224 "$imagenet" 417
check imagenet-models/mobilenetv2-1.0-224-int8ptq-dequant mobilenet-224 "$imagenet" 511
exit $failed
