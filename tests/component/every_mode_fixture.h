// Loads one table in every mode, with the objects that users add to it, while the database sets
// something for its sessions.
#pragma once

#include <string>

#include "absl/strings/string_view.h"
#include "tests/component/app_fixture.h"

namespace syncline::testing {

class EveryModeFixture : public AppTest {
 protected:
  void SetUp() override;
  // Resets the settings of the database, which is that of this test program.
  void TearDown() override;

  // Sets what new sessions of the database start with. `value` is SQL.
  void SetForDatabase(absl::string_view setting, absl::string_view value);

  // Appends, merges, evolves and replaces, cancels a sync and rejects a record, and checks the rows
  // after each step.
  void LoadInEveryMode();

 private:
  void AppendAndMerge();
  // Adds what a replace and an evolution must carry over.
  void AddDependents();
  void EvolveAndReplace();
  void RejectRecord();

  std::string database_;
};

}  // namespace syncline::testing
