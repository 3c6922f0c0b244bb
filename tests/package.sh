#!/usr/bin/env bash
# The installed package works for a program outside the project: find_package(bitsieve), and the quickstart runs.
set -eu
build=$1 source=$2
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cmake --install "$build" --prefix "$folder/prefix" >/dev/null
mkdir "$folder/project"
cp "$source/examples/quickstart.cc" "$folder/project/"
cat >"$folder/project/CMakeLists.txt" <<'P'
cmake_minimum_required(VERSION 3.25)
project(outside LANGUAGES CXX)
find_package(bitsieve 0.1 REQUIRED)
add_executable(quickstart quickstart.cc)
target_link_libraries(quickstart PRIVATE bitsieve::compress bitsieve::onnx)
P
cmake -S "$folder/project" -B "$folder/build" -DCMAKE_PREFIX_PATH="$folder/prefix" -DCMAKE_BUILD_TYPE=Release >/dev/null
cmake --build "$folder/build" >/dev/null
[ "$("$folder/build/quickstart" "$source/models/fashion-resnet14.onnx" | wc -l)" = 10 ]
"$folder/prefix/bin/bitsieve" list >/dev/null
