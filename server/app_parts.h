// The parts of App, in the order of construction. Only for app.cc and the files that build them.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/alarm.h"
#include "base/delayed_tasks.h"
#include "base/free_list.h"
#include "base/memory_budget.h"
#include "base/stop_signal.h"
#include "base/thread_pool.h"
#include "base/ticker.h"
#include "server/app.h"
#include "server/dataflow/lane.h"
#include "server/metrics/endpoint.h"
#include "server/metrics/metrics.h"
#include "server/postgres/connection/canceller.h"
#include "server/postgres/connection/connection_pool.h"
#include "server/postgres/connection/destination.h"
#include "server/postgres/connection/silence_watch.h"
#include "server/postgres/embedded/embedded_server.h"
#include "server/postgres/ledger/data_commit.h"
#include "server/postgres/ledger/ledger.h"
#include "server/postgres/ledger/readiness.h"
#include "server/rpc/admission.h"
#include "server/rpc/auth.h"
#include "server/rpc/certificate_watch.h"
#include "server/rpc/deafness_watch.h"
#include "server/rpc/failed_tries.h"
#include "server/rpc/open_calls.h"
#include "server/rpc/open_connections.h"
#include "server/rpc/read_gate.h"
#include "server/rpc/server.h"
#include "server/rpc/status_board.h"
#include "server/rpc/unary_call.h"
#include "server/sync/sync_registry.h"
#include "server/sync/watch_reader.h"
#include "server/write/ledger_upkeep.h"
#include "server/write/load/group_commit.h"
#include "server/write/load/insert_buffer.h"
#include "server/write/load/locked_tables.h"
#include "server/write/merge_vacuum.h"
#include "server/write/meta_defaults.h"
#include "server/write/stream_state_store.h"
#include "server/write/watch_source.h"

namespace syncline {

// In the order of construction; destroyed in reverse.
struct App::Parts {
  // Free lists may hold up to 1/16 of the memory budget in blocks and 1/32 in string buffers, in
  // addition to it.
  static constexpr size_t kBudgetPerFreeBlocks = 16;
  static constexpr size_t kBudgetPerFreeBuffers = 32;

  // Maximum bytes of the requests of unary calls in progress.
  static constexpr int64_t kMaxRequestBytes = int64_t{64} << 20;

  explicit Parts(const config::Config& c)
      : config(c),
        budget(c.load.memory_budget_bytes),
        blocks(static_cast<size_t>(c.load.memory_budget_bytes) / kBudgetPerFreeBlocks),
        texts(static_cast<size_t>(c.load.memory_budget_bytes) / kBudgetPerFreeBuffers),
        ledger(c.database.ledger_schema),
        committer(ledger),
        client_connections(c.serve.max_connections),
        gate(std::max(c.serve.max_message_bytes, c.load.memory_budget_bytes / 2),
             c.serve.max_message_bytes),
        admission({.max_open_streams = c.serve.max_open_streams,
                   .max_watches = c.serve.max_watches,
                   .max_calls = c.serve.max_calls,
                   .max_request_bytes = kMaxRequestBytes,
                   .max_caller_share = c.serve.max_caller_share}),
        authenticator(c.auth.tokens),
        metrics_authenticator(c.metrics_auth.file.empty() ? c.auth.tokens : c.metrics_auth.tokens) {
  }

  absl::Status Build();
  absl::Status BuildDatabase();
  // Returns a database with at most `connections_at_most` connections.
  absl::StatusOr<std::unique_ptr<postgres::Database>> CreateDatabase(int connections_at_most,
                                                                     absl::Duration lock_timeout);
  void BuildPools();
  void BuildWritePath();
  // `locks`: those of the loaders. The store must exist.
  void BuildUpkeep(const postgres::LockPolicy& locks);
  void BuildWatches();
  absl::Status BuildServer();
  void BuildDeafnessWatch();
  // Returns the sum over the databases.
  postgres::Database::Usage GetUsage() const;
  void SetGauges();
  absl::Status BuildEndpoint();
  // Those that need no database: they also end silent callers while the server is not ready yet.
  void BuildTickers();
  void BuildFileTicker();
  void BuildDatabaseTickers();
  void BuildAlarms();
  // Returns a task that reads a token file again whenever it changes.
  Ticker::Task WatchTokens(const config::TokenConfig& tokens,
                           std::vector<rpc::Authenticator*> authenticators);
  void Drain();

  const config::Config config;
  std::unique_ptr<postgres::EmbeddedServer> embedded;
  std::string conninfo;
  std::unique_ptr<metrics::Metrics> metrics;
  MemoryBudget budget;
  FreeBlocks blocks;
  FreeStrings texts;
  StopSignal stopping;
  postgres::OpenSockets sockets;
  postgres::Destination destination;
  postgres::Ledger ledger;
  postgres::DataCommitter committer;
  postgres::Canceller canceller;
  // Each has connections of its own, so that neither callers nor locked tables nor long merges can
  // take those of another kind of work.
  std::unique_ptr<postgres::Database> database;             // queries and ends of streams
  std::unique_ptr<postgres::Database> start_database;       // StartSync
  std::unique_ptr<postgres::Database> publish_database;     // merges and swaps
  std::unique_ptr<postgres::Database> vital_database;       // lease and health
  std::unique_ptr<postgres::Database> background_database;  // numbers of checkpoints, upkeep
  std::unique_ptr<postgres::Readiness> readiness;
  std::unique_ptr<postgres::SilenceWatch> silence;
  std::unique_ptr<postgres::ConnectionPool> connections;
  std::unique_ptr<postgres::ConnectionPool> group_connections;  // for `group` only
  std::unique_ptr<ThreadPool> start_pool;
  std::unique_ptr<ThreadPool> control_pool;
  std::unique_ptr<ThreadPool> load_pool;
  std::unique_ptr<ThreadPool> claim_pool;
  std::unique_ptr<ThreadPool> end_pool;
  std::unique_ptr<ThreadPool> finalize_pool;
  std::unique_ptr<write::LockedTables> locked_tables;
  write::StatementTables statement_tables;
  std::unique_ptr<write::GroupCommit> group;
  DelayedTasks delayed;
  write::LoadContext load_context;
  dataflow::LaneContext lane_context;
  std::unique_ptr<dataflow::AggregateFactory> aggregates;
  std::unique_ptr<write::Writer> writer;
  std::unique_ptr<write::StreamStateStore> store;
  std::unique_ptr<write::LedgerUpkeep> upkeep;
  std::unique_ptr<write::MergeVacuum> vacuum;
  rpc::OpenConnections client_connections;
  rpc::ReadGate gate;
  rpc::OpenCalls open_calls;
  rpc::Admission admission;
  rpc::RunningCalls running_calls;
  rpc::FailedTries failed_tries;
  rpc::Authenticator authenticator;
  rpc::Authenticator metrics_authenticator;
  std::unique_ptr<sync::SyncRegistry> registry;
  std::unique_ptr<write::WatchSource> watch_source;
  std::unique_ptr<sync::WatchReader> watches;
  std::unique_ptr<rpc::CertificateWatch> certificate;  // null without TLS
  std::unique_ptr<rpc::Server> server;
  std::unique_ptr<rpc::DeafnessWatch> deafness;
  std::unique_ptr<Ticker> flush_ticker;
  std::unique_ptr<Ticker> database_ticker;
  std::unique_ptr<Ticker> announce_ticker;
  std::unique_ptr<Ticker> upkeep_ticker;
  std::unique_ptr<Ticker> silence_ticker;
  std::unique_ptr<Ticker> file_ticker;
  std::unique_ptr<rpc::StatusBoard> board;
  std::unique_ptr<Ticker> status_ticker;
  std::unique_ptr<metrics::Endpoint> endpoint;
  // End the process, and the connections to the database, if a drain takes too long. Their threads
  // exist from the start, because a drain may begin when no thread can be started.
  std::unique_ptr<Alarm> drain_hangs;
  std::unique_ptr<Alarm> drain_deadline;
  bool drained = false;

  int metrics_port() const { return endpoint == nullptr ? 0 : endpoint->port(); }
};

}  // namespace syncline
