#include "server/config/flags.h"

#include <optional>
#include <utility>

#include "absl/flags/flag.h"
#include "absl/flags/reflection.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "server/base/version.h"

using syncline::config::ByteSize;

ABSL_FLAG(std::string, listen, "127.0.0.1:50051", "Address of the gRPC service; port 0 picks one.");
ABSL_FLAG(std::string, metrics_listen, "127.0.0.1:9464",
          "Address of the metrics, the status page and the probes; port 0 picks one, empty turns "
          "them off.");
ABSL_FLAG(bool, insecure_listen, false,
          "Allows addresses that other machines reach without TLS, or metrics there without a "
          "token.");
ABSL_FLAG(std::string, postgres_dsn, "",
          "Connection string or URI of the destination. Without a password on the command line.");
ABSL_FLAG(std::string, postgres_dsn_file, "", "File that holds the connection string.");
ABSL_FLAG(std::string, embedded_postgres, "",
          "Directory of a private PostgreSQL that this server starts and stops; its data stays.");
ABSL_FLAG(int32_t, embedded_postgres_port, 0,
          "Loopback port of the private PostgreSQL; 0 picks one and remembers it.");
ABSL_FLAG(std::string, default_schema, "public", "Schema of streams without a namespace.");
ABSL_FLAG(std::string, ledger_schema, "syncline",
          "Schema of positions, checkpoints and generations.");
ABSL_FLAG(int32_t, control_connections, 8,
          "Most connections for everything but loading: tables, merges, swaps, the ledger.");
ABSL_FLAG(
    int32_t, lanes_per_stream, 2,
    "Most blocks of one stream that load at the same time; fewer while streams share the threads.");
ABSL_FLAG(int32_t, load_threads, 0,
          "Threads that parse and load, each with a connection; 0 is twice the cores, at least 4.");
ABSL_FLAG(int32_t, finalize_threads, 2, "Threads that merge and swap.");
ABSL_FLAG(ByteSize, memory_budget_bytes, ByteSize{128 << 20},
          "Most bytes of records held in memory, over all streams.");
ABSL_FLAG(ByteSize, flush_bytes, ByteSize{8 << 20}, "A block of this size is committed.");
ABSL_FLAG(absl::Duration, flush_interval, absl::Seconds(1), "A block of this age is committed.");
ABSL_FLAG(ByteSize, max_message_bytes, ByteSize{16 << 20}, "Greatest message of a caller.");
ABSL_FLAG(ByteSize, max_record_bytes, ByteSize{16 << 20},
          "Greatest record; a larger one is rejected, its neighbours load.");
ABSL_FLAG(int64_t, max_rejected, -1,
          "Rejected records after which a stream fails; -1 is unlimited.");
ABSL_FLAG(ByteSize, max_rejected_bytes, ByteSize{64 << 20},
          "Bytes of rejected records kept per stream; beyond, their text is left out.");
ABSL_FLAG(int32_t, max_connections, 0,
          "Most connections of callers; 0 is half of the descriptors that the process may have, at "
          "most 10000.");
ABSL_FLAG(int32_t, max_open_streams, 1024,
          "Most StreamRecords calls, and as many WatchSync calls, open at once.");
ABSL_FLAG(int32_t, max_streams_per_sync, 1000, "Most streams of one sync.");
ABSL_FLAG(absl::Duration, writer_lease, absl::Seconds(10),
          "A call whose server died blocks CompleteStream for at most this long.");
ABSL_FLAG(absl::Duration, swap_deadline, absl::Seconds(60),
          "A swap or a StartSync gives up after trying this long to lock the table; staged data is "
          "kept.");
ABSL_FLAG(absl::Duration, swap_lock_timeout, absl::Milliseconds(100),
          "Most time that one try waits for its lock, and so that readers queue behind it.");
ABSL_FLAG(ByteSize, max_rewrite_bytes, ByteSize{int64_t{1} << 30},
          "A type change that makes PostgreSQL rewrite a larger table is refused.");
ABSL_FLAG(int32_t, keep_generations, 0, "Replaced tables kept for a rollback by hand.");
ABSL_FLAG(absl::Duration, metrics_generation_ttl, absl::Hours(1),
          "Series of a finished generation are dropped after this time.");
ABSL_FLAG(absl::Duration, drain_deadline, absl::Seconds(25),
          "After SIGTERM, running calls have this long to commit what they hold; what then still "
          "waits for the database is cut off.");
ABSL_FLAG(std::string, reflection, "auto",
          "gRPC reflection: on, off, or auto, which is on when listening on loopback only.");
ABSL_FLAG(std::string, tls_cert_file, "", "PEM certificate chain of the service; turns on TLS.");
ABSL_FLAG(std::string, tls_key_file, "", "PEM private key of the certificate.");
ABSL_FLAG(std::string, tls_client_ca_file, "",
          "PEM authorities of client certificates; callers must then present one.");
ABSL_FLAG(
    std::string, auth_token_file, "",
    "File of bearer tokens, one a line, read again when it changes; callers must then send one.");
ABSL_FLAG(std::string, metrics_token_file, "",
          "File of bearer tokens for /metrics and the status page, read again when it changes; "
          "without it, those of --auth_token_file.");
ABSL_FLAG(bool, trust_forwarded_for, false,
          "Counts tries of tokens by the last address of x-forwarded-for, for servers that only a "
          "proxy reaches.");
ABSL_FLAG(std::string, log_level, "info", "debug, info, warning or error.");
ABSL_FLAG(std::string, log_format, "text", "text or json.");
ABSL_FLAG(std::string, port_file, "",
          "File that is written once the server serves: its ports as JSON.");

ABSL_FLAG(std::string, make_token, "",
          "Prints the line of a new token of this name for --auth_token_file on stdout, the token "
          "itself on stderr, and exits.");
ABSL_FLAG(std::string, token_schemas, "*",
          "With --make_token: schemas that the token may load into, with commas between, or *.");
ABSL_FLAG(std::string, token_owner, "",
          "With --make_token: owner of the token's syncs; its name when not given, - for none.");
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
    "max_streams_per_sync",
    "writer_lease",
    "swap_deadline",
    "swap_lock_timeout",
    "max_rewrite_bytes",
    "keep_generations",
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

// The values of flags whose type and name do not say what they are.
constexpr std::pair<absl::string_view, absl::string_view> kTextValues[] = {
    {"embedded_postgres", "DIR"},
    {"reflection", "on|off|auto"},
    {"log_level", "debug|info|warning|error"},
    {"log_format", "text|json"},
    {"make_token", "NAME"},
    {"token_schemas", "A,B"},
    {"token_owner", "OWNER"},
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

// What a table says of the flag called `name`, if there is one.
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
