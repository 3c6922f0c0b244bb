#!/usr/bin/env bash
# Bad input gives exactly one clear line and the right exit status.
set -u
program=$1 models=$2 failed=0
expect() {  # expect STATUS 'message' command...
  status=$1 message=$2
  shift 2
  got=$("$@" 2>&1 >/dev/null)
  rc=$?
  if [ "$rc" != "$status" ] || [ "$got" != "$message" ]; then
    printf 'command:  %s\nexpected: %s %s\ngot:      %s %s\n\n' "$*" "$status" "$message" "$rc" "$got"
    failed=1
  fi
}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
printf 'hello' >"$folder/text.onnx"
head -c 300000 "$models/fashion-resnet14.onnx" >"$folder/cut.onnx"
expect 1 "bitsieve: cannot read '/nowhere.onnx': No such file or directory" "$program" info /nowhere.onnx
expect 1 "bitsieve: '$folder/text.onnx' is not an ONNX file, or it is truncated" "$program" info "$folder/text.onnx"
expect 1 "bitsieve: '$folder/cut.onnx' is not an ONNX file, or it is truncated" "$program" info "$folder/cut.onnx"
expect 2 "bitsieve: --format: yaml not in {human,json} (see bitsieve --help)" "$program" info "$folder/cut.onnx" --format yaml
expect 2 "bitsieve: A subcommand is required (see bitsieve --help)" "$program"
exit $failed
