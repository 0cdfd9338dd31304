// What the server was told, validated: plain structs that app turns into the options of each
// module.
//
// This module is the only place where the server reads flags and environment variables. Every flag
// is also an environment variable SYNCLINE_<FLAG IN UPPER CASE>; a flag on the command line wins.
// Secrets come from files or the environment only.
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

namespace syncline::config {

// What RPC callers meet.
struct ServeConfig {
  std::string listen;        // host:port; port 0 picks one
  bool reflection = false;   // "auto" is resolved already
  int max_connections = 0;   // of callers; 0 is resolved already
  int max_open_streams = 0;  // StreamRecords calls at once
  int max_streams_per_sync = 0;
  int64_t max_message_bytes = 0;
  absl::Duration drain_deadline;
  std::string port_file;  // empty: none
};

// Paths of readable PEM files; empty: plaintext, or no client certificates asked for.
struct TlsConfig {
  std::string cert_file;
  std::string key_file;
  std::string client_ca_file;
};

// A file of bearer tokens, and what it held at the start.
struct TokenConfig {
  std::string file;  // empty: no token is needed
  std::vector<AccessToken> tokens;
  int plain_tokens = 0;  // of them, how many the file holds unhashed
  // Whether the header x-forwarded-for says from where a try comes; of callers' tokens only.
  bool trust_forwarded_for = false;
};

struct EmbeddedPostgresConfig {
  std::string directory;
  int port = 0;  // 0: pick one and remember it in the directory
};

// Where the tables are. With `embedded`, `conninfo` is empty and app fills in what the embedded
// server says.
struct DatabaseConfig {
  std::string conninfo;  // secret; empty means libpq's own variables
  std::optional<EmbeddedPostgresConfig> embedded;
  std::string default_schema;
  std::string ledger_schema;
  int control_connections = 0;
};

// How records become rows.
struct LoadConfig {
  int lanes_per_stream = 0;
  int load_threads = 0;  // 0 is resolved already
  int finalize_threads = 0;
  int64_t memory_budget_bytes = 0;
  int64_t flush_bytes = 0;
  absl::Duration flush_interval;
  int64_t max_record_bytes = 0;
  std::optional<int64_t> max_rejected;  // nullopt: unlimited
  int64_t max_rejected_bytes = 0;       // of rejected records that are kept, per stream
  absl::Duration writer_lease;
};

struct SwapConfig {
  absl::Duration deadline;
  absl::Duration lock_timeout;
  int keep_generations = 0;
  int64_t max_rewrite_bytes = 0;
};

struct MetricsConfig {
  std::string listen;        // empty: no endpoint
  bool needs_token = false;  // of metrics_auth, or of auth when that has none
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
  TokenConfig metrics_auth;  // of those who look at metrics and the status page
  DatabaseConfig database;
  LoadConfig load;
  SwapConfig swap;
  MetricsConfig metrics;
  LogConfig log;
  // The files among these that hold secrets.
  std::vector<std::string> secret_files;
  // Environment variables that look like ours and are not, for the log.
  std::vector<std::string> unknown_variables;
};

// What main does next: goes on with `config`, or exits with `exit_code` when there is none.
struct Loaded {
  std::optional<Config> config;
  int exit_code = 0;
};

// The command line and the process's environment. Answers --help, --version and --print_config on
// stdout (exit code 0) and prints every fault at once on stderr (exit code 2). Called once, by
// main, before any thread runs.
Loaded Load(int argc, char** argv);

// Value of an environment variable, or nullopt.
using Environment = std::function<std::optional<std::string>(const std::string& name)>;

// The same with everything given, for tests. `arguments` are those after the program's name.
Loaded Load(const std::vector<std::string>& arguments, const Environment& environment,
            std::ostream& out, std::ostream& err);

}  // namespace syncline::config
