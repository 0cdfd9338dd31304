// Base of the bad input tests: one real server for all of them, called by plain gRPC stubs.
//
// The first test starts the server, and all tests use it. After every test it must still be the
// same process, be within its memory limit, and load a valid sync. The test names contain the row
// in the list of bad input.
#pragma once

#include <grpcpp/grpcpp.h>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "syncline/v1/sync_service.grpc.pb.h"
#include "tests/support/postgres_fixture.h"
#include "tests/support/server_process.h"

namespace syncline::testing {

// The result of a call: gRPC's code, and the contents of its details.
struct Answer {
  grpc::StatusCode code = grpc::StatusCode::OK;
  std::string message;
  std::string reason;  // ErrorInfo
  std::string domain;
  std::map<std::string, std::string> metadata;
  std::vector<std::string> fields;  // BadRequest
  bool has_retry = false;
};
Answer MakeAnswer(const grpc::Status& status);
void PrintTo(const Answer& answer, std::ostream* out);
// Returns "CODE" or "CODE REASON" in the corpus's notation. The code has its gRPC name.
std::string Summary(const Answer& answer);

// One StreamRecords call.
class RawCall {
 public:
  RawCall(v1::SyncService::Stub* stub, absl::Duration timeout,
          grpc_compression_algorithm algorithm);
  ~RawCall();
  bool Write(const v1::StreamRecordsRequest& request) { return writer_->Write(request); }
  // Half-closes the call and waits for the answer.
  Answer Finish();
  // Waits for the answer while the call remains open for writing.
  Answer Wait();
  void Cancel() { context_.TryCancel(); }
  const v1::StreamRecordsResponse& response() const { return response_; }

 private:
  grpc::ClientContext context_;
  v1::StreamRecordsResponse response_;
  std::unique_ptr<grpc::ClientWriter<v1::StreamRecordsRequest>> writer_;
  bool finished_ = false;
};

class BadInputTest : public PostgresTest {
 protected:
  static constexpr absl::Duration kTimeout = absl::Seconds(120);

  void SetUp() override;
  // Checks that the server is the same process, is within its memory limit, and loads a valid sync.
  void TearDown() override;
  static void TearDownTestSuite();

  ServerProcess& server() { return *server_; }
  // Returns ledger."table".
  std::string LedgerTable(absl::string_view table) const;
  std::shared_ptr<grpc::Channel> NewChannel() const;
  v1::SyncService::Stub* stub() { return stub_.get(); }

  // Returns a request for one stream in this test's schema, with `id` as an integer and the given
  // properties, e.g. `"v":{"type":"string"}`.
  v1::StartSyncRequest Request(absl::string_view table, absl::string_view properties = "") const;
  Answer Start(const v1::StartSyncRequest& request, v1::StartSyncResponse* response = nullptr);
  // Starts the sync and returns its id. Fails the test if the start fails.
  std::string Started(const v1::StartSyncRequest& request);

  v1::StreamRecordsRequest Header(absl::string_view sync_id, absl::string_view table,
                                  absl::string_view writer_id = "") const;
  static v1::StreamRecordsRequest Lines(int64_t first_offset, absl::string_view lines);
  std::unique_ptr<RawCall> Call(absl::Duration timeout = kTimeout,
                                grpc_compression_algorithm algorithm = GRPC_COMPRESS_NONE);
  // Makes one complete call.
  Answer Send(const std::vector<v1::StreamRecordsRequest>& messages,
              v1::StreamRecordsResponse* response = nullptr);
  Answer Complete(absl::string_view sync_id, absl::string_view table,
                  v1::CompleteStreamResponse* response = nullptr);

  // Returns "offset reason" per rejected record of the sync, in order.
  std::vector<std::string> Rejected(absl::string_view sync_id);
  // Runs a complete sync of a few records into its own table.
  void ExpectGoodSyncPasses();
  // Returns the server's peak memory in bytes since its start.
  int64_t PeakResidentBytes();

  // Returns a sync id that no other test uses.
  std::string UniqueId(absl::string_view what);

 private:
  std::unique_ptr<v1::SyncService::Stub> stub_;
  int next_id_ = 0;
  static ServerProcess* server_;
  static pid_t server_pid_;
  static std::string ledger_;
  static std::string dsn_of_ledger_;
};

}  // namespace syncline::testing
