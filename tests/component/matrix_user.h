// The user of the matrix test: alters the table between syncs, and knows what is theirs.
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

  // `table` is quoted; `schema` is where its domains go.
  MatrixUser(std::string table, std::string schema, uint64_t seed, Query query);

  // Alters the table, which has the columns of `catalog`; values that stand in the way of what is
  // made strict are changed first. Says what was done.
  std::string Do(UserEvent event, const MatrixCatalog& catalog);

  // Takes away what is strict.
  void Lift();

  // Empty, or which of the user's columns and constraints is not there as the user made it. Those
  // on columns that a sync has dropped or, as for types, retyped are forgotten.
  std::string Missing(const std::set<std::string>& dropped, const std::set<std::string>& retyped);

 private:
  struct Definition {
    std::string column;
    std::string sql;  // one text, of what is there
    std::string text;
    std::string lift;  // empty for what is not strict
    bool is_type = false;
  };

  // A column that is not strict yet; empty when there is none.
  std::string Choose(const MatrixCatalog& catalog);
  void Execute(const std::string& sql);
  void Alter(const std::string& clause);
  // Gives the column a harmless value in the rows for which `condition` holds.
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
