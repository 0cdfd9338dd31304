// P14: StartSync of 1,000 new streams, and CompleteStream of all of them, 16 at once, compared with
// 1,000 CREATE TABLE of the same columns by psql, each of which commits by itself.
#include <algorithm>
#include <atomic>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "base/status_macros.h"
#include "bench/runner/requests.h"
#include "bench/scenarios/scenarios.h"
#include "client/sync_client.h"

namespace syncline::bench {
namespace {

constexpr int kStreams = 1000;
constexpr int kCallers = 16;
// Tables that are dropped in one transaction, which holds several locks for each.
constexpr int kDroppedTogether = 100;

class ControlPlane {
 public:
  ControlPlane(Bench& bench, client::SyncClient& client) : bench_(bench), client_(client) {}

  // Seconds of StartSync and of the completions.
  absl::StatusOr<Measures> Ours() {
    SYNCLINE_ASSIGN_OR_RETURN(const std::string schema, bench_.FreshSchema(/*create=*/true));
    const v1::StartSyncRequest start = Request(schema);
    SYNCLINE_RETURN_IF_ERROR(bench_.Checkpoint());
    const absl::Time began = absl::Now();
    SYNCLINE_RETURN_IF_ERROR(client_.StartSync(start).status());
    const absl::Time started = absl::Now();
    SYNCLINE_ASSIGN_OR_RETURN(const std::string definition, DescribeTables(schema));
    if (create_.empty()) create_ = definition;
    SYNCLINE_RETURN_IF_ERROR(bench_.Checkpoint());
    const absl::Time completing = absl::Now();
    SYNCLINE_RETURN_IF_ERROR(CompleteAll(start));
    const absl::Time ended = absl::Now();
    SYNCLINE_RETURN_IF_ERROR(CheckAndDrop(schema));
    return Measures{absl::ToDoubleSeconds(started - began),
                    absl::ToDoubleSeconds(ended - completing)};
  }

  absl::StatusOr<Measures> ByPsql() {
    SYNCLINE_ASSIGN_OR_RETURN(const std::string schema, bench_.FreshSchema(/*create=*/true));
    std::string script;
    for (int number = 0; number < kStreams; ++number) {
      absl::StrAppend(&script, "CREATE TABLE ", schema, ".", TableName(number), " (", create_,
                      ");\n");
    }
    const std::string file = absl::StrCat(schema, ".sql");
    SYNCLINE_RETURN_IF_ERROR(bench_.WriteFile(file, script));
    SYNCLINE_RETURN_IF_ERROR(bench_.Checkpoint());
    SYNCLINE_ASSIGN_OR_RETURN(const ProgramEnd end, bench_.Psql({"\\i " + bench_.Path(file)}));
    SYNCLINE_RETURN_IF_ERROR(CheckAndDrop(schema));
    return Measures{end.seconds};
  }

 private:
  static std::string TableName(int number) { return absl::StrCat("t", number); }

  v1::StartSyncRequest Request(const std::string& schema) const {
    v1::StartSyncRequest request = AppendRequest("control-" + schema, schema, shape_);
    const v1::StreamConfig stream = request.streams(0);
    request.clear_streams();
    for (int number = 0; number < kStreams; ++number) {
      v1::StreamConfig* const added = request.add_streams();
      *added = stream;
      added->mutable_descriptor()->set_name(TableName(number));
    }
    return request;
  }

  // Returns the column definitions of the tables that StartSync has created.
  absl::StatusOr<std::string> DescribeTables(const std::string& schema) {
    return bench_.database().Value(absl::StrCat(
        "SELECT string_agg(quote_ident(attname) || ' ' || format_type(atttypid, atttypmod) || CASE "
        "WHEN attnotnull THEN ' NOT NULL' ELSE '' END, ', ' ORDER BY attnum) FROM pg_attribute "
        "WHERE attrelid = '",
        schema, ".", TableName(0), "'::regclass AND attnum > 0"));
  }

  absl::Status CompleteAll(const v1::StartSyncRequest& start) {
    std::atomic<int> next = 0;
    std::vector<absl::Status> errors(kCallers);
    std::vector<std::thread> callers;
    for (absl::Status& error : errors) {
      callers.emplace_back([&] {
        for (int number = next++; number < kStreams && error.ok(); number = next++) {
          error =
              client_
                  .CompleteStream(CompletionOf(start.sync_id(), start.streams(number).descriptor()))
                  .status();
        }
      });
    }
    for (std::thread& caller : callers) caller.join();
    for (const absl::Status& error : errors) SYNCLINE_RETURN_IF_ERROR(error);
    return absl::OkStatus();
  }

  absl::Status CheckAndDrop(const std::string& schema) {
    SYNCLINE_ASSIGN_OR_RETURN(
        const int64_t tables,
        bench_.database().Integer(
            absl::StrCat("SELECT count(*) FROM pg_class WHERE relkind = 'r' AND relnamespace = '",
                         schema, "'::regnamespace")));
    if (tables != kStreams) return absl::InternalError(absl::StrCat(tables, " tables"));
    for (int first = 0; first < kStreams; first += kDroppedTogether) {
      std::vector<std::string> names;
      for (int number = first; number < std::min(first + kDroppedTogether, kStreams); ++number) {
        names.push_back(absl::StrCat(schema, ".", TableName(number)));
      }
      SYNCLINE_RETURN_IF_ERROR(
          bench_.database().Execute("DROP TABLE " + absl::StrJoin(names, ", ")));
    }
    return bench_.DropSchema(schema);
  }

  Bench& bench_;
  client::SyncClient& client_;
  const RecordShape& shape_ = *FindRecordShape("mixed12");
  std::string create_;  // the column definitions of the tables; set by the first run of Ours
};

}  // namespace

absl::StatusOr<Findings> RunControlPlane(Bench& bench) {
  SYNCLINE_ASSIGN_OR_RETURN(const std::unique_ptr<ServerUnderTest> server, bench.StartServer());
  client::ConnectionOptions connection;
  connection.server = server->address();
  SYNCLINE_ASSIGN_OR_RETURN(const std::unique_ptr<client::SyncClient> client,
                            client::SyncClient::Create(connection));
  ControlPlane scenario(bench, *client);
  SYNCLINE_ASSIGN_OR_RETURN(const Pairs pairs, bench.Alternate([&] { return scenario.Ours(); },
                                                               [&] { return scenario.ByPsql(); }));
  return Figures{{.id = "P14",
                  .name = "StartSync of 1,000 streams / 1,000 CREATE TABLE",
                  .unit = "s",
                  .ours = Pairs::Pick(pairs.ours, 0),
                  .baseline = Pairs::Pick(pairs.baseline, 0),
                  .target = 2.0},
                 {.id = "P14",
                  .name = "CompleteStream of 1,000 streams, 16 at once / 1,000 CREATE TABLE",
                  .unit = "s",
                  .ours = Pairs::Pick(pairs.ours, 1),
                  .baseline = Pairs::Pick(pairs.baseline, 0),
                  .target = 2.0}};
}

}  // namespace syncline::bench
