# Shared by demo.sh and test.sh: says what it does, installs missing Debian packages, builds. Sourced, not run.
set -eu
root=$(cd "$(dirname "$0")" && pwd)
say() { printf '\n==> %s\n' "$*"; }

# The packages the libraries and the program need, and the default data set.
packages="g++ cmake ninja-build pkg-config libfmt-dev nlohmann-json3-dev libcli11-dev libtomlplusplus-dev \
  libonnx-dev libprotobuf-dev protobuf-compiler libturbojpeg0-dev libspng-dev zlib1g-dev libxxhash-dev \
  dataset-fashion-mnist"

# Training besides: 600 MB. Without libopenblas0-openmp torch multiplies matrices thirty times slower.
training_packages="libtorch-dev libopenblas0-openmp libgloo-dev"

# The tests of rtl/ besides, simulated and mapped to cells; without these they are skipped.
rtl_packages="verilator yosys opensta iverilog qflow-tech-osu018"

install_packages() {
  missing=""
  for package in "$@"; do
    [ "$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || missing="$missing $package"
  done
  [ -z "$missing" ] && return 0
  say "Installing from Debian:$missing"
  as_root=""
  if [ "$(id -u)" != 0 ]; then
    as_root=sudo
    command -v sudo >/dev/null || { echo "these packages are missing, and installing them needs root or sudo:$missing" >&2; exit 1; }
  fi
  $as_root apt-get update -q >/dev/null
  # shellcheck disable=SC2086
  DEBIAN_FRONTEND=noninteractive $as_root apt-get install -q -y --no-install-recommends $missing >/dev/null
}

build() {  # build FOLDER [cmake options]
  folder=$1
  shift
  say "Building in $folder"
  cmake -S "$root" -B "$folder" -G Ninja "$@" >"$folder.log" 2>&1 || { cat "$folder.log"; exit 1; }
  cmake --build "$folder"
}
