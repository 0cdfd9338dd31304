// The server's flags: their values, and the table from which --help is made and which the tests
// compare with the documentation.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/flags/commandlineflag.h"
#include "absl/flags/declare.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "server/config/byte_size.h"

ABSL_DECLARE_FLAG(std::string, listen);
ABSL_DECLARE_FLAG(std::string, metrics_listen);
ABSL_DECLARE_FLAG(bool, insecure_listen);
ABSL_DECLARE_FLAG(std::string, postgres_dsn);
ABSL_DECLARE_FLAG(std::string, postgres_dsn_file);
ABSL_DECLARE_FLAG(std::string, embedded_postgres);
ABSL_DECLARE_FLAG(int32_t, embedded_postgres_port);
ABSL_DECLARE_FLAG(std::string, default_schema);
ABSL_DECLARE_FLAG(std::string, ledger_schema);
ABSL_DECLARE_FLAG(int32_t, control_connections);
ABSL_DECLARE_FLAG(int32_t, lanes_per_stream);
ABSL_DECLARE_FLAG(int32_t, load_threads);
ABSL_DECLARE_FLAG(int32_t, finalize_threads);
ABSL_DECLARE_FLAG(syncline::config::ByteSize, memory_budget_bytes);
ABSL_DECLARE_FLAG(syncline::config::ByteSize, flush_bytes);
ABSL_DECLARE_FLAG(absl::Duration, flush_interval);
ABSL_DECLARE_FLAG(syncline::config::ByteSize, max_message_bytes);
ABSL_DECLARE_FLAG(syncline::config::ByteSize, max_record_bytes);
ABSL_DECLARE_FLAG(int64_t, max_rejected);
ABSL_DECLARE_FLAG(syncline::config::ByteSize, max_rejected_bytes);
ABSL_DECLARE_FLAG(int32_t, max_connections);
ABSL_DECLARE_FLAG(int32_t, max_open_streams);
ABSL_DECLARE_FLAG(int32_t, max_watches);
ABSL_DECLARE_FLAG(int32_t, max_calls);
ABSL_DECLARE_FLAG(int32_t, max_caller_share);
ABSL_DECLARE_FLAG(absl::Duration, idle_timeout);
ABSL_DECLARE_FLAG(int32_t, max_streams_per_sync);
ABSL_DECLARE_FLAG(absl::Duration, writer_lease);
ABSL_DECLARE_FLAG(absl::Duration, swap_deadline);
ABSL_DECLARE_FLAG(absl::Duration, swap_lock_timeout);
ABSL_DECLARE_FLAG(syncline::config::ByteSize, max_rewrite_bytes);
ABSL_DECLARE_FLAG(int32_t, keep_generations);
ABSL_DECLARE_FLAG(std::string, distribute_new_tables);
ABSL_DECLARE_FLAG(absl::Duration, ledger_retention);
ABSL_DECLARE_FLAG(absl::Duration, metrics_generation_ttl);
ABSL_DECLARE_FLAG(absl::Duration, drain_deadline);
ABSL_DECLARE_FLAG(std::string, reflection);
ABSL_DECLARE_FLAG(std::string, tls_cert_file);
ABSL_DECLARE_FLAG(std::string, tls_key_file);
ABSL_DECLARE_FLAG(std::string, tls_client_ca_file);
ABSL_DECLARE_FLAG(std::string, auth_token_file);
ABSL_DECLARE_FLAG(std::string, metrics_token_file);
ABSL_DECLARE_FLAG(bool, trust_forwarded_for);
ABSL_DECLARE_FLAG(std::string, log_level);
ABSL_DECLARE_FLAG(std::string, log_format);
ABSL_DECLARE_FLAG(std::string, port_file);
// Arguments of --make_token. They are not settings of a server, so the table does not have them.
ABSL_DECLARE_FLAG(std::string, make_token);
ABSL_DECLARE_FLAG(std::string, token_schemas);
ABSL_DECLARE_FLAG(std::string, token_owner);
ABSL_DECLARE_FLAG(std::string, token_expiry);

namespace syncline::config {

struct FlagInfo {
  std::string name;
  std::string value_name;  // such as FILE; choices are separated by |; empty for a boolean
  std::string default_value;
  std::string environment;  // SYNCLINE_<NAME>
  std::string help;
};

// Returns every flag, in the order of --help and the documentation.
std::vector<FlagInfo> FlagTable();

// Returns the flag `name`, or null.
absl::CommandLineFlag* FindFlag(absl::string_view name);

// Returns the text of --help. cmake/cli_tables.py parses it: each flag is one line, and two spaces
// separate its value from its description.
std::string HelpText();

}  // namespace syncline::config
