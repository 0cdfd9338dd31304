# To be sourced. Runs a temporary PostgreSQL in its own directory, on a free port, until
# stop_throwaway_postgres. If the script runs as root, PostgreSQL runs as the user nobody, because
# it refuses to run as root.

throwaway_directory=

# Runs a command as the user that runs PostgreSQL.
as_postgres_user() {
  if ((EUID == 0)); then
    setpriv --reuid=nobody --regid=nogroup --clear-groups env HOME="$throwaway_directory" "$@"
  else
    "$@"
  fi
}

# start_throwaway_postgres [SETTING=VALUE...]: starts it and sets throwaway_dsn. It listens on a
# socket in its own directory and on a loopback port.
start_throwaway_postgres() {
  local bin port attempt settings=
  (($# == 0)) || printf -v settings -- ' -c %s' "$@"
  bin=$(pg_bin_directory)
  throwaway_directory=$(mktemp -d "${TMPDIR:-/tmp}/syncline-postgres.XXXXXX")
  ((EUID != 0)) || chown nobody:nogroup "$throwaway_directory"
  # Tests also start servers as other users.
  chmod 711 "$throwaway_directory"
  local data=$throwaway_directory/data log=$throwaway_directory/setup.log
  local server_log=$throwaway_directory/postgres.log
  if ! as_postgres_user "$bin/initdb" -D "$data" -U postgres -A trust -E UTF8 --locale=C.UTF-8 \
    --no-sync >"$log" 2>&1; then
    cat "$log" >&2
    return 1
  fi
  # Another program may take the chosen port before it is used, so retry with other ports.
  for attempt in 1 2 3 4 5; do
    port=$((20000 + RANDOM % 12000))
    if as_postgres_user "$bin/pg_ctl" -D "$data" -l "$server_log" -w -t 60 -s start -o "\
-p $port -k $throwaway_directory -c listen_addresses=127.0.0.1 -c max_connections=200$settings" \
      >>"$log" 2>&1; then
      throwaway_dsn="host=$throwaway_directory port=$port user=postgres dbname=postgres"
      echo "postgres: $("$bin/postgres" --version | cut -d' ' -f3) on 127.0.0.1:$port, removed at the end"
      return 0
    fi
  done
  echo "postgres: the server does not start" >&2
  tail -n 20 "$log" "$server_log" >&2 || true
  return 1
}

stop_throwaway_postgres() {
  [[ -n $throwaway_directory ]] || return 0
  as_postgres_user "$(pg_bin_directory)/pg_ctl" -D "$throwaway_directory/data" -m immediate -s stop \
    >/dev/null 2>&1 || true
  rm -rf "$throwaway_directory"
  throwaway_directory=
}

# Prints the directory of initdb and pg_ctl: that of scripts/test --postgres, otherwise that of the
# newest installed version.
pg_bin_directory() {
  local directory=${SYNCLINE_TEST_POSTGRES_BIN:-}
  [[ -z $directory ]] || { echo "$directory"; return 0; }
  directory=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -n 1)
  [[ -x $directory/initdb ]] || {
    echo "postgres: no server in /usr/lib/postgresql; run scripts/setup" >&2
    return 1
  }
  echo "$directory"
}
