// Programs of others that tests talk to: the section [peers] of
// tools/packages.debian.txt.
#ifndef ODDVERB_TESTS_SUPPORT_PEER_PROGRAM_H_
#define ODDVERB_TESTS_SUPPORT_PEER_PROGRAM_H_

#include <string>
#include <string_view>
#include <vector>

#include "tests/support/child_process.h"

namespace oddverb {

// Path of a program that is installed or that `./dev setup peers` has unpacked;
// empty if it is neither: skip the test then, and say kNoPeer.
std::string PeerProgram(std::string_view name);
inline constexpr std::string_view kNoPeer =
    "needs a program that ./dev setup peers unpacks: ";

// Runs it to its end. REQUIRES: it is there.
ChildResult RunPeer(std::string_view name, std::vector<std::string> arguments,
                    std::string_view input = "");

}  // namespace oddverb

#endif  // ODDVERB_TESTS_SUPPORT_PEER_PROGRAM_H_
