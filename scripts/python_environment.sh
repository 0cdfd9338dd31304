# To be sourced in the repository's root. Installs Python packages from PyPI into virtual
# environments under var/python.

python_environments=$PWD/var/python

# make_environment NAME PACKAGE...: installs the packages in the environment NAME, unless it has
# exactly this list. Fails if a package cannot be installed, with pip's messages.
make_environment() {
  local directory=$python_environments/$1 list
  shift
  list=$(printf '%s\n' "$@")
  [[ -f $directory/installed && $(<"$directory/installed") == "$list" ]] && return
  rm -rf "$directory"
  python3 -m venv "$directory" || { echo "python: install python3-venv" >&2; return 1; }
  "$directory/bin/pip" install -q --disable-pip-version-check "$@" || return
  printf '%s\n' "$list" >"$directory/installed"
}

# install_syncline NAME DISTRIBUTION...: installs a wheel, or the source directory, of the Python
# package in the environment NAME, without the packages that it needs.
install_syncline() {
  local directory=$python_environments/$1
  shift
  "$directory/bin/pip" install -q --disable-pip-version-check --no-deps --no-build-isolation \
    --force-reinstall "$@"
}
