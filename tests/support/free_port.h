// A port for programs that take a number, not a socket.
#ifndef ODDVERB_TESTS_SUPPORT_FREE_PORT_H_
#define ODDVERB_TESTS_SUPPORT_FREE_PORT_H_

namespace oddverb {

// A free TCP port of loopback, for what listens later or must be found again
// after a restart: no outgoing connection takes it by chance, and no other test
// that runs on this machine gets it before this process has ended.
int FreePort();

}  // namespace oddverb

#endif  // ODDVERB_TESTS_SUPPORT_FREE_PORT_H_
