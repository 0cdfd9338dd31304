#include "server/app.h"

#include <unistd.h>

#include <memory>
#include <utility>

#include "base/log.h"
#include "base/status_macros.h"
#include "server/app_parts.h"

namespace syncline {
namespace {

// What a drain that goes as it should may take beyond its deadline.
constexpr absl::Duration kDrainSlack = absl::Seconds(5);

}  // namespace

void App::Parts::Drain() {
  if (std::exchange(drained, true) || server == nullptr) return;
  // Whatever hangs, a library included, does not keep the process.
  Ticker watchdog({{config.serve.drain_deadline + kDrainSlack, [] {
                      Log(LogLevel::kError, "drain_hangs")
                          .Field("message", "the process ends; what was acknowledged is committed");
                      _exit(1);
                    }}});
  // At once: stopping the ticker may wait for a database that does not answer, and until then the
  // ticker says what it finds.
  server->StartDraining();
  deafness.reset();
  stopping.Set();
  if (database_ticker != nullptr) database_ticker->Stop();
  // Statements that are still running then (a long merge, a wait for somebody's lock) are cut off:
  // their transactions are rolled back, and their calls can be repeated elsewhere.
  Ticker cut_off({{config.serve.drain_deadline, [this] { sockets.ShutDown(); }}});
  // With no check running, the drain itself is what a silent database would hold up.
  silence->During([this] {
    server->Drain(config.serve.drain_deadline);
    if (flush_ticker != nullptr) flush_ticker->Stop();
    start_pool->Shutdown();
    control_pool->Shutdown();
    load_pool->Shutdown();
    finalize_pool->Shutdown();
    endpoint.reset();
    if (status_ticker != nullptr) status_ticker->Stop();
    metrics->ClearServerGauges();
    return store->DropLease().ok();
  });
  Log(LogLevel::kInfo, "stopped");
}

App::App(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}

App::~App() { Drain(); }

absl::StatusOr<std::unique_ptr<App>> App::Create(const config::Config& config) {
  ConfigureLog(config.log.level, config.log.format);
  // Owned first: what stands when a later part fails is drained, too.
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
