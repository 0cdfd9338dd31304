#include "bench/runner/ack_callers.h"

#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/status_macros.h"
#include "base/thread.h"
#include "bench/runner/acked_writer.h"
#include "bench/runner/figure.h"
#include "bench/runner/insert_baseline.h"
#include "bench/runner/loading.h"
#include "bench/runner/requests.h"

namespace syncline::bench {
namespace {

constexpr double kMilliseconds = 1000;

}  // namespace

absl::StatusOr<std::unique_ptr<AckCallers>> AckCallers::Create(Bench* bench,
                                                               const std::string& server_address,
                                                               std::string dsn) {
  client::ConnectionOptions connection;
  connection.server = server_address;
  SYNCLINE_ASSIGN_OR_RETURN(std::unique_ptr<client::SyncClient> client,
                            client::SyncClient::Create(connection));
  return std::unique_ptr<AckCallers>(
      new AckCallers(bench, std::move(dsn), std::move(client),
                     v1::SyncService::NewStub(
                         grpc::CreateChannel(server_address, grpc::InsecureChannelCredentials()))));
}

absl::StatusOr<Measures> AckCallers::Append(const CallerPlan& plan) {
  SYNCLINE_ASSIGN_OR_RETURN(const std::string schema, bench_.FreshSchema(/*create=*/false));
  const std::string sync_id = "acks-" + schema;
  const v1::StartSyncRequest start = AppendRequest(sync_id, schema, shape_);
  SYNCLINE_RETURN_IF_ERROR(client_->StartSync(start).status());
  const v1::StreamDescriptor& descriptor = start.streams(0).descriptor();
  std::vector<std::unique_ptr<AckedWriter>> writers;
  std::vector<WriteOne> callers;
  for (int i = 0; i < plan.callers; ++i) {
    SYNCLINE_ASSIGN_OR_RETURN(
        std::unique_ptr<AckedWriter> opened,
        AckedWriter::Open(stub_.get(), sync_id, descriptor, absl::StrCat("w", i), shape_));
    writers.push_back(std::move(opened));
    callers.push_back([writer = writers.back().get()](int64_t number, int64_t offset) {
      return writer->Write(number, offset).status();
    });
  }
  SYNCLINE_RETURN_IF_ERROR(bench_.Checkpoint());
  SYNCLINE_ASSIGN_OR_RETURN(Measures measures, Run(plan, callers));
  for (const std::unique_ptr<AckedWriter>& writer : writers) {
    SYNCLINE_RETURN_IF_ERROR(writer->Finish());
  }
  SYNCLINE_RETURN_IF_ERROR(client_->CompleteStream(CompletionOf(sync_id, descriptor)).status());
  SYNCLINE_RETURN_IF_ERROR(Check(plan, schema));
  return measures;
}

absl::StatusOr<Measures> AckCallers::Insert(const CallerPlan& plan) {
  SYNCLINE_ASSIGN_OR_RETURN(const std::string schema, bench_.FreshSchema(/*create=*/true));
  const std::string table = GetTableName(schema, shape_);
  SYNCLINE_RETURN_IF_ERROR(InsertBaseline::CreateTable(bench_.database(), table, shape_));
  std::vector<std::unique_ptr<InsertBaseline>> connections;
  std::vector<WriteOne> callers;
  for (int i = 0; i < plan.callers; ++i) {
    SYNCLINE_ASSIGN_OR_RETURN(std::unique_ptr<InsertBaseline> connection,
                              InsertBaseline::Create(dsn_, table, shape_));
    connections.push_back(std::move(connection));
    callers.push_back([connection = connections.back().get()](int64_t number, int64_t) {
      return connection->Insert(number).status();
    });
  }
  SYNCLINE_RETURN_IF_ERROR(bench_.Checkpoint());
  SYNCLINE_ASSIGN_OR_RETURN(Measures measures, Run(plan, callers));
  SYNCLINE_RETURN_IF_ERROR(Check(plan, schema));
  return measures;
}

absl::StatusOr<Measures> AckCallers::Run(const CallerPlan& plan,
                                         const std::vector<WriteOne>& callers) {
  std::vector<std::vector<double>> took(callers.size());
  std::vector<absl::Status> ends(callers.size());
  const absl::Time began = absl::Now();
  const auto call = [&](size_t caller) -> absl::Status {
    for (int64_t offset = 0; offset < plan.records; ++offset) {
      absl::Time due = absl::Now();
      if (plan.interval > absl::ZeroDuration()) {
        due = began + plan.interval * static_cast<double>(offset);
        absl::SleepFor(due - absl::Now());
      }
      const int64_t number = static_cast<int64_t>(caller) * plan.records + offset;
      SYNCLINE_RETURN_IF_ERROR(callers[caller](number, offset));
      took[caller].push_back(absl::ToDoubleSeconds(absl::Now() - due) * kMilliseconds);
    }
    return absl::OkStatus();
  };
  {
    std::vector<std::unique_ptr<Thread>> threads;
    for (size_t caller = 0; caller < callers.size(); ++caller) {
      threads.push_back(
          std::make_unique<Thread>("caller", [&, caller] { ends[caller] = call(caller); }));
    }
  }
  const double seconds = absl::ToDoubleSeconds(absl::Now() - began);
  std::vector<double> all;
  for (size_t caller = 0; caller < callers.size(); ++caller) {
    SYNCLINE_RETURN_IF_ERROR(ends[caller]);
    all.insert(all.end(), took[caller].begin(), took[caller].end());
  }
  return Measures{static_cast<double>(all.size()) / seconds, Median(all), Quantile(all, 0.99),
                  Quantile(all, 0.999)};
}

absl::Status AckCallers::Check(const CallerPlan& plan, const std::string& schema) {
  SYNCLINE_ASSIGN_OR_RETURN(
      const std::string contents,
      ComputeExpectedContents(bench_, shape_, {{.count = plan.callers * plan.records}}));
  SYNCLINE_RETURN_IF_ERROR(CheckContents(bench_, shape_, GetTableName(schema, shape_), contents));
  return bench_.DropSchema(schema);
}

}  // namespace syncline::bench
