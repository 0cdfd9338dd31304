# To be sourced in the repository's root. Configures and builds a preset, without output unless it
# fails.

# build_preset PRESET [TARGET...]: builds the targets, by default all. The array cmake_options has
# additional arguments for cmake.
build_preset() {
  local preset=$1
  shift
  local options=()
  # The presets use Debian 12's clang.
  [[ $preset != @(clang|tidy|fuzz) ]] || command -v clang++-14 >/dev/null || options+=(-DCMAKE_CXX_COMPILER=clang++-19)
  # Reuses objects of earlier checkouts if ccache is installed, and links the programs of the tests
  # in a fraction of the time if mold is. Both are always given, because CMake would remember an
  # earlier value after the program was removed.
  local launcher= linker=
  ! command -v ccache >/dev/null || launcher=ccache
  ! command -v mold >/dev/null || linker=-fuse-ld=mold
  options+=("-DCMAKE_CXX_COMPILER_LAUNCHER=$launcher" "-DCMAKE_EXE_LINKER_FLAGS=$linker"
    "-DCMAKE_SHARED_LINKER_FLAGS=$linker")
  local log=build/$preset.log
  mkdir -p build
  echo "build: $preset, log in $log"
  local started=$SECONDS
  if ! { cmake --preset "$preset" "${options[@]}" "${cmake_options[@]}" &&
    cmake --build --preset "$preset" ${1:+--target "$@"}; } >"$log" 2>&1; then
    echo "build: failed" >&2
    grep -nE -A12 'error|FAILED|CMake Error' "$log" | head -n 60 >&2 || tail -n 40 "$log" >&2
    return 1
  fi
  echo "build: done in $((SECONDS - started)) s"
}
