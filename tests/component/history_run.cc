#include "tests/component/history_run.h"

#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/error.h"
#include "base/status_macros.h"
#include "server/dataflow/aggregate_factory.h"
#include "server/dataflow/batch.h"
#include "server/model/names.h"
#include "server/postgres/sql/sql_generator.h"
#include "server/postgres/table/table_operations.h"
#include "server/sync/start_request.h"
#include "server/sync/stream_session.h"
#include "tests/component/flush_all.h"

namespace syncline::testing {
namespace {

constexpr int kSyncs = 5;
constexpr int64_t kMaxRecordBytes = 1 << 20;

// All map to the same table name.
constexpr const char* kStreamNames[] = {" t", "-t", "_t"};

write::LoaderContext Loaders(postgres::Database* database, const postgres::Ledger* ledger) {
  write::LoaderContext context;
  context.database = database;
  context.ledger = ledger;
  return context;
}

// Errors that a change of the catalog may cause.
bool IsRefusal(const absl::Status& status) {
  const std::string reason = GetDetail(status).reason;
  return reason == "SCHEMA_INCOMPATIBLE" || reason == "SCHEMA_FROZEN";
}

bool SameRows(const ColumnHistory::Table& a, const ColumnHistory::Table& b) {
  return std::equal(
      a.begin(), a.end(), b.begin(), b.end(), [](const auto& left, const auto& right) {
        return left.first == right.first && left.second.values == right.second.values &&
               left.second.entries == right.second.entries;
      });
}

std::string RowsOf(const ColumnHistory::Table& table) {
  std::string text;
  for (const auto& [record, values] : table) {
    absl::StrAppend(&text, record.first, ":", record.second, " ");
  }
  return text;
}

}  // namespace

HistoryRun::HistoryRun(const World& world, uint64_t seed)
    : world_(world),
      name_(absl::StrCat("h", seed)),
      random_(seed),
      database_(world.database),
      store_(&database_, world.connections, world.ledger, "histories"),
      writer_(Loaders(&database_, world.ledger)) {
  load_.connections = world.connections;
  load_.committer = world.committer;
  load_.blocks = &blocks_;
  load_.locked = &locked_;
  load_.statements = world.statements;
  load_.group = world.group;
  load_.stopping = [] { return true; };
  const int chance = static_cast<int>(random_() % 10);
  const int count = chance < 5 ? 1 : chance < 8 ? 2 : 3;
  for (int i = 0; i < count; ++i) {
    streams_.push_back(std::make_unique<Stream>(absl::StrCat(name_, kStreamNames[i]), random_()));
  }
}

absl::Status HistoryRun::Failure(const std::string& what) const {
  return absl::InternalError(absl::StrCat("history ", name_, "\n", story_, what));
}

HistoryRun::Chosen HistoryRun::Choose() {
  Chosen chosen;
  for (const auto& stream : streams_) chosen.push_back(stream.get());
  std::shuffle(chosen.begin(), chosen.end(), random_);
  chosen.resize(random_() % 4 == 0 ? chosen.size() : 1);
  return chosen;
}

absl::Status HistoryRun::Run() {
  for (int i = 0; i < kSyncs; ++i) {
    const Chosen chosen = Choose();
    for (Stream* const stream : chosen) {
      stream->sync = stream->source.Next();
      stream->columns.Next();
      stream->replaced = false;
      absl::StrAppend(&story_, i, ": \"", stream->name, "\" ", stream->sync.ToString(), "\n   ",
                      stream->columns.catalog().ToString(), "\n");
    }
    if (const absl::Status status = RunSync(chosen, absl::StrCat(name_, ".", i)); !status.ok()) {
      return Failure(status.ToString());
    }
    for (const auto& stream : streams_) {
      if (const absl::Status status = Check(stream.get()); !status.ok()) {
        return Failure(absl::StrCat("\"", stream->name, "\" ", status.message()));
      }
    }
  }
  return DropTables();
}

absl::Status HistoryRun::Repeat(const std::function<absl::Status()>& call) {
  if (random_() % 5 == 0) {
    database_.CrashAt(static_cast<int64_t>(random_() % 30 + 1));
    call().IgnoreError();
    database_.Recover();
  }
  return call();
}

absl::StatusOr<write::SyncDraft> HistoryRun::Draft(const Chosen& streams,
                                                   const std::string& sync_id) const {
  sync::StartRequest request;
  request.sync_id = sync_id;
  request.digest = sync_id;
  for (const Stream* const stream : streams) {
    StreamConfig config;
    config.descriptor = {"", stream->name};
    config.json_schema = stream->columns.catalog().JsonSchema();
    config.schema_policy = stream->columns.catalog().policy;
    config.write_mode = stream->sync.mode;
    config.replay = stream->sync.replay;
    config.generation_id = stream->sync.generation;
    config.minimum_generation_id = stream->sync.minimum;
    if (config.write_mode == WriteMode::kDedup) {
      config.primary_key = {{"id"}};
      config.cursor = {"version"};
    }
    request.streams.push_back(std::move(config));
  }
  return sync::CheckStartRequest(request, {world_.schema, world_.ledger->schema()});
}

absl::StatusOr<SyncEntry> HistoryRun::TryStart(const Chosen& streams, const std::string& sync_id) {
  SYNCLINE_ASSIGN_OR_RETURN(const write::SyncDraft draft, Draft(streams, sync_id));
  write::StartedSync started;
  SYNCLINE_RETURN_IF_ERROR(Repeat([&]() -> absl::Status {
    SYNCLINE_ASSIGN_OR_RETURN(started, writer_.Start(draft));
    return absl::OkStatus();
  }));
  return std::move(started.sync);
}

absl::StatusOr<SyncEntry> HistoryRun::Start(const Chosen& streams, const std::string& sync_id) {
  absl::StatusOr<SyncEntry> started = TryStart(streams, sync_id);
  // A catalog that was accepted before may be refused if the previous sync replaced the table and
  // this one adds to it.
  for (int tries = 1; tries <= 2 && !started.ok() && IsRefusal(started.status()); ++tries) {
    absl::StrAppend(&story_, "   refused: ", started.status().message(), "\n");
    for (Stream* const stream : streams) {
      SYNCLINE_ASSIGN_OR_RETURN(const ColumnHistory::Table rows, ReadTable(*stream));
      if (!SameRows(rows, stream->rows)) return absl::InternalError("a refusal has changed rows");
      const HistoryCatalog& catalog =
          tries == 1 ? stream->columns.TakeBack() : stream->columns.Empty();
      absl::StrAppend(&story_, "   then ", catalog.ToString(), "\n");
    }
    started = TryStart(streams, absl::StrCat(sync_id, ".", tries));
  }
  return started;
}

absl::Status HistoryRun::NoteStart(const Chosen& streams, const SyncEntry& record) {
  for (size_t i = 0; i < streams.size(); ++i) {
    Stream& stream = *streams[i];
    const StreamEntry& started = record.streams[i];
    if (!stream.table.has_value()) stream.table = started.plan.table;
    if (!(*stream.table == started.plan.table)) {
      return absl::InternalError(absl::StrCat(stream.name, " moves from ", stream.table->ToString(),
                                              " to ", started.plan.table.ToString()));
    }
    const std::string fault =
        stream.columns.Start(stream.sync.version, started.plan.schema.columns, started.changes);
    if (!fault.empty()) return absl::InternalError(fault);
  }
  std::set<TableName> tables;
  for (const auto& stream : streams_) {
    if (stream->table.has_value() && !tables.insert(*stream->table).second) {
      return absl::InternalError("two streams share " + stream->table->ToString());
    }
  }
  return absl::OkStatus();
}

absl::Status HistoryRun::RunSync(const Chosen& streams, const std::string& sync_id) {
  SYNCLINE_ASSIGN_OR_RETURN(const SyncEntry record, Start(streams, sync_id));
  SYNCLINE_RETURN_IF_ERROR(NoteStart(streams, record));
  for (size_t i = 0; i < streams.size(); ++i) {
    for (const HistoryPart& part : streams[i]->sync.parts) {
      SYNCLINE_RETURN_IF_ERROR(Send(record, record.streams[i].plan, *streams[i], part));
    }
  }
  bool cancelled = false;
  for (size_t i = 0; i < streams.size(); ++i) {
    cancelled = cancelled || streams[i]->sync.end == HistoryEnd::kCancelled;
    SYNCLINE_RETURN_IF_ERROR(End(record, record.streams[i].plan, streams[i]));
  }
  if (!cancelled) return absl::OkStatus();
  return Repeat([&] { return store_.CancelSync(record.sync_id).status(); });
}

absl::Status HistoryRun::Send(const SyncEntry& record, const StreamPlan& plan, const Stream& stream,
                              const HistoryPart& part) {
  SYNCLINE_ASSIGN_OR_RETURN(
      const ClaimedWriter claimed,
      store_.ClaimWriter(record.sync_no, plan.stream_no, absl::StrCat("w", part.partition)));
  const dataflow::AggregateFactory aggregates(&load_, kMaxRecordBytes);
  const std::unique_ptr<dataflow::Aggregate> aggregate =
      aggregates.Create(plan, record.sync_id, claimed.claim, claimed.committed);
  const auto fill = [&](int64_t begin, int64_t end) -> absl::Status {
    dataflow::Batch batch;
    batch.records = std::make_unique<v1::RecordBatch>();
    batch.records->set_first_offset(begin);
    for (int64_t i = begin; i < end; ++i) {
      batch.records->mutable_jsonl()->append(
          stream.columns.Line(HistoryId(part.partition, part.first + i), stream.sync.version));
    }
    batch.offsets = {begin, end};
    SYNCLINE_ASSIGN_OR_RETURN(const dataflow::Accepted accepted,
                              aggregate->Accept(&batch, kMaxRecordBytes));
    return accepted.rejected.empty() ? absl::OkStatus() : absl::InternalError("rejected");
  };
  if (part.checkpoint > 0) {
    SYNCLINE_RETURN_IF_ERROR(fill(0, part.checkpoint));
    const auto checkpoints = [&](int64_t) {
      return std::vector<PendingCheckpoint>{{"c", part.checkpoint, "state"}};
    };
    SYNCLINE_RETURN_IF_ERROR(FlushAll(*aggregate, checkpoints).status());
  }
  if (part.durable > part.checkpoint) {
    SYNCLINE_RETURN_IF_ERROR(fill(part.checkpoint, part.durable));
    SYNCLINE_RETURN_IF_ERROR(FlushAll(*aggregate).status());
  }
  store_.ReleaseWriter(claimed.claim, absl::OkStatus());
  return absl::OkStatus();
}

absl::Status HistoryRun::End(const SyncEntry& record, const StreamPlan& plan, Stream* stream) {
  CompletionRequest request;
  switch (stream->sync.end) {
    case HistoryEnd::kCut:
    case HistoryEnd::kCancelled:
      return absl::OkStatus();
    case HistoryEnd::kComplete:
      request.complete = true;
      break;
    case HistoryEnd::kIncomplete:
      break;
    case HistoryEnd::kDiscard:
      request.discard_staged = true;
      break;
  }
  sync::SessionContext context;
  context.store = &store_;
  context.writer = &writer_;
  context.metrics = world_.metrics;
  sync::StreamSession session(&context, record.sync_no, record.sync_id, plan);
  StreamEntry ended;
  SYNCLINE_RETURN_IF_ERROR(Repeat([&]() -> absl::Status {
    SYNCLINE_ASSIGN_OR_RETURN(ended, session.Complete(request));
    return absl::OkStatus();
  }));
  stream->replaced = ended.result.outcome == StreamOutcome::kSwapped ||
                     ended.result.outcome == StreamOutcome::kReplacedInPlace;
  return absl::OkStatus();
}

absl::Status HistoryRun::Check(Stream* stream) {
  if (const std::string fault = stream->source.SelfCheck(); !fault.empty()) {
    return absl::InternalError(fault);
  }
  SYNCLINE_ASSIGN_OR_RETURN(stream->rows, ReadTable(*stream));
  std::string owed;
  for (const HistoryRow& row : stream->source.Owed()) {
    absl::StrAppend(&owed, row.id, ":", row.version, " ");
  }
  if (const std::string rows = RowsOf(stream->rows); rows != owed) {
    return absl::InternalError(absl::StrCat("has      ", rows, "\nexpected ", owed));
  }
  const std::string fault =
      stream->columns.Check(stream->rows, std::exchange(stream->replaced, false));
  return fault.empty() ? absl::OkStatus() : absl::InternalError(fault);
}

absl::StatusOr<ColumnHistory::Table> HistoryRun::ReadTable(const Stream& stream) {
  ColumnHistory::Table table;
  if (!stream.table.has_value()) return table;
  std::vector<std::string> properties;
  std::vector<std::string> columns;
  for (const auto& [property, column] : stream.columns.columns()) {
    properties.push_back(property);
    columns.push_back(column);
  }
  SYNCLINE_RETURN_IF_ERROR(world_.database->Transact([&](postgres::Transaction& transaction)
                                                         -> absl::Status {
    SYNCLINE_ASSIGN_OR_RETURN(const bool exists, postgres::TableExists(transaction, *stream.table));
    if (!exists) return absl::OkStatus();
    SYNCLINE_ASSIGN_OR_RETURN(
        const postgres::Result rows,
        transaction.Query(
            absl::StrCat("SELECT t.id, t.version, c.property, pg_catalog.to_jsonb(t) ->> c.name, ",
                         "EXISTS (SELECT FROM pg_catalog.jsonb_array_elements(t._airbyte_meta -> ",
                         "'changes') entry WHERE entry.value ->> 'field' = c.property) FROM ",
                         postgres::QuoteTable(*stream.table),
                         " t LEFT JOIN unnest($1::pg_catalog.text[], $2::pg_catalog.text[]) ",
                         "c (property, name) ON true"),
            postgres::Params().TextArray(properties).TextArray(columns)));
    for (size_t i = 0; i < rows.size(); ++i) {
      HistoryValues& row = table[{rows.Int(i, 0), rows.Int(i, 1)}];
      if (rows.IsNull(i, 2)) continue;
      if (!rows.IsNull(i, 3)) row.values[rows.Text(i, 2)] = rows.Text(i, 3);
      if (rows.Bool(i, 4)) row.entries.insert(rows.Text(i, 2));
    }
    return absl::OkStatus();
  }));
  return table;
}

absl::Status HistoryRun::DropTables() {
  return world_.database->Transact([&](postgres::Transaction& transaction) -> absl::Status {
    for (const auto& stream : streams_) {
      if (!stream->table.has_value()) continue;
      SYNCLINE_RETURN_IF_ERROR(postgres::DropTable(
          transaction, GetStagingTableName(*stream->table, world_.ledger->schema())));
      SYNCLINE_RETURN_IF_ERROR(postgres::DropTable(transaction, *stream->table));
    }
    return absl::OkStatus();
  });
}

}  // namespace syncline::testing
