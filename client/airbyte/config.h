// The connector's configuration and the configured catalog, as Airbyte hands them over.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "client/sync_client.h"

namespace syncline::client {

// A database that a server inside the process loads into.
struct DirectTarget {
  std::string host;
  int64_t port = 5432;
  std::string database;
  std::string username;
  std::string password;  // secret; empty: libpq's own ways
  std::string ssl_mode;  // one of libpq's; empty: its default
};

struct DestinationConfig {
  ConnectionOptions connection;  // without `direct`
  std::optional<DirectTarget> direct;
  std::string schema;  // for streams without a namespace; empty: the server's default
  std::string connection_id;
  v1::SchemaPolicy schema_policy = v1::SCHEMA_POLICY_KEEP;
  v1::CdcDeleteMode cdc_delete_mode = v1::CDC_DELETE_MODE_HARD;
  // The end of the input completes a replaced stream also when the source sent no status and no
  // STATE after its last record.
  bool complete_without_status = false;
  bool fail_on_rejected = false;  // exit code 3 when records were rejected
};

// INVALID_ARGUMENT names the member that is wrong. Members that are not known are ignored, because
// platforms add their own.
absl::StatusOr<DestinationConfig> ReadConfig(absl::string_view json);

struct CatalogStream {
  std::string name_space;  // as the source writes it, empty when it writes none
  std::string name;
  v1::StreamConfig config;  // its descriptor's namespace is the one to load into
};

struct Catalog {
  std::vector<CatalogStream> streams;
  // The catalog's sync id when it holds one: part of the key of the run.
  int64_t airbyte_sync_id = 0;
};

// INVALID_ARGUMENT for anything that is not a configured catalog, names the stream and the member.
// The streams are loaded as `config` says: its schema stands for a namespace that is missing.
absl::StatusOr<Catalog> ReadCatalog(absl::string_view json, const DestinationConfig& config);

// The file's bytes; NOT_FOUND names the file.
absl::StatusOr<std::string> ReadWholeFile(const std::string& path);

}  // namespace syncline::client
