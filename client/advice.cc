#include "client/advice.h"

#include <algorithm>
#include <string>

#include "base/error.h"
#include "base/reasons.h"

namespace syncline::client {
namespace {

struct Advice {
  const char* reason;
  absl::string_view text;
  absl::string_view for_connectors = {};  // if `text` names flags that they do not have
};

// Errors that end by themselves are repeated for the time of --retry_for before they are shown.
constexpr absl::string_view kTryLater = "try again later";
constexpr absl::string_view kSeeDatabaseLog = "look into PostgreSQL's log, and run it again";
constexpr absl::string_view kReportBug = "this is a fault of Syncline; please report it";
constexpr absl::string_view kRunAgain = "run it again";
constexpr absl::string_view kRunAsNewSync = "run it again as a new sync";
constexpr absl::string_view kRunSyncAgain = "run it again with the same --sync_id";
constexpr absl::string_view kTokenMember =
    "give a valid token with \"token\" or \"token_file\" in the configuration";
constexpr absl::string_view kServerFile = "correct the file or the path, and start again";

constexpr Advice kAdvice[] = {
    {reason::kAllRejected, "correct the input; --allow_empty replaces the table with an empty one",
     "correct the source's records"},
    {reason::kBadCredentials, "give a valid token with --token_file", kTokenMember},
    {reason::kCallDeadline, "run it again, or raise --timeout", kRunAgain},
    {reason::kCallerGone, kRunSyncAgain, kRunAgain},
    {reason::kChildProcess, kSeeDatabaseLog},
    {reason::kClaimLost, kRunSyncAgain, kRunAgain},
    {reason::kColumnGenerated, "load the column under another name with --rename, or leave it out",
     "leave the column out of the stream, or make it an ordinary one"},
    {reason::kColumnNotFilled, "give the column a default, or drop its NOT NULL"},
    {reason::kCommitUnknown, "run it again with the same --sync_id; nothing is loaded twice",
     kRunAgain},
    {reason::kConflict, kRunAgain},
    {reason::kConstraintViolated, "drop the constraint, or correct the input"},
    {reason::kCountMismatch,
     "nothing was published; this --sync_id began with a different input, so use a new one",
     "nothing was published; run it again as a new sync"},
    {reason::kCredentialsExpired, "ask the server's operator for a new token"},
    {reason::kDataCorrupted, "stop loading and have the database administrator check the disks"},
    {reason::kDbAuth,
     "the database refuses the credentials: correct user and password of the connection string, or "
     "contact the server's operator"},
    {reason::kDbClient, kReportBug},
    {reason::kDbConninfo, "correct the connection string"},
    {reason::kDbCrashed, kTryLater},
    {reason::kDbEncoding, "load into a database with another encoding, preferably UTF8"},
    {reason::kDbEngine, "load into PostgreSQL, or PostgreSQL with Citus"},
    {reason::kDbError, kReportBug},
    {reason::kDbIntervention, kTryLater},
    {reason::kDbLimitExceeded, kSeeDatabaseLog},
    {reason::kDbMissing, "create the database, or correct its name in the connection string"},
    {reason::kDbPermissionDenied,
     "grant the named right to the role that loads, or load as another role"},
    {reason::kDbPoolExhausted, "try again later, or raise the server's --control_connections"},
    {reason::kDbReadOnly, "connect to the primary (target_session_attrs=read-write)"},
    {reason::kDbReplicationRole,
     "reset session_replication_role of the role that loads, or of the database"},
    {reason::kDbResources, kSeeDatabaseLog},
    {reason::kDbShutdown, kTryLater},
    {reason::kDbStarting, kTryLater},
    {reason::kDbSystemError, kSeeDatabaseLog},
    {reason::kDbTooOld, "upgrade PostgreSQL"},
    {reason::kDbUnreachable, "check that PostgreSQL runs, its address and the network"},
    {reason::kDependentObjects,
     "drop or change the named object, leave out --replace_strategy, or load another table",
     "drop or change the named object, leave out \"replace_strategy\" in the configuration, or "
     "load another table"},
    {reason::kDiskFull, "free disk space of the database, and run it again with the same --sync_id",
     "free disk space of the database, and run it again"},
    {reason::kDistributionDiffers,
     "leave out --distribute_by, or distribute the table by that column (alter_distributed_table)",
     "distribute the table by that column (alter_distributed_table)"},
    {reason::kDraining, kTryLater},
    {reason::kEmbeddedDirectory,
     "let the user that runs PostgreSQL enter every directory above it"},
    {reason::kEmbeddedInUse,
     "stop the process that uses it, call its server with --server, or choose another directory",
     "stop the process that uses it, or choose another directory"},
    {reason::kEmbeddedStart, "look into the directory's log"},
    {reason::kEmptyStream, kReportBug},
    {reason::kFeatureNotSupported, "change the object that the message names"},
    {reason::kFenced,
     "another process took over this stream, so this one stops for good; run only one process with "
     "a --sync_id",
     "another process took over this stream, so this one stops for good; run only one process for "
     "a connection"},
    {reason::kFileUnreadable, "check the path and its permissions"},
    {reason::kFileUnwritable, "check the path and its permissions"},
    {reason::kHybridRefresh, "use a minimum generation of 0 or of the generation itself"},
    {reason::kIdleCall, kRunSyncAgain, kRunAgain},
    {reason::kIndexCorrupted, "have the database administrator REINDEX"},
    {reason::kInputChanged, "this --sync_id began with a different input; use a new --sync_id",
     kRunAsNewSync},
    {reason::kInvalidName, "rename it with --rename, or choose another --table",
     "rename it in the source"},
    {reason::kInvalidRequest, "correct the named values"},
    {reason::kInvalidRows, kReportBug},
    {reason::kInvalidSchema, "correct the JSON Schema"},
    {reason::kInvalidValue, kReportBug},
    {reason::kLedgerNotReady, kTryLater},
    {reason::kLedgerTooNew, "use the version that the other servers of this database have"},
    {reason::kLimitExceeded, kReportBug},
    {reason::kListenFailed, "choose another address or a free port"},
    {reason::kLockNotAvailable,
     "another session locks the table; end it, or run it again with the same --sync_id",
     "another session locks the table; end it, or run it again"},
    {reason::kMalformedMessage, "use a command line and a server of the same version"},
    {reason::kMetaMismatch, "load with the --meta of the table's first load, or load another table",
     "load another table"},
    {reason::kMissingPk, "name the key's columns with --primary_key",
     "give the stream a primary key"},
    {reason::kNoCredentials, "give a token with --token_file", kTokenMember},
    {reason::kNoHeader, kReportBug},
    {reason::kNoSharedColumn, "check that this is the right file and table, or give a --schema",
     "check that this is the right stream and table"},
    {reason::kNoSuchUser, "create the user, or start as another one"},
    {reason::kNotServing, "ask the server's /readyz for the reason"},
    {reason::kNullValue, kReportBug},
    {reason::kObjectExists, "rename or drop the named object"},
    {reason::kObjectInUse, kTryLater},
    {reason::kObjectNotReady, "correct the named object"},
    {reason::kOffsetGap, "this --sync_id began with a different input; use a new --sync_id",
     kRunAsNewSync},
    {reason::kOffsetsMissing, "run it again with the same --sync_id to send the missing records",
     kRunAgain},
    {reason::kOutOfMemory, kSeeDatabaseLog},
    {reason::kPlanChanged, "start a new sync, or use another table"},
    {reason::kPlanVersionUnknown, kReportBug},
    {reason::kPoolerMode,
     "let the pooler pool sessions (PgBouncer: pool_mode = session), or connect to the database "
     "itself"},
    {reason::kPostgresMissing, "install the package postgresql, or name a database"},
    {reason::kPostgresUserMissing, "install the package postgresql, or start as another user"},
    {reason::kProgramMissing, "install the named program"},
    {reason::kProtocolOrder, kReportBug},
    {reason::kPublishGuard, "correct the input or relax the guard"},
    {reason::kRejectedByDatabase, "correct or drop the table's trigger; PostgreSQL's log names it"},
    {reason::kReservedSchema, "load into another schema"},
    {reason::kRewriteTooLarge,
     "load with --mode overwrite, or raise the server's --max_rewrite_bytes",
     "load with the mode overwrite, or raise the server's --max_rewrite_bytes"},
    {reason::kRolledBack, kRunSyncAgain, kRunAgain},
    {reason::kSchemaChanged, "the table was changed during the load; run it again"},
    {reason::kSchemaFrozen, "change the table or the input, or load with --schema_policy keep",
     "change the table or the source, or set \"schema_policy\" to \"keep\" in the configuration"},
    {reason::kSchemaIncompatible, "correct the named row, or load with --mode overwrite",
     "correct the named row, or load with the mode overwrite"},
    {reason::kSchemaMissing,
     "correct the name in --table, create the schema, or leave out --create_schema=false",
     "create the schema, or correct its name"},
    {reason::kSchemaNotAllowed, "load into a schema that the token allows"},
    {reason::kSingerBatch, "correct the batch, or set jsonl and file:// in the tap"},
    {reason::kSingerKeyChanged, "run the tap again; if it is the same, correct its key_properties"},
    {reason::kSingerMessage, "correct the tap; only Singer messages may be on its stdout"},
    {reason::kSingerNoKey, "correct the record or the key_properties of its stream in the tap"},
    {reason::kSingerNoProperties, "correct the schema in the tap"},
    {reason::kSingerNoSchema, "correct the tap: a SCHEMA precedes a stream's records"},
    {reason::kSingerNotJson, "correct the tap; its log belongs on stderr"},
    {reason::kSingerVersion, "correct the tap: all records of a run have the same version"},
    {reason::kStaleGeneration, "the table holds a newer generation; refresh the catalog"},
    {reason::kStartInProgress, kTryLater},
    {reason::kStatementCancelled, kRunAgain},
    {reason::kStatementTimeout, "raise statement_timeout of the role that loads"},
    {reason::kStreamCompleted, "this stream has ended already; use a new --sync_id to load again",
     kRunAsNewSync},
    {reason::kStreamsOpen, kReportBug},
    {reason::kSuperseded, "a newer load of the table took over; check it with syncline list"},
    {reason::kSwapLocked,
     "another session uses the table; end it, and run it again with the same --sync_id",
     "another session uses the table; end it, and run it again"},
    {reason::kSyncCancelled, "the sync was cancelled; start a new one with another --sync_id",
     "the sync was cancelled; run it again as a new sync"},
    {reason::kSyncIdReused,
     "this --sync_id was already used for a different request; use a new one", kRunAsNewSync},
    {reason::kTableMissing, kRunAgain},
    {reason::kTableNotFound, kRunAgain},
    {reason::kTableOwned,
     "another connection loads this table; use its --connection_id or another table",
     "another connection loads this table; correct \"connection_id\" in the configuration, or load "
     "another table"},
    {reason::kTableTooWide, "drop columns of the table, or load into another table"},
    {reason::kTargetDistributed,
     "load it in another mode, or place the table as the message describes"},
    {reason::kTargetIncompatible,
     "rename or drop the object that prevents it, leave out --replace_strategy, or load another "
     "table",
     "rename or drop the object that prevents it, leave out \"replace_strategy\" in the "
     "configuration, or load another table"},
    {reason::kTlsCertificate, kServerFile},
    {reason::kTokenFile, kServerFile},
    {reason::kTooManyCalls, kTryLater},
    {reason::kTooManyColumns, "load fewer columns with --select", "load fewer columns"},
    {reason::kTooManyConnections,
     "raise PostgreSQL's max_connections (PgBouncer: default_pool_size), or try again later"},
    {reason::kTooManyRejected,
     "correct the input: syncline rejected shows the records, with the sync's id"},
    {reason::kTooManyStreams, kTryLater},
    {reason::kTooManyWatches, kTryLater},
    {reason::kTransactionTimeout, "raise transaction_timeout of the role that loads"},
    {reason::kUnknownStream, "check the id with syncline list"},
    {reason::kUnknownSync, "check the id with syncline list"},
    {reason::kWritersActive, "another call still writes this stream; try again in a moment"},
    {reason::kWrongNode, "connect to the coordinator of the Citus cluster"},
    {reason::kWrongObjectType, "rename the object, or load another table"},
};

absl::string_view AdviceForCode(const absl::Status& status, Frontend frontend) {
  const bool has_flags = frontend == Frontend::kCommandLine;
  if (absl::IsUnauthenticated(status)) {
    return has_flags ? "give a valid token with --token_file" : kTokenMember;
  }
  if (absl::IsPermissionDenied(status)) return "the token or the database role lacks permission";
  if (absl::IsUnavailable(status)) return kTryLater;
  if (absl::IsDeadlineExceeded(status)) {
    return has_flags ? "try again, or raise --timeout" : "try again";
  }
  return "";
}

}  // namespace

absl::string_view AdviceFor(const absl::Status& status, Frontend frontend) {
  const std::string reason = GetReason(status);
  for (const Advice& advice : kAdvice) {
    if (advice.reason != reason) continue;
    const bool own = frontend == Frontend::kConnector && !advice.for_connectors.empty();
    return own ? advice.for_connectors : advice.text;
  }
  return AdviceForCode(status, frontend);
}

}  // namespace syncline::client
