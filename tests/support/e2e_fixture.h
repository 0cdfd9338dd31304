// Base of the end-to-end tests: the real server and the real command line against a real
// PostgreSQL, with one schema for tables and one for the ledger per test.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "client/sync_client.h"
#include "syncline/v1/sync_service.pb.h"
#include "tests/support/postgres_fixture.h"
#include "tests/support/process.h"
#include "tests/support/server_process.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temporary_directory.h"

namespace syncline::testing {

// How long a test waits for an expected event before it fails.
inline constexpr absl::Duration kPatience = absl::Seconds(60);

class EndToEndTest : public PostgresTest {
 protected:
  EndToEndTest() : files_("e2e") {}
  void TearDown() override;

  // The ledger's schema of this test.
  std::string ledger() const { return schema() + "_ledger"; }
  // ledger()."table"
  std::string LedgerTable(absl::string_view table) const;

  // Options of a server on this test's schemas, with short leases and additional `flags`.
  ServerProcessOptions ServerOptions(std::vector<std::string> flags = {}) const;
  // Starts a server with these options.
  std::unique_ptr<ServerProcess> StartServer(std::vector<std::string> flags = {});
  // Starts the command line with `arguments` and its --server flag. Not for spec, check and write.
  std::unique_ptr<Process> StartClient(const ServerProcess& server,
                                       std::vector<std::string> arguments);
  // Starts the client, waits for it and returns its exit code, or -1 if it did not end.
  int RunClient(const ServerProcess& server, std::vector<std::string> arguments);
  // Waits for `client` to end and returns its exit code. On failure its output is printed.
  int ExitCode(Process& client, absl::Duration timeout = 3 * kPatience);

  // The directory of this test's files.
  const TemporaryDirectory& files() const { return files_; }
  std::string WriteFile(absl::string_view name, absl::string_view content);

  // Polls until `done` returns true. Returns false after kPatience.
  bool Eventually(absl::FunctionRef<bool()> done);

  // Durable records of all writers of all streams of the sync; 0 before there are any.
  int64_t DurableRecords(absl::string_view sync_id);

  // A request for one stream of {id: integer, name: string} into schema()."table".
  v1::StartSyncRequest OneStream(absl::string_view sync_id, absl::string_view table) const;
  v1::StreamDescriptor Descriptor(absl::string_view table) const;
  v1::StreamRecordsRequest Header(absl::string_view sync_id, absl::string_view table,
                                  absl::string_view writer_id = "") const;
  v1::CompleteStreamRequest Completion(absl::string_view sync_id, absl::string_view table) const;
  // OneStream of `generation` into "rows".
  v1::StartSyncRequest Generation(absl::string_view sync_id, int64_t generation,
                                  int64_t minimum) const;
  // Records begin..end-1 as {"id": n, "name": "name n"}.
  static v1::StreamRecordsRequest Batch(int64_t begin, int64_t end);
  static v1::StreamRecordsRequest CheckpointOf(absl::string_view id, absl::string_view state);

  // Sends records begin..end-1 in one call and waits for the response.
  absl::StatusOr<v1::StreamRecordsResponse> Send(client::SyncClient& client,
                                                 absl::string_view sync_id, absl::string_view table,
                                                 int64_t begin, int64_t end,
                                                 absl::string_view writer_id = "");

 private:
  TemporaryDirectory files_;
};

// Starts a server before each test and connects a client to it.
class ServerTest : public EndToEndTest {
 protected:
  void SetUp() override;

  std::unique_ptr<ServerProcess> server_;
  std::unique_ptr<client::SyncClient> client_;
};

}  // namespace syncline::testing
