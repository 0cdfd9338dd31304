#include "tests/component/matrix_user.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

namespace syncline::testing {
namespace {

const char* Harmless(MatrixType type) {
  switch (type) {
    case MatrixType::kInteger:
    case MatrixType::kNumber:
      return "1";
    case MatrixType::kString:
      return "'fine'";
    case MatrixType::kBoolean:
      return "true";
  }
  return "";
}

const char* Base(MatrixType type) {
  switch (type) {
    case MatrixType::kInteger:
      return "bigint";
    case MatrixType::kNumber:
      return "numeric";
    case MatrixType::kString:
      return "varchar";
    case MatrixType::kBoolean:
      return "boolean";
  }
  return "";
}

constexpr char kUnwanted[] = "::text ~ '[37]$'";

}  // namespace

MatrixUser::MatrixUser(std::string table, std::string schema, uint64_t seed, Query query)
    : table_(std::move(table)),
      schema_(std::move(schema)),
      random_(seed),
      query_(std::move(query)) {}

void MatrixUser::Execute(const std::string& sql) { query_(sql); }

void MatrixUser::Alter(const std::string& clause) {
  Execute(absl::StrCat("ALTER TABLE ", table_, " ", clause));
}

std::string MatrixUser::Read(const std::string& sql) {
  const auto rows = query_(sql);
  return rows.empty() ? "missing" : rows[0][0];
}

void MatrixUser::Own(const std::string& what, Definition definition) {
  definition.text = Read(definition.sql);
  mine_[what] = std::move(definition);
}

void MatrixUser::Replace(const std::string& column, MatrixType type, const std::string& condition) {
  Execute(absl::StrCat("UPDATE ", table_, " SET ", column, " = ", Harmless(type), " WHERE ",
                       condition));
}

std::string MatrixUser::Choose(const MatrixCatalog& catalog) {
  std::vector<std::string> columns;
  for (const auto& [name, type] : catalog) {
    const std::string stored =
        Read(absl::StrCat("SELECT atttypid::regtype FROM pg_attribute WHERE attrelid = '", table_,
                          "'::regclass AND attname = '", name, "' AND NOT attisdropped"));
    if (stored != Read(absl::StrCat("SELECT '", Base(type), "'::regtype"))) continue;
    const bool strict =
        std::any_of(mine_.begin(), mine_.end(),
                    [&, &column = name](const auto& of) { return of.second.column == column; });
    if (type != MatrixType::kBoolean && !strict) columns.push_back(name);
  }
  return columns.empty() ? "" : columns[random_() % columns.size()];
}

void MatrixUser::OwnType(const std::string& column, MatrixType type) {
  Own(absl::StrCat("type of ", column),
      {.column = column,
       .sql = absl::StrCat("SELECT format_type(atttypid, atttypmod) FROM pg_attribute WHERE ",
                           "attrelid = '", table_, "'::regclass AND attname = '", column, "'"),
       .text = "",
       .lift = absl::StrCat("ALTER ", column, " TYPE ", Base(type)),
       .is_type = true});
}

std::string MatrixUser::Do(UserEvent event, const MatrixCatalog& catalog) {
  const std::string column = Choose(catalog);
  const bool strict = event <= UserEvent::kDomain;
  if (strict && column.empty()) {
    // The user has changed the types of all columns, so a column of the user gets a constraint.
    Alter("ADD IF NOT EXISTS mine integer CHECK (mine > 0)");
    return "the user adds a strict column";
  }
  const MatrixType type = strict ? catalog.at(column) : MatrixType::kInteger;
  const std::string constraint =
      absl::StrCat("SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = '", table_,
                   "'::regclass AND conname = '");
  const std::string attribute = absl::StrCat(" FROM pg_attribute WHERE attrelid = '", table_,
                                             "'::regclass AND NOT attisdropped AND attname = '");
  switch (event) {
    case UserEvent::kSetNotNull:
      Replace(column, type, absl::StrCat(column, " IS NULL"));
      Alter(absl::StrCat("ALTER ", column, " SET NOT NULL"));
      Own(absl::StrCat("not null of ", column),
          {column, absl::StrCat("SELECT attnotnull", attribute, column, "'"), "",
           absl::StrCat("ALTER ", column, " DROP NOT NULL")});
      return absl::StrCat("the user sets ", column, " NOT NULL");
    case UserEvent::kCheck: {
      const std::string name = absl::StrCat("check_", column);
      Replace(column, type, absl::StrCat(column, kUnwanted));
      Alter(absl::StrCat("DROP CONSTRAINT IF EXISTS ", name, ", ADD CONSTRAINT ", name,
                         " CHECK (NOT ", column, kUnwanted, ")"));
      Own(name, {column, absl::StrCat(constraint, name, "'"), "",
                 absl::StrCat("DROP CONSTRAINT ", name)});
      return absl::StrCat("the user checks ", column);
    }
    case UserEvent::kUnique: {
      const std::string name = absl::StrCat("unique_", column, "_", random_() % 1000000);
      Execute(absl::StrCat(
          "UPDATE ", table_, " t SET ", column, " = u.n FROM (SELECT ctid AS row, ",
          "100 + row_number() OVER () * 10 AS n FROM ", table_, ") u WHERE t.ctid = u.row"));
      Alter(absl::StrCat("ADD CONSTRAINT ", name, " UNIQUE (", column, ")"));
      Own(name, {column, absl::StrCat(constraint, name, "'"), "",
                 absl::StrCat("DROP CONSTRAINT ", name)});
      return absl::StrCat("the user makes ", column, " unique");
    }
    case UserEvent::kNarrowerType: {
      if (type == MatrixType::kInteger) {
        Replace(column, type, absl::StrCat(column, " > 30000"));
        Alter(absl::StrCat("ALTER ", column, " TYPE smallint"));
      } else if (type == MatrixType::kNumber) {
        Alter(absl::StrCat("ALTER ", column, " TYPE numeric(8,1)"));
      } else {
        Alter(absl::StrCat("ALTER ", column, " TYPE varchar(6) USING left(", column, ", 6)"));
      }
      OwnType(column, type);
      return absl::StrCat("the user narrows ", column);
    }
    case UserEvent::kDomain: {
      const std::string domain =
          absl::StrCat(schema_, ".domain_", ++domains_, "_", random_() % 1000000);
      Execute(absl::StrCat("CREATE DOMAIN ", domain, " AS ", Base(type), " CHECK (NOT VALUE",
                           kUnwanted, ")"));
      Replace(column, type, absl::StrCat(column, kUnwanted));
      Alter(absl::StrCat("ALTER ", column, " TYPE ", domain));
      OwnType(column, type);
      return absl::StrCat("the user gives ", column, " a domain");
    }
    case UserEvent::kAddsColumn:
      Alter("ADD IF NOT EXISTS note text");
      Execute(absl::StrCat("UPDATE ", table_, " SET note = 'mine ' || id"));
      Own("note", {"note", absl::StrCat("SELECT atttypid::regtype", attribute, "note'"), "", ""});
      return "the user adds a column";
    case UserEvent::kAddsDefault:
      Alter("ADD IF NOT EXISTS level integer DEFAULT 7");
      Execute(absl::StrCat("UPDATE ", table_, " SET level = id"));
      Own("level", {"level",
                    absl::StrCat("SELECT pg_get_expr(adbin, adrelid) FROM pg_attrdef JOIN "
                                 "pg_attribute ON attrelid = adrelid AND attnum = adnum WHERE ",
                                 "attname = 'level' AND attrelid = '", table_, "'::regclass"),
                    "", ""});
      return "the user adds a column with a default";
    case UserEvent::kAddsGenerated:
      Alter("ADD IF NOT EXISTS twice bigint GENERATED ALWAYS AS (id * 2) STORED");
      Own("twice", {"twice", absl::StrCat("SELECT attgenerated", attribute, "twice'"), "", ""});
      return "the user adds a generated column";
  }
  return "";
}

void MatrixUser::Lift() {
  std::map<std::string, Definition> kept;
  for (auto& [what, definition] : mine_) {
    if (definition.lift.empty()) {
      kept[what] = definition;
    } else if (Read(definition.sql) == definition.text) {
      Alter(definition.lift);
    }
  }
  mine_ = std::move(kept);
}

std::string MatrixUser::Missing(const std::set<std::string>& dropped,
                                const std::set<std::string>& retyped) {
  std::map<std::string, Definition> kept;
  std::string missing;
  for (const auto& [what, definition] : mine_) {
    if (dropped.count(definition.column) > 0) continue;
    if (definition.is_type && retyped.count(definition.column) > 0) continue;
    const std::string now = Read(definition.sql);
    if (now != definition.text && retyped.count(definition.column) == 0) {
      absl::StrAppend(&missing, what, " is ", now, " and not ", definition.text, "; ");
    }
    kept[what] = definition;
    kept[what].text = now;
  }
  mine_ = std::move(kept);
  return missing;
}

}  // namespace syncline::testing
