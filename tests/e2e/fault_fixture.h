// Base of the fault tests (docs/faults.md): servers with failpoints, streams whose tables follow
// from what was sent, and the promises that hold whatever the fault is.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "tests/support/delivery_history.h"
#include "tests/support/delivery_stream.h"
#include "tests/support/e2e_fixture.h"
#include "tests/support/persistent_caller.h"

namespace syncline::testing {

// The application_name of the servers with failpoints, which tells their sessions from the tests'
// own.
inline constexpr char kFaultApplication[] = "server-under-test";

class FaultTest : public EndToEndTest {
 protected:
  // A server with failpoints. Small blocks unless `flags` say otherwise.
  std::unique_ptr<ServerProcess> StartFaultServer(std::vector<std::string> flags = {});
  std::unique_ptr<ServerProcess> Started(const ServerProcessOptions& options);
  // Its options.
  ServerProcessOptions FaultServerOptions(std::vector<std::string> flags = {}) const;

  // A stream of this test's schema, in a sync of its own.
  DeliveryStream Stream(absl::string_view table, DeliveryMode mode, int64_t records,
                        int64_t generation = 1) const;

  // Starts the stream's sync and sends records begin..end-1 in one call.
  absl::StatusOr<v1::StreamRecordsResponse> Deliver(client::SyncClient& client,
                                                    DeliveryHistory* history, int64_t begin,
                                                    int64_t end);
  absl::Status Start(client::SyncClient& client, const DeliveryHistory& history) {
    return client.StartSync(history.stream().Start()).status();
  }
  absl::StatusOr<v1::CompleteStreamResponse> Complete(client::SyncClient& client,
                                                      DeliveryHistory* history);

  // I8: the same calls again, until the stream is complete.
  void Resume(DeliveryHistory* history, std::vector<std::string> servers);
  // I1, I2, I5: each table and ledger hold what was sent, and nothing is left behind.
  void ExpectKept(std::initializer_list<DeliveryHistory*> histories);
  // I10: no log line of `server` repeats a record.
  static void ExpectDiscreet(const ServerProcess& server);

  int64_t CountRows(absl::string_view table);
};

}  // namespace syncline::testing
