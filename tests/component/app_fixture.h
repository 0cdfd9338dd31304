// Base of the component tests that use the real RPCs: an App in this process on a free port, with
// this test's schemas, and a client of it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "client/sync_client.h"
#include "server/app.h"
#include "syncline/v1/sync_service.pb.h"
#include "tests/support/postgres_fixture.h"
#include "tests/support/status_matchers.h"

namespace syncline::testing {

// A stream as a test requests it. Its columns are id, name and at; `deletes` adds
// _ab_cdc_deleted_at, and `json_schema` replaces all of them. A deduplicated stream has the cursor
// at, if that is a column.
struct Ask {
  v1::WriteMode mode = v1::WRITE_MODE_APPEND;
  int64_t generation = -1;  // -1: the request has no generation ids
  int64_t minimum = 0;
  bool overwrite = false;
  bool deletes = false;
  std::string connection = {};
  std::string json_schema = {};
  std::vector<std::string> primary_key = {"id"};
  v1::Replay replay = v1::REPLAY_UNSPECIFIED;
  v1::SchemaPolicy schema_policy = v1::SCHEMA_POLICY_UNSPECIFIED;
  v1::ReplaceStrategy replace_strategy = v1::REPLACE_STRATEGY_UNSPECIFIED;
  v1::Meta meta = v1::META_UNSPECIFIED;
  std::string distribute_by = {};
};

Ask Append(int64_t generation);
Ask Dedup(int64_t generation);
// Replace sets minimum = generation.
Ask Replace(int64_t generation);
Ask DedupReplace(int64_t generation);

// Returns {"id":…,"name":…,"at":…} and a newline.
std::string Record(int64_t id, absl::string_view name, int64_t at = 0);

class AppTest : public PostgresTest {
 protected:
  static constexpr char kTable[] = "users";

  void SetUp() override;
  void TearDown() override;

  // Drains the server and starts another one with additional flags. Only the state in the database
  // remains.
  void RestartServer(const std::vector<std::string>& flags = {});
  // The same, with a server that has the rights of `role`; of the tests' role if that is empty.
  void RestartServerAs(absl::string_view role);
  // Drains the server.
  void StopServer();
  App& app() { return *app_; }
  client::SyncClient& client() { return *client_; }
  // Every table of the ledger is ledger()."name".
  std::string ledger() const { return schema() + "_ledger"; }

  v1::StreamConfig Stream(const Ask& ask, absl::string_view table = kTable) const;
  absl::StatusOr<v1::StartSyncResponse> Start(absl::string_view sync_id, const Ask& ask,
                                              absl::string_view table = kTable);
  // Commits `lines` as the writer's records from `first_offset` on.
  absl::StatusOr<v1::StreamRecordsResponse> Send(absl::string_view sync_id, absl::string_view lines,
                                                 int64_t first_offset = 0,
                                                 absl::string_view table = kTable);
  absl::StatusOr<v1::CompleteStreamResponse> Complete(
      absl::string_view sync_id, v1::StreamStatus status = v1::STREAM_STATUS_COMPLETE,
      absl::string_view table = kTable);
  // Returns where a sync of `ask` would load, and how the table stores rows, such as "KIND_HASH id
  // 8 heap".
  std::string PlannedPlacement(const Ask& ask);
  // Returns what a completion of the stream of kTable would do.
  absl::StatusOr<v1::CompleteStreamResponse> Validate(absl::string_view sync_id);
  // Starts, sends and completes. The test fails if one of them fails.
  v1::CompleteStreamResponse Load(absl::string_view sync_id, const Ask& ask,
                                  absl::string_view lines,
                                  v1::StreamStatus status = v1::STREAM_STATUS_COMPLETE);
  // Starts, sends, and cancels.
  void LoadAndCancel(absl::string_view sync_id, const Ask& ask, absl::string_view lines);

  // "1:ann@5 2:bob@5": id, name and generation in order; "missing" if the table does not exist.
  std::string Rows(absl::string_view table = kTable);
  std::string StagedRows(absl::string_view table = kTable);
  // The SQL name of the table's staging table.
  std::string StagingTable(absl::string_view table = kTable) const;
  // "5:completed:2 6:loading:0": generation, state and rows.
  std::string History(absl::string_view table = kTable);

 private:
  std::string RowsOf(const std::string& table);
  void StartServer(const std::vector<std::string>& flags);

  std::string role_;
  std::unique_ptr<App> app_;
  std::unique_ptr<client::SyncClient> client_;
};

}  // namespace syncline::testing
