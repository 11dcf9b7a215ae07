#include "tests/support/test_certificates.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <utility>

namespace oddverb {
namespace {

struct OpensslDeleter {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
  void operator()(X509* certificate) const { X509_free(certificate); }
  void operator()(BIO* bio) const { BIO_free(bio); }
  void operator()(X509_EXTENSION* extension) const {
    X509_EXTENSION_free(extension);
  }
};
template <class T>
using Owned = std::unique_ptr<T, OpensslDeleter>;

std::string TextOf(BIO* bio) {
  char* text = nullptr;
  long bytes = BIO_get_mem_data(bio, &text);
  return std::string(text, static_cast<size_t>(bytes));
}

std::string PemOf(X509* certificate) {
  Owned<BIO> bio(BIO_new(BIO_s_mem()));
  PEM_write_bio_X509(bio.get(), certificate);
  return TextOf(bio.get());
}

std::string PemOf(EVP_PKEY* key) {
  Owned<BIO> bio(BIO_new(BIO_s_mem()));
  PEM_write_bio_PrivateKey(bio.get(), key, nullptr, nullptr, 0, nullptr,
                           nullptr);
  return TextOf(bio.get());
}

void AddExtension(X509* certificate, X509* issuer, int id, const char* value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  Owned<X509_EXTENSION> extension(
      X509V3_EXT_conf_nid(nullptr, &context, id, value));
  X509_add_ext(certificate, extension.get(), -1);
}

Owned<X509> NewCertificate(EVP_PKEY* key,
                           const std::vector<std::string>& common_names,
                           absl::Duration valid_for) {
  Owned<X509> certificate(X509_new());
  X509_set_version(certificate.get(), X509_VERSION_3);
  uint32_t serial = 0;
  RAND_bytes(reinterpret_cast<unsigned char*>(&serial), sizeof(serial));
  ASN1_INTEGER_set_uint64(X509_get_serialNumber(certificate.get()),
                          uint64_t{serial} + 1);
  // Begins well in the past, so that an expired one was valid once.
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -48 * 3600);
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()),
                  static_cast<long>(absl::ToInt64Seconds(valid_for)));
  X509_set_pubkey(certificate.get(), key);
  for (const std::string& name : common_names) {
    X509_NAME_add_entry_by_txt(
        X509_get_subject_name(certificate.get()), "CN", MBSTRING_UTF8,
        reinterpret_cast<const unsigned char*>(name.data()),
        static_cast<int>(name.size()), -1, 0);
  }
  return certificate;
}

}  // namespace

struct TestAuthority::Keys {
  Owned<EVP_PKEY> key;
  Owned<X509> certificate;
};

TestAuthority::TestAuthority(const TempFolder& folder, std::string_view name)
    : folder_(folder), keys_(std::make_unique<Keys>()) {
  keys_->key.reset(EVP_EC_gen("P-256"));
  std::vector<std::string> names = {std::string(name)};
  keys_->certificate = NewCertificate(keys_->key.get(), names, absl::Hours(1));
  X509* certificate = keys_->certificate.get();
  X509_set_issuer_name(certificate, X509_get_subject_name(certificate));
  AddExtension(certificate, certificate, NID_basic_constraints,
               "critical,CA:TRUE");
  AddExtension(certificate, certificate, NID_key_usage,
               "critical,keyCertSign,cRLSign");
  X509_sign(certificate, keys_->key.get(), EVP_sha256());
  ca_file_ = folder.Write(names[0] + ".ca.crt", PemOf(certificate));
}

TestAuthority::~TestAuthority() = default;

CertificateFiles TestAuthority::Issue(std::string_view name,
                                      const Subject& subject) {
  Owned<EVP_PKEY> key(EVP_EC_gen("P-256"));
  Owned<X509> certificate =
      NewCertificate(key.get(), subject.common_names, subject.valid_for);
  X509* issuer = keys_->certificate.get();
  X509_set_issuer_name(certificate.get(), X509_get_subject_name(issuer));
  if (!subject.names.empty()) {
    AddExtension(certificate.get(), issuer, NID_subject_alt_name,
                 subject.names.c_str());
  }
  X509_sign(certificate.get(), keys_->key.get(), EVP_sha256());
  std::string stem(name);
  return {.certificate_file =
              folder_.Write(stem + ".crt", PemOf(certificate.get())),
          .key_file = folder_.Write(stem + ".key", PemOf(key.get()))};
}

}  // namespace oddverb
