// Writes JSON text, compact, keys in the order given. All text is escaped so
// that the output is valid UTF-8 JSON whatever the bytes were, and harmless on
// a terminal: control and other invisible characters as \uXXXX, each byte that
// is not UTF-8 as U+FFFD. One thread.
#ifndef ODDVERB_BASE_JSON_WRITER_H_
#define ODDVERB_BASE_JSON_WRITER_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace oddverb {

class JsonWriter {
 public:
  JsonWriter& BeginObject();
  JsonWriter& EndObject();
  JsonWriter& BeginArray();
  JsonWriter& EndArray();
  JsonWriter& Key(std::string_view key);
  JsonWriter& String(std::string_view value);
  JsonWriter& Int(int64_t value);
  // Shortest form that reads back as the same double; "null" for NaN and
  // infinities. Independent of the locale.
  JsonWriter& Double(double value);
  JsonWriter& Bool(bool value);
  JsonWriter& Null();
  // Already valid JSON.
  JsonWriter& Raw(std::string_view json);

  const std::string& text() const { return text_; }
  std::string Release() { return std::move(text_); }

 private:
  void Separate();
  std::string text_;
  bool needs_comma_ = false;
};

// Appends `value` with JSON escapes, without quotes.
void AppendJsonEscaped(std::string_view value, std::string& out);

}  // namespace oddverb

#endif  // ODDVERB_BASE_JSON_WRITER_H_
