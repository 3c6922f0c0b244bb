#!/usr/bin/env bash
# Installs what the tests need from Debian, builds with warnings as errors and runs the tests.
. "$(dirname "$0")/tools/common.sh"
cd "$root"
# shellcheck disable=SC2086
install_packages $packages $training_packages $rtl_packages libgtest-dev python3
mkdir -p build
build build/test -DCMAKE_BUILD_TYPE=Release -DBITSIEVE_TESTS=ON -DBITSIEVE_WERROR=ON
say "Checking the dependency direction"
tools/check_dependencies.sh
tools/arm.sh
say "Getting ONNX Runtime, for the test of exported files"
if library=$(tools/onnxruntime.sh); then export BITSIEVE_ORT=$library; else echo "that test will be skipped"; fi
say "Running the tests"
ctest --test-dir build/test --output-on-failure -j "$(nproc)"
