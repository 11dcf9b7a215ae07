// Certificate authorities and certificates for TLS on loopback, made anew in
// each test: nothing secret lies in the repository, nothing expires.
#ifndef ODDVERB_TESTS_SUPPORT_TEST_CERTIFICATES_H_
#define ODDVERB_TESTS_SUPPORT_TEST_CERTIFICATES_H_

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/time/time.h"
#include "tests/support/input_files.h"

namespace oddverb {

struct CertificateFiles {
  std::string certificate_file = {};
  std::string key_file = {};
};

class TestAuthority {
 public:
  // Writes into `folder`, which must outlive this.
  TestAuthority(const TempFolder& folder, std::string_view name);
  ~TestAuthority();

  const std::string& ca_file() const { return ca_file_; }

  struct Subject {
    std::vector<std::string> common_names = {};
    // Subject alternative names as OpenSSL writes them.
    std::string names = "IP:127.0.0.1,IP:::1,DNS:localhost";
    absl::Duration valid_for = absl::Hours(1);  // negative: expired
  };
  // Files NAME.crt and NAME.key.
  CertificateFiles Issue(std::string_view name, const Subject& subject);

 private:
  struct Keys;
  const TempFolder& folder_;
  std::unique_ptr<Keys> keys_;
  std::string ca_file_;
};

}  // namespace oddverb

#endif  // ODDVERB_TESTS_SUPPORT_TEST_CERTIFICATES_H_
