#!/usr/bin/env bash
# Cross-builds the kernels and their tests for 64-bit Arm and runs them under QEMU: on a processor with everything that
# it emulates, where no test may be skipped, and on a Cortex-A53, which has no dot products. Times say nothing here.
. "$(dirname "$0")/common.sh"
root=$(cd "$(dirname "$0")/.." && pwd)  # common.sh takes the folder of this script
cd "$root"
if [ "$(dpkg --print-architecture)" = arm64 ]; then
  echo "this machine is an Arm: its own tests run these kernels"
  exit 0
fi
install_packages g++ cmake ninja-build libfmt-dev googletest g++-aarch64-linux-gnu qemu-user
mkdir -p build
build build/arm --toolchain "$root/cmake/aarch64.cmake" -DCMAKE_BUILD_TYPE=Release -DBITSIEVE_TESTS=ON \
  -DBITSIEVE_WERROR=ON -DBITSIEVE_KERNELS_ONLY=ON
log=build/arm/tests.log
for processor in max cortex-a53; do
  say "Running the tests of the kernels on an emulated $processor"
  QEMU_CPU=$processor ctest --test-dir build/arm --no-tests=error --verbose -j "$(nproc)" >$log 2>&1 ||
    { grep -vE '\[ (RUN|      OK) ' $log; exit 1; }
  skipped=$(grep -oE '\[  SKIPPED \] .* \(' $log | sed -E 's/.*\] (.*) \(/\1/' || true)
  grep "tests passed" $log
  [ -z "$skipped" ] || printf 'skipped: %s\n' $skipped
  if [ $processor = max ]; then
    [ -z "$skipped" ] || { echo "this processor has all that the kernels need" >&2; exit 1; }
    grep -q 'OK \] Kernels/QGemm.*/qgemm_neon_dotprod' $log || { echo "the dot products were not tested" >&2; exit 1; }
  fi
done
