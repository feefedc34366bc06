#!/bin/sh
# Installs the built package and what it needs at run time into a folder, as the images do: run it in the repository's root after
# `npm ci` and `npm run build`.
#
# usage: docker/install.sh TARGET
set -eu
target=$1
mkdir -p "$target"
tarball=$(npm pack --ignore-scripts --silent)
tar -xzf "$tarball" -C "$target" --strip-components=1
rm "$tarball"
cp package-lock.json .npmrc "$target/"
cd "$target"
npm ci --omit=dev --ignore-scripts --no-audit --no-fund

# Libraries for other systems and processors are dead weight.
platform=$(node -p process.platform)
arch=$(node -p process.arch)
for folder in node_modules/onnxruntime-node/bin/napi-v6/*/*; do
  [ "$folder" = "node_modules/onnxruntime-node/bin/napi-v6/$platform/$arch" ] || rm -rf "$folder"
done
