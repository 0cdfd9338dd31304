// StatementTables: what is known about the tables into which small blocks are committed by one
// statement (postgres/ledger/statement_commit.h).
//
// Shared by the buffers of a server, so that a short call neither makes the statement's text nor
// reads the catalog. How small blocks may be committed to it is checked again after a while, as its
// triggers and rules may change; in the meantime a statement fails if a rule or a trigger keeps
// rows out of the table. Thread-safe.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/time/time.h"
#include "base/mutex.h"
#include "server/model/table_name.h"
#include "server/model/table_schema.h"
#include "server/postgres/copy/array_frame.h"
#include "server/postgres/ledger/statement_commit.h"

namespace syncline::write {

// A table with the columns that a stream loads. Thread-safe.
class StatementTable {
 public:
  // How long the result of a check is used.
  static constexpr absl::Duration kValidFor = absl::Seconds(10);

  StatementTable(absl::string_view quoted_ledger_schema, const TableName& table,
                 const TableSchema& schema, std::vector<postgres::ElementType> types);

  const TableName& table() const { return table_; }
  const std::vector<postgres::ElementType>& types() const { return types_; }
  const postgres::StatementCommit& commit() const { return commit_; }

  // Returns how small blocks may be committed to the table, or nullopt if that must be checked at
  // `now`, on the monotonic clock.
  std::optional<postgres::StatementUse> use(absl::Duration now) const;
  void set_use(postgres::StatementUse use, absl::Duration now);
  // Keeps the table out of groups until it is checked again: its statements fail.
  void LeaveGroups() { grouped_ = false; }

 private:
  const TableName table_;
  const std::vector<postgres::ElementType> types_;
  const postgres::StatementCommit commit_;
  std::atomic<bool> alone_ = false;
  std::atomic<bool> grouped_ = false;
  std::atomic<int64_t> valid_until_ns_ = 0;
};

class StatementTables {
 public:
  // A table that was not asked for during this time is forgotten.
  static constexpr absl::Duration kForgetAfter = absl::Minutes(1);

  // Returns the table. Its columns' types are those of GetElementTypes(schema).
  std::shared_ptr<StatementTable> Get(absl::string_view quoted_ledger_schema,
                                      const TableName& table, const TableSchema& schema,
                                      absl::Duration now);

 private:
  struct Known {
    std::shared_ptr<StatementTable> table;
    absl::Duration asked;
  };

  Mutex mutex_;
  // By table, columns and their types.
  std::map<std::string, Known> tables_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace syncline::write
