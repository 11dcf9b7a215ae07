#include "net/http_handler.h"

namespace oddverb {

HttpResponder& HttpResponder::operator=(HttpResponder&& other) noexcept {
  // By way of a temporary, so that what this one owed is answered.
  HttpResponder moved(std::move(other));
  std::swap(channel_, moved.channel_);
  return *this;
}

HttpResponder::~HttpResponder() {
  Respond(TextResponse(500, "internal error"));
}

void HttpResponder::Respond(HttpResponse response) {
  if (channel_ == nullptr) return;
  std::exchange(channel_, nullptr)->Send(std::move(response));
}

}  // namespace oddverb
