#include "tests/support/peer_program.h"

#include <unistd.h>

#include <utility>

namespace oddverb {

std::string PeerProgram(std::string_view name) {
  for (const char* folder :
       {"/usr/bin/", ODDVERB_SOURCE_DIR "/build/peers/usr/bin/"}) {
    std::string path = folder + std::string(name);
    if (::access(path.c_str(), X_OK) == 0) return path;
  }
  return "";
}

ChildResult RunPeer(std::string_view name, std::vector<std::string> arguments,
                    std::string_view input) {
  ChildSetup setup;
  setup.program = PeerProgram(name);
  setup.arguments = std::move(arguments);
  return RunChild(setup, input);
}

}  // namespace oddverb
