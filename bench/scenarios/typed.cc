// P2: the same records as typed rows through the client library's stream writer, against \copy.
#include <unistd.h>

#include <algorithm>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/civil_time.h"
#include "absl/time/clock.h"
#include "bench/runner/loading.h"
#include "bench/runner/process_usage.h"
#include "bench/runner/requests.h"
#include "bench/scenarios/scenarios.h"
#include "client/stream_writer.h"
#include "client/sync_client.h"
#include "server/base/status_macros.h"

namespace syncline::bench {
namespace {

constexpr int64_t kBatchRecords = 1000;  // near 150 KiB

int64_t IntegerOf(const std::string& text) {
  int64_t number = 0;
  return absl::SimpleAtoi(text, &number) ? number : 0;
}

int64_t MicrosecondsOf(const std::string& text) {
  absl::Time time;
  return absl::ParseTime(absl::RFC3339_full, text, &time, nullptr) ? absl::ToUnixMicros(time) : 0;
}

int64_t DaysOf(const std::string& text) {
  absl::CivilDay day;
  return absl::ParseCivilTime(text, &day) ? day - absl::CivilDay(1970, 1, 1) : 0;
}

void AppendText(const std::string& text, v1::TextValues* values) {
  values->mutable_data()->append(text);
  values->add_lengths(static_cast<uint32_t>(text.size()));
}

void AppendValue(CellKind kind, const std::string& text, v1::ColumnValues* values) {
  switch (kind) {
    case CellKind::kInteger:
      values->mutable_int64s()->add_values(IntegerOf(text));
      break;
    case CellKind::kBoolean:
      values->mutable_bools()->add_values(text == "true");
      break;
    case CellKind::kNumber:  // a double would not keep the digits
    case CellKind::kText:
      AppendText(text, values->mutable_texts());
      break;
    case CellKind::kDate:
      values->mutable_dates_days()->add_values(DaysOf(text));
      break;
    case CellKind::kTimestamp:
      values->mutable_timestamps_us()->add_values(MicrosecondsOf(text));
      break;
    case CellKind::kJson:
      AppendText(text, values->mutable_jsons());
      break;
  }
}

v1::StreamRecordsRequest TypedBatch(const RecordShape& shape, int64_t first, int64_t count) {
  v1::StreamRecordsRequest request;
  v1::RowBatch* const rows = request.mutable_batch()->mutable_rows();
  rows->set_row_count(count);
  for (const Column& column : shape.columns) {
    rows->add_columns(column.name);
    rows->add_values()->mutable_nulls()->resize(static_cast<size_t>((count + 7) / 8));
  }
  std::vector<Cell> cells;
  for (int64_t i = 0; i < count; ++i) {
    FillRecord(shape, first + i, 0, &cells);
    for (size_t c = 0; c < cells.size(); ++c) {
      v1::ColumnValues* const values = rows->mutable_values(static_cast<int>(c));
      if (cells[c].null) {
        char& bits = (*values->mutable_nulls())[static_cast<size_t>(i / 8)];
        bits = static_cast<char>(static_cast<unsigned char>(bits) | (1U << (i % 8)));
      }
      AppendValue(shape.columns[c].kind, cells[c].text, values);
    }
  }
  return request;
}

// A program with its rows in memory: it makes messages of them while the clock runs.
absl::StatusOr<ProgramEnd> Send(client::SyncClient& client, const RecordShape& shape,
                                const std::vector<v1::StreamRecordsRequest>& batches,
                                const std::string& schema) {
  const double cpu_before = CpuSeconds(getpid());
  const absl::Time began = absl::Now();
  client::StreamWriterOptions options;
  options.start = AppendRequest("typed-" + schema, schema, shape);
  options.descriptor = options.start.streams(0).descriptor();
  SYNCLINE_RETURN_IF_ERROR(client.StartSync(options.start).status());
  const v1::CompleteStreamRequest completion =
      CompletionOf(options.start.sync_id(), options.descriptor);
  client::StreamWriter writer(&client, nullptr, std::move(options));
  for (const v1::StreamRecordsRequest& batch : batches) {
    SYNCLINE_RETURN_IF_ERROR(writer.Send(std::make_unique<v1::StreamRecordsRequest>(batch),
                                         batch.batch().rows().row_count()));
  }
  SYNCLINE_RETURN_IF_ERROR(writer.Close());
  SYNCLINE_RETURN_IF_ERROR(client.CompleteStream(completion).status());
  return ProgramEnd{.seconds = absl::ToDoubleSeconds(absl::Now() - began),
                    .cpu_seconds = CpuSeconds(getpid()) - cpu_before};
}

}  // namespace

absl::StatusOr<Figures> RunTyped(Bench& bench) {
  const RecordShape& shape = *FindRecordShape("mixed12");
  const int64_t records = bench.options().records;
  std::vector<v1::StreamRecordsRequest> batches;
  for (int64_t first = 0; first < records; first += kBatchRecords) {
    batches.push_back(TypedBatch(shape, first, std::min(kBatchRecords, records - first)));
  }
  SYNCLINE_ASSIGN_OR_RETURN(const std::unique_ptr<ServerUnderTest> server, bench.StartServer());
  client::ConnectionOptions connection;
  connection.server = server->address();
  SYNCLINE_ASSIGN_OR_RETURN(const std::unique_ptr<client::SyncClient> client,
                            client::SyncClient::Create(connection));
  const auto load = [&](const std::string& schema) {
    return Send(*client, shape, batches, schema);
  };
  SYNCLINE_ASSIGN_OR_RETURN(const Pairs pairs,
                            CompareWithCopy(bench, *server, shape, records, load));
  return Figures{{.id = "P2",
                  .name = "append of typed rows / copy",
                  .unit = "s",
                  .ours = Pairs::Pick(pairs.ours, kSeconds),
                  .baseline = Pairs::Pick(pairs.baseline, kSeconds),
                  .target = 0.65},
                 {.id = "",
                  .name = "server's CPU / PostgreSQL's CPU, of P2",
                  .unit = "s",
                  .ours = Pairs::Pick(pairs.ours, kServerCpu),
                  .baseline = Pairs::Pick(pairs.ours, kPostgresCpu)}};
}

}  // namespace syncline::bench
