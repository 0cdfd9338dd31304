// Base of the fault tests (docs/faults.md): servers with failpoints, streams whose final tables are
// determined by the records sent, and the guarantees that hold under every fault.
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

// The application_name of the servers with failpoints. It distinguishes their sessions from those
// of the tests.
inline constexpr char kFaultApplication[] = "server-under-test";

class FaultTest : public EndToEndTest {
 protected:
  // Starts a server with failpoints, and with small blocks unless `flags` set another size.
  std::unique_ptr<ServerProcess> StartFaultServer(const std::vector<std::string>& flags = {});
  std::unique_ptr<ServerProcess> Started(const ServerProcessOptions& options);
  // Returns the options of such a server.
  ServerProcessOptions FaultServerOptions(const std::vector<std::string>& flags = {}) const;

  // Returns a stream in this test's schema, with its own sync.
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

  // I8: repeats the same calls until the stream is complete.
  void Resume(DeliveryHistory* history, std::vector<std::string> servers);
  // I1, I2, I5: checks that each table and the ledger contain what was sent, and nothing else
  // remains.
  void ExpectKept(std::initializer_list<DeliveryHistory*> histories);
  // I10: checks that no log line of `server` contains a record's values.
  static void ExpectDiscreet(const ServerProcess& server);

  int64_t CountRows(absl::string_view table);
};

}  // namespace syncline::testing
