#include "server/app.h"

#include <unistd.h>

#include <memory>
#include <utility>

#include "base/log.h"
#include "base/status_macros.h"
#include "server/app_parts.h"
#include "server/sync/sync_errors.h"

namespace syncline {
namespace {

// Time that an orderly drain may take beyond its deadline.
constexpr absl::Duration kDrainSlack = absl::Seconds(5);

}  // namespace

void App::Parts::BuildAlarms() {
  drain_hangs = std::make_unique<Alarm>([] {
    Log(LogLevel::kError, "drain_hangs")
        .Field("message", "the process exits; everything acknowledged is committed");
    _exit(1);
  });
  drain_deadline = std::make_unique<Alarm>([this] {
    registry->FailCalls(sync::Draining());
    sockets.ShutDown();
  });
}

void App::Parts::Drain() {
  if (std::exchange(drained, true) || server == nullptr) return;
  // Ends the process if anything hangs, including a library.
  drain_hangs->Set(config.serve.drain_deadline + kDrainSlack);
  // Called first, because stopping the ticker may wait for a database that does not answer, and
  // until then the ticker would set the health.
  server->StartDraining();
  deafness.reset();
  stopping.Set();
  if (database_ticker != nullptr) database_ticker->Stop();
  // At the deadline, calls that cannot commit end, and statements that still run (a long merge, a
  // wait for another session's lock) are cut off: their transactions are rolled back, and their
  // calls can be repeated on another server.
  drain_deadline->Set(config.serve.drain_deadline);
  // The other checks have stopped, so the drain itself is the check that a silent database would
  // hold up.
  silence->RunCheck([this] {
    server->Drain(config.serve.drain_deadline);
    watches->Stop();
    if (flush_ticker != nullptr) flush_ticker->Stop();
    delayed.Stop();
    start_pool->Shutdown();
    control_pool->Shutdown();
    // Resumes lanes of the load pool.
    group->Stop();
    load_pool->Shutdown();
    claim_pool->Shutdown();
    end_pool->Shutdown();
    finalize_pool->Shutdown();
    vacuum->Stop();
    if (upkeep_ticker != nullptr) upkeep_ticker->Stop();
    if (announce_ticker != nullptr) announce_ticker->Stop();
    upkeep->Announce();
    endpoint.reset();
    if (status_ticker != nullptr) status_ticker->Stop();
    metrics->ClearServerGauges();
    return store->DropLease().ok();
  });
  // Under the watchdog: a request to a database that does not respond waits without limit.
  canceller.Stop();
  drain_deadline.reset();
  drain_hangs.reset();
  Log(LogLevel::kInfo, "stopped");
}

App::App(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}

App::~App() { Drain(); }

absl::StatusOr<std::unique_ptr<App>> App::Create(const config::Config& config) {
  ConfigureLog(config.log.level, config.log.format);
  // App owns the parts before they are built, so that they are drained if a later one fails.
  std::unique_ptr<App> app(new App(std::make_unique<Parts>(config)));
  SYNCLINE_RETURN_IF_ERROR(app->parts_->Build());
  Log(LogLevel::kInfo, "serving")
      .Field("grpc_port", app->grpc_port())
      .Field("metrics_port", app->metrics_port());
  return app;
}

void App::Drain() { parts_->Drain(); }

int App::grpc_port() const { return parts_->server->port(); }
int App::metrics_port() const { return parts_->metrics_port(); }
postgres::Database* App::database() const { return parts_->database.get(); }
write::Writer* App::writer() const { return parts_->writer.get(); }
const dataflow::AggregateFactory* App::aggregates() const { return parts_->aggregates.get(); }

}  // namespace syncline
