# Sourced from the repository's root: configures and builds a preset, quietly unless it fails.

# build_preset PRESET [TARGET...]: everything when no target is named. An array cmake_options adds to what cmake is told.
build_preset() {
  local preset=$1
  shift
  local options=("${cmake_options[@]}")
  # The presets name the clang of Debian 12.
  [[ $preset != @(clang|tidy|fuzz) ]] || command -v clang++-14 >/dev/null || options+=(-DCMAKE_CXX_COMPILER=clang++-19)
  # Objects of an earlier checkout are worth having where ccache happens to be.
  command -v ccache >/dev/null && options+=(-DCMAKE_CXX_COMPILER_LAUNCHER=ccache)
  local log=build/$preset.log
  mkdir -p build
  echo "build: $preset, log in $log"
  local started=$SECONDS
  if ! { cmake --preset "$preset" "${options[@]}" &&
    cmake --build --preset "$preset" ${1:+--target "$@"}; } >"$log" 2>&1; then
    echo "build: failed" >&2
    grep -nE -A12 'error|FAILED|CMake Error' "$log" | head -n 60 >&2 || tail -n 40 "$log" >&2
    return 1
  fi
  echo "build: done in $((SECONDS - started)) s"
}
