// App: construction of its parts.
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/error.h"
#include "base/exposed_file.h"
#include "base/log.h"
#include "base/reasons.h"
#include "base/sha256.h"
#include "base/status_macros.h"
#include "server/app_parts.h"
#include "server/postgres/swap/replaced_tables.h"
#include "server/rpc/conversion.h"

namespace syncline {
namespace {

// StartSync calls that run at the same time, and their maximum. They sleep while one of their
// tables is locked, so there may be many more threads than control connections, and the starts of
// other tables have room.
constexpr int kStartThreads = 4;
constexpr int kMaxStartThreads = 64;
// Threads that open and release writers, and how many of them one stream may use.
constexpr int kClaimThreads = 4;
constexpr int kClaimThreadsPerStream = 2;
// Maximum completions that move no rows at the same time.
constexpr int kEndThreads = 8;
constexpr absl::Duration kStatusInterval = absl::Seconds(1);
// Batches of 64-512 KiB load fastest (decision 0003); this is the middle of that range.
constexpr int64_t kRecommendedBatchBytes = 256 << 10;
// Bytes of incoming messages that gRPC may hold: this many memory budgets for large messages, plus
// the requests of unary calls, plus what each call holds while the server is not reading
// (rpc/server.cc). Beyond that gRPC ends calls.
constexpr int64_t kReceiveQuotaBudgets = 2;
constexpr int64_t kReceiveQuotaPerStreamBytes = 2 << 20;

// Returns a name for this process in the ledger, which no other process on any machine has.
std::string ServerId() {
  char host[256] = "";
  gethostname(host, sizeof(host) - 1);
  const std::string seed = absl::StrCat(host, "/", getpid(), "/", absl::GetCurrentTimeNanos());
  return absl::StrCat(host, "-", getpid(), "-", Sha256Hex(seed, 8));
}

// The file appears as a whole, so that a program that waits for it never reads a part.
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
                     {.reason = reason::kFileUnwritable});
  }
  return absl::OkStatus();
}

// Logs settings that the operator should correct, although the server can serve with them.
void LogQuestionableSettings(const config::Config& config) {
  if (!config.unknown_variables.empty()) {
    Log(LogLevel::kWarning, "environment_unknown")
        .Field("variables", absl::StrJoin(config.unknown_variables, ","))
        .Field("message",
               "no flag has these names, so the variables have no effect; --help lists the flags, "
               "each of which is also SYNCLINE_<FLAG IN UPPER CASE>");
  }
  for (const std::string& file : config.secret_files) {
    const std::optional<std::string> mode = GetModeIfExposed(file);
    if (!mode.has_value()) continue;
    Log(LogLevel::kWarning, "secret_file_exposed")
        .Field("file", file)
        .Field("mode", *mode)
        .Field("message",
               absl::StrCat("every user of this machine can read it; run chmod o= ", file));
  }
}

}  // namespace

absl::Status App::Parts::Build() {
  LogQuestionableSettings(config);
  SYNCLINE_RETURN_IF_ERROR(BuildDatabase());
  metrics = metrics::Metrics::Create({config.metrics.generation_ttl});
  BuildPools();
  BuildWritePath();
  BuildWatches();
  BuildAlarms();
  SYNCLINE_RETURN_IF_ERROR(BuildServer());
  SYNCLINE_RETURN_IF_ERROR(BuildEndpoint());
  BuildDeafnessWatch();
  BuildTickers();
  // The server already answers calls, with the reason why it is not ready, however long the
  // database takes.
  const bool ready = readiness->Check();
  if (ready) store->RenewLease(config.load.writer_lease).IgnoreError();
  server->SetServing(ready);
  BuildDatabaseTickers();
  return WritePortFile(config.serve.port_file, server->port(), metrics_port(),
                       embedded == nullptr ? 0 : embedded->port());
}

void App::Parts::BuildPools() {
  start_pool = std::make_unique<ThreadPool>("start", kStartThreads,
                                            ThreadPool::Limits{.max_threads = kMaxStartThreads});
  control_pool = std::make_unique<ThreadPool>("control", config.database.control_connections);
  // One thread remains for other streams, whatever a stream's table does.
  load_pool = std::make_unique<ThreadPool>(
      "load", config.load.load_threads,
      ThreadPool::Limits{.max_per_group = std::max(1, config.load.load_threads - 1)});
  claim_pool = std::make_unique<ThreadPool>(
      "claim", kClaimThreads, ThreadPool::Limits{.max_per_group = kClaimThreadsPerStream});
  end_pool = std::make_unique<ThreadPool>("end", kEndThreads);
  finalize_pool = std::make_unique<ThreadPool>("finalize", config.load.finalize_threads);
}

void App::Parts::BuildUpkeep(const postgres::LockPolicy& locks) {
  write::UpkeepOptions options;
  options.retention = config.database.ledger_retention;
  options.proceed = [this] { return stopping.Wait(absl::ZeroDuration()); };
  options.finish_swaps = [this, policy = postgres::ForFollowUp(locks)] {
    return postgres::FinishReplaced(*background_database, policy, /*target=*/std::nullopt);
  };
  options.drop_meta_defaults = [this, locks] {
    return write::DropLeftMetaDefaults(*background_database, ledger, locks);
  };
  upkeep = std::make_unique<write::LedgerUpkeep>(store.get(), std::move(options));
}

void App::Parts::BuildWritePath() {
  load_context.connections = connections.get();
  load_context.destination = &destination;
  load_context.committer = &committer;
  load_context.blocks = &blocks;
  load_context.max_rejected_bytes = config.load.max_rejected_bytes;
  load_context.stopping = [this] { return !stopping.Wait(absl::ZeroDuration()); };
  locked_tables = std::make_unique<write::LockedTables>(std::max(1, config.load.load_threads / 2));
  load_context.locked = locked_tables.get();
  load_context.statements = &statement_tables;
  group = std::make_unique<write::GroupCommit>(group_connections.get());
  load_context.group = group.get();
  lane_context.pool = load_pool.get();
  lane_context.delayed = &delayed;
  lane_context.budget = &budget;
  lane_context.texts = &texts;
  lane_context.flush_bytes = config.load.flush_bytes;
  lane_context.distributed_flush_bytes = config.load.distributed_flush_bytes;
  lane_context.flush_when_idle = config.load.flush_interval == absl::ZeroDuration();
  aggregates =
      std::make_unique<dataflow::AggregateFactory>(&load_context, config.load.max_record_bytes);
  write::LoaderContext loaders;
  loaders.database = start_database.get();
  loaders.publish_database = publish_database.get();
  loaders.end_database = database.get();
  loaders.ledger = &ledger;
  loaders.locks.timeout = config.swap.lock_timeout;
  loaders.locks.deadline = config.swap.deadline;
  loaders.locks.wait = [this](absl::Duration pause) { return stopping.Wait(pause); };
  loaders.keep_generations = config.swap.keep_generations;
  loaders.max_rewrite_bytes = config.swap.max_rewrite_bytes;
  loaders.distribute_new_tables = config.swap.distribute_new_tables;
  vacuum = std::make_unique<write::MergeVacuum>(background_database.get());
  loaders.note_dead_rows = [this](const TableName& table, int64_t dead_rows) {
    vacuum->Note(table, dead_rows);
  };
  writer = std::make_unique<write::Writer>(loaders);
  store = std::make_unique<write::StreamStateStore>(
      database.get(), connections.get(), &ledger, ServerId(),
      write::StreamStateStore::OwnDatabases{vital_database.get(), background_database.get()});
  load_context.changed = &store->changed();
  BuildUpkeep(loaders.locks);
  sync::SessionContext session;
  session.store = store.get();
  session.writer = writer.get();
  session.metrics = metrics.get();
  session.call.lanes = &lane_context;
  session.call.aggregates = aggregates.get();
  session.call.lanes_per_stream = config.load.lanes_per_stream;
  session.call.max_rejected = config.load.max_rejected;
  session.call.release = [this](const WriterClaim& claim, const absl::Status& end) {
    store->ReleaseWriter(claim, end);
  };
  session.call.forget = [this](const WriterClaim& claim) { store->ForgetClaim(claim); };
  session.call.claim_pool = claim_pool.get();
  registry = std::make_unique<sync::SyncRegistry>(
      session, sync::StartLimits{config.database.default_schema, config.database.ledger_schema,
                                 config.serve.max_streams_per_sync});
}

void App::Parts::BuildWatches() {
  watch_source =
      std::make_unique<write::LedgerWatchSource>(connections.get(), &ledger, store.get());
  sync::WatchReaderOptions options;
  options.encode = rpc::Encode;
  options.drained = [this] { return admission.draining() && !admission.has_work(); };
  watches = std::make_unique<sync::WatchReader>(watch_source.get(), std::move(options));
}

absl::Status App::Parts::BuildServer() {
  rpc::ServiceContext service;
  service.registry = registry.get();
  service.admission = &admission;
  service.watches = watches.get();
  service.authenticator = &authenticator;
  service.metrics = metrics.get();
  service.texts = &texts;
  service.failed_tries = &failed_tries;
  service.budget = &budget;
  service.gate = &gate;
  service.connections = &client_connections;
  service.calls = &open_calls;
  service.idle_timeout = config.serve.idle_timeout;
  service.trust_forwarded_for = config.auth.trust_forwarded_for;
  service.start_pool = start_pool.get();
  service.control_pool = control_pool.get();
  service.claim_pool = claim_pool.get();
  service.parse_pool = load_pool.get();
  service.end_pool = end_pool.get();
  service.finalize_pool = finalize_pool.get();
  service.running_calls = &running_calls;
  service.limits = {config.serve.max_message_bytes, kRecommendedBatchBytes,
                    config.load.max_record_bytes};
  rpc::ServerOptions options;
  options.listen = config.serve.listen;
  options.max_message_bytes = config.serve.max_message_bytes;
  options.receive_quota_bytes = kReceiveQuotaBudgets * config.load.memory_budget_bytes +
                                kMaxRequestBytes +
                                kReceiveQuotaPerStreamBytes * config.serve.max_open_streams;
  options.max_calls_per_connection =
      config.serve.max_open_streams + config.serve.max_watches + config.serve.max_calls;
  options.reflection = config.serve.reflection;
  options.tls_cert_file = config.tls.cert_file;
  options.tls_key_file = config.tls.key_file;
  options.tls_client_ca_file = config.tls.client_ca_file;
  if (!config.tls.cert_file.empty()) {
    certificate =
        std::make_unique<rpc::CertificateWatch>(config.tls.cert_file, config.tls.key_file);
    SYNCLINE_RETURN_IF_ERROR(certificate->Look());
  }
  readiness =
      std::make_unique<postgres::Readiness>(vital_database.get(), config.database.ledger_schema);
  service.prepared = [this] { return readiness->prepared(); };
  SYNCLINE_ASSIGN_OR_RETURN(server, rpc::Server::Start(options, service));
  SetGauges();
  return absl::OkStatus();
}

void App::Parts::BuildDeafnessWatch() {
  rpc::DeafnessOptions options;
  options.connect = [this] { return server->Connect(); };
  options.tls = !config.tls.cert_file.empty();
  deafness = std::make_unique<rpc::DeafnessWatch>(options, [] {
    Log(LogLevel::kError, "deaf")
        .Field("message",
               "the service's own port does not answer; the process exits, so that its "
               "supervisor restarts it");
    // An orderly stop might wait forever, too. Everything acknowledged is committed.
    _exit(1);
  });
}

void App::Parts::SetGauges() {
  metrics::ServerGauges gauges;
  gauges.ready = [this] { return readiness->last().ok() && !admission.draining(); };
  gauges.open_streams = [this] { return admission.open_streams(); };
  gauges.max_open_streams = config.serve.max_open_streams;
  gauges.connections = [this] { return server->connections(); };
  gauges.max_connections = config.serve.max_connections;
  gauges.refused_connections = [this] { return server->refused_connections(); };
  if (certificate != nullptr) {
    gauges.certificate_expiry_seconds = [this] { return certificate->expiry_seconds(); };
  }
  gauges.buffered_bytes = [this] { return budget.held_bytes(); };
  gauges.memory_budget_bytes = config.load.memory_budget_bytes;
  gauges.buffered_high_water_bytes = [this] { return budget.high_water_bytes(); };
  gauges.backpressure_seconds = [this] { return absl::ToDoubleSeconds(budget.waited()); };
  gauges.pg_connections_idle = [this] {
    const postgres::Database::Usage usage = GetUsage();
    return connections->idle() + group_connections->idle() + usage.open - usage.busy;
  };
  gauges.pg_connections_busy = [this] {
    return connections->busy() + group_connections->busy() + GetUsage().busy;
  };
  metrics->SetServerGauges(std::move(gauges));
}

absl::Status App::Parts::BuildEndpoint() {
  if (config.metrics.listen.empty()) return absl::OkStatus();
  board = std::make_unique<rpc::StatusBoard>(registry.get(), [this] {
    const absl::Status ready = readiness->last();
    return rpc::ServerFigures{ready.ok() && !admission.draining(),
                              admission.draining() ? "draining" : std::string(ready.message()),
                              admission.open_streams(), server->connections(), budget.held_bytes()};
  });
  metrics::EndpointSources sources;
  sources.metrics = [this] { return metrics->Scrape(); };
  sources.health = [] { return metrics::Probe{}; };
  sources.readiness = [this] {
    if (admission.draining()) return metrics::Probe{false, "draining"};
    const absl::Status ready = readiness->last();
    return ready.ok() ? metrics::Probe{} : metrics::Probe{false, std::string(ready.message())};
  };
  sources.status = [this] { return board->Json(); };
  if (config.metrics.needs_token) {
    sources.is_authorized = [this](absl::string_view token) {
      const absl::Status known = metrics_authenticator.CheckToken(token).status();
      if (!known.ok()) metrics->AuthenticationFailed(GetReason(known));
      return known.ok();
    };
  }
  SYNCLINE_ASSIGN_OR_RETURN(endpoint,
                            metrics::Endpoint::Start(config.metrics.listen, std::move(sources)));
  // Its own ticker, because the database may not answer.
  status_ticker = std::make_unique<Ticker>(
      std::vector<Ticker::Task>{{kStatusInterval, [this] { board->Refresh(); }}});
  return absl::OkStatus();
}

}  // namespace syncline
