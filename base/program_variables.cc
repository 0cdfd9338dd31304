#include "base/program_variables.h"

#include <algorithm>
#include <cctype>
#include <iterator>

#include "absl/strings/match.h"

namespace syncline {
namespace {

constexpr absl::string_view kVariables[] = {
    "SYNCLINE_AUTH_TOKEN_FILE",
    "SYNCLINE_CONTROL_CONNECTIONS",
    "SYNCLINE_DEFAULT_SCHEMA",
    "SYNCLINE_DISTRIBUTE_NEW_TABLES",
    "SYNCLINE_DRAIN_DEADLINE",
    "SYNCLINE_EMBEDDED_POSTGRES",
    "SYNCLINE_EMBEDDED_POSTGRES_PORT",
    "SYNCLINE_FINALIZE_THREADS",
    "SYNCLINE_FLUSH_BYTES",
    "SYNCLINE_FLUSH_INTERVAL",
    "SYNCLINE_IDLE_TIMEOUT",
    "SYNCLINE_INSECURE_LISTEN",
    "SYNCLINE_KEEP_GENERATIONS",
    "SYNCLINE_LANES_PER_STREAM",
    "SYNCLINE_LEDGER_RETENTION",
    "SYNCLINE_LEDGER_SCHEMA",
    "SYNCLINE_LISTEN",
    "SYNCLINE_LOAD_THREADS",
    "SYNCLINE_LOG_FORMAT",
    "SYNCLINE_LOG_LEVEL",
    "SYNCLINE_MAX_CALLER_SHARE",
    "SYNCLINE_MAX_CALLS",
    "SYNCLINE_MAX_CONNECTIONS",
    "SYNCLINE_MAX_MESSAGE_BYTES",
    "SYNCLINE_MAX_OPEN_STREAMS",
    "SYNCLINE_MAX_RECORD_BYTES",
    "SYNCLINE_MAX_REJECTED",
    "SYNCLINE_MAX_REJECTED_BYTES",
    "SYNCLINE_MAX_REWRITE_BYTES",
    "SYNCLINE_MAX_STREAMS_PER_SYNC",
    "SYNCLINE_MAX_WATCHES",
    "SYNCLINE_MEMORY_BUDGET_BYTES",
    "SYNCLINE_METRICS_GENERATION_TTL",
    "SYNCLINE_METRICS_LISTEN",
    "SYNCLINE_METRICS_TOKEN_FILE",
    "SYNCLINE_PORT_FILE",
    "SYNCLINE_POSTGRES_DSN",
    "SYNCLINE_POSTGRES_DSN_FILE",
    "SYNCLINE_REFLECTION",
    "SYNCLINE_SERVER",
    "SYNCLINE_SWAP_DEADLINE",
    "SYNCLINE_SWAP_LOCK_TIMEOUT",
    "SYNCLINE_TLS_CA_FILE",
    "SYNCLINE_TLS_CERT_FILE",
    "SYNCLINE_TLS_CLIENT_CA_FILE",
    "SYNCLINE_TLS_KEY_FILE",
    "SYNCLINE_TOKEN_FILE",
    "SYNCLINE_TRUST_FORWARDED_FOR",
    "SYNCLINE_WRITER_LEASE",
};

// Variables of the repository's scripts, tests and build.
constexpr absl::string_view kDevelopment[] = {"SYNCLINE_TEST_", "SYNCLINE_BUILD_",
                                              "SYNCLINE_SETUP_"};
constexpr absl::string_view kDevelopmentNames[] = {"SYNCLINE_CITUS_BINDIR",
                                                   "SYNCLINE_FAULT_SCHEDULES", "SYNCLINE_HISTORIES",
                                                   "SYNCLINE_UPDATE_GOLDEN"};

// Such as SYNCLINE_SERVICE_HOST, SYNCLINE_PORT=tcp://10.0.0.1:50051 and SYNCLINE_PORT_50051_TCP.
bool IsServiceLink(absl::string_view name, absl::string_view value) {
  if (absl::StrContains(name, "_SERVICE_HOST") || absl::StrContains(name, "_SERVICE_PORT")) {
    return true;
  }
  if (absl::EndsWith(name, "_PORT")) return absl::StrContains(value, "://");
  constexpr absl::string_view kPort = "_PORT_";
  const size_t at = name.find(kPort);
  return at != absl::string_view::npos && at + kPort.size() < name.size() &&
         std::isdigit(static_cast<unsigned char>(name[at + kPort.size()])) != 0;
}

bool IsKnown(absl::string_view name, absl::string_view value) {
  if (std::binary_search(std::begin(kVariables), std::end(kVariables), name)) return true;
  for (const absl::string_view prefix : kDevelopment) {
    if (absl::StartsWith(name, prefix)) return true;
  }
  for (const absl::string_view known : kDevelopmentNames) {
    if (name == known) return true;
  }
  return IsServiceLink(name, value);
}

}  // namespace

absl::Span<const absl::string_view> ProgramVariables() { return kVariables; }

std::vector<std::string> UnknownVariables(const char* const* environment) {
  std::vector<std::string> unknown;
  for (; *environment != nullptr; ++environment) {
    const absl::string_view entry = *environment;
    const size_t equals = entry.find('=');
    if (!absl::StartsWith(entry, "SYNCLINE_") || equals == absl::string_view::npos) continue;
    const absl::string_view name = entry.substr(0, equals);
    if (!IsKnown(name, entry.substr(equals + 1))) unknown.emplace_back(name);
  }
  std::sort(unknown.begin(), unknown.end());
  return unknown;
}

}  // namespace syncline
