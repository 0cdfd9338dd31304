// Values that were staged for a column that the publishing sync no longer declares, through the
// real RPCs.
#include <gtest/gtest.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "tests/component/app_fixture.h"

namespace syncline::testing {
namespace {

constexpr char kWide[] =
    R"({"properties":{"id":{"type":"integer"},"name":{"type":"string"},"at":{"type":"integer"},"city":{"type":"string"},"d1":{"type":"string"},"k1":{"type":"string"}}})";

Ask Wide(Ask ask) {
  ask.json_schema = kWide;
  return ask;
}

std::string Resident(int64_t id, absl::string_view name, int64_t at, absl::string_view city) {
  return absl::StrCat("{\"id\":", id, ",\"name\":\"", name, "\",\"at\":", at, ",\"city\":", city,
                      "}\n");
}

class UndeclaredColumnsTest : public AppTest {
 protected:
  // Returns "1:ann:Bonn": id, name and city in order; "-" for NULL.
  std::string Cities() {
    return QueryValue(
        absl::StrCat("SELECT string_agg(id || ':' || name || ':' || "
                     "coalesce(city, '-'), ' ' ORDER BY id, name) FROM ",
                     Table(kTable)));
  }
};

TEST_F(UndeclaredColumnsTest, MergeTakesStagedAndKeepsStoredValues) {
  Load("s1", Wide(Dedup(0)),
       Resident(1, "a", 1, "\"Bonn\"") + Resident(2, "b", 1, "\"Rome\"") +
           Resident(3, "c", 1, "\"Oslo\"") + Resident(4, "d", 1, "\"Lima\""));
  LoadAndCancel("s2", Wide(Dedup(0)),
                Resident(1, "a2", 2, "\"Paris\"") + Resident(2, "b2", 2, "null") +
                    Resident(3, "c2", 2, "\"Bergen\"") + Resident(5, "e2", 2, "\"Quito\""));
  // 3 is sent again without a city, 4 and 6 for the first time.
  Load("s3", Dedup(0), Record(3, "c3", 3) + Record(4, "d3", 3) + Record(6, "f3", 3));
  EXPECT_EQ(Cities(), "1:a2:Paris 2:b2:- 3:c3:Bergen 4:d3:Lima 5:e2:Quito 6:f3:-");
}

TEST_F(UndeclaredColumnsTest, MergeAddsStagedOnlyColumnAndReportsIt) {
  Load("s1", Dedup(0), Record(1, "a", 1));
  LoadAndCancel("s2", Wide(Dedup(0)), Resident(1, "a2", 2, "\"Paris\""));
  ASSERT_OK_AND_ASSIGN(const v1::StartSyncResponse started, Start("s3", Dedup(0)));
  ASSERT_EQ(started.streams(0).changes_size(), 1);
  EXPECT_EQ(started.streams(0).changes(0).column(), "city");
  ASSERT_OK(Send("s3", Record(2, "b3", 3)));
  ASSERT_OK(Complete("s3"));
  EXPECT_EQ(Cities(), "1:a2:Paris 2:b3:-");
}

TEST_F(UndeclaredColumnsTest, FirstTableGetsTheColumn) {
  LoadAndCancel("s1", Wide(Dedup(0)), Resident(1, "a", 1, "\"Paris\""));
  Load("s2", Dedup(0), Record(1, "a2", 2) + Record(2, "b2", 2));
  EXPECT_EQ(Cities(), "1:a2:Paris 2:b2:-");
}

TEST_F(UndeclaredColumnsTest, RowWithoutColumnGetsDefault) {
  Load("s1", Wide(Dedup(0)), Resident(1, "a", 1, "\"Bonn\""));
  Execute(absl::StrCat("ALTER TABLE ", Table(kTable),
                       " ALTER city SET DEFAULT 'nowhere', ALTER city SET NOT NULL"));
  LoadAndCancel("s2", Wide(Dedup(0)), Resident(2, "b", 1, "\"Rome\""));
  Load("s3", Dedup(0), Record(1, "a3", 3) + Record(3, "c3", 3));
  EXPECT_EQ(Cities(), "1:a3:Bonn 2:b:Rome 3:c3:nowhere");
}

TEST_F(UndeclaredColumnsTest, TriggersAndExchangesSeeTheSameRows) {
  Load("s1", Wide(Dedup(0)), Resident(1, "a", 1, "\"Bonn\"") + Resident(2, "b", 1, "\"Rome\""));
  Execute(absl::StrCat("CREATE UNIQUE INDEX one_name ON ", Table(kTable), " (name)"));
  LoadAndCancel("s2", Wide(Dedup(0)), Resident(1, "x", 2, "\"Paris\""));
  Load("s3", Dedup(0), Record(1, "b", 3) + Record(2, "a", 3));
  EXPECT_EQ(Cities(), "1:b:Paris 2:a:Rome");
}

TEST_F(UndeclaredColumnsTest, DeletionMarkerIsNotInherited) {
  Ask deletes = Dedup(0);
  deletes.deletes = true;
  Load("s1", deletes, Record(1, "a", 1) + Record(2, "b", 1));
  LoadAndCancel("s2", deletes,
                "{\"id\":1,\"name\":\"a\",\"at\":2,\"_ab_cdc_deleted_at\":\"2025-01-01\"}\n"
                "{\"id\":2,\"name\":\"b\",\"at\":2,\"_ab_cdc_deleted_at\":\"2025-01-01\"}\n");
  Load("s3", Dedup(0), Record(1, "again", 3));
  EXPECT_EQ(Rows(), "1:again@0");
}

TEST_F(UndeclaredColumnsTest, AppendCopiesStagedValues) {
  Load("s1", Append(0), Record(1, "a", 1));
  LoadAndCancel("s2", Wide(Dedup(0)), Resident(2, "b", 2, "\"Paris\""));
  Load("s3", Append(0), Record(3, "c", 3));
  EXPECT_EQ(Cities(), "1:a:- 2:b:Paris 3:c:-");
}

TEST_F(UndeclaredColumnsTest, AppendCopiesValuesOfColumnWithDefault) {
  Load("s1", Wide(Append(0)), Resident(1, "a", 1, "\"Bonn\""));
  Execute(absl::StrCat("ALTER TABLE ", Table(kTable), " ALTER city SET DEFAULT 'nowhere'"));
  LoadAndCancel("s2", Wide(Dedup(0)), Resident(2, "b", 2, "\"Paris\""));
  Load("s3", Append(0), Record(3, "c", 3));
  EXPECT_EQ(Cities(), "1:a:Bonn 2:b:Paris 3:c:nowhere");
}

TEST_F(UndeclaredColumnsTest, SameGenerationReplaceTakesStagedValues) {
  for (const bool dedup : {false, true}) {
    const int64_t generation = dedup ? 2 : 1;
    const Ask ask = dedup ? DedupReplace(generation) : Replace(generation);
    const std::string prefix = absl::StrCat("g", generation);
    Load(prefix + "a", ask, Record(1, "a", 1) + Record(2, "b", 1));
    LoadAndCancel(prefix + "b", Wide(ask), Resident(3, "c", 2, "\"Paris\""));
    Load(prefix + "c", ask, Record(4, "d", 3));
    EXPECT_EQ(Cities(), "1:a:- 2:b:- 3:c:Paris 4:d:-");
    Execute(absl::StrCat("ALTER TABLE ", Table(kTable), " DROP city"));
  }
}

TEST_F(UndeclaredColumnsTest, DedupReplaceKeepsValueOfOlderRow) {
  LoadAndCancel("s1", Wide(DedupReplace(1)), Resident(1, "a", 1, "\"Paris\""));
  Load("s2", DedupReplace(1), Record(1, "b", 2));
  EXPECT_EQ(Cities(), "1:b:Paris");
}

}  // namespace
}  // namespace syncline::testing
