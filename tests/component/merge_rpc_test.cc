// What merges keep and delete, through the real RPCs.
#include <gtest/gtest.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "tests/component/app_fixture.h"

namespace syncline::testing {
namespace {

class MergeRpcTest : public AppTest {
 protected:
  void LoadSoftly(absl::string_view sync_id, const Ask& ask, absl::string_view lines) {
    v1::StartSyncRequest request;
    request.set_sync_id(std::string(sync_id));
    *request.add_streams() = Stream(ask);
    request.mutable_streams(0)->set_cdc_delete_mode(v1::CDC_DELETE_MODE_SOFT);
    ASSERT_OK(client().StartSync(request));
    ASSERT_OK(Send(sync_id, lines));
    ASSERT_OK(Complete(sync_id));
  }
};

std::string Deletion(int64_t id, int64_t at) {
  return absl::StrCat("{\"id\":", id, ",\"name\":\"gone\",\"at\":", at,
                      ",\"_ab_cdc_deleted_at\":\"2025-01-01T00:00:00Z\"}\n");
}

TEST_F(MergeRpcTest, SoftDeletesAreRowsInMergesAndReplaces) {
  Ask ask = Dedup(0);
  ask.deletes = true;
  Load("s1", ask, Record(1, "a", 1) + Record(2, "b", 1));
  LoadSoftly("s2", ask, Deletion(1, 2));
  EXPECT_EQ(Rows(), "1:gone@0 2:b@0");
  Load("s3", ask, Deletion(2, 2));
  EXPECT_EQ(Rows(), "1:gone@0");
  Ask replace = DedupReplace(5);
  replace.deletes = true;
  LoadSoftly("s4", replace, Record(1, "a", 1) + Deletion(1, 2) + Record(3, "c", 1));
  EXPECT_EQ(Rows(), "1:gone@5 3:c@5");
}

TEST_F(MergeRpcTest, KeyPartMayBeNull) {
  Ask ask = Dedup(0);
  ask.primary_key = {"id", "name"};
  Load("s1", ask, "{\"id\":1,\"at\":1}\n{\"id\":1,\"name\":\"x\",\"at\":1}\n{\"at\":1}\n");
  Load("s2", ask, "{\"id\":1,\"name\":null,\"at\":2}\n");
  EXPECT_EQ(QueryValue(absl::StrCat("SELECT string_agg(concat_ws(',', id, name, at), ' ' "
                                    "ORDER BY at) FROM ",
                                    Table(kTable))),
            "1,x,1 1,2");
}

TEST_F(MergeRpcTest, NewKeyOrCursorKeepsRows) {
  Load("s1", Dedup(0), Record(1, "a", 1) + Record(2, "a", 1));
  Ask by_name = Dedup(0);
  by_name.primary_key = {"name"};
  Load("s2", by_name, Record(3, "b", 1));
  EXPECT_EQ(Rows(), "1:a@0 2:a@0 3:b@0");
  Load("s3", by_name, Record(4, "a", 2));
  EXPECT_EQ(Rows(), "3:b@0 4:a@0") << "one row per key that was sent again";
  EXPECT_EQ(QueryInt(absl::StrCat("SELECT count(*) FROM pg_indexes WHERE schemaname = '", schema(),
                                  "' AND tablename = '", kTable, "'")),
            1);
}

}  // namespace
}  // namespace syncline::testing
