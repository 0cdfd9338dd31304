#include "server/config/flags.h"

#include <optional>
#include <utility>

#include "absl/flags/flag.h"
#include "absl/flags/reflection.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/version.h"
#include "server/model/lock_limits.h"

using syncline::config::ByteSize;

ABSL_FLAG(std::string, listen, "127.0.0.1:50051",
          "Address of the gRPC service; port 0 picks a free one.");
ABSL_FLAG(std::string, metrics_listen, "127.0.0.1:9464",
          "Address of metrics, status page and probes; port 0 picks a free one, an empty value "
          "disables them.");
ABSL_FLAG(bool, insecure_listen, false,
          "Allows non-loopback addresses without TLS, and metrics there without a token.");
ABSL_FLAG(std::string, postgres_dsn, "",
          "Connection string or URI of the destination; without a password on the command line.");
ABSL_FLAG(std::string, postgres_dsn_file, "", "File that contains the connection string.");
ABSL_FLAG(std::string, embedded_postgres, "",
          "Directory of a private PostgreSQL that this server starts and stops; its data is kept.");
ABSL_FLAG(int32_t, embedded_postgres_port, 0,
          "Loopback port of the private PostgreSQL; 0 picks one and keeps it.");
ABSL_FLAG(std::string, default_schema, "public", "Schema for streams without a namespace.");
ABSL_FLAG(std::string, ledger_schema, "syncline",
          "Schema of the ledger: durable offsets, checkpoints and generations.");
ABSL_FLAG(
    int32_t, control_connections, 8,
    "Maximum connections for StartSync, which gets half of them, and for queries and the ends "
    "of streams.");
ABSL_FLAG(int32_t, lanes_per_stream, 2,
          "Maximum blocks of one stream that load at the same time; fewer while streams share the "
          "threads.");
ABSL_FLAG(
    int32_t, load_threads, 0,
    "Threads that parse and load, each with one connection; 0 means twice the cores, at least 4.");
ABSL_FLAG(int32_t, finalize_threads, 2,
          "Threads that run merges and swaps, each with one connection.");
ABSL_FLAG(ByteSize, memory_budget_bytes, ByteSize{128 << 20},
          "Maximum bytes of records held in memory across all streams.");
ABSL_FLAG(ByteSize, flush_bytes, ByteSize{0},
          "Commits a block when it reaches this size; 0 means 8 MiB, and 32 MiB into a table that "
          "Citus distributes.");
ABSL_FLAG(
    absl::Duration, flush_interval, absl::Seconds(1),
    "Commits a block when it reaches this age; 0: as soon as no more records wait to be added "
    "to it.");
ABSL_FLAG(ByteSize, max_message_bytes, ByteSize{16 << 20}, "Maximum size of one request message.");
ABSL_FLAG(ByteSize, max_record_bytes, ByteSize{16 << 20},
          "Maximum size of one record; a larger one is rejected, the others load.");
ABSL_FLAG(int64_t, max_rejected, -1,
          "Rejected records after which a stream fails; -1 disables the limit.");
ABSL_FLAG(ByteSize, max_rejected_bytes, ByteSize{64 << 20},
          "Maximum bytes of rejected records kept per stream; beyond it their text is omitted.");
ABSL_FLAG(
    int32_t, max_connections, 0,
    "Maximum client connections; 0 means half of the process's file descriptors, at most 10000.");
ABSL_FLAG(int32_t, max_open_streams, 1024, "Maximum open StreamRecords and AppendRecords calls.");
ABSL_FLAG(int32_t, max_watches, 5000, "Maximum open WatchSync calls.");
ABSL_FLAG(int32_t, max_calls, 1000, "Maximum calls of all other methods in progress.");
ABSL_FLAG(int32_t, max_caller_share, 50,
          "Percentage of each of these three limits at which a caller gets none of the last 2% of "
          "its places; 100 disables this.");
ABSL_FLAG(absl::Duration, idle_timeout, absl::ZeroDuration(),
          "Ends a call whose caller sends no records for this time, after a commit; 0 disables "
          "this.");
ABSL_FLAG(int32_t, max_streams_per_sync, 1000, "Maximum streams of one sync.");
ABSL_FLAG(absl::Duration, writer_lease, absl::Seconds(10),
          "Maximum time that a call whose server died blocks CompleteStream.");
ABSL_FLAG(absl::Duration, swap_deadline, syncline::kDefaultLockDeadline,
          "Maximum time that a StartSync, a merge or a swap keeps trying to lock the table; staged "
          "data is kept.");
ABSL_FLAG(absl::Duration, swap_lock_timeout, syncline::kDefaultLockTimeout,
          "Maximum time that one attempt waits for its lock; also bounds how long readers queue "
          "behind it.");
ABSL_FLAG(ByteSize, max_rewrite_bytes, ByteSize{int64_t{1} << 30},
          "Refuses a type change that makes PostgreSQL rewrite a larger table.");
ABSL_FLAG(int32_t, keep_generations, 0, "Replaced tables kept for a manual rollback.");
ABSL_FLAG(std::string, distribute_new_tables, "off",
          "In a Citus cluster: how a new table is distributed whose stream does not request it: by "
          "its key, by _airbyte_raw_id, or not.");
ABSL_FLAG(absl::Duration, ledger_retention, absl::Hours(720),
          "Removes a sync from the ledger this long after it ended; 0 keeps all.");
ABSL_FLAG(absl::Duration, metrics_generation_ttl, absl::Hours(1),
          "Drops the series of a finished generation after this time.");
ABSL_FLAG(absl::Duration, drain_deadline, absl::Seconds(25),
          "Time that running calls have after SIGTERM to commit; statements that still run then "
          "are cancelled.");
ABSL_FLAG(std::string, reflection, "auto",
          "gRPC reflection: on, off, or auto, which enables it on loopback only.");
ABSL_FLAG(std::string, tls_cert_file, "", "PEM certificate chain of the service; enables TLS.");
ABSL_FLAG(std::string, tls_key_file, "", "PEM private key of the certificate.");
ABSL_FLAG(std::string, tls_client_ca_file, "",
          "PEM authorities of client certificates; clients must then present one.");
ABSL_FLAG(
    std::string, auth_token_file, "",
    "File of bearer tokens, one per line, read again when it changes; clients must then send one.");
ABSL_FLAG(std::string, metrics_token_file, "",
          "File of bearer tokens for /metrics and the status page, read again when it changes; "
          "defaults to --auth_token_file.");
ABSL_FLAG(bool, trust_forwarded_for, false,
          "Counts failed tokens by the last address of x-forwarded-for; for servers that only a "
          "proxy can reach.");
ABSL_FLAG(std::string, log_level, "info",
          "Lowest level that is logged: debug, info, warning or error.");
ABSL_FLAG(std::string, log_format, "text", "Format of log lines: text or json.");
ABSL_FLAG(std::string, port_file, "",
          "File that receives the ports as JSON once the server is serving.");

ABSL_FLAG(std::string, make_token, "",
          "Prints the --auth_token_file line of a new token of this name on stdout, the token on "
          "stderr, and exits.");
ABSL_FLAG(std::string, token_schemas, "*",
          "With --make_token: schemas that the token may load into, separated by commas, or *.");
ABSL_FLAG(std::string, token_owner, "",
          "With --make_token: owner of the syncs that the token starts; defaults to its name, - "
          "means none.");
ABSL_FLAG(std::string, token_expiry, "never",
          "With --make_token: date from which the token is refused, such as 2027-01-31.");

namespace syncline::config {
namespace {

constexpr absl::string_view kOrder[] = {
    "listen",
    "metrics_listen",
    "insecure_listen",
    "postgres_dsn",
    "postgres_dsn_file",
    "embedded_postgres",
    "embedded_postgres_port",
    "default_schema",
    "ledger_schema",
    "control_connections",
    "lanes_per_stream",
    "load_threads",
    "finalize_threads",
    "memory_budget_bytes",
    "flush_bytes",
    "flush_interval",
    "max_message_bytes",
    "max_record_bytes",
    "max_rejected",
    "max_rejected_bytes",
    "max_connections",
    "max_open_streams",
    "max_watches",
    "max_calls",
    "max_caller_share",
    "idle_timeout",
    "max_streams_per_sync",
    "writer_lease",
    "swap_deadline",
    "swap_lock_timeout",
    "max_rewrite_bytes",
    "keep_generations",
    "distribute_new_tables",
    "ledger_retention",
    "metrics_generation_ttl",
    "drain_deadline",
    "reflection",
    "tls_cert_file",
    "tls_key_file",
    "tls_client_ca_file",
    "auth_token_file",
    "metrics_token_file",
    "trust_forwarded_for",
    "log_level",
    "log_format",
    "port_file",
};

constexpr absl::string_view kTokenFlags[] = {"make_token", "token_schemas", "token_owner",
                                             "token_expiry"};

// Names of the values of flags for which neither type nor name determines one.
constexpr std::pair<absl::string_view, absl::string_view> kTextValues[] = {
    {"embedded_postgres", "DIR"},  {"distribute_new_tables", "off|key|raw_id"},
    {"reflection", "on|off|auto"}, {"log_level", "debug|info|warning|error"},
    {"log_format", "text|json"},   {"make_token", "NAME"},
    {"token_schemas", "A,B"},      {"token_owner", "OWNER"},
    {"token_expiry", "DATE"},
};

std::string ValueName(const absl::CommandLineFlag& flag) {
  if (flag.IsOfType<bool>()) return "";
  if (flag.IsOfType<ByteSize>()) return "SIZE";
  if (flag.IsOfType<absl::Duration>()) return "TIME";
  if (!flag.IsOfType<std::string>()) return "N";
  for (const auto& [name, value] : kTextValues) {
    if (name == flag.Name()) return std::string(value);
  }
  if (absl::EndsWith(flag.Name(), "_file")) return "FILE";
  if (absl::EndsWith(flag.Name(), "listen")) return "HOST:PORT";
  return "TEXT";
}

// Returns the table's entry for the flag `name`, or nullopt if there is no such flag.
std::optional<FlagInfo> Describe(absl::string_view name) {
  const absl::CommandLineFlag* const flag = absl::FindCommandLineFlag(name);
  if (flag == nullptr) return std::nullopt;
  return FlagInfo{std::string(name), ValueName(*flag), flag->DefaultValue(),
                  absl::StrCat("SYNCLINE_", absl::AsciiStrToUpper(name)), flag->Help()};
}

std::string HelpLine(const FlagInfo& flag) {
  const std::string left =
      absl::StrCat(flag.name, flag.value_name.empty() ? "" : " ", flag.value_name);
  return absl::StrFormat(
      "  --%-28s  %s%s\n", left, flag.help,
      flag.default_value.empty() ? "" : absl::StrCat(" (", flag.default_value, ")"));
}

}  // namespace

std::vector<FlagInfo> FlagTable() {
  std::vector<FlagInfo> table;
  for (const absl::string_view name : kOrder) {
    // A name without a flag fails config_test.
    if (std::optional<FlagInfo> flag = Describe(name)) table.push_back(*std::move(flag));
  }
  return table;
}

absl::CommandLineFlag* FindFlag(absl::string_view name) { return absl::FindCommandLineFlag(name); }

std::string HelpText() {
  std::string text = absl::StrCat(
      "syncline-server ", Version(),
      ": loads streams of records into PostgreSQL, exactly once.\n\n",
      "  syncline-server --embedded_postgres DIR        with a private PostgreSQL\n"
      "  syncline-server --postgres_dsn 'host=db ...'   with yours\n\n"
      "Every flag is also an environment variable, SYNCLINE_<FLAG IN UPPER CASE>; the flag wins.\n"
      "Sizes take KiB, MiB, GiB, k, M, G; durations ms, s, m, h.\n\n");
  for (const FlagInfo& flag : FlagTable()) absl::StrAppend(&text, HelpLine(flag));
  absl::StrAppend(&text, "\nInstead of serving:\n\n",
                  HelpLine({"print_config", "", "", "", "Prints the effective values and exits."}),
                  HelpLine({"version", "", "", "", "Prints the version and exits."}),
                  HelpLine({"help", "", "", "", "Prints this and exits."}));
  for (const absl::string_view name : kTokenFlags) {
    if (const std::optional<FlagInfo> flag = Describe(name))
      absl::StrAppend(&text, HelpLine(*flag));
  }
  return text;
}

}  // namespace syncline::config
