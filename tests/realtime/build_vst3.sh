#!/usr/bin/env bash
# Build real VST3 plugins from Debian's source package dpf-plugins into FOLDER:
# MVerb (stereo only), 3BandEQ (stereo only) and MaBitcrush (one input, two outputs).
# Debian ships them as VST2 and LV2 only; the framework in the package can build VST3.
# Nothing is installed, and apt's own lists and sources stay as they are.
set -euo pipefail
folder=$(mkdir -p "$1" && cd "$1" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for tool in apt-get make g++ xz; do command -v "$tool" >/dev/null || { echo "needs $tool" >&2; exit 3; }; done

# The system's own Debian mirror, asked for sources.
mkdir -p "$work/apt/parts" "$work/apt/lists/partial" "$work/apt/cache/archives/partial"
for list in /etc/apt/sources.list.d/*.sources; do
  if [ -f "$list" ] && grep -q debian-archive-keyring "$list"; then
    sed 's/^Types:.*/Types: deb-src/' "$list" >"$work/apt/parts/$(basename "$list")"
  fi
done
[ ! -f /etc/apt/sources.list ] || sed -n 's/^deb /deb-src /p' /etc/apt/sources.list >"$work/apt/parts/main.list"
apt=(apt-get -qq -o Dir::Etc::sourcelist=/dev/null -o Dir::Etc::sourceparts="$work/apt/parts"
  -o Dir::State::lists="$work/apt/lists" -o Dir::Cache="$work/apt/cache" -o Acquire::Retries=2)
"${apt[@]}" update
cd "$work"
# The upstream archive only: mirrors may have lost the packaging's.
"${apt[@]}" source --tar-only dpf-plugins 2>/dev/null
tar xf dpf-plugins_*.orig.tar.*
cd dpf-plugins-*/
for plugin in MVerb 3BandEQ bitcrush; do
  nice -n 15 make -j1 -C "plugins/$plugin" vst3 HAVE_OPENGL=false HAVE_DGL=false UI_TYPE=none
done >"$work/log" 2>&1 || { tail -20 "$work/log" >&2; exit 1; }
cp -r bin/*.vst3 "$folder/"
