#!/usr/bin/env bash
# Holds the dependency direction of ARCHITECTURE.md: each folder of src/ includes only the folders listed for it,
# and only the named places see ONNX, torch, SIMD intrinsics or the terminal. src/cli prints, and what is no library:
# tests, benchmarks and fuzz targets.
set -eu
cd "$(dirname "$0")/.."
declare -A may=(
  [base]="base"
  [tensor]="base tensor"
  [graph]="base tensor graph"
  [data]="base tensor data"
  [quant]="base tensor graph quant"
  [methods]="base tensor graph quant kernels methods"
  [kernels]="base tensor quant kernels"
  [runtime]="base tensor graph quant methods kernels runtime"
  [compress]="base tensor graph quant methods kernels runtime compress"
  [eval]="base tensor graph data quant methods kernels runtime eval"
  [pack]="base tensor graph data quant kernels methods pack"
  [export]="base tensor graph quant export"
  [accel]="base tensor graph quant accel"
  [rtl_link]="base tensor graph data quant methods kernels runtime compress eval accel rtl_link"
  [train]="base tensor graph data quant methods kernels runtime compress train"
  [search]="base tensor graph data quant methods kernels runtime compress eval accel search"
  [cli]="base tensor graph data quant methods kernels runtime compress eval pack export accel train search cli"
)
bad=0
for folder in src/*/; do
  name=$(basename "$folder")
  [ -n "${may[$name]-}" ] || { echo "src/$name is not in tools/check_dependencies.sh"; bad=1; continue; }
  while IFS=: read -r file line include; do
    target=$(sed -E 's/.*"([^"\/]+)\/.*/\1/' <<<"$include")
    case " ${may[$name]} " in *" $target "*) ;; *) echo "$file:$line: src/$name may not include $target/"; bad=1 ;; esac
  done < <(grep -rnE '^#include "[^"]+/' "$folder" --include='*.h' --include='*.cc' --include='*.inc' || true)
done
only() {  # only PATTERN ALLOWED-REGEX WHAT
  hits=$(grep -rnE "$1" src --include='*.h' --include='*.cc' --include='*.inc' | grep -vE "^[^:]*($2)" || true)
  [ -z "$hits" ] || { printf '%s outside its place:\n%s\n' "$3" "$hits"; bad=1; }
}
only '#include <(onnx|google/protobuf)/' '^src/(graph/onnx|export)/' 'ONNX or protobuf'
only '#include <(torch|ATen|c10)/' '^src/train/' 'torch'
only '#include <[a-z0-9]*intrin\.h>' '(avx|vnni|vbmi)[a-z0-9_]*\.(cc|h):' 'SIMD intrinsics'
only '#include <arm_[a-z]+\.h>' 'neon[a-z0-9_]*\.(cc|h):' 'NEON intrinsics'
# Calls that write to the terminal or end the process, whatever namespace is written before them; snprintf and the like
# are other words. The streams are refused by name, so that they cannot be handed on either.
calls='v?f?printf|puts|fputs|putw?char|fputw?c|putc|perror|psignal|_?exit|_Exit|quick_exit|abort|terminate'
only "(^|[^[:alnum:]_])($calls) *\(|fmt::v?print|std::(v?print|cout|wcout|cerr|wcerr|clog|wclog)|[^[:alnum:]_](stdout|stderr|STD(OUT|ERR)_FILENO)([^[:alnum:]_]|$)|#include <(iostream|print|syncstream)>" \
  '^src/cli/|_test\.cc:|/(bench|fuzz|test)_' 'printing or exiting'
[ $bad = 0 ] && echo "dependency direction: ok"
exit $bad
