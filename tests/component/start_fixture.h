// Starts syncs through the registry on a real database, and reads the tables, columns and states
// that they get.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/metrics/metrics.h"
#include "server/sync/sync_registry.h"
#include "server/write/stream_state_store.h"
#include "server/write/writer.h"
#include "tests/component/ledger_fixture.h"

namespace syncline::testing {

class StartFixture : public LedgerFixture {
 protected:
  void SetUp() override {
    LedgerFixture::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    store_ = std::make_unique<write::StreamStateStore>(&database(), connections_.get(),
                                                       ledger_.get(), "start_test");
    write::LoaderContext loaders;
    loaders.database = &database();
    loaders.ledger = ledger_.get();
    writer_ = std::make_unique<write::Writer>(loaders);
    metrics_ = metrics::Metrics::Create({});
    registry_ = NewRegistry();
  }

  void TearDown() override {
    if (registry_ != nullptr) {
      Execute(absl::StrCat("DROP SCHEMA IF EXISTS ", Target(), " CASCADE"));
    }
    PostgresTest::TearDown();
  }

  // Creates a registry like that of another replica.
  std::unique_ptr<sync::SyncRegistry> NewRegistry() {
    sync::SessionContext context;
    context.store = store_.get();
    context.writer = writer_.get();
    context.metrics = metrics_.get();
    return std::make_unique<sync::SyncRegistry>(context,
                                                sync::StartLimits{Target(), ledger_->schema()});
  }

  // The schema of streams without a namespace.
  std::string Target() const { return schema() + "_t"; }
  // The SQL name of a relation in that schema.
  std::string InTarget(const std::string& name) const {
    return absl::StrCat(Target(), ".\"", name, "\"");
  }

  static StreamConfig Append(const StreamDescriptor& descriptor,
                             const std::vector<std::string>& properties = {"id"}) {
    StreamConfig stream;
    stream.descriptor = descriptor;
    stream.json_schema = R"({"properties":{)";
    for (size_t i = 0; i < properties.size(); ++i) {
      absl::StrAppend(&stream.json_schema, i == 0 ? "" : ",", "\"", properties[i],
                      R"(":{"type":"integer"})");
    }
    stream.json_schema += "}}";
    return stream;
  }

  static StreamConfig Replace(const StreamDescriptor& descriptor, int64_t generation) {
    StreamConfig stream = Append(descriptor);
    stream.generation_id = generation;
    stream.minimum_generation_id = generation;
    return stream;
  }

  static sync::StartRequest Request(const std::string& sync_id, std::vector<StreamConfig> streams) {
    sync::StartRequest request;
    request.sync_id = sync_id;
    request.digest = sync_id;
    request.streams = std::move(streams);
    return request;
  }

  absl::StatusOr<SyncEntry> TryStart(const sync::StartRequest& request) {
    SYNCLINE_ASSIGN_OR_RETURN(const write::StartedSync started, registry_->Start(request));
    return started.sync;
  }

  SyncEntry Start(const std::string& sync_id, std::vector<StreamConfig> streams) {
    const absl::StatusOr<SyncEntry> sync = TryStart(Request(sync_id, std::move(streams)));
    EXPECT_OK(sync.status());
    return sync.value_or(SyncEntry());
  }

  // Starts a sync of one stream and returns its plan.
  StreamEntry StartOne(const std::string& sync_id, const StreamConfig& stream) {
    SyncEntry sync = Start(sync_id, {stream});
    return sync.streams.empty() ? StreamEntry() : sync.streams.front();
  }

  std::string TableOf(const std::string& sync_id, const StreamConfig& stream) {
    return StartOne(sync_id, stream).plan.table.ToString();
  }

  void Complete(const std::string& sync_id, const StreamDescriptor& descriptor) {
    EXPECT_OK(registry_->Complete(sync_id, descriptor, {true, std::nullopt}).status());
  }

  std::unique_ptr<write::StreamStateStore> store_;
  std::unique_ptr<write::Writer> writer_;
  std::unique_ptr<metrics::Metrics> metrics_;
  std::unique_ptr<sync::SyncRegistry> registry_;
};

}  // namespace syncline::testing
