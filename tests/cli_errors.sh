#!/usr/bin/env bash
# Bad input gives exactly one clear line and the right exit status, and leaves no half-written file.
set -u
program=$(realpath "$1") models=$(realpath "$2") failed=0
expect() {  # expect STATUS 'message' arguments of bitsieve...
  status=$1 message=$2
  shift 2
  got=$("$program" "$@" 2>&1 >/dev/null)
  rc=$?
  if [ "$rc" != "$status" ] || [ "$got" != "$message" ]; then
    printf 'command:  %s\nexpected: %s %s\ngot:      %s %s\n\n' "$*" "$status" "$message" "$rc" "$got"
    failed=1
  fi
}
here=$(cd "$(dirname "$0")" && pwd)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder" || exit 1
python3 "$here/bad_models.py" .
printf 'hello' >text.onnx
head -c 300000 "$models/fashion-resnet14.onnx" >cut.onnx
: >nothing.csv
: >nothing.npy
printf '[input]\nsize = [28, 28\n' >syntax.toml
printf '[quantize]\nactivation = "int8"\n' >recipe.toml
quiet="--log-level quiet"
gray="--preprocess preprocess.toml"

# No such file; not ONNX; truncated; unknown operator; what no version of ONNX has.
expect 1 "bitsieve: cannot read '/nowhere.onnx': No such file or directory" info /nowhere.onnx
expect 1 "bitsieve: 'text.onnx' is not an ONNX file, or it is truncated" info text.onnx
expect 1 "bitsieve: 'cut.onnx' is not an ONNX file, or it is truncated" info cut.onnx
operators=$("$program" list --format json | python3 -c 'import json,sys; print(", ".join(o["name"] for o in json.load(sys.stdin)["operators"]))')
expect 1 "bitsieve: 'operator.onnx': node 'act1' (Erf): this operator is not supported; supported are $operators" info operator.onnx
expect 1 "bitsieve: 'opset.onnx' has opset 99; supported are 7 to 21" info opset.onnx

# Weights: NaN is an error, a filter of zeros is a warning.
expect 1 "bitsieve: 'nan.onnx': node 'conv1' (Conv): weight 'w' holds a NaN at element 17; weights must be finite" info nan.onnx
expect 0 "warning: layer 'conv1', filter 0: all weights are 0; its output is its bias" quantize zero.onnx --calib npy:x.npy -o zero.bsv
[ -s zero.bsv ] || { echo "no zero.bsv"; failed=1; }

# Data: wrong input shape, empty data sets, labels, unreadable images, preprocessing.
expect 1 "bitsieve: 'npy:shape.npy,ok.npy' holds items of 1x14x14; the network's input is 1x28x28" eval good.onnx --data npy:shape.npy,ok.npy
expect 1 "bitsieve: 'nothing.npy' is not an npy file" eval good.onnx --data npy:nothing.npy,ok.npy
expect 1 "bitsieve: 'nothing.csv' names no images" eval good.onnx --data images:pictures,nothing.csv $gray
expect 1 "bitsieve: 'empty' holds no images: no .jpg, .jpeg or .png file" calibrate good.onnx --calib images:empty -o e.json $gray
expect 1 "bitsieve: 'nothing.npy' holds no images" eval good.onnx --data cifar10:nothing.npy
expect 1 "bitsieve: image 1 has label 99; model 'small' has 10 classes, 0 to 9" eval good.onnx --data npy:x.npy,y.npy
expect 1 "bitsieve: 'labels.csv' line 1: no such file 'empty/a.jpg'" eval good.onnx --data images:empty,labels.csv $gray
expect 1 "bitsieve: 'pictures/a.jpg' is not a readable JPEG: Premature end of JPEG file" eval good.onnx --data images:pictures,labels.csv $gray
expect 1 "bitsieve: the preprocessing gives pictures of 32 x 32; the network's input is 28 x 28: set size = [28, 28]" \
  eval good.onnx --data images:pictures,labels.csv --preprocess size.toml
expect 1 "bitsieve: no such directory '/nowhere'" eval good.onnx --data fashion-mnist:/nowhere:test
expect 2 "bitsieve: data 'npy:x.npy' has no labels; write npy:x.npy,Y.npy" eval good.onnx --data npy:x.npy
expect 2 "bitsieve: data 'npy:x.npy,' has no labels; write npy:x.npy,Y.npy" eval good.onnx --data npy:x.npy,
expect 2 "bitsieve: data 'what:x' has the unknown kind 'what'; known are fashion-mnist, mnist, cifar10, images, image, npy" eval good.onnx --data what:x

# Calibration of another model.
expect 0 "" calibrate good.onnx --calib npy:x.npy -o c.json $quiet
hash=$(python3 -c 'import json; print(json.load(open("c.json"))["model_hash"])')
other=$("$program" info "$models/fashion-resnet14.onnx" --format json | python3 -c 'import json,sys; print(json.load(sys.stdin)["model_hash"])')
expect 1 "bitsieve: the calibration 'c.json' belongs to another model ('small', $hash, not $other): calibrate this one with \`bitsieve calibrate\`" \
  quantize "$models/fashion-resnet14.onnx" --calib c.json

# Of other preprocessing; twice the same images, or a part of them; files that must not be written over.
printf '[input]\nchannels = "gray"\nmean = 0.5\n' >mean.toml
expect 1 "bitsieve: the calibration 'c.json' was made with other preprocessing (mean = [0], not mean = [0.5]): give the same --preprocess, or calibrate again" \
  quantize good.onnx --calib c.json --preprocess mean.toml
data_hash=$(python3 -c 'import json; print(json.load(open("c.json"))["data_hash"])')
expect 1 "bitsieve: cannot merge 'c.json': its images ('npy:x.npy', $data_hash) are in the others already and would count twice" \
  calibrate good.onnx --merge c.json c.json -o merged.json
sed 's/"images_wanted": 2/"images_wanted": 5/' c.json >part.json
expect 1 "bitsieve: 'part.json' holds 2 of 5 images: finish the calibration first" calibrate good.onnx --merge part.json -o merged.json
[ ! -e merged.json ] || { echo "merged.json was written"; failed=1; }
expect 1 "bitsieve: the calibration 'c.json' belongs to another model ('small', $hash, not $other): delete it, or name another file" \
  calibrate "$models/fashion-resnet14.onnx" --calib npy:x.npy -o c.json
expect 1 "bitsieve: the calibration 'c.json' belongs to another model ('small', $hash, not $other): delete it, or name another file" \
  quantize "$models/fashion-resnet14.onnx" --calib npy:x.npy --calib-cache c.json -o x.bsv
printf '{}' >empty.json
expect 1 "bitsieve: 'empty.json' is not a calibration: \"format\": \"bitsieve-calibration\" is missing; \`bitsieve calibrate\` writes one; delete it, or name another file" \
  calibrate good.onnx --calib npy:x.npy -o empty.json
expect 2 "bitsieve: --output: 'good.onnx' would be written over the model itself; name another file" calibrate good.onnx --calib npy:x.npy -o good.onnx
expect 2 "bitsieve: --output: 'c.json' would be written over what --calib names; name another file" quantize good.onnx --calib c.json -o c.json
cp recipe.toml own.recipe.toml
printf '[quantize]\nrange = "mse"\n' >own.recipe.toml
expect 2 "bitsieve: --output: 'own.recipe.toml' would be written over what --config names; name another file" \
  quantize good.onnx --calib c.json --config own.recipe.toml -o own.bsv
expect 2 "bitsieve: --calib: 'c.json' is a calibration already; calibrate wants images (KIND:PATH)" calibrate good.onnx --calib c.json -o d.json
expect 2 "bitsieve: --calib-cache is for images; --calib names the calibration 'c.json'" quantize good.onnx --calib c.json --calib-cache d.json
expect 2 "bitsieve: --merge takes calibration files, --calib images: give one of the two" calibrate good.onnx --merge c.json --calib npy:x.npy -o d.json
expect 2 "bitsieve: --output: a name is missing (see bitsieve calibrate --help)" calibrate good.onnx --calib npy:x.npy -o ""
[ ! -e d.json ] || { echo "d.json was written"; failed=1; }
# A file that changed, were it in one image in the middle, is noticed.
three() {  # three NUMBER: three images, the second of them all NUMBER
  python3 -c "
import struct
header = str({'descr': '<f4', 'fortran_order': False, 'shape': (3, 1, 28, 28)}) + ' ' * 30 + chr(10)
values = [0.5] * 784 + [$1] * 784 + [0.25] * 784
open('three.npy', 'wb').write(b'\x93NUMPY\x01\x00' + struct.pack('<H', len(header)) + header.encode() + struct.pack('<2352f', *values))"
}
three 1
expect 0 "" calibrate good.onnx --calib npy:three.npy -o three.json
expect 0 "calibration: reused 'three.json'" calibrate good.onnx --calib npy:three.npy -o three.json
three 2
expect 0 "warning: calibration: 'three.json' was made from other images; made anew" calibrate good.onnx --calib npy:three.npy -o three.json
expect 0 "warning: calibration: 'three.json' was made from 3 images, not 2; made anew" calibrate good.onnx --calib npy:three.npy -o three.json --calib-samples 2

# The command line.
verbs="auto, info, calibrate, quantize, eval, merge, analyze, train, simulate, run, bench, export, list"
expect 2 "bitsieve: a command is missing; there are $verbs (see bitsieve --help)"
expect 2 "bitsieve: there is no command 'crunch'; there are $verbs (see bitsieve --help)" crunch
expect 2 "bitsieve: --format: yaml not in {human,json} (see bitsieve info --help)" info good.onnx --format yaml
expect 2 "bitsieve: not expected: --fast (see bitsieve info --help)" info good.onnx --fast
codes=$("$program" list --format json | python3 -c 'import json,sys; print(", ".join(c["name"] for c in json.load(sys.stdin)["activation_codes"]))')
expect 2 "bitsieve: --activations: there is no activation code 'int9'; there are $codes" quantize good.onnx --calib c.json --activations int9
expect 2 "bitsieve: --calib-method: 'max' is not one of minmax, mean-max, percentile, mse, kl" quantize good.onnx --calib c.json --calib-method max
expect 2 "bitsieve: --layer 'conv1=weights': 'weights' must read key:value" quantize good.onnx --calib c.json --layer conv1=weights
expect 2 "bitsieve: --layer '(=weights:int4': the pattern '(' is not a regular expression (ECMAScript)" quantize good.onnx --calib c.json --layer '(=weights:int4'
expect 2 "bitsieve: --exclude: the pattern '[' is not a regular expression (ECMAScript)" quantize good.onnx --calib c.json --exclude '['
printf '[[rule]]\nmatch = "("\nweights = "int4"\n' >regex.toml
expect 1 "bitsieve: 'regex.toml' line 1: the pattern '(' is not a regular expression (ECMAScript)" quantize good.onnx --calib c.json --config regex.toml

# Runs that are not there to compare with.
printf '{}' >run.json
expect 1 "bitsieve: --compare: 'run.json' is not what bitsieve bench --format json prints" bench good.onnx --runs 1 --compare run.json
expect 1 "bitsieve: cannot read '/nowhere.json': No such file or directory" bench good.onnx --compare /nowhere.json

# Files for other runtimes.
expect 0 "" quantize good.onnx --calib c.json --activations sparq-5opt-round --first-last same -o windows.bsv $quiet
expect 1 "bitsieve: 'good.onnx' is a float network; only quantized models are exported: make a .bsv file with bitsieve quantize" export good.onnx
expect 1 "bitsieve: layer 'conv1' reads its values through 'sparq-5opt-round', which QuantizeLinear cannot say: it depends on the value, not on the layer; give a model whose activations are int8 or uniform" \
  export windows.bsv -o windows.onnx
[ ! -e windows.onnx ] || { echo "windows.onnx is there"; failed=1; }
expect 2 "bitsieve: --output: 'zero.bsv' would be written over the model itself; name another file" export zero.bsv -o zero.bsv
expect 2 "bitsieve: --format: xml not in {human,json,qdq} (see bitsieve export --help)" export zero.bsv --format xml
expect 2 "bitsieve: --batch: '-1' is not a whole number of 0 or more (see bitsieve export --help)" export zero.bsv --batch -1
expect 1 "bitsieve: cannot write '/nowhere/x.onnx': No such file or directory" export zero.bsv -o /nowhere/x.onnx
expect 0 "" export zero.bsv --format qdq --format json -o zero.qdq.onnx

expect 2 "bitsieve: --limit: '-5' is not a whole number of 0 or more (see bitsieve eval --help)" eval good.onnx --data npy:x.npy,ok.npy --limit -5
expect 2 "bitsieve: --seed: '-1' is not a whole number of 0 or more (see bitsieve eval --help)" eval good.onnx --data npy:x.npy,ok.npy --seed -1
expect 2 "bitsieve: not expected: --fast --slow (see bitsieve info --help)" info good.onnx --fast --slow
expect 2 "bitsieve: --percentile: 'nan' is not a number from 1e-09 to 100 (see bitsieve quantize --help)" quantize good.onnx --calib npy:x.npy --calib-method percentile --percentile nan
expect 2 "bitsieve: --avg-shifts: 'nan' is not a number from 1 to 7 (see bitsieve quantize --help)" quantize good.onnx --calib npy:x.npy --weights swis-n3-m4 --avg-shifts nan
expect 2 "bitsieve: --max-drop: '-1' is not a number from 0 to 100 (see bitsieve auto --help)" auto good.onnx --data npy:x.npy,ok.npy --calib npy:x.npy --max-drop -1
expect 2 "bitsieve: --full takes every image, --limit a part: give one of the two" auto good.onnx --data npy:x.npy,ok.npy --calib npy:x.npy --full --limit 1
expect 2 "bitsieve: recipe 'int8-gain' needs images besides the calibration file: give them with --calib, and the file as --calib-cache" \
  quantize good.onnx --calib c.json --repair gain
mkdir digits && python3 -c "
import struct
open('digits/t10k-images-idx3-ubyte', 'wb').write(struct.pack('>IIII', 0x803, 2, 28, 28) + bytes(range(196)) * 8)
open('digits/t10k-labels-idx1-ubyte', 'wb').write(struct.pack('>II', 0x801, 2) + bytes([3, 4]))"
expect 0 "warning: no --preprocess and no 'good.toml': pixels are divided by 255, nothing else" eval good.onnx --data mnist:digits:test
expect 0 "" eval good.onnx --data mnist:digits:test $gray
expect 2 "bitsieve: --repair, --rounding and --equalize need images; --calib names a calibration file: name images" \
  auto good.onnx --data npy:x.npy,ok.npy --calib c.json --repair gain
expect 2 "bitsieve: --avg-shifts is for SWIS weights, and no layer has them; use --weights swis-n3-m4 or the like" \
  quantize good.onnx --calib npy:x.npy --avg-shifts 3 -o late.bsv
expect 2 "bitsieve: --target-bpw has to measure, and --dry-run measures nothing: give one of the two" \
  quantize good.onnx --calib npy:x.npy --weights swis-n3-m4 --target-bpw 5 --dry-run
expect 2 "bitsieve: --percentile needs --calib-method percentile" auto good.onnx --data npy:x.npy,ok.npy --calib npy:x.npy --percentile 99 -o late
[ ! -e late ] || { echo "auto made its folder before it looked at its options"; failed=1; }
expect 2 "bitsieve: --exclude= a value is missing" quantize good.onnx --calib c.json --exclude= --strict
expect 2 "bitsieve: --calib: 'cal' is neither images (KIND:PATH) nor a calibration file, whose name ends in .json" quantize good.onnx --calib cal
cp x.npy mine.npy
expect 2 "bitsieve: --output: 'mine.npy' would be written over what --calib names; name another file" quantize good.onnx --calib npy:mine.npy -o mine.npy
expect 2 "bitsieve: --output: 'z.bsv' would be written over another file of this command; name another file" \
  quantize good.onnx --calib npy:x.npy --calib-cache z.bsv -o z.bsv
expect 1 "bitsieve: cannot write 'pictures': it is a folder" calibrate good.onnx --calib npy:x.npy -o pictures
expect 0 "" calibrate good.onnx --calib npy:x.npy -o /dev/null $quiet
expect 0 "" quantize good.onnx --calib c.json -o /dev/null
# An option that may come several times takes one value at a time, and leaves the model alone.
expect 0 "" quantize --exclude fc --layer 'conv1=weights:int4' good.onnx --calib c.json -o order.bsv
[ -s order.bsv ] || { echo "no order.bsv"; failed=1; }
# A link is followed, a device stays one.
ln -s real.bsv link.bsv
expect 0 "" quantize good.onnx --calib c.json -o link.bsv
[ -L link.bsv ] && [ -s real.bsv ] || { echo "the link was replaced"; failed=1; }
expect 0 "" quantize good.onnx --calib c.json -o link.bsv
[ -L link.bsv ] || { echo "the link was replaced the second time"; failed=1; }
mkfifo pipe
cat pipe >from_pipe &
expect 0 "" quantize good.onnx --calib c.json -o pipe
wait
[ -p pipe ] && cmp -s from_pipe real.bsv || { echo "the pipe was replaced, or got something else"; failed=1; }

# Nothing can be written: no such folder, a file where a folder should be, a disk that is full.
expect 1 "bitsieve: cannot write '/nowhere/x.bsv': No such file or directory" quantize good.onnx --calib c.json -o /nowhere/x.bsv $quiet
expect 1 "bitsieve: cannot write 'text.onnx/x.bsv': Not a directory" quantize good.onnx --calib c.json -o text.onnx/x.bsv $quiet
expect 1 "bitsieve: cannot make the folder 'text.onnx/a': Not a directory" auto good.onnx --data npy:x.npy,ok.npy --calib npy:x.npy -o text.onnx/a
if [ "$(id -u)" != 0 ]; then
  mkdir closed && chmod a-w closed
  expect 1 "bitsieve: cannot write 'closed/x.bsv': Permission denied" quantize good.onnx --calib c.json -o closed/x.bsv $quiet
elif command -v setpriv >/dev/null; then
  mkdir closed && chmod a+rx . closed
  as_nobody() { setpriv --reuid 65534 --regid 65534 --clear-groups "$real" "$@"; }
  real=$program program=as_nobody
  if "$program" list >/dev/null 2>&1; then  # else nobody may not even read the program
    expect 1 "bitsieve: cannot write 'closed/x.bsv': Permission denied" quantize good.onnx --calib c.json -o closed/x.bsv $quiet
  fi
  program=$real
fi
limited() { (trap '' XFSZ; ulimit -f 1; exec "$real" "$@"); }
real=$program program=limited
expect 1 "bitsieve: cannot write 'full.bsv': File too large" quantize good.onnx --calib c.json -o full.bsv $quiet
program=$real
[ -z "$(find . -name '*full.bsv*')" ] || { echo "a part of full.bsv was left behind"; failed=1; }
got=$("$program" list 2>&1 >/dev/full)
[ "$? $got" = "1 bitsieve: cannot write the output: No space left on device" ] || { echo "full disk: $got"; failed=1; }
exit $failed
