#include <gtest/gtest.h>

#include "server/model/generation.h"

namespace syncline {
namespace {

GenerationRequest Ids(int64_t generation, int64_t minimum) {
  GenerationRequest request;
  request.generation_id = generation;
  request.minimum_generation_id = minimum;
  return request;
}

TEST(GenerationRangeTest, UsesTheGivenIds) {
  const GenerationRange range = ResolveGeneration(Ids(7, 7), 3);
  EXPECT_EQ(range.generation_id, 7);
  EXPECT_EQ(range.minimum_id, 7);
  EXPECT_EQ(ResolveGeneration(Ids(0, 0), 3).generation_id, 0);
}

TEST(GenerationRangeTest, OverwriteUsesTheNextGeneration) {
  GenerationRequest request;
  request.overwrite = true;
  EXPECT_EQ(ResolveGeneration(request, 4).generation_id, 5);
  EXPECT_EQ(ResolveGeneration(request, 4).minimum_id, 5);
  EXPECT_EQ(ResolveGeneration(request, 0).generation_id, 1);
}

TEST(GenerationRangeTest, AppendKeepsTheTablesGeneration) {
  EXPECT_EQ(ResolveGeneration({}, 4).generation_id, 4);
  EXPECT_EQ(ResolveGeneration({}, 4).minimum_id, 0);
}

TEST(GenerationRangeTest, IdsOverrideOverwrite) {
  GenerationRequest request = Ids(9, 0);
  request.overwrite = true;
  EXPECT_EQ(ResolveGeneration(request, 4).generation_id, 9);
  EXPECT_EQ(ResolveGeneration(request, 4).minimum_id, 0);
}

TEST(GenerationRangeTest, LoaderFollowsFromModeAndMinimum) {
  EXPECT_EQ(LoaderFor(WriteMode::kAppend, {5, 0}), LoaderKind::kAppend);
  EXPECT_EQ(LoaderFor(WriteMode::kAppend, {5, 5}), LoaderKind::kAppendTruncate);
  EXPECT_EQ(LoaderFor(WriteMode::kDedup, {5, 0}), LoaderKind::kDedup);
  EXPECT_EQ(LoaderFor(WriteMode::kDedup, {5, 5}), LoaderKind::kDedupTruncate);
  EXPECT_EQ(LoaderFor(WriteMode::kAppend, {0, 0}), LoaderKind::kAppend);
}

}  // namespace
}  // namespace syncline
