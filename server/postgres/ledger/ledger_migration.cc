#include "server/postgres/ledger/ledger_migration.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "base/error.h"
#include "base/reasons.h"
#include "base/status_macros.h"
#include "server/postgres/ledger/ledger_schema.h"
#include "server/postgres/sql/catalog_sql.h"
#include "server/postgres/sql/ledger_sql.h"
#include "server/postgres/sql/sql_generator.h"

namespace syncline::postgres {
namespace {

// The key of the advisory lock; other programs are unlikely to use it.
constexpr int64_t kMigrationLock = 0x73796e636c696e65;  // "syncline"

constexpr char kCreateSql[] = R"sql(
CREATE TABLE IF NOT EXISTS $L.migration (
  version integer PRIMARY KEY, applied_at timestamptz NOT NULL DEFAULT now())
)sql";

constexpr char kVersionSql[] = "SELECT coalesce(max(version), 0) FROM $L.migration";
constexpr char kMinimumSql[] = "SELECT max(minimum_server) FROM $L.migration";
constexpr char kAppliedSql[] = "INSERT INTO $L.migration (version) VALUES ($1)";

// The server starts while no synchronous standby is connected. What is acknowledged later is
// committed after the ledger, so a standby that confirms it has the ledger, too.
constexpr char kWithoutStandbySql[] =
    "SELECT pg_catalog.set_config('synchronous_commit', 'local', true)";

// With this setting of a role or database, Citus would put all tables of the schema on one of its
// nodes, and the ledger must be on the coordinator.
constexpr char kOrdinarySchemaSql[] = "SET LOCAL citus.enable_schema_based_sharding = off";

constexpr char kPlaceSql[] = R"sql(
SELECT current_user AS role, pg_catalog.current_database() AS database,
  pg_catalog.quote_ident(current_user) AS quoted_role,
  pg_catalog.quote_ident(pg_catalog.current_database()) AS quoted_database
)sql";

// Returns the version of the ledger that this binary has.
int64_t SupportedVersion() { return static_cast<int64_t>(LedgerMigrations().size()); }

// A role may be allowed to use an existing schema but not to create one, and IF NOT EXISTS requires
// the right to create it even then.
absl::Status CreateSchema(Transaction& transaction, absl::string_view schema) {
  SYNCLINE_ASSIGN_OR_RETURN(const Result exists,
                            transaction.Query(kNamespaceExistsSql, Params().Text(schema)));
  if (exists.Bool(0, 0)) return absl::OkStatus();
  return transaction.Execute(CreateSchemaSql(schema));
}

// Returns 0 if there is no ledger.
absl::StatusOr<int64_t> ReadVersion(Transaction& transaction, const std::string& quoted) {
  SYNCLINE_ASSIGN_OR_RETURN(const Result found,
                            transaction.Query("SELECT pg_catalog.to_regclass($1) IS NOT NULL",
                                              Params().Text(absl::StrCat(quoted, ".migration"))));
  if (!found.Bool(0, 0)) return 0;
  SYNCLINE_ASSIGN_OR_RETURN(const Result version,
                            transaction.Query(WithLedgerSchema(kVersionSql, quoted)));
  return version.Int(0, 0);
}

// Checks a ledger that a newer server has migrated further. This server may work with it unless the
// ledger requires a newer one.
absl::Status CheckMinimum(Transaction& transaction, const std::string& quoted) {
  SYNCLINE_ASSIGN_OR_RETURN(const Result rows,
                            transaction.Query(WithLedgerSchema(kMinimumSql, quoted)));
  const int64_t minimum = rows.Int(0, 0);
  if (minimum <= SupportedVersion()) return absl::OkStatus();
  return MakeError(absl::StatusCode::kFailedPrecondition,
                   absl::StrCat("the ledger ", quoted,
                                " was written by a newer server: it requires a server that "
                                "supports version ",
                                minimum, " of it, and this one supports ", SupportedVersion(),
                                "; run the newer server"),
                   {.reason = reason::kLedgerTooNew});
}

absl::Status Migrate(Transaction& transaction, absl::string_view schema,
                     const std::string& quoted) {
  SYNCLINE_RETURN_IF_ERROR(transaction.Query(kWithoutStandbySql).status());
  if (transaction.on_citus()) SYNCLINE_RETURN_IF_ERROR(transaction.Execute(kOrdinarySchemaSql));
  SYNCLINE_RETURN_IF_ERROR(CreateSchema(transaction, schema));
  SYNCLINE_RETURN_IF_ERROR(transaction.Execute(WithLedgerSchema(kCreateSql, quoted)));
  SYNCLINE_ASSIGN_OR_RETURN(int64_t version, ReadVersion(transaction, quoted));
  for (; version < SupportedVersion(); ++version) {
    const char* const migration = LedgerMigrations()[static_cast<size_t>(version)];
    SYNCLINE_RETURN_IF_ERROR(transaction.Execute(WithLedgerSchema(migration, quoted)));
    SYNCLINE_RETURN_IF_ERROR(
        transaction.Query(WithLedgerSchema(kAppliedSql, quoted), Params().Int(version + 1))
            .status());
  }
  return absl::OkStatus();
}

// Returns `denied` with the statement that grants the right, and the role that was refused.
absl::Status WithGrant(Database& database, absl::string_view schema, const absl::Status& denied) {
  std::string remedy;
  const absl::Status asked = database.Transact([&](Transaction& transaction) -> absl::Status {
    SYNCLINE_ASSIGN_OR_RETURN(const Result rows, transaction.Query(kPlaceSql));
    SYNCLINE_ASSIGN_OR_RETURN(const Result exists,
                              transaction.Query(kNamespaceExistsSql, Params().Text(schema)));
    const std::string quoted = QuoteIdentifier(schema);
    const RowView row = rows.Row(0);
    const std::string& role = row.Text("quoted_role");
    remedy = absl::StrCat(
        "the ledger cannot be prepared in the schema ", quoted, " of the database ",
        row.Text("database"), " as the role ", row.Text("role"), ": ", denied.message(), "; run ",
        exists.Bool(0, 0)
            ? absl::StrCat(
                  "GRANT USAGE, CREATE ON SCHEMA ", quoted, " TO ", role,
                  ", and make that role the owner of its tables, if any; or start a server "
                  "of this version once with the role that owns them")
            : absl::StrCat("GRANT CREATE ON DATABASE ", row.Text("quoted_database"), " TO ", role,
                           ", or CREATE SCHEMA ", quoted, " AUTHORIZATION ", role));
    return absl::OkStatus();
  });
  if (!asked.ok()) return denied;
  return MakeError(denied.code(), remedy, GetDetail(denied));
}

}  // namespace

absl::Status MigrateLedger(Database& database, absl::string_view schema) {
  const std::string quoted = QuoteIdentifier(schema);
  const absl::Status status = database.Transact([&](Transaction& transaction) -> absl::Status {
    SYNCLINE_ASSIGN_OR_RETURN(int64_t version, ReadVersion(transaction, quoted));
    if (version < SupportedVersion()) {
      SYNCLINE_RETURN_IF_ERROR(
          transaction
              .Query("SELECT pg_catalog.pg_advisory_xact_lock($1)", Params().Int(kMigrationLock))
              .status());
      // Another server may have migrated it meanwhile.
      SYNCLINE_ASSIGN_OR_RETURN(version, ReadVersion(transaction, quoted));
    }
    if (version > SupportedVersion()) return CheckMinimum(transaction, quoted);
    return version == SupportedVersion() ? absl::OkStatus() : Migrate(transaction, schema, quoted);
  });
  return absl::IsPermissionDenied(status) ? WithGrant(database, schema, status) : status;
}

absl::Status CheckLedger(Database& database, absl::string_view schema) {
  const std::string quoted = QuoteIdentifier(schema);
  return database.Transact(
      [&](Transaction& transaction) { return CheckMinimum(transaction, quoted); });
}

}  // namespace syncline::postgres
