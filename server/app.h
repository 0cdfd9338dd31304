// App: the composition root. Builds and owns every long-lived object in order and drains in
// reverse.
//
// Construction and draining only: no logic, no SQL, no proto fields. Used by the main thread.
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
  // Starts serving. A database that cannot be reached does not stop it: health says NOT_SERVING
  // until it can. Errors: FAILED_PRECONDITION when a port cannot be had, a file cannot be read, or
  // the embedded database does not start.
  static absl::StatusOr<std::unique_ptr<App>> Create(const config::Config& config);
  ~App();

  // Stops taking work, lets what runs come to its end within the drain deadline, and takes
  // everything down. Once.
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
