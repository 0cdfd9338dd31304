// The validated configuration of the server: plain structs that app converts into the options of
// each module.
//
// Only this module reads the server's flags and environment variables. Every flag is also an
// environment variable SYNCLINE_<FLAG IN UPPER CASE>; a flag on the command line takes precedence.
// Secrets come only from files or the environment.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <ostream>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "base/log.h"
#include "server/model/access_token.h"
#include "server/model/stream.h"

namespace syncline::config {

// Settings of the gRPC service.
struct ServeConfig {
  std::string listen;        // host:port; port 0 picks a free one
  bool reflection = false;   // "auto" is resolved already
  int max_connections = 0;   // of clients; 0 is resolved already
  int max_open_streams = 0;  // StreamRecords and AppendRecords calls
  int max_watches = 0;       // WatchSync calls
  int max_calls = 0;         // of all other methods
  // Percentage of these limits at which a caller gets none of the last places.
  int max_caller_share = 0;
  absl::Duration idle_timeout;  // of calls that receive records; zero: no limit
  int max_streams_per_sync = 0;
  int64_t max_message_bytes = 0;
  absl::Duration drain_deadline;
  std::string port_file;  // empty: none
};

// Paths of readable PEM files. Without a certificate the service is plaintext; without a client CA
// it does not request client certificates.
struct TlsConfig {
  std::string cert_file;
  std::string key_file;
  std::string client_ca_file;
};

// A file of bearer tokens, and its content at the start.
struct TokenConfig {
  std::string file;  // empty: no token is needed
  std::vector<AccessToken> tokens;
  int plain_tokens = 0;  // how many of them the file contains unhashed
  // Whether the header x-forwarded-for identifies the client of a failed attempt; only for callers'
  // tokens.
  bool trust_forwarded_for = false;
};

struct EmbeddedPostgresConfig {
  std::string directory;
  int port = 0;  // 0 picks one and keeps it in the directory
};

// The destination. With `embedded`, `conninfo` is empty and app sets it to that of the embedded
// server.
struct DatabaseConfig {
  std::string conninfo;  // secret; empty means libpq's own variables
  std::optional<EmbeddedPostgresConfig> embedded;
  std::string default_schema;
  std::string ledger_schema;
  absl::Duration ledger_retention;  // zero: syncs are never removed
  int control_connections = 0;
};

// Settings of loading.
struct LoadConfig {
  int lanes_per_stream = 0;
  int load_threads = 0;  // 0 is resolved already
  int finalize_threads = 0;
  int64_t memory_budget_bytes = 0;
  int64_t flush_bytes = 0;              // 0 is resolved already
  int64_t distributed_flush_bytes = 0;  // into tables that Citus distributes
  absl::Duration flush_interval;  // zero: a block is committed when nothing more is queued for it
  int64_t max_record_bytes = 0;
  std::optional<int64_t> max_rejected;  // nullopt: unlimited
  int64_t max_rejected_bytes = 0;       // of rejected records kept per stream
  absl::Duration writer_lease;
};

struct SwapConfig {
  absl::Duration deadline;
  absl::Duration lock_timeout;
  int keep_generations = 0;
  int64_t max_rewrite_bytes = 0;
  NewTableDistribution distribute_new_tables = NewTableDistribution::kOff;
};

struct MetricsConfig {
  std::string listen;        // empty: no endpoint
  bool needs_token = false;  // of metrics_auth, or of auth if that has none
  absl::Duration generation_ttl;
};

struct LogConfig {
  LogLevel level = LogLevel::kInfo;
  LogFormat format = LogFormat::kText;
};

struct Config {
  ServeConfig serve;
  TlsConfig tls;
  TokenConfig auth;          // of callers
  TokenConfig metrics_auth;  // of readers of the metrics and the status page
  DatabaseConfig database;
  LoadConfig load;
  SwapConfig swap;
  MetricsConfig metrics;
  LogConfig log;
  // Those of the files above that may contain secrets.
  std::vector<std::string> secret_files;
  // Environment variables with our prefix that are not flags. App logs them.
  std::vector<std::string> unknown_variables;
};

// What main does next: it continues with `config`, or exits with `exit_code` if there is none.
struct Loaded {
  std::optional<Config> config;
  int exit_code = 0;
};

// Reads the command line and the process's environment. Prints what --help, --version,
// --print_config or --make_token asks for on stdout (exit code 0), and every fault on stderr (exit
// code 2). Called once, by main, before any thread starts.
Loaded Load(int argc, char** argv);

// Returns the value of an environment variable, or nullopt.
using Environment = std::function<std::optional<std::string>(const std::string& name)>;

// Like the other Load with all inputs and outputs as parameters, for tests. `arguments` are those
// after the program's name.
Loaded Load(const std::vector<std::string>& arguments, const Environment& environment,
            std::ostream& out, std::ostream& err);

}  // namespace syncline::config
