// Any text as Sigma rules and correlations: every mistake has its place, and
// what loads judges events, the same whether they are decoded or not.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "tests/support/rule_fuzzing.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  oddverb::LoadAndJudge({reinterpret_cast<const char*>(bytes), size});
  return 0;
}
