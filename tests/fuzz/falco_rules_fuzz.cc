// Any text as a condition and an output of a Falco rule, and as a whole file of
// them: every mistake has its place, and what loads judges events and prints.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "tests/support/rule_fuzzing.h"

namespace {

// In quotes of YAML, so that every text is one.
std::string Quoted(std::string_view text) {
  std::string quoted = "'";
  for (char c : text) {
    if (c == '\'') quoted += '\'';
    quoted += c;
  }
  return quoted + "'";
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  std::string_view text(reinterpret_cast<const char*>(bytes), size);
  oddverb::LoadAndJudge(text);
  std::string quoted = Quoted(text);
  oddverb::LoadAndJudge(
      "- list: l\n  items: [get, a]\n"
      "- macro: m\n  condition: ka.verb in (l)\n"
      "- rule: r\n  desc: d\n  priority: INFO\n"
      "  source: k8s_audit\n  output: " +
      quoted + "\n  condition: " + quoted +
      "\n"
      "- rule: s\n  desc: d\n  priority: INFO\n"
      "  source: k8s_audit\n  output: o\n  condition: " +
      quoted + "\n");
  return 0;
}
