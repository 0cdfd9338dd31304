// Base of the end-to-end tests: the real server and the real command line against a real
// PostgreSQL, with a schema for the tables and one for the ledger per test.
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

// How long a test waits for what must happen before it fails.
inline constexpr absl::Duration kPatience = absl::Seconds(60);

class EndToEndTest : public PostgresTest {
 protected:
  EndToEndTest() : files_("e2e") {}
  void TearDown() override;

  // The ledger's schema of this test.
  std::string ledger() const { return schema() + "_ledger"; }
  // ledger()."table"
  std::string LedgerTable(absl::string_view table) const;

  // Options of a server on this test's schemas; short leases, further `flags`.
  ServerProcessOptions ServerOptions(std::vector<std::string> flags = {}) const;
  // Started with them.
  std::unique_ptr<ServerProcess> StartServer(std::vector<std::string> flags = {});
  // The command line with `arguments`, its --server set; not for spec, check and write.
  std::unique_ptr<Process> StartClient(const ServerProcess& server,
                                       std::vector<std::string> arguments);
  // The same, waited for: its exit code, -1 when it did not end.
  int RunClient(const ServerProcess& server, std::vector<std::string> arguments);
  // Waits for its end; a failure prints what it said.
  int ExitCode(Process& client, absl::Duration timeout = 3 * kPatience);

  // A file of this test.
  const TemporaryDirectory& files() const { return files_; }
  std::string WriteFile(absl::string_view name, absl::string_view content);

  // Polls until `done`; false after kPatience.
  bool Eventually(absl::FunctionRef<bool()> done);

  // The durable records of all writers of all streams of the sync; 0 before there are any.
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

  // Sends records begin..end-1 in one call and waits for the answer.
  absl::StatusOr<v1::StreamRecordsResponse> Send(client::SyncClient& client,
                                                 absl::string_view sync_id, absl::string_view table,
                                                 int64_t begin, int64_t end,
                                                 absl::string_view writer_id = "");

 private:
  TemporaryDirectory files_;
};

// With a server from the start, and a client of it.
class ServedTest : public EndToEndTest {
 protected:
  void SetUp() override;

  std::unique_ptr<ServerProcess> server_;
  std::unique_ptr<client::SyncClient> client_;
};

}  // namespace syncline::testing
