// Differences between the APIs of libpqxx 6.4 (Debian 12) and 7.10 (Debian 13).
//
// Internal to database.cc. The functions throw libpqxx's exceptions.
#pragma once

#include <optional>
#include <pqxx/pqxx>
#include <string>
#include <vector>

namespace syncline::postgres {

// The parameters of one statement, in text form.
using PqxxValues = std::vector<std::optional<std::string>>;

#if PQXX_VERSION_MAJOR >= 7

// Discards notices of the server, which libpqxx would print to stderr.
class PqxxNoticeSilencer {
 public:
  explicit PqxxNoticeSilencer(pqxx::connection& connection) {
    connection.set_notice_handler([](pqxx::zview) {});
  }
};

// Makes errors omit DETAIL and CONTEXT.
inline void SetTerseErrors(pqxx::connection& connection) {
  connection.set_verbosity(pqxx::error_verbosity::terse);
}

inline pqxx::result ExecuteWith(pqxx::transaction_base& work, const std::string& sql,
                                const PqxxValues& values) {
  pqxx::params params;
  params.reserve(values.size());
  for (const std::optional<std::string>& value : values) {
    if (value.has_value()) {
      params.append(pqxx::zview(*value));  // not copied
    } else {
      params.append();
    }
  }
  return work.exec(sql, params);
}

#else

// Discards notices of the server, which libpqxx would print to stderr.
class PqxxNoticeSilencer {
 public:
  explicit PqxxNoticeSilencer(pqxx::connection& connection) : quiet_(connection) {}

 private:
  pqxx::quiet_errorhandler quiet_;
};

// Makes errors omit DETAIL and CONTEXT.
inline void SetTerseErrors(pqxx::connection& connection) {
  connection.set_verbosity(pqxx::connection_base::terse);
}

inline pqxx::result ExecuteWith(pqxx::transaction_base& work, const std::string& sql,
                                const PqxxValues& values) {
  std::vector<const char*> pointers;
  pointers.reserve(values.size());
  for (const std::optional<std::string>& value : values) {
    pointers.push_back(value ? value->c_str() : nullptr);
  }
  return work.exec_params(sql, pqxx::prepare::make_dynamic_params(pointers));
}

#endif

}  // namespace syncline::postgres
