// The user of the matrix test: alters the table between syncs, and remembers what belongs to the
// user.
//
// Used by one thread.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "tests/component/matrix_reference.h"

namespace syncline::testing {

enum class UserEvent {
  kSetNotNull,
  kCheck,
  kUnique,
  kNarrowerType,
  kDomain,
  kAddsColumn,
  kAddsDefault,
  kAddsGenerated,
};
inline constexpr int kUserEventCount = 8;

class MatrixUser {
 public:
  using Query = std::function<std::vector<std::vector<std::string>>(const std::string& sql)>;

  // `table` is quoted. `schema` contains its domains.
  MatrixUser(std::string table, std::string schema, uint64_t seed, Query query);

  // Alters the table, which has the columns of `catalog`. Values that conflict with a new
  // constraint are changed first. Returns a description of the change.
  std::string Do(UserEvent event, const MatrixCatalog& catalog);

  // Removes the user's constraints.
  void Lift();

  // Returns an empty string, or the first column or constraint of the user that is not as the user
  // made it. Those on columns that a sync has dropped or, for types, retyped are forgotten.
  std::string Missing(const std::set<std::string>& dropped, const std::set<std::string>& retyped);

 private:
  struct Definition {
    std::string column;
    std::string sql;  // selects one text that describes the definition
    std::string text;
    std::string lift;  // empty if it is not a constraint
    bool is_type = false;
  };

  // Returns a column without a constraint, or an empty string if there is none.
  std::string Choose(const MatrixCatalog& catalog);
  void Execute(const std::string& sql);
  void Alter(const std::string& clause);
  // Sets the column to a harmless value in the rows that match `condition`.
  void Replace(const std::string& column, MatrixType type, const std::string& condition);
  void Own(const std::string& what, Definition definition);
  std::string Read(const std::string& sql);
  void OwnType(const std::string& column, MatrixType type);

  const std::string table_;
  const std::string schema_;
  std::mt19937_64 random_;
  const Query query_;
  int domains_ = 0;
  std::map<std::string, Definition> mine_;
};

}  // namespace syncline::testing
