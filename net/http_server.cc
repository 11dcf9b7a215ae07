#include "net/http_server.h"

#include <sys/socket.h>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <cerrno>
#include <chrono>
#include <exception>
#include <future>
#include <mutex>
#include <new>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "net/http_admission.h"
#include "net/http_session.h"
#include "net/listen_socket.h"
#include "net/tls_context.h"

namespace oddverb {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

// Out of descriptors: the socket stays readable, so without a pause the loop
// would turn for nothing.
constexpr std::chrono::milliseconds kPauseAfterAcceptError{100};
// Per turn, so that a flood of connections does not hold up the open ones.
constexpr int kAcceptsPerTurn = 64;

// An empty token file must not turn authentication off.
absl::Status CheckTokens(const std::string& address,
                         const std::vector<std::string>& tokens) {
  if (tokens.empty() || !BearerTokens(tokens).empty()) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("all bearer tokens are empty: listener \"", address, "\""));
}

absl::Status CheckOptions(const HttpServerOptions& options) {
  const HttpLimits& limits = options.limits;
  if (options.listeners.empty()) {
    return absl::InvalidArgumentError("an HTTP server without a listener");
  }
  if (options.io_threads == 0 || limits.max_header_bytes == 0 ||
      limits.max_header_bytes > (1 << 20)) {
    return absl::InvalidArgumentError(
        "an HTTP server needs an I/O thread, and headers of up to 1 MiB");
  }
  if (limits.max_body_bytes_in_flight < limits.max_body_bytes) {
    return absl::InvalidArgumentError(
        absl::StrCat("all bodies together (", limits.max_body_bytes_in_flight,
                     " bytes) must be allowed at least as much as one (",
                     limits.max_body_bytes, " bytes)"));
  }
  for (const HttpListener& listener : options.listeners) {
    for (const HttpRoute& route : listener.routes) {
      if (route.handler == nullptr || !absl::StartsWith(route.path, "/")) {
        return absl::InvalidArgumentError(
            absl::StrCat("a route needs a handler, and a path that begins "
                         "with /: \"",
                         route.path, "\""));
      }
    }
    ODDVERB_RETURN_IF_ERROR(
        CheckTokens(listener.address, listener.bearer_tokens));
  }
  return absl::OkStatus();
}

// Accepts connections on one address. Runs on its own strand.
class Listener {
 public:
  Listener(asio::io_context& io, HttpServerState& state,
           const HttpListener& options, ListenSocket socket, TlsContext tls)
      : io_(io),
        state_(state),
        options_(options),
        admission_(options, {state.options, state.counters, state.budget,
                             state.draining}),
        address_(std::move(socket.address)),
        port_(socket.port),
        is_v4_(socket.is_v4),
        acceptor_(asio::make_strand(io)),
        pause_(acceptor_.get_executor()),
        tls_(std::move(tls)) {
    acceptor_.assign(is_v4_ ? tcp::v4() : tcp::v6(), socket.socket.get());
    socket.socket.Release();
  }

  void Start() {
    asio::post(acceptor_.get_executor(), [this] { Wait(); });
  }

  // Done when the future is ready.
  std::future<void> Close() {
    auto done = std::make_shared<std::promise<void>>();
    asio::post(acceptor_.get_executor(), [this, done] {
      error_code ignored;
      acceptor_.close(ignored);
      pause_.cancel();
      done->set_value();
    });
    return done->get_future();
  }

  // Null for plain HTTP.
  absl::StatusOr<TlsContext> LoadTls(const HttpAccess& access) const {
    ODDVERB_RETURN_IF_ERROR(
        CheckTokens(options_.address, access.bearer_tokens));
    if (options_.tls.has_value() != access.tls.has_value()) {
      return absl::InvalidArgumentError(
          absl::StrCat("TLS comes or goes at the next start only: listener \"",
                       options_.address, "\""));
    }
    if (!access.tls.has_value()) return TlsContext();
    return MakeTlsContext(*access.tls);
  }
  void Use(TlsContext tls, const std::vector<std::string>& tokens) {
    admission_.SetTokens(BearerTokens(tokens));
    std::lock_guard lock(tls_mutex_);
    tls_ = std::move(tls);
  }

  const std::string& address() const { return address_; }
  uint16_t port() const { return port_; }

 private:
  void Wait() {
    acceptor_.async_wait(tcp::acceptor::wait_read, [this](error_code error) {
      if (!error && acceptor_.is_open()) AcceptAll();
    });
  }

  void AcceptAll() {
    for (int i = 0; i < kAcceptsPerTurn; ++i) {
      sockaddr_storage name{};
      socklen_t name_bytes = sizeof(name);
      OwnedDescriptor socket(accept4(acceptor_.native_handle(),
                                     reinterpret_cast<sockaddr*>(&name),
                                     &name_bytes, SOCK_CLOEXEC));
      if (socket.get() >= 0) {
        Admit(std::move(socket), AddressOf(name));
      } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
        break;
      } else if (errno != ECONNABORTED && errno != EINTR) {
        ++state_.counters.accept_errors;
        WaitAfterPause();
        return;
      }
    }
    Wait();
  }

  void WaitAfterPause() {
    pause_.expires_after(kPauseAfterAcceptError);
    pause_.async_wait([this](error_code error) {
      if (!error && acceptor_.is_open()) Wait();
    });
  }

  void Admit(OwnedDescriptor socket, const IpAddress& peer) {
    std::optional<ConnectionSlot> slot = state_.connections.Enter(peer);
    if (!slot.has_value()) return;
    TlsConnection tls;
    if (options_.tls.has_value()) {
      std::lock_guard lock(tls_mutex_);
      tls = NewTlsConnection(tls_.get());
      if (tls == nullptr) throw std::bad_alloc();
    }
    StartHttpSession(
        io_, state_, admission_,
        {.socket = std::move(socket), .is_v4 = is_v4_, .tls = std::move(tls)},
        *std::move(slot));
  }

  asio::io_context& io_;
  HttpServerState& state_;
  const HttpListener& options_;
  HttpAdmission admission_;
  const std::string address_;
  const uint16_t port_;
  const bool is_v4_;
  tcp::acceptor acceptor_;
  asio::steady_timer pause_;
  std::mutex tls_mutex_;
  TlsContext tls_;  // guarded by tls_mutex_; null for plain HTTP
};

}  // namespace

class HttpServer::Impl {
 public:
  explicit Impl(HttpServerOptions options)
      : state_(std::move(options)),
        io_(static_cast<int>(state_.options.io_threads)),
        work_(io_.get_executor()) {}
  ~Impl() { Stop(absl::ZeroDuration()); }

  absl::Status OpenListeners() {
    for (const HttpListener& options : state_.options.listeners) {
      ODDVERB_ASSIGN_OR_RETURN(ListenAddress address,
                               ListenAddress::Parse(options.address));
      TlsContext tls;
      if (options.tls.has_value()) {
        ODDVERB_ASSIGN_OR_RETURN(tls, MakeTlsContext(*options.tls));
      }
      ODDVERB_ASSIGN_OR_RETURN(ListenSocket socket, OpenListenSocket(address));
      listeners_.push_back(std::make_unique<Listener>(
          io_, state_, options, std::move(socket), std::move(tls)));
    }
    return absl::OkStatus();
  }

  void StartThreads() {
    for (auto& listener : listeners_) listener->Start();
    for (size_t i = 0; i < state_.options.io_threads; ++i) {
      threads_.emplace_back([this] { Run(); });
    }
  }

  void Stop(absl::Duration grace) {
    if (threads_.empty()) return;
    state_.draining = true;
    for (auto& listener : listeners_) listener->Close().wait();
    for (auto& connection : state_.connections.Open()) connection->Drain();
    state_.connections.WaitUntilEmpty(grace);
    {
      std::lock_guard lock(state_.gate->mutex);
      state_.gate->is_open = false;
    }
    work_.reset();
    io_.stop();
    for (std::thread& thread : threads_) thread.join();
    threads_.clear();
    // Sessions left over go with io_, which closes their sockets.
  }

  absl::Status Reload(const std::vector<HttpAccess>& access) {
    if (access.size() != listeners_.size()) {
      return absl::InvalidArgumentError("not as many listeners as before");
    }
    std::vector<TlsContext> tls;
    for (size_t i = 0; i < access.size(); ++i) {
      ODDVERB_ASSIGN_OR_RETURN(tls.emplace_back(),
                               listeners_[i]->LoadTls(access[i]));
    }
    for (size_t i = 0; i < access.size(); ++i) {
      listeners_[i]->Use(std::move(tls[i]), access[i].bearer_tokens);
    }
    return absl::OkStatus();
  }

  const Listener& listener(size_t index) const { return *listeners_[index]; }
  const HttpCounters& counters() const { return state_.counters; }

 private:
  void Run() {
    while (!io_.stopped()) {
      try {
        io_.run();
      } catch (const std::exception&) {
        // Memory or a socket option: costs the one connection, not the server.
        ++state_.counters.internal_errors;
      }
    }
  }

  HttpServerState state_;  // outlives the sessions that io_ holds
  asio::io_context io_;
  asio::executor_work_guard<asio::io_context::executor_type> work_;
  std::vector<std::unique_ptr<Listener>> listeners_;
  std::vector<std::thread> threads_;
};

HttpServer::HttpServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

HttpServer::~HttpServer() = default;

absl::StatusOr<std::unique_ptr<HttpServer>> HttpServer::Start(
    HttpServerOptions options) {
  ODDVERB_RETURN_IF_ERROR(CheckOptions(options));
  try {
    auto impl = std::make_unique<Impl>(std::move(options));
    ODDVERB_RETURN_IF_ERROR(impl->OpenListeners());
    impl->StartThreads();
    return std::unique_ptr<HttpServer>(new HttpServer(std::move(impl)));
  } catch (const std::exception& error) {
    return absl::UnavailableError(
        absl::StrCat("cannot start the HTTP server: ", error.what()));
  }
}

const std::string& HttpServer::address(size_t index) const {
  return impl_->listener(index).address();
}

uint16_t HttpServer::port(size_t index) const {
  return impl_->listener(index).port();
}

const HttpCounters& HttpServer::counters() const { return impl_->counters(); }

absl::Status HttpServer::Reload(const std::vector<HttpAccess>& access) {
  return impl_->Reload(access);
}

void HttpServer::Stop(absl::Duration grace) { impl_->Stop(grace); }

}  // namespace oddverb
