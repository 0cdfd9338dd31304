// Properties of the table that a merge writes to: the user's columns, how its keys compare, which
// triggers and foreign keys depend on its rows, and which indexes of the user must not be violated
// during the merge. merge_survey.h fills the structs.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

namespace syncline::postgres {

// A unique or exclusion index that is checked row by row and has columns outside the primary key.
struct ImmediateIndex {
  std::string name;
  // Columns of the stream in it that may be NULL, so that a row with NULL there conflicts with no
  // other row.
  std::vector<std::string> nullable;
};

struct MergeTarget {
  // Columns that the stream does not declare, without generated ones. A merged row keeps their
  // values.
  std::vector<std::string> others = {};
  std::set<std::string> generated =
      {};  // columns of the stream that the table generates; never written
  // Columns of the stream that are GENERATED ALWAYS AS IDENTITY. Only INSERT writes them.
  std::set<std::string> identity = {};
  // The collation, as SQL, in which a column of the stream is compared: "C" if the target's is not
  // deterministic, otherwise the target's if it differs from the source's. Other columns have no
  // entry.
  std::map<std::string, std::string> collations = {};
  // It is partitioned or has tables that inherit from it, so that rows may have the same place.
  bool divided = false;
  bool watched = false;   // triggers, including those of foreign keys, see its rows
  bool protects = false;  // the user's triggers or foreign keys of other rows would see a deletion
  std::vector<ImmediateIndex> immediate = {};

  // Returns true if a replaced row must be updated, so that its other columns keep their values and
  // triggers and foreign keys see no deletion. Partitions may have triggers of their own.
  bool in_place() const { return watched || divided || !others.empty(); }
};

}  // namespace syncline::postgres
