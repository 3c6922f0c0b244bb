#!/usr/bin/env bash
# Gets ONNX Runtime's library from the npm registry, for tests of exported files and for comparisons; prints its path. Kept in
# build/onnxruntime. usage: tools/onnxruntime.sh [FOLDER]
set -eu
version=1.30.0
folder=$(realpath -m "${1:-$(dirname "$0")/../build/onnxruntime}")
case $(uname -m) in
  x86_64) architecture=x64 ;;
  aarch64) architecture=arm64 ;;
  *) echo "there is no ONNX Runtime for $(uname -m) in the npm registry" >&2; exit 1 ;;
esac
library=$folder/libonnxruntime-$version.so
if [ ! -s "$library" ]; then
  command -v npm >/dev/null || { echo "npm, which gets ONNX Runtime, is missing" >&2; exit 1; }
  mkdir -p "$folder"
  temporary=$(mktemp -d "$folder/get.XXXXXX")
  trap 'rm -rf "$temporary"' EXIT
  (cd "$temporary" && npm pack --silent "onnxruntime-node@$version" >/dev/null 2>&1 &&
    tar -xzf onnxruntime-node-*.tgz --wildcards "package/bin/napi-v*/linux/$architecture/libonnxruntime.so*") ||
    { echo "the npm registry did not give onnxruntime-node $version" >&2; exit 1; }
  mv "$(find "$temporary/package" -name 'libonnxruntime.so*' -type f | head -n 1)" "$library"
fi
echo "$library"
