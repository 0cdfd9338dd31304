# To be sourced. Runs a temporary Citus cluster of a coordinator and two workers, each as
# throwaway_postgres.sh runs a PostgreSQL, until stop_throwaway_citus. The nodes reach each other
# through their Unix sockets.

source scripts/throwaway_postgres.sh

throwaway_nodes=() # the nodes' directories

# start_throwaway_citus BINDIR [SETTING=VALUE...]: starts it with the programs in BINDIR and sets
# throwaway_dsn, that of the coordinator.
start_throwaway_citus() {
  local SYNCLINE_TEST_POSTGRES_BIN=$1 node dsns=()
  shift
  for node in 0 1 2; do
    start_throwaway_postgres shared_preload_libraries=citus wal_level=logical \
      max_prepared_transactions=100 "$@" || return
    throwaway_nodes+=("$throwaway_directory")
    dsns+=("$throwaway_dsn")
    citus_sql "$throwaway_dsn" "CREATE EXTENSION citus" || return
    citus_sql "$throwaway_dsn" "ALTER SYSTEM SET citus.local_hostname = '$throwaway_directory'" || return
    citus_sql "$throwaway_dsn" "SELECT pg_reload_conf()" || return
  done
  throwaway_dsn=${dsns[0]}
  citus_sql "$throwaway_dsn" "SELECT citus_set_coordinator_host($(citus_place "${dsns[0]}"))" || return
  for node in 1 2; do
    citus_sql "$throwaway_dsn" "SELECT citus_add_node($(citus_place "${dsns[node]}"))" || return
  done
}

stop_throwaway_citus() {
  stop_throwaway_postgres # a node that did not start
  for throwaway_directory in "${throwaway_nodes[@]}"; do stop_throwaway_postgres; done
  throwaway_nodes=()
}

# citus_sql DSN STATEMENT
citus_sql() {
  "$(pg_bin_directory)/psql" -X -q -v ON_ERROR_STOP=1 -d "$1" -c "$2" >/dev/null
}

# citus_place DSN: prints host and port as SQL.
citus_place() {
  sed -E "s/^host=([^ ]+) port=([0-9]+).*/'\1', \2/" <<<"$1"
}
