#include "server/app.h"

#include <unistd.h>

#include <fstream>
#include <memory>
#include <optional>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/base/error.h"
#include "server/base/free_list.h"
#include "server/base/log.h"
#include "server/base/memory_budget.h"
#include "server/base/sha256.h"
#include "server/base/status_macros.h"
#include "server/base/stop_signal.h"
#include "server/base/thread_pool.h"
#include "server/base/ticker.h"
#include "server/config/token_file.h"
#include "server/dataflow/lane.h"
#include "server/metrics/metrics.h"
#include "server/postgres/connection_pool.h"
#include "server/postgres/embedded_server.h"
#include "server/postgres/ledger/data_commit.h"
#include "server/postgres/ledger/ledger.h"
#include "server/postgres/readiness.h"
#include "server/postgres/silence_watch.h"
#include "server/rpc/admission.h"
#include "server/rpc/auth.h"
#include "server/rpc/server.h"
#include "server/sync/sync_registry.h"
#include "server/write/load/insert_buffer.h"
#include "server/write/stream_state_store.h"

namespace syncline {
namespace {

constexpr absl::Duration kHealthInterval = absl::Seconds(1);
constexpr absl::Duration kTokenInterval = absl::Seconds(1);
// How often callers that wait for memory are looked for.
constexpr absl::Duration kPressureInterval = absl::Milliseconds(50);
// How often buffers that nobody has needed since the last time are given back.
constexpr absl::Duration kUnusedInterval = absl::Seconds(1);
constexpr absl::Duration kSweepInterval = absl::Seconds(10);
// A sync that nothing asked for in this time is loaded from the ledger when it is asked for again.
constexpr absl::Duration kForgetSyncsAfter = absl::Minutes(1);
// Batches of 64-512 KiB load fastest (decision 0003); the middle of it.
constexpr int64_t kRecommendedBatchBytes = 256 << 10;
// So much of the memory budget is kept, beside it, in empty buffers.
constexpr size_t kBlocksOfBudget = 16;
constexpr size_t kTextsOfBudget = 32;
// What gRPC may hold of messages on their way in: so many memory budgets, and what a call holds
// that nobody reads (rpc/server.cc). Beyond, it ends calls.
constexpr int64_t kReceiveQuotaOfBudget = 8;
constexpr int64_t kReceiveQuotaOfStream = 2 << 20;

absl::StatusOr<std::string> ReadFile(const std::string& path) {
  if (path.empty()) return std::string();
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  if (!file.good()) {
    return MakeError(absl::StatusCode::kFailedPrecondition, absl::StrCat("cannot read ", path),
                     {.reason = "FILE_UNREADABLE"});
  }
  return text.str();
}

// Names this process in the ledger: no other process, here or elsewhere, has the same.
std::string ServerId() {
  char host[256] = "";
  gethostname(host, sizeof(host) - 1);
  const std::string seed = absl::StrCat(host, "/", getpid(), "/", absl::GetCurrentTimeNanos());
  return absl::StrCat(host, "-", getpid(), "-", Sha256Hex(seed, 8));
}

// The file appears whole, so that whoever waits for it never reads a part.
absl::Status WritePortFile(const std::string& path, int grpc_port, int metrics_port,
                           int postgres_port) {
  if (path.empty()) return absl::OkStatus();
  const std::string part = path + ".part";
  std::ofstream file(part);
  file << "{\"grpc_port\":" << grpc_port << ",\"metrics_port\":" << metrics_port
       << ",\"postgres_port\":" << postgres_port << "}\n";
  file.close();
  if (!file.good() || rename(part.c_str(), path.c_str()) != 0) {
    return MakeError(absl::StatusCode::kFailedPrecondition, absl::StrCat("cannot write ", path),
                     {.reason = "FILE_UNWRITABLE"});
  }
  return absl::OkStatus();
}

}  // namespace

// In the order of construction; destroyed in reverse.
struct App::Parts {
  explicit Parts(const config::Config& c)
      : config(c),
        budget(c.load.memory_budget_bytes),
        blocks(static_cast<size_t>(c.load.memory_budget_bytes) / kBlocksOfBudget),
        texts(static_cast<size_t>(c.load.memory_budget_bytes) / kTextsOfBudget),
        ledger(c.database.ledger_schema),
        committer(ledger),
        admission(c.serve.max_open_streams),
        authenticator(c.auth.tokens) {}

  absl::Status Build();
  absl::Status BuildDatabase();
  void BuildWritePath();
  absl::Status BuildServer();
  void BuildTickers();
  void Drain();

  const config::Config config;
  std::unique_ptr<postgres::EmbeddedServer> embedded;
  std::string conninfo;
  std::unique_ptr<metrics::Metrics> metrics;
  MemoryBudget budget;
  FreeBlocks blocks;
  FreeTexts texts;
  StopSignal stopping;
  postgres::OpenSockets sockets;
  postgres::Ledger ledger;
  postgres::DataCommitter committer;
  std::unique_ptr<postgres::Database> database;
  std::unique_ptr<postgres::Readiness> readiness;
  std::unique_ptr<postgres::SilenceWatch> silence;
  std::unique_ptr<postgres::ConnectionPool> connections;
  std::unique_ptr<ThreadPool> load_pool;
  std::unique_ptr<ThreadPool> finalize_pool;
  write::LoadContext load_context;
  dataflow::LaneContext lane_context;
  std::unique_ptr<dataflow::AggregateFactory> aggregates;
  std::unique_ptr<write::Writer> writer;
  std::unique_ptr<write::StreamStateStore> store;
  rpc::Admission admission;
  rpc::Authenticator authenticator;
  std::unique_ptr<sync::SyncRegistry> registry;
  std::unique_ptr<rpc::Server> server;
  std::unique_ptr<Ticker> flush_ticker;
  std::unique_ptr<Ticker> database_ticker;
  std::unique_ptr<Ticker> silence_ticker;
  std::unique_ptr<Ticker> token_ticker;
  bool drained = false;
};

absl::Status App::Parts::Build() {
  SYNCLINE_RETURN_IF_ERROR(BuildDatabase());
  SYNCLINE_ASSIGN_OR_RETURN(
      metrics, metrics::Metrics::Create({config.metrics.listen, config.metrics.generation_ttl}));
  BuildWritePath();
  SYNCLINE_RETURN_IF_ERROR(BuildServer());
  BuildTickers();
  return WritePortFile(config.serve.port_file, server->port(), metrics->port(),
                       embedded == nullptr ? 0 : embedded->port());
}

absl::Status App::Parts::BuildDatabase() {
  conninfo = config.database.conninfo;
  if (config.database.embedded.has_value()) {
    postgres::EmbeddedServerOptions options;
    options.directory = config.database.embedded->directory;
    options.port = config.database.embedded->port;
    SYNCLINE_ASSIGN_OR_RETURN(embedded, postgres::EmbeddedServer::Start(std::move(options)));
    conninfo = embedded->conninfo();
    Log(LogLevel::kInfo, "embedded_postgres_started")
        .Field("socket", embedded->conninfo())
        .Field("tcp", embedded->tcp_conninfo())
        .Field("password_file", embedded->password_file());
  }
  postgres::DatabaseOptions options;
  options.conninfo = conninfo;
  options.max_connections = config.database.control_connections;
  options.sockets = &sockets;
  SYNCLINE_ASSIGN_OR_RETURN(database, postgres::Database::Create(std::move(options)));
  postgres::ConnectionOptions connection_options;
  connection_options.conninfo = conninfo;
  connection_options.sockets = &sockets;
  connections = std::make_unique<postgres::ConnectionPool>(connection_options);
  silence = std::make_unique<postgres::SilenceWatch>(connection_options, &sockets);
  return absl::OkStatus();
}

void App::Parts::BuildWritePath() {
  load_pool = std::make_unique<ThreadPool>("load", config.load.load_threads);
  finalize_pool = std::make_unique<ThreadPool>("finalize", config.load.finalize_threads);
  load_context.connections = connections.get();
  load_context.committer = &committer;
  load_context.blocks = &blocks;
  load_context.max_rejected_bytes = config.load.max_rejected_bytes;
  load_context.wait = [this](absl::Duration delay) { return stopping.Wait(delay); };
  lane_context.pool = load_pool.get();
  lane_context.budget = &budget;
  lane_context.texts = &texts;
  lane_context.flush_bytes = config.load.flush_bytes;
  aggregates =
      std::make_unique<dataflow::AggregateFactory>(&load_context, config.load.max_record_bytes);
  write::LoaderContext loaders;
  loaders.database = database.get();
  loaders.ledger = &ledger;
  loaders.swap.lock_timeout = config.swap.lock_timeout;
  loaders.swap.deadline = config.swap.deadline;
  loaders.swap.keep_generations = config.swap.keep_generations;
  loaders.max_rewrite_bytes = config.swap.max_rewrite_bytes;
  writer = std::make_unique<write::Writer>(loaders);
  store = std::make_unique<write::StreamStateStore>(database.get(), connections.get(), &ledger,
                                                    ServerId());
  sync::SessionContext session;
  session.store = store.get();
  session.writer = writer.get();
  session.metrics = metrics.get();
  session.call.lanes = &lane_context;
  session.call.aggregates = aggregates.get();
  session.call.lanes_per_stream = config.load.lanes_per_stream;
  session.call.max_rejected = config.load.max_rejected;
  session.call.release = [this](const WriterClaim& claim) { store->ReleaseWriter(claim); };
  registry = std::make_unique<sync::SyncRegistry>(
      session, sync::StartLimits{config.database.default_schema, config.database.ledger_schema,
                                 config.serve.max_streams_per_sync});
}

absl::Status App::Parts::BuildServer() {
  rpc::ServiceContext service;
  service.registry = registry.get();
  service.admission = &admission;
  service.authenticator = &authenticator;
  service.metrics = metrics.get();
  service.texts = &texts;
  service.load_pool = load_pool.get();
  service.finalize_pool = finalize_pool.get();
  service.limits = {config.serve.max_message_bytes, kRecommendedBatchBytes,
                    config.load.max_record_bytes};
  rpc::ServerOptions options;
  options.listen = config.serve.listen;
  options.max_message_bytes = config.serve.max_message_bytes;
  options.receive_quota_bytes = kReceiveQuotaOfBudget * config.load.memory_budget_bytes +
                                kReceiveQuotaOfStream * config.serve.max_open_streams;
  options.reflection = config.serve.reflection;
  SYNCLINE_ASSIGN_OR_RETURN(options.tls_cert, ReadFile(config.tls.cert_file));
  SYNCLINE_ASSIGN_OR_RETURN(options.tls_key, ReadFile(config.tls.key_file));
  SYNCLINE_ASSIGN_OR_RETURN(options.tls_client_ca, ReadFile(config.tls.client_ca_file));
  // The ledger's tables are made before the first call can want them, if the database is there.
  readiness = std::make_unique<postgres::Readiness>(database.get(), config.database.ledger_schema);
  const bool ready = readiness->Check();
  if (ready) store->RenewLease(config.load.writer_lease).IgnoreError();
  SYNCLINE_ASSIGN_OR_RETURN(server, rpc::Server::Start(options, service));
  server->SetServing(ready);
  metrics->SetServerGauges(
      {.open_streams = [this] { return admission.open_streams(); },
       .buffered_bytes = [this] { return budget.held_bytes(); },
       .buffered_high_water_bytes = [this] { return budget.high_water_bytes(); },
       .backpressure_seconds = [this] { return absl::ToDoubleSeconds(budget.waited()); },
       .pg_connections_idle =
           [this] {
             const postgres::Database::Usage usage = database->usage();
             return connections->idle() + usage.open - usage.busy;
           },
       .pg_connections_busy = [this] { return connections->busy() + database->usage().busy; }});
  return absl::OkStatus();
}

void App::Parts::BuildTickers() {
  flush_ticker = std::make_unique<Ticker>(std::vector<Ticker::Task>{
      {config.load.flush_interval / 4,
       [this] { registry->FlushOlderThan(config.load.flush_interval); }},
      {kPressureInterval,
       [this] {
         if (budget.waiters() > 0) registry->FlushIdle();
       }},
      {kUnusedInterval,
       [this] {
         blocks.FreeUnused();
         texts.FreeUnused();
       }},
      {kSweepInterval,
       [this] {
         metrics->Sweep();
         registry->ForgetIdle(kForgetSyncsAfter);
       }},
  });
  // Apart, because a database that does not answer must not stop the rest.
  database_ticker = std::make_unique<Ticker>(std::vector<Ticker::Task>{
      {config.load.writer_lease / 4,
       [this] {
         silence->During([this] { return store->RenewLease(config.load.writer_lease).ok(); });
       }},
      {kHealthInterval,
       [this] {
         silence->During([this] {
           const bool ready = readiness->Check();
           server->SetServing(ready);
           return ready;
         });
       }},
  });
  // Apart again: it is what ends the waiting of the others.
  silence_ticker = std::make_unique<Ticker>(
      std::vector<Ticker::Task>{{kHealthInterval, [this] { silence->Look(); }}});
  if (config.auth.token_file.empty()) return;
  // Apart, because a file's system may not answer either.
  token_ticker = std::make_unique<Ticker>(std::vector<Ticker::Task>{
      {kTokenInterval, [this, watch = std::make_shared<config::TokenFileWatch>(
                                  config.auth.token_file, config.auth.tokens)] {
         const absl::StatusOr<std::optional<std::vector<std::string>>> tokens = watch->Look();
         if (!tokens.ok()) {
           Log(LogLevel::kWarning, "auth_tokens_kept").Error(tokens.status());
         } else if (tokens->has_value()) {
           authenticator.Replace(**tokens);
           Log(LogLevel::kInfo, "auth_tokens_replaced")
               .Field("tokens", static_cast<int64_t>((*tokens)->size()));
         }
       }}});
}

void App::Parts::Drain() {
  if (std::exchange(drained, true) || server == nullptr) return;
  // Said at once: stopping the ticker may wait for a database that does not answer.
  server->SetServing(false);
  stopping.Set();
  if (database_ticker != nullptr) database_ticker->Stop();
  // Statements that are still running then (a long merge, a wait for somebody's lock) are cut off:
  // their transactions are rolled back, and their calls can be repeated elsewhere.
  Ticker cut_off({{config.serve.drain_deadline, [this] { sockets.ShutDown(); }}});
  // With no check running, the drain itself is what a silent database would hold up.
  silence->During([this] {
    server->Drain(config.serve.drain_deadline);
    if (flush_ticker != nullptr) flush_ticker->Stop();
    load_pool->Shutdown();
    finalize_pool->Shutdown();
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
int App::metrics_port() const { return parts_->metrics->port(); }
postgres::Database* App::database() const { return parts_->database.get(); }
write::Writer* App::writer() const { return parts_->writer.get(); }
const dataflow::AggregateFactory* App::aggregates() const { return parts_->aggregates.get(); }

}  // namespace syncline
