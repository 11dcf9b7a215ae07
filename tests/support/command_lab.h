// Runs commands in real shells and interpreters, without a network, and tells
// whom they would have reached: stubs of curl, wget and nc write down their
// arguments; a preloaded library (tests/peers/recorder) writes down what bash,
// python3 and perl look up or connect to, and refuses it.
//
// Knows nothing of the detectors: hosts are read by libcurl and libc.
#ifndef ODDVERB_TESTS_SUPPORT_COMMAND_LAB_H_
#define ODDVERB_TESTS_SUPPORT_COMMAND_LAB_H_

#include <string>
#include <string_view>
#include <vector>

#include "tests/support/input_files.h"

namespace oddverb {

class CommandLab {
 public:
  CommandLab();

  // Of a program that commands may need: "python3".
  static bool Has(std::string_view program);

  // The hosts, as addresses or lower-case names. Ten seconds at most: what
  // takes longer is ended with all that it started.
  std::vector<std::string> Reached(const std::vector<std::string>& command);

  // The program's real reading of a host: "0xa9fea9fe" is "169.254.169.254".
  static std::string PlainHost(const std::string& host);

 private:
  TempFolder folder_;
  std::string record_;
};

}  // namespace oddverb

#endif  // ODDVERB_TESTS_SUPPORT_COMMAND_LAB_H_
