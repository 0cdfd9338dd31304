// P8: the effect on 20 readers of a table while a loaded replacement is swapped in, from the start
// of CompleteStream to its end, compared with the minimum that replaces a table: two renames and a
// drop with plain SQL. Both are also compared with the seconds before.
#include <algorithm>
#include <functional>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/status_macros.h"
#include "bench/runner/loading.h"
#include "bench/runner/readers.h"
#include "bench/runner/requests.h"
#include "bench/scenarios/scenarios.h"
#include "client/sync_client.h"

namespace syncline::bench {
namespace {

constexpr int kReaders = 20;
constexpr absl::Duration kPause = absl::Milliseconds(10);
// The first reads of a connection are slow.
constexpr absl::Duration kWarmUp = absl::Seconds(1);
constexpr absl::Duration kBefore = absl::Seconds(3);
constexpr double kMilliseconds = 1000;

struct ReaderEffect {
  double p99_before_ms = 0;
  double p99_during_ms = 0;
  // The longest time without a response to any reader.
  double unavailable_ms = 0;
};

struct Pair {
  ReaderEffect ours;
  ReaderEffect plain_sql;
};

std::vector<double> ReadTimesBetween(const std::vector<Read>& reads, absl::Time begin,
                                     absl::Time end) {
  std::vector<double> took;
  for (const Read& read : reads) {
    if (read.ended < begin || read.began > end) continue;
    took.push_back(absl::ToDoubleSeconds(read.ended - read.began) * kMilliseconds);
  }
  return took;
}

double LongestUnanswered(const std::vector<Read>& reads, absl::Time begin, absl::Time end) {
  std::vector<absl::Time> answers = {begin};
  for (const Read& read : reads) {
    if (read.ended >= begin && read.ended <= end) answers.push_back(read.ended);
  }
  answers.push_back(end);
  std::sort(answers.begin(), answers.end());
  absl::Duration longest;
  for (size_t i = 1; i < answers.size(); ++i) {
    longest = std::max(longest, answers[i] - answers[i - 1]);
  }
  return absl::ToDoubleSeconds(longest) * kMilliseconds;
}

class Swap {
 public:
  Swap(Bench& bench, const ServerUnderTest& server, client::SyncClient& client)
      : bench_(bench), server_(server), client_(client) {}

  absl::Status Prepare() {
    const Slice slice = {.count = bench_.options().records};
    SYNCLINE_ASSIGN_OR_RETURN(file_, bench_.DataFile(shape_, RecordFormat::kJsonl, slice));
    SYNCLINE_ASSIGN_OR_RETURN(contents_, ComputeExpectedContents(bench_, shape_, {slice}));
    return absl::OkStatus();
  }

  absl::StatusOr<Pair> Once() {
    SYNCLINE_ASSIGN_OR_RETURN(const std::string schema, bench_.FreshSchema(/*create=*/false));
    const std::string sync_id = "swap-" + schema;
    SYNCLINE_RETURN_IF_ERROR(Load(schema, {"--mode=append"}));
    SYNCLINE_RETURN_IF_ERROR(
        Load(schema, {"--mode=overwrite", "--keep_open", "--sync_id=" + sync_id}));
    const std::string table = GetTableName(schema, shape_);
    const v1::StreamDescriptor descriptor =
        AppendRequest(sync_id, schema, shape_).streams(0).descriptor();
    Pair pair;
    SYNCLINE_ASSIGN_OR_RETURN(
        pair.ours, During(table, [&] {
          return client_.CompleteStream(CompletionOf(sync_id, descriptor)).status();
        }));
    SYNCLINE_RETURN_IF_ERROR(CheckContents(bench_, shape_, table, contents_));
    SYNCLINE_ASSIGN_OR_RETURN(pair.plain_sql, RunBaseline(schema));
    SYNCLINE_RETURN_IF_ERROR(CheckContents(bench_, shape_, table, contents_));
    SYNCLINE_RETURN_IF_ERROR(bench_.DropSchema(schema));
    return pair;
  }

 private:
  // Measures the effect of `change` on readers of `table`.
  absl::StatusOr<ReaderEffect> During(const std::string& table,
                                      const std::function<absl::Status()>& change) {
    SYNCLINE_RETURN_IF_ERROR(bench_.Checkpoint());
    SYNCLINE_ASSIGN_OR_RETURN(
        const std::unique_ptr<Readers> readers,
        Readers::Start(bench_.options().dsn, kReaders,
                       absl::StrCat("SELECT * FROM ", table, " LIMIT 10"), kPause));
    absl::SleepFor(kWarmUp + kBefore);
    const absl::Time begin = absl::Now();
    SYNCLINE_RETURN_IF_ERROR(change());
    const absl::Time end = absl::Now();
    // Reads that began during the change have ended by then.
    absl::SleepFor(absl::Seconds(1));
    SYNCLINE_ASSIGN_OR_RETURN(const std::vector<Read> reads, readers->Reads());
    return ReaderEffect{
        .p99_before_ms = Quantile(ReadTimesBetween(reads, begin - kBefore, begin), 0.99),
        .p99_during_ms = Quantile(ReadTimesBetween(reads, begin, end), 0.99),
        .unavailable_ms = LongestUnanswered(reads, begin, end)};
  }

  absl::StatusOr<ReaderEffect> RunBaseline(const std::string& schema) {
    const std::string name = absl::StrCat("\"", schema, "\".", shape_.name);
    SYNCLINE_RETURN_IF_ERROR(
        bench_.database().Execute(absl::StrCat("CREATE TABLE ", name, "_copy AS TABLE ", name)));
    return During(name, [&] {
      return bench_.database().Execute(absl::StrCat(
          "BEGIN; ALTER TABLE ", name, " RENAME TO ", shape_.name, "_old; ALTER TABLE ", name,
          "_copy RENAME TO ", shape_.name, "; DROP TABLE ", name, "_old; COMMIT"));
    });
  }

  absl::Status Load(const std::string& schema, const std::vector<std::string>& flags) {
    SYNCLINE_ASSIGN_OR_RETURN(std::vector<std::string> arguments,
                              LoadArguments(bench_, server_, shape_, file_, schema, flags));
    return bench_.Run({.arguments = std::move(arguments)}).status();
  }

  Bench& bench_;
  const ServerUnderTest& server_;
  client::SyncClient& client_;
  const RecordShape& shape_ = *FindRecordShape("mixed12");
  std::string file_;
  std::string contents_;
};

}  // namespace

absl::StatusOr<Findings> RunSwap(Bench& bench) {
  SYNCLINE_ASSIGN_OR_RETURN(const std::unique_ptr<ServerUnderTest> server, bench.StartServer());
  client::ConnectionOptions connection;
  connection.server = server->address();
  SYNCLINE_ASSIGN_OR_RETURN(const std::unique_ptr<client::SyncClient> client,
                            client::SyncClient::Create(connection));
  Swap swap(bench, *server, *client);
  SYNCLINE_RETURN_IF_ERROR(swap.Prepare());
  Figure p99 = {.id = "P8",
                .name = "20 readers' p99 in a swap / with plain SQL",
                .unit = "ms",
                .ours = {},
                .target = 1};
  Figure silence = {.id = "P8",
                    .name = "longest time without an answer to a reader",
                    .unit = "ms",
                    .ours = {},
                    .target = 50};
  Figure before = {
      .id = "", .name = "20 readers' p99 in a swap / before", .unit = "ms", .ours = {}};
  Figure plain_sql = {
      .id = "", .name = "20 readers' p99 with plain SQL / before", .unit = "ms", .ours = {}};
  const absl::Time deadline = absl::Now() + bench.options().limit;
  for (int i = 0; i < bench.options().repetitions; ++i) {
    if (i > 0 && absl::Now() >= deadline) break;
    SYNCLINE_ASSIGN_OR_RETURN(const Pair noticed, swap.Once());
    p99.ours.push_back(noticed.ours.p99_during_ms);
    p99.baseline.push_back(noticed.plain_sql.p99_during_ms);
    before.ours.push_back(noticed.ours.p99_during_ms);
    before.baseline.push_back(noticed.ours.p99_before_ms);
    silence.ours.push_back(noticed.ours.unavailable_ms);
    plain_sql.ours.push_back(noticed.plain_sql.p99_during_ms);
    plain_sql.baseline.push_back(noticed.plain_sql.p99_before_ms);
  }
  return Figures{p99, silence, before, plain_sql};
}

}  // namespace syncline::bench
