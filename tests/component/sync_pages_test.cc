// Pages of ListSyncs: limited by bytes, complete, and without duplicates.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "base/error.h"
#include "server/rpc/sync_page.h"
#include "tests/component/app_fixture.h"

namespace syncline::testing {
namespace {

using absl::StatusCode;
using ::testing::ElementsAre;
using ::testing::ElementsAreArray;
using ::testing::IsEmpty;

constexpr int kSyncs = 60;
constexpr int64_t kClientLimit = 4 << 20;  // gRPC's default

class SyncPagesTest : public AppTest {
 protected:
  // Adds syncs of 40 streams with 5 KB each to the ledger; every 20th sync is larger than a page.
  void AddSyncs() {
    Execute(absl::StrCat("INSERT INTO ", ledger(),
                         ".sync (sync_id, connection_id, request_digest, state) SELECT 's' || n, "
                         "'', '', 'finished' FROM generate_series(1, ",
                         kSyncs, ") n"));
    Execute(absl::StrCat(
        "INSERT INTO ", ledger(),
        ".stream (sync_no, ordinal, namespace, name, table_schema, table_name, temp_table_name, "
        "column_inputs, column_names, column_types, json_shapes, primary_key, write_mode, loader, "
        "generation_id, minimum_generation_id, airbyte_sync_id, state, warnings) SELECT sync_no, "
        "k, "
        "'n', 't' || k, 'n', 't' || k, 'x', '{}', '{}', '{}', '{}', '{}', 'append', 'append', 0, "
        "0, 0, 'completed', jsonb_build_array(jsonb_build_object('code', 'C', 'text', "
        "repeat('w', 5000))) FROM ",
        ledger(), ".sync, generate_series(1, CASE WHEN sync_no % 20 = 0 THEN 700 ELSE 40 END) k"));
  }

  // Returns the ids of all syncs, newest first. Checks the size of each page.
  std::vector<std::string> ListAll(int page_size, int* pages) {
    std::vector<std::string> ids;
    v1::ListSyncsRequest request;
    request.set_page_size(page_size);
    *pages = 0;
    do {
      const absl::StatusOr<v1::ListSyncsResponse> page = client().ListSyncs(request);
      EXPECT_OK(page.status());
      if (!page.ok()) break;
      ++*pages;
      EXPECT_LE(page->ByteSizeLong(), kClientLimit);
      EXPECT_LE(page->syncs_size(), page_size);
      if (page->syncs_size() > 1) {
        EXPECT_LE(page->ByteSizeLong(), rpc::kMaxSyncPageBytes + 100);
      }
      for (const v1::SyncSummary& sync : page->syncs()) ids.push_back(sync.sync_id());
      request.set_page_token(page->next_page_token());
    } while (!request.page_token().empty());
    return ids;
  }
};

TEST_F(SyncPagesTest, PagesAreLimitedByBytes) {
  AddSyncs();
  std::vector<std::string> all;
  for (int n = kSyncs; n > 0; --n) all.push_back(absl::StrCat("s", n));
  int pages = 0;
  EXPECT_THAT(ListAll(1000, &pages), ElementsAreArray(all));
  EXPECT_GT(pages, 6);
  EXPECT_LT(pages, 12);
  EXPECT_THAT(ListAll(7, &pages), ElementsAreArray(all));
  EXPECT_GE(pages, 9);
}

TEST_F(SyncPagesTest, SmallSyncsFillAPage) {
  Execute(absl::StrCat("INSERT INTO ", ledger(),
                       ".sync (sync_id, connection_id, request_digest, state) SELECT 's' || n, '', "
                       "'', 'finished' FROM generate_series(1, 1000) n"));
  int pages = 0;
  EXPECT_EQ(ListAll(1000, &pages).size(), 1000);
  EXPECT_EQ(pages, 2);  // the second one is empty
  EXPECT_EQ(ListAll(300, &pages).size(), 1000);
  EXPECT_EQ(pages, 4);
}

TEST_F(SyncPagesTest, SchemaWithoutTableIsRefused) {
  v1::ListSyncsRequest request;
  request.set_table_schema(schema());
  const absl::Status refused = client().ListSyncs(request).status();
  EXPECT_THAT(refused, StatusIs(StatusCode::kInvalidArgument, "INVALID_REQUEST"));
  const std::vector<FieldViolation> violations = GetDetail(refused).violations;
  ASSERT_EQ(violations.size(), 1U);
  EXPECT_EQ(violations[0].field, "table_schema");
}

TEST_F(SyncPagesTest, FiltersByStateTableAndTime) {
  ASSERT_OK(Start("old", Append(0), "people"));
  ASSERT_OK(Complete("old", v1::STREAM_STATUS_COMPLETE, "people"));
  Execute(
      absl::StrCat("UPDATE ", ledger(), ".sync SET started_at = started_at - interval '2 days'"));
  ASSERT_OK(Start("orders", Append(0), "orders"));
  ASSERT_OK(Start("people", Append(0), "people"));
  const auto list = [&](const v1::ListSyncsRequest& request) {
    const v1::ListSyncsResponse page =
        client().ListSyncs(request).value_or(v1::ListSyncsResponse());
    std::vector<std::string> ids;
    for (const v1::SyncSummary& sync : page.syncs()) {
      ids.push_back(sync.sync_id());
    }
    return ids;
  };
  v1::ListSyncsRequest request;
  EXPECT_THAT(list(request), ElementsAre("people", "orders", "old"));
  request.set_state(v1::SYNC_STATE_FINISHED);
  EXPECT_THAT(list(request), ElementsAre("old"));
  request.set_state(v1::SYNC_STATE_RUNNING);
  EXPECT_THAT(list(request), ElementsAre("people", "orders"));
  request.Clear();
  request.set_table_name("people");
  EXPECT_THAT(list(request), ElementsAre("people", "old"));
  request.set_table_schema(schema());
  EXPECT_THAT(list(request), ElementsAre("people", "old"));
  request.set_table_schema("another");
  EXPECT_THAT(list(request), IsEmpty());
  request.Clear();
  request.mutable_started_since()->set_seconds(absl::ToUnixSeconds(absl::Now() - absl::Hours(24)));
  EXPECT_THAT(list(request), ElementsAre("people", "orders"));
  request.set_table_name("people");
  EXPECT_THAT(list(request), ElementsAre("people"));
  // A sync whose caller is gone is listed as interrupted, and not as running.
  Execute(absl::StrCat("UPDATE ", ledger(), ".sync SET started_at = now() - interval '1 hour' ",
                       "WHERE sync_id = 'orders'"));
  request.Clear();
  request.set_state(v1::SYNC_STATE_INTERRUPTED);
  EXPECT_THAT(list(request), ElementsAre("orders"));
  request.mutable_started_since()->set_seconds(-1);
  EXPECT_THAT(client().ListSyncs(request).status(),
              StatusIs(StatusCode::kInvalidArgument, "INVALID_REQUEST"));
}

TEST_F(SyncPagesTest, InvalidTokenIsRefused) {
  for (const char* token : {"-1", "0", "x", "1x", "99999999999999999999"}) {
    v1::ListSyncsRequest request;
    request.set_page_token(token);
    EXPECT_THAT(client().ListSyncs(request).status(),
                StatusIs(StatusCode::kInvalidArgument, "INVALID_REQUEST"))
        << token;
  }
}

}  // namespace
}  // namespace syncline::testing
