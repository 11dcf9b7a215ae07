#include "net/http_transport.h"

#include <algorithm>
#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/write.hpp>
#include <chrono>
#include <optional>
#include <utility>

namespace oddverb {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

class HttpTransport::Impl {
 public:
  Impl(asio::io_context& io, AcceptedSocket accepted)
      : socket_(asio::make_strand(io)), timer_(socket_.get_executor()) {
    if (accepted.tls != nullptr) {
      tls_.emplace(socket_, accepted.tls.release());
    }
    socket_.assign(accepted.is_v4 ? tcp::v4() : tcp::v6(),
                   accepted.socket.get());
    accepted.socket.Release();
    socket_.set_option(tcp::no_delay(true));
  }

  void Post(std::function<void()> task) {
    asio::post(socket_.get_executor(), std::move(task));
  }

  void Handshake(std::function<void(Outcome)> next) {
    if (!tls_.has_value()) {
      next(Outcome::kDone);
      return;
    }
    tls_->async_handshake(asio::ssl::stream_base::server,
                          [this, next = std::move(next)](error_code error) {
                            if (!closed_) next(OutcomeOf(error));
                          });
  }

  void Read(std::span<char> space, std::function<void(size_t)> next) {
    auto done = [this, next = std::move(next)](error_code error, size_t bytes) {
      if (!closed_) next(error ? 0 : bytes);
    };
    auto buffer = asio::buffer(space.data(), space.size());
    if (tls_.has_value()) {
      tls_->async_read_some(buffer, std::move(done));
    } else {
      socket_.async_read_some(buffer, std::move(done));
    }
  }

  void Write(std::string_view head, std::string_view body,
             std::function<void(Outcome)> next) {
    std::array<asio::const_buffer, 2> buffers = {
        asio::buffer(head.data(), head.size()),
        asio::buffer(body.data(), body.size())};
    auto done = [this, next = std::move(next)](error_code error, size_t) {
      if (!closed_) next(OutcomeOf(error));
    };
    if (tls_.has_value()) {
      asio::async_write(*tls_, buffers, std::move(done));
    } else {
      asio::async_write(socket_, buffers, std::move(done));
    }
  }

  void Linger(std::span<char> scratch, std::function<void()> next) {
    auto half_close = [this, scratch,
                       next = std::move(next)](error_code) mutable {
      if (closed_) return;
      error_code ignored;
      socket_.shutdown(tcp::socket::shutdown_send, ignored);
      DropInput(scratch, std::move(next));
    };
    if (tls_.has_value()) {
      // Fails where the client is still sending; our part is sent by then.
      tls_->async_shutdown(std::move(half_close));
    } else {
      half_close({});
    }
  }

  void SetTimer(absl::Duration delay, std::function<void()> expired) {
    // The clock's end must not be passed.
    delay = std::min(delay, absl::Hours(24));
    timer_.expires_after(absl::ToChronoMilliseconds(delay));
    // The serial number tells an expiry that is already queued when the timer
    // is set anew.
    timer_.async_wait([this, expired = std::move(expired),
                       serial = ++timer_serial_](error_code error) {
      if (!error && !closed_ && serial == timer_serial_) expired();
    });
  }

  void Close() {
    if (std::exchange(closed_, true)) return;
    error_code ignored;
    timer_.cancel();
    socket_.close(ignored);
  }

  std::string client_name() {
    return tls_.has_value() ? PeerCommonName(tls_->native_handle()) : "";
  }

 private:
  using Strand = asio::strand<asio::io_context::executor_type>;
  using Socket = asio::basic_stream_socket<tcp, Strand>;
  using Timer =
      asio::basic_waitable_timer<std::chrono::steady_clock,
                                 asio::wait_traits<std::chrono::steady_clock>,
                                 Strand>;

  static Outcome OutcomeOf(error_code error) {
    return error ? Outcome::kFailed : Outcome::kDone;
  }

  // Below TLS: what is not read need not be decrypted.
  void DropInput(std::span<char> scratch, std::function<void()> next) {
    socket_.async_read_some(asio::buffer(scratch.data(), scratch.size()),
                            [this, scratch, next = std::move(next)](
                                error_code error, size_t) mutable {
                              if (closed_) return;
                              if (error) {
                                next();
                              } else {
                                DropInput(scratch, std::move(next));
                              }
                            });
  }

  Socket socket_;
  std::optional<asio::ssl::stream<Socket&>> tls_;
  Timer timer_;
  uint64_t timer_serial_ = 0;
  bool closed_ = false;
};

HttpTransport::HttpTransport(asio::io_context& io, AcceptedSocket accepted)
    : impl_(std::make_unique<Impl>(io, std::move(accepted))) {}

HttpTransport::~HttpTransport() = default;

void HttpTransport::Post(std::function<void()> task) {
  impl_->Post(std::move(task));
}

void HttpTransport::Handshake(std::function<void(Outcome)> next) {
  impl_->Handshake(std::move(next));
}

void HttpTransport::Read(std::span<char> space,
                         std::function<void(size_t)> next) {
  impl_->Read(space, std::move(next));
}

void HttpTransport::Write(std::string_view head, std::string_view body,
                          std::function<void(Outcome)> next) {
  impl_->Write(head, body, std::move(next));
}

void HttpTransport::Linger(std::span<char> scratch,
                           std::function<void()> next) {
  impl_->Linger(scratch, std::move(next));
}

void HttpTransport::SetTimer(absl::Duration delay,
                             std::function<void()> expired) {
  impl_->SetTimer(delay, std::move(expired));
}

void HttpTransport::Close() { impl_->Close(); }

std::string HttpTransport::client_name() const { return impl_->client_name(); }

}  // namespace oddverb
