// Reads the connector's configuration and the configured catalog in the form in which Airbyte
// passes them. Pure functions; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "client/sync_client.h"

namespace syncline::client {

// The database that an in-process server loads.
struct DirectTarget {
  std::string host;
  int64_t port = 5432;
  std::string database;
  std::string username;
  std::string password;  // secret; empty: libpq's defaults
  std::string ssl_mode;  // a mode of libpq; empty: its default
  // PEM texts for ssl_mode; empty: libpq's defaults.
  std::string ca_certificate;
  std::string client_certificate;
  std::string client_key;           // secret
  std::string client_key_password;  // secret
};

struct DestinationConfig {
  ConnectionOptions connection;  // without `direct`
  std::optional<DirectTarget> direct;
  std::string schema;  // for streams without a namespace; empty: the server's default
  std::string connection_id;
  v1::SchemaPolicy schema_policy = v1::SCHEMA_POLICY_KEEP;
  v1::CdcDeleteMode cdc_delete_mode = v1::CDC_DELETE_MODE_HARD;
  v1::ReplaceStrategy replace_strategy = v1::REPLACE_STRATEGY_UNSPECIFIED;
  // Completes a replaced stream at the end of the input even if the source sent neither a status
  // nor a STATE after its last record.
  bool complete_without_status = false;
  bool fail_on_rejected = false;  // exit code 3 if records were rejected
};

// Parses the configuration, which may also have `more_members`, which are not read. Errors:
// INVALID_ARGUMENT, which names the wrong member, also one that does not exist.
absl::StatusOr<DestinationConfig> ReadConfig(absl::string_view json,
                                             const std::vector<std::string>& more_members = {});

struct CatalogStream {
  std::string name_space;  // as the source writes it; empty if it writes none
  std::string name;
  v1::StreamConfig config;  // its descriptor has the namespace to load into
};

struct Catalog {
  std::vector<CatalogStream> streams;
  // The catalog's sync id, or 0 if it has none. It is part of the sync id of the run.
  int64_t airbyte_sync_id = 0;
};

// Parses a configured catalog. The schema of `config` is used for streams without a namespace.
// Errors: INVALID_ARGUMENT, which names the stream and the member.
absl::StatusOr<Catalog> ReadCatalog(absl::string_view json, const DestinationConfig& config);

}  // namespace syncline::client
