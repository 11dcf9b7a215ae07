#include "net/http_session.h"

#include <algorithm>
#include <cstring>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "net/http_parser.h"

namespace oddverb {
namespace {

// A TLS record holds up to 16 KiB, and a read returns one at most.
constexpr size_t kReadBytes = 16 << 10;

constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";

using Outcome = HttpTransport::Outcome;

// Runs on the strand of its transport. Each pending operation owns the session,
// and the timer is always pending, so it lives until the transport is closed.
class Session final : public HttpConnection,
                      public std::enable_shared_from_this<Session> {
 public:
  Session(boost::asio::io_context& io, HttpServerState& state,
          const HttpAdmission& admission, AcceptedSocket accepted,
          ConnectionSlot slot)
      : state_(state),
        admission_(admission),
        slot_(std::move(slot)),
        transport_(io, std::move(accepted)),
        buffer_(
            std::max(kReadBytes, state.options.limits.max_header_bytes + 1)) {}
  ~Session() override { state_.connections.Unregister(this); }

  void Start();
  void Drain() override;

 private:
  class Channel;

  void Handshake();
  void BeginRequest();
  void ReadMore();
  void OnRead(size_t bytes);
  void Process();
  // Answers what cannot be parsed on.
  void Fail(ParseStep step);
  void OnHead();
  void SendContinue();
  void Dispatch();
  void OnResponse(uint64_t request, HttpResponse response);
  void Send(HttpResponse response);
  void EndRequest();
  void Linger();

  void Enter(HttpPhase phase);
  void OnDeadline();

  std::string_view pending() const {
    return {buffer_.data() + begin_, end_ - begin_};
  }
  // No request has begun.
  bool is_waiting() const {
    return phase_ == HttpPhase::kTlsHandshake || phase_ == HttpPhase::kIdle ||
           (phase_ == HttpPhase::kHeader && !got_bytes_);
  }

  HttpServerState& state_;
  const HttpAdmission& admission_;
  const ConnectionSlot slot_;
  HttpTransport transport_;
  std::string client_name_;
  HttpPhase phase_ = HttpPhase::kTlsHandshake;

  std::vector<char> buffer_;
  size_t begin_ = 0;  // what is read and not yet parsed
  size_t end_ = 0;
  bool got_bytes_ = false;  // ever

  // The request under way.
  uint64_t requests_ = 0;
  std::optional<HttpParser> parser_;
  HttpRequestHead head_;
  HttpHandler* handler_ = nullptr;
  std::optional<BodyReceiver> receiver_;
  bool keep_alive_ = false;
  bool is_head_request_ = false;
  std::string response_head_;
  HttpResponse response_;
};

// Brings an answer from any thread to the strand.
class Session::Channel final : public HttpResponder::Channel {
 public:
  Channel(const std::shared_ptr<Session>& session, ByteLease lease)
      : gate_(session->state_.gate),
        session_(session),
        request_(session->requests_),
        lease_(std::move(lease)) {}

  void Send(HttpResponse response) override {
    lease_.Release();
    // Under the lock the server cannot go. `session` is released under it too.
    std::lock_guard lock(gate_->mutex);
    if (!gate_->is_open) return;
    std::shared_ptr<Session> session = session_.lock();
    if (session == nullptr) return;
    session->transport_.Post([weak = session_, request = request_,
                              answer = std::move(response)]() mutable {
      if (auto alive = weak.lock()) {
        alive->OnResponse(request, std::move(answer));
      }
    });
  }

 private:
  const std::shared_ptr<ResponseGate> gate_;
  const std::weak_ptr<Session> session_;
  const uint64_t request_;
  ByteLease lease_;  // the body counts until it is answered
};

absl::Duration DeadlineOf(HttpPhase phase, const HttpDeadlines& deadlines) {
  switch (phase) {
    case HttpPhase::kTlsHandshake:
      return deadlines.tls_handshake;
    case HttpPhase::kIdle:
      return deadlines.idle;
    case HttpPhase::kHeader:
      return deadlines.header;
    case HttpPhase::kBody:
      return deadlines.body;
    case HttpPhase::kHandler:
      return deadlines.handler;
    case HttpPhase::kWrite:
      return deadlines.write;
    case HttpPhase::kLinger:
    case HttpPhase::kCount:
      break;
  }
  return deadlines.linger;
}

void Session::Start() {
  transport_.Post([self = shared_from_this()] { self->Handshake(); });
}

void Session::Drain() {
  transport_.Post([weak = weak_from_this()] {
    auto self = weak.lock();
    // A request under way sees at its end that the server is draining.
    if (self != nullptr && self->is_waiting()) self->transport_.Close();
  });
}

void Session::Enter(HttpPhase phase) {
  phase_ = phase;
  transport_.SetTimer(DeadlineOf(phase, state_.options.deadlines),
                      [self = shared_from_this()] { self->OnDeadline(); });
}

void Session::OnDeadline() {
  state_.counters.Count(phase_);
  if (phase_ != HttpPhase::kHandler) {
    transport_.Close();
    return;
  }
  HttpResponse late = TextResponse(503, "no answer in time, try again later");
  late.retry_after = state_.options.retry_after;
  Send(std::move(late));
}

void Session::Handshake() {
  Enter(HttpPhase::kTlsHandshake);
  transport_.Handshake([self = shared_from_this()](Outcome outcome) {
    if (outcome == Outcome::kFailed) {
      self->state_.counters.Count(HttpRefusal::kTlsHandshake);
      self->transport_.Close();
      return;
    }
    self->client_name_ = self->transport_.client_name();
    self->BeginRequest();
  });
}

void Session::BeginRequest() {
  if (state_.draining && !got_bytes_) {
    transport_.Close();
    return;
  }
  parser_.emplace(state_.options.limits.max_header_bytes);
  handler_ = nullptr;
  keep_alive_ = false;
  is_head_request_ = false;
  bool waits = requests_ > 0 && pending().empty();
  Enter(waits ? HttpPhase::kIdle : HttpPhase::kHeader);
  Process();
}

void Session::ReadMore() {
  if (begin_ > 0) {
    std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
    end_ -= std::exchange(begin_, 0);
  }
  // Never empty: the parser fails before so much is left over.
  transport_.Read(
      std::span(buffer_).subspan(end_),
      [self = shared_from_this()](size_t bytes) { self->OnRead(bytes); });
}

void Session::OnRead(size_t bytes) {
  if (bytes == 0) {  // the client has gone: nobody is there to be told
    transport_.Close();
    return;
  }
  got_bytes_ = true;
  end_ += bytes;
  state_.counters.bytes_in.fetch_add(bytes, std::memory_order_relaxed);
  if (phase_ == HttpPhase::kIdle) Enter(HttpPhase::kHeader);
  Process();
}

void Session::Process() {
  ParseStep step = ParseStep::kNeedsMore;
  if (!pending().empty()) {
    size_t consumed = 0;
    step = parser_->Put(pending(), consumed);
    begin_ += consumed;
  }
  switch (step) {
    case ParseStep::kNeedsMore:
      ReadMore();
      return;
    case ParseStep::kHeadDone:
      OnHead();
      return;
    case ParseStep::kDone:
      Dispatch();
      return;
    case ParseStep::kHeaderTooLarge:
    case ParseStep::kMalformed:
    case ParseStep::kBodyRefused:
      Fail(step);
      return;
  }
}

void Session::Fail(ParseStep step) {
  keep_alive_ = false;
  if (step == ParseStep::kBodyRefused) {
    Send(admission_.RefusedBody(receiver_->outcome()));
  } else if (step == ParseStep::kHeaderTooLarge) {
    state_.counters.Count(HttpRefusal::kHeaderTooLarge);
    Send(TextResponse(431, "the header is too large"));
  } else {
    state_.counters.Count(HttpRefusal::kMalformed);
    Send(TextResponse(400, "not an HTTP/1.1 request"));
  }
}

void Session::OnHead() {
  ++requests_;
  bool expects_body = parser_->expects_body();
  keep_alive_ = parser_->keep_alive();
  head_ = parser_->TakeHead();
  head_.peer = slot_.peer();
  head_.client_name = client_name_;
  is_head_request_ = head_.method == "HEAD";
  if (is_head_request_) head_.method = "GET";

  HttpResponse refusal;
  std::optional<Admitted> admitted =
      admission_.Judge(head_,
                       expects_body ? HttpAdmission::Body::kExpected
                                    : HttpAdmission::Body::kNone,
                       refusal);
  if (!admitted.has_value()) {
    // A body that nobody reads stands before the next request.
    if (expects_body) keep_alive_ = false;
    Send(std::move(refusal));
    return;
  }
  handler_ = admitted->handler;
  receiver_.emplace(admitted->body, std::move(admitted->lease));
  if (!expects_body) {
    Dispatch();
    return;
  }
  parser_->ReadBody(*receiver_);
  Enter(HttpPhase::kBody);
  if (parser_->is_http11() && pending().empty() &&
      head_.Header("Expect").has_value()) {
    SendContinue();
  } else {
    Process();
  }
}

void Session::SendContinue() {
  transport_.Write(kContinue, "", [self = shared_from_this()](Outcome outcome) {
    if (outcome == Outcome::kFailed) {
      self->transport_.Close();
    } else {
      self->ReadMore();
    }
  });
}

void Session::Dispatch() {
  if (receiver_->Finish() != BodyOutcome::kOk) {
    Send(admission_.RefusedBody(receiver_->outcome()));
    return;
  }
  Enter(HttpPhase::kHandler);
  HttpRequest request{.head = std::move(head_), .body = receiver_->TakeBody()};
  handler_->Handle(std::move(request),
                   HttpResponder(std::make_unique<Channel>(
                       shared_from_this(), receiver_->TakeLease())));
}

void Session::OnResponse(uint64_t request, HttpResponse response) {
  // An answer behind its deadline has been given already.
  if (request != requests_ || phase_ != HttpPhase::kHandler) return;
  Send(std::move(response));
}

void Session::Send(HttpResponse response) {
  receiver_.reset();  // gives its lease back
  if (state_.draining) keep_alive_ = false;
  response_ = std::move(response);
  response_.status = std::clamp(response_.status, 200, 599);
  ++state_.counters.responses[static_cast<size_t>(response_.status / 100)];
  response_head_ = ResponseHead(
      response_, keep_alive_ ? ConnectionFate::kKeep : ConnectionFate::kClose);
  bool bodiless =
      is_head_request_ || response_.status == 204 || response_.status == 304;
  Enter(HttpPhase::kWrite);
  transport_.Write(response_head_,
                   bodiless ? std::string_view() : response_.body,
                   [self = shared_from_this()](Outcome outcome) {
                     if (outcome == Outcome::kFailed) {
                       self->transport_.Close();
                     } else {
                       self->EndRequest();
                     }
                   });
}

void Session::EndRequest() {
  response_ = {};
  if (keep_alive_ && !state_.draining) {
    BeginRequest();
  } else {
    Linger();
  }
}

void Session::Linger() {
  Enter(HttpPhase::kLinger);
  transport_.Linger(buffer_,
                    [self = shared_from_this()] { self->transport_.Close(); });
}

}  // namespace

HttpServerState::HttpServerState(HttpServerOptions server_options)
    : options(std::move(server_options)),
      budget(std::make_shared<ByteBudget>(
          options.limits.max_body_bytes_in_flight)),
      connections(options.limits.max_connections,
                  options.limits.max_connections_per_peer, counters) {}

void StartHttpSession(boost::asio::io_context& io, HttpServerState& state,
                      const HttpAdmission& admission, AcceptedSocket accepted,
                      ConnectionSlot slot) {
  auto session = std::make_shared<Session>(
      io, state, admission, std::move(accepted), std::move(slot));
  state.connections.Register(session);
  session->Start();
}

}  // namespace oddverb
