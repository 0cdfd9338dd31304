// App: the composition root. Creates and owns every long-lived object, in order, and drains them in
// reverse.
//
// It only constructs and drains: no logic, no SQL, no proto fields. Used by the main thread.
#pragma once

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/config/config.h"
#include "server/dataflow/aggregate_factory.h"
#include "server/postgres/connection/database.h"
#include "server/write/writer.h"

namespace syncline {

class App {
 public:
  // Starts serving. An unreachable database does not prevent that: health is NOT_SERVING until it
  // can be reached. Errors: FAILED_PRECONDITION if a port is not available, a file cannot be read,
  // or the embedded database does not start.
  static absl::StatusOr<std::unique_ptr<App>> Create(const config::Config& config);
  ~App();

  // Refuses new work, lets running work finish within the drain deadline, and stops everything.
  // Further calls do nothing.
  void Drain();

  int grpc_port() const;
  int metrics_port() const;

  // For tests of the wiring.
  postgres::Database* database() const;
  write::Writer* writer() const;
  const dataflow::AggregateFactory* aggregates() const;

 private:
  struct Parts;
  explicit App(std::unique_ptr<Parts> parts);

  std::unique_ptr<Parts> parts_;
};

}  // namespace syncline
