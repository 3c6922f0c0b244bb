#!/usr/bin/env bash
# Installs what Bitsieve needs from Debian, builds it and runs the main job on the embedded Fashion-MNIST network.
. "$(dirname "$0")/tools/common.sh"
cd "$root"
# shellcheck disable=SC2086
install_packages $packages
mkdir -p build
build build/release -DCMAKE_BUILD_TYPE=Release -DBITSIEVE_TESTS=OFF
say "Running: bitsieve auto models/fashion-resnet14.onnx"
exec build/release/src/cli/bitsieve auto models/fashion-resnet14.onnx \
  --data fashion-mnist:/usr/share/datasets/fashion-mnist:test \
  --calib fashion-mnist:/usr/share/datasets/fashion-mnist:train -o build/demo "$@"
