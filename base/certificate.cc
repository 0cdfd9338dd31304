#include "base/certificate.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <algorithm>
#include <ctime>
#include <memory>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/error.h"
#include "base/reasons.h"

namespace syncline {
namespace {

using Bio = std::unique_ptr<BIO, decltype(&BIO_free)>;
using Key = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;
using Certificate = std::unique_ptr<X509, decltype(&X509_free)>;

Bio Open(absl::string_view pem) {
  return {BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())), BIO_free};
}

// Refuses, because the library's default callback asks for a passphrase on the terminal.
int NoPassphrase(char*, int, int, void*) { return -1; }

absl::Status CertificateError(absl::string_view what) {
  ERR_clear_error();
  return MakeError(absl::StatusCode::kFailedPrecondition, what,
                   {.reason = reason::kTlsCertificate});
}

absl::Time GetExpiry(const X509* certificate) {
  std::tm end = {};
  if (ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &end) != 1) return absl::InfinitePast();
  return absl::FromTM(end, absl::UTCTimeZone());
}

}  // namespace

absl::StatusOr<absl::Time> CheckCertificate(absl::string_view chain_pem,
                                            absl::string_view key_pem) {
  const Bio chain = Open(chain_pem);
  std::vector<Certificate> certificates;
  while (X509* const next = PEM_read_bio_X509(chain.get(), nullptr, NoPassphrase, nullptr)) {
    certificates.emplace_back(next, X509_free);
  }
  ERR_clear_error();  // the library reports the end of the input as an error
  if (certificates.empty())
    return CertificateError("the certificate file contains no PEM certificate");
  const Bio key_text = Open(key_pem);
  const Key key(PEM_read_bio_PrivateKey(key_text.get(), nullptr, NoPassphrase, nullptr),
                EVP_PKEY_free);
  if (key == nullptr) {
    return CertificateError(
        "the key file contains no PEM private key that can be read without a passphrase");
  }
  if (X509_check_private_key(certificates.front().get(), key.get()) != 1) {
    return CertificateError("the private key does not match the first certificate of the chain");
  }
  absl::Time end = absl::InfiniteFuture();
  for (const Certificate& certificate : certificates) {
    end = std::min(end, GetExpiry(certificate.get()));
  }
  return end;
}

}  // namespace syncline
