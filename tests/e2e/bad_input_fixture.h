// Base of the tests of bad input: one real server for all of them, called by plain gRPC stubs.
//
// The server is started by the first test and lives through all: after every test it must still be
// the same process, hold no more memory than it may, and load a good sync. Each row of the list of
// bad input has its number in the name of its test.
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

// What a call said: gRPC's code, and what stands in its details.
struct Answer {
  grpc::StatusCode code = grpc::StatusCode::OK;
  std::string message;
  std::string reason;  // ErrorInfo
  std::string domain;
  std::map<std::string, std::string> metadata;
  std::vector<std::string> fields;  // BadRequest
  bool has_retry = false;
};
Answer AnswerOf(const grpc::Status& status);
void PrintTo(const Answer& answer, std::ostream* out);
// "CODE" or "CODE REASON", as the corpus writes it; code by its name in protocol.md.
std::string Summary(const Answer& answer);

// One StreamRecords call.
class RawCall {
 public:
  RawCall(v1::SyncService::Stub* stub, absl::Duration timeout,
          grpc_compression_algorithm algorithm);
  ~RawCall();
  bool Write(const v1::StreamRecordsRequest& request) { return writer_->Write(request); }
  // Half-closes and waits for the answer.
  Answer Finish();
  // Waits for the answer, the call still open for writing.
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
  // The same process, within its memory, and the next good sync passes.
  void TearDown() override;
  static void TearDownTestSuite();

  ServerProcess& server() { return *server_; }
  // ledger."table"
  std::string LedgerTable(absl::string_view table) const;
  std::shared_ptr<grpc::Channel> NewChannel() const;
  v1::SyncService::Stub* stub() { return stub_.get(); }

  // A request for one stream in this test's schema: `id` integer and the given properties, e.g.
  // `"v":{"type":"string"}`.
  v1::StartSyncRequest Request(absl::string_view table, absl::string_view properties = "") const;
  Answer Start(const v1::StartSyncRequest& request, v1::StartSyncResponse* response = nullptr);
  // Starts it, and fails the test when that fails. Gives the sync's id.
  std::string Started(const v1::StartSyncRequest& request);

  v1::StreamRecordsRequest Header(absl::string_view sync_id, absl::string_view table,
                                  absl::string_view writer_id = "") const;
  static v1::StreamRecordsRequest Lines(int64_t first_offset, absl::string_view lines);
  std::unique_ptr<RawCall> Call(absl::Duration timeout = kTimeout,
                                grpc_compression_algorithm algorithm = GRPC_COMPRESS_NONE);
  // One whole call.
  Answer Send(const std::vector<v1::StreamRecordsRequest>& messages,
              v1::StreamRecordsResponse* response = nullptr);
  Answer Complete(absl::string_view sync_id, absl::string_view table,
                  v1::CompleteStreamResponse* response = nullptr);

  // "offset reason" of each rejected record of the sync, in order.
  std::vector<std::string> Rejected(absl::string_view sync_id);
  // A whole sync of a few records into a table of its own.
  void ExpectGoodSyncPasses();
  // Bytes of memory, now and at most since the server's start.
  int64_t PeakResidentBytes();

  // A sync id that no other test has.
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
