#include "server/config/validate.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <unistd.h>

#include <algorithm>
#include <limits>

#include "absl/flags/flag.h"
#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/descriptor_limit.h"
#include "base/file.h"
#include "server/config/dsn_secret.h"
#include "server/config/flags.h"
#include "server/config/token_file.h"

namespace syncline::config {
namespace {

using Faults = std::vector<std::string>;

// If any of these is set, libpq has a destination without a connection string.
constexpr absl::string_view kLibpqVariables[] = {"PGHOST",    "PGHOSTADDR", "PGPORT",
                                                 "PGSERVICE", "PGDATABASE", "PGUSER"};

constexpr int64_t kKiB = 1 << 10;
constexpr int64_t kGiB = 1 << 30;
// protobuf accepts at most 2 GiB - 1 in one message.
constexpr int64_t kMaxProtobufBytes = std::numeric_limits<int32_t>::max();

template <typename T>
T Bounded(absl::string_view name, T value, T least, T most, Faults& faults) {
  if (value < least || value > most) {
    faults.push_back(
        absl::StrCat("--", name, " is ", value, ": must be from ", least, " to ", most));
  }
  return value;
}

int64_t BoundedSize(absl::string_view name, ByteSize value, int64_t least, int64_t most,
                    Faults& faults) {
  if (value.bytes < least || value.bytes > most) {
    faults.push_back(absl::StrCat("--", name, " is ", AbslUnparseFlag(value), ": must be from ",
                                  AbslUnparseFlag({least}), " to ", AbslUnparseFlag({most})));
  }
  return value.bytes;
}

absl::Duration AtLeast(absl::string_view name, absl::Duration value, absl::Duration least,
                       Faults& faults) {
  if (value < least || value == absl::InfiniteDuration()) {
    faults.push_back(absl::StrCat("--", name, " is ", absl::FormatDuration(value), ": must be ",
                                  absl::FormatDuration(least), " or more, and finite"));
  }
  return value;
}

// Returns the host of "host:port" or "[v6]:port", without brackets. Adds a fault if it is neither.
std::string ParseHost(absl::string_view name, absl::string_view address, Faults& faults) {
  const size_t colon = address.rfind(':');
  int port = -1;
  if (colon == absl::string_view::npos || colon == 0 ||
      !absl::SimpleAtoi(address.substr(colon + 1), &port) || port < 0 || port > 65535) {
    faults.push_back(
        absl::StrCat("--", name, " is \"", address, "\": must be HOST:PORT, PORT from 0 to 65535"));
    return "";
  }
  absl::string_view host = address.substr(0, colon);
  const bool bracketed = absl::ConsumePrefix(&host, "[") && absl::ConsumeSuffix(&host, "]");
  if (host.empty() || (!bracketed && absl::StrContains(host, ':'))) {
    faults.push_back(absl::StrCat("--", name, " is \"", address,
                                  "\": write an IPv6 host in brackets, as in [::1]:50051"));
  }
  return std::string(host);
}

bool IsLoopback(const std::string& host) {
  in_addr v4 = {};
  in6_addr v6 = {};
  if (inet_pton(AF_INET, host.c_str(), &v4) == 1) return ntohl(v4.s_addr) >> 24 == 127;
  if (inet_pton(AF_INET6, host.c_str(), &v6) == 1) return IN6_IS_ADDR_LOOPBACK(&v6);
  return host == "localhost";
}

std::string SchemaName(absl::string_view name, std::string value, size_t longest, Faults& faults) {
  if (value.empty() || value.size() > longest) {
    faults.push_back(absl::StrCat("--", name, " must have 1 to ", longest, " bytes"));
  } else if (absl::StartsWith(value, "pg_") || value == "information_schema") {
    faults.push_back(absl::StrCat("--", name, " is ", value, ": is reserved for PostgreSQL"));
  }
  return value;
}

// Returns the file's content. Adds a fault if it cannot be read or is empty.
std::string FileContent(absl::string_view name, const std::string& path, Faults& faults) {
  const absl::StatusOr<std::string> content = ReadFile(path);
  if (!content.ok()) {
    faults.push_back(absl::StrCat("--", name, ": ", content.status().message()));
  } else if (content->empty()) {
    faults.push_back(absl::StrCat("--", name, ": ", path, " is empty"));
  }
  return content.value_or("");
}

// The other descriptors are for the database, files and connections that are about to be closed.
int MaxConnections(Faults& faults) {
  const auto most = static_cast<int>(std::min<int64_t>(DescriptorLimit() / 2, 1'000'000));
  const int given =
      Bounded("max_connections", absl::GetFlag(FLAGS_max_connections), 0, most, faults);
  return given == 0 ? std::min(most, 10'000) : given;
}

ServeConfig Serve(Faults& faults) {
  ServeConfig serve;
  serve.listen = absl::GetFlag(FLAGS_listen);
  const std::string host = ParseHost("listen", serve.listen, faults);
  const std::string reflection = absl::GetFlag(FLAGS_reflection);
  if (reflection != "auto" && reflection != "on" && reflection != "off") {
    faults.push_back(absl::StrCat("--reflection is \"", reflection, "\": must be auto, on or off"));
  }
  serve.reflection = reflection == "on" || (reflection == "auto" && IsLoopback(host));
  serve.max_connections = MaxConnections(faults);
  serve.max_open_streams =
      Bounded("max_open_streams", absl::GetFlag(FLAGS_max_open_streams), 1, 1'000'000, faults);
  serve.max_watches =
      Bounded("max_watches", absl::GetFlag(FLAGS_max_watches), 1, 1'000'000, faults);
  serve.max_calls = Bounded("max_calls", absl::GetFlag(FLAGS_max_calls), 1, 1'000'000, faults);
  serve.max_caller_share =
      Bounded("max_caller_share", absl::GetFlag(FLAGS_max_caller_share), 1, 100, faults);
  serve.idle_timeout =
      AtLeast("idle_timeout", absl::GetFlag(FLAGS_idle_timeout), absl::ZeroDuration(), faults);
  serve.max_streams_per_sync = Bounded(
      "max_streams_per_sync", absl::GetFlag(FLAGS_max_streams_per_sync), 1, 100'000, faults);
  serve.max_message_bytes = BoundedSize("max_message_bytes", absl::GetFlag(FLAGS_max_message_bytes),
                                        64 * kKiB, kMaxProtobufBytes, faults);
  serve.drain_deadline =
      AtLeast("drain_deadline", absl::GetFlag(FLAGS_drain_deadline), absl::ZeroDuration(), faults);
  serve.port_file = absl::GetFlag(FLAGS_port_file);
  return serve;
}

TlsConfig Tls(Faults& faults) {
  TlsConfig tls;
  tls.cert_file = absl::GetFlag(FLAGS_tls_cert_file);
  tls.key_file = absl::GetFlag(FLAGS_tls_key_file);
  tls.client_ca_file = absl::GetFlag(FLAGS_tls_client_ca_file);
  if (tls.cert_file.empty() != tls.key_file.empty()) {
    faults.push_back("--tls_cert_file and --tls_key_file go together");
  }
  if (!tls.client_ca_file.empty() && tls.cert_file.empty()) {
    faults.push_back("--tls_client_ca_file needs --tls_cert_file and --tls_key_file");
  }
  if (!tls.cert_file.empty()) FileContent("tls_cert_file", tls.cert_file, faults);
  if (!tls.key_file.empty()) FileContent("tls_key_file", tls.key_file, faults);
  if (!tls.client_ca_file.empty()) FileContent("tls_client_ca_file", tls.client_ca_file, faults);
  return tls;
}

TokenConfig ReadTokenFile(absl::string_view flag, const std::string& path, Faults& faults) {
  TokenConfig config;
  if (path.empty()) return config;
  config.file = path;
  absl::StatusOr<Tokens> read = ReadTokens(path);
  if (!read.ok()) {
    faults.push_back(absl::StrCat("--", flag, ": ", read.status().message()));
    return config;
  }
  config.tokens = std::move(read->tokens);
  config.plain_tokens = read->plain;
  return config;
}

// Sets the destination, for which exactly one of several flags is given.
void Destination(const CommandLine& line, const Environment& environment, DatabaseConfig& database,
                 Faults& faults) {
  const std::string dsn = absl::GetFlag(FLAGS_postgres_dsn);
  const std::string dsn_file = absl::GetFlag(FLAGS_postgres_dsn_file);
  const std::string directory = absl::GetFlag(FLAGS_embedded_postgres);
  const int ways = !dsn.empty() + !dsn_file.empty() + !directory.empty();
  if (ways > 1) {
    faults.push_back(
        "--postgres_dsn, --postgres_dsn_file and --embedded_postgres exclude each other");
  }
  const bool libpq = std::any_of(
      std::begin(kLibpqVariables), std::end(kLibpqVariables),
      [&](absl::string_view name) { return !environment(std::string(name)).value_or("").empty(); });
  if (ways == 0 && !libpq) {
    faults.push_back(
        "no destination: give --embedded_postgres DIR (a private PostgreSQL), or --postgres_dsn or "
        "--postgres_dsn_file (yours), or libpq's variables (PGHOST, PGSERVICE, PGDATABASE, ...)");
  }
  if (line.given.count("postgres_dsn") > 0 && HoldsSecret(dsn)) {
    faults.push_back(
        "--postgres_dsn contains a password, and every user of this machine can read a command "
        "line: "
        "use --postgres_dsn_file, the variable SYNCLINE_POSTGRES_DSN, or leave the password to "
        "PGPASSWORD or ~/.pgpass");
  }
  database.conninfo = dsn;
  if (!dsn_file.empty()) {
    database.conninfo =
        std::string(absl::StripAsciiWhitespace(FileContent("postgres_dsn_file", dsn_file, faults)));
  }
  const int port = Bounded("embedded_postgres_port", absl::GetFlag(FLAGS_embedded_postgres_port), 0,
                           65535, faults);
  if (!directory.empty()) database.embedded = EmbeddedPostgresConfig{directory, port};
}

DatabaseConfig Database(const CommandLine& line, const Environment& environment, Faults& faults) {
  DatabaseConfig database;
  Destination(line, environment, database, faults);
  database.default_schema =
      SchemaName("default_schema", absl::GetFlag(FLAGS_default_schema), 63, faults);
  // Events of syncs are notified on a channel named after the schema, with the suffix "_sync", and
  // PostgreSQL refuses channel names of more than 63 bytes.
  database.ledger_schema =
      SchemaName("ledger_schema", absl::GetFlag(FLAGS_ledger_schema), 58, faults);
  database.ledger_retention = AtLeast("ledger_retention", absl::GetFlag(FLAGS_ledger_retention),
                                      absl::ZeroDuration(), faults);
  database.control_connections =
      Bounded("control_connections", absl::GetFlag(FLAGS_control_connections), 2, 1000, faults);
  return database;
}

LoadConfig LoadPath(Faults& faults) {
  LoadConfig load;
  load.lanes_per_stream =
      Bounded("lanes_per_stream", absl::GetFlag(FLAGS_lanes_per_stream), 1, 64, faults);
  load.load_threads = Bounded("load_threads", absl::GetFlag(FLAGS_load_threads), 0, 1024, faults);
  if (load.load_threads == 0) {
    load.load_threads = std::max(4, 2 * static_cast<int>(sysconf(_SC_NPROCESSORS_ONLN)));
  }
  load.finalize_threads =
      Bounded("finalize_threads", absl::GetFlag(FLAGS_finalize_threads), 1, 256, faults);
  load.memory_budget_bytes =
      BoundedSize("memory_budget_bytes", absl::GetFlag(FLAGS_memory_budget_bytes), 1024 * kKiB,
                  1024 * kGiB, faults);
  if (absl::GetFlag(FLAGS_flush_bytes).bytes == 0) {
    load.flush_bytes = int64_t{8} * 1024 * kKiB;
    load.distributed_flush_bytes = int64_t{32} * 1024 * kKiB;
  } else {
    load.flush_bytes =
        BoundedSize("flush_bytes", absl::GetFlag(FLAGS_flush_bytes), 64 * kKiB, kGiB, faults);
    load.distributed_flush_bytes = load.flush_bytes;
  }
  load.flush_interval = absl::GetFlag(FLAGS_flush_interval);
  if (load.flush_interval != absl::ZeroDuration()) {
    AtLeast("flush_interval", load.flush_interval, absl::Milliseconds(10), faults);
  }
  load.max_record_bytes = BoundedSize("max_record_bytes", absl::GetFlag(FLAGS_max_record_bytes),
                                      kKiB, kMaxProtobufBytes, faults);
  const int64_t max_rejected = Bounded("max_rejected", absl::GetFlag(FLAGS_max_rejected),
                                       int64_t{-1}, std::numeric_limits<int64_t>::max(), faults);
  if (max_rejected >= 0) load.max_rejected = max_rejected;
  load.max_rejected_bytes =
      BoundedSize("max_rejected_bytes", absl::GetFlag(FLAGS_max_rejected_bytes), 0,
                  std::numeric_limits<int64_t>::max(), faults);
  load.writer_lease =
      AtLeast("writer_lease", absl::GetFlag(FLAGS_writer_lease), absl::Seconds(1), faults);
  return load;
}

SwapConfig Swap(Faults& faults) {
  SwapConfig swap;
  swap.deadline =
      AtLeast("swap_deadline", absl::GetFlag(FLAGS_swap_deadline), absl::Milliseconds(1), faults);
  swap.lock_timeout = AtLeast("swap_lock_timeout", absl::GetFlag(FLAGS_swap_lock_timeout),
                              absl::Milliseconds(1), faults);
  if (swap.lock_timeout > swap.deadline) {
    faults.push_back("--swap_lock_timeout must not be greater than --swap_deadline");
  }
  swap.keep_generations =
      Bounded("keep_generations", absl::GetFlag(FLAGS_keep_generations), 0, 100, faults);
  swap.max_rewrite_bytes = BoundedSize("max_rewrite_bytes", absl::GetFlag(FLAGS_max_rewrite_bytes),
                                       0, std::numeric_limits<int64_t>::max(), faults);
  const std::string distribution = absl::GetFlag(FLAGS_distribute_new_tables);
  if (distribution == "key") {
    swap.distribute_new_tables = NewTableDistribution::kKey;
  } else if (distribution == "raw_id") {
    swap.distribute_new_tables = NewTableDistribution::kRawId;
  } else if (distribution != "off") {
    faults.push_back(absl::StrCat("--distribute_new_tables is \"", distribution,
                                  "\": must be off, key or raw_id"));
  }
  return swap;
}

MetricsConfig Metrics(Faults& faults) {
  MetricsConfig metrics;
  metrics.listen = absl::GetFlag(FLAGS_metrics_listen);
  if (!metrics.listen.empty()) ParseHost("metrics_listen", metrics.listen, faults);
  metrics.generation_ttl =
      AtLeast("metrics_generation_ttl", absl::GetFlag(FLAGS_metrics_generation_ttl),
              absl::ZeroDuration(), faults);
  return metrics;
}

LogConfig Logging(Faults& faults) {
  LogConfig log;
  const std::string level = absl::GetFlag(FLAGS_log_level);
  if (level == "debug") {
    log.level = LogLevel::kDebug;
  } else if (level == "info") {
    log.level = LogLevel::kInfo;
  } else if (level == "warning") {
    log.level = LogLevel::kWarning;
  } else if (level == "error") {
    log.level = LogLevel::kError;
  } else {
    faults.push_back(
        absl::StrCat("--log_level is \"", level, "\": must be debug, info, warning or error"));
  }
  const std::string format = absl::GetFlag(FLAGS_log_format);
  if (format != "text" && format != "json") {
    faults.push_back(absl::StrCat("--log_format is \"", format, "\": must be text or json"));
  }
  log.format = format == "json" ? LogFormat::kJson : LogFormat::kText;
  return log;
}

// Adds a fault if other machines could read unencrypted traffic or the metrics, which contain table
// names.
void CheckExposure(const Config& config, Faults& faults) {
  if (absl::GetFlag(FLAGS_insecure_listen)) return;
  Faults ignored;  // already reported
  if (!IsLoopback(ParseHost("listen", config.serve.listen, ignored)) &&
      config.tls.cert_file.empty()) {
    faults.push_back(absl::StrCat(
        "--listen is ", config.serve.listen,
        ", which other machines can reach, and there is no TLS: give --tls_cert_file and "
        "--tls_key_file, or --insecure_listen if a proxy in front encrypts"));
  }
  if (config.metrics.listen.empty() || config.metrics.needs_token) return;
  if (!IsLoopback(ParseHost("metrics_listen", config.metrics.listen, ignored))) {
    faults.push_back(
        absl::StrCat("--metrics_listen is ", config.metrics.listen,
                     ", which other machines can reach, and metrics contain table names: give "
                     "--metrics_token_file, or --insecure_listen"));
  }
}

// Returns the files that may contain secrets. A connection string may have no password; a token
// file may contain plain tokens at any time.
std::vector<std::string> SecretFiles(const Config& config) {
  std::vector<std::string> files;
  if (HoldsSecret(config.database.conninfo)) {
    files.push_back(absl::GetFlag(FLAGS_postgres_dsn_file));
  }
  files.push_back(config.tls.key_file);
  files.push_back(config.auth.file);
  files.push_back(config.metrics_auth.file);
  files.erase(std::remove(files.begin(), files.end(), ""), files.end());
  return files;
}

}  // namespace

Config Validate(const CommandLine& line, const Environment& environment, Faults& faults) {
  Config config;
  config.serve = Serve(faults);
  config.tls = Tls(faults);
  config.auth = ReadTokenFile("auth_token_file", absl::GetFlag(FLAGS_auth_token_file), faults);
  config.auth.trust_forwarded_for = absl::GetFlag(FLAGS_trust_forwarded_for);
  config.metrics_auth =
      ReadTokenFile("metrics_token_file", absl::GetFlag(FLAGS_metrics_token_file), faults);
  config.database = Database(line, environment, faults);
  config.load = LoadPath(faults);
  config.swap = Swap(faults);
  config.metrics = Metrics(faults);
  config.log = Logging(faults);
  Faults ignored;  // already reported
  const bool exposed = !IsLoopback(ParseHost("metrics_listen", config.metrics.listen, ignored));
  config.metrics.needs_token =
      !config.metrics_auth.file.empty() || (exposed && !config.auth.file.empty());
  CheckExposure(config, faults);
  if (config.load.memory_budget_bytes < config.serve.max_message_bytes) {
    faults.push_back(
        "--memory_budget_bytes must not be less than --max_message_bytes: the largest message "
        "could "
        "never be accepted");
  }
  if (config.load.max_record_bytes > config.serve.max_message_bytes) {
    faults.push_back("--max_record_bytes must not be greater than --max_message_bytes");
  }
  config.secret_files = SecretFiles(config);
  return config;
}

}  // namespace syncline::config
